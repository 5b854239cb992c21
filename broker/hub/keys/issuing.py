"""The hub's issuing key, with which it lets nodes in, renews them, and signs its revocation lists."""

from __future__ import annotations

from broker.trust.certificates import Issuer

__all__ = ["Issuer"]
