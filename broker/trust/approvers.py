"""Approvers' keys: made here, locked with a PIN into a file for the approver's own stick, named in the trust list.

The console's script opens the key file in the browser with WebCrypto, so that neither key nor PIN ever reaches
the hub; `keyfile.unlock` does the same for an approver at a terminal.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from broker.trust.envelope import PrivateKey, Role, TrustBody, TrustedKey
from broker.trust.identity import Commune, load_trust, sign_trust
from broker.trust.keyfile import lock
from broker.trust.keys import IdentityError, key_id, new_key, public_pem

KEY_DAYS: Final = 398
_PIN: Final = re.compile(r"[0-9]{6,64}", re.ASCII)


@dataclass(frozen=True)
class ApproverKey:
    """A new approver's key: its id, its public half (PEM), and the text of the key file to hand over."""

    key: str
    public: str
    file: str


def create_approver(
    commune: Commune,
    holder: str,
    pin: str,
    roles: tuple[Role, ...] = ("approver",),
    days: int = KEY_DAYS,
    now: datetime | None = None,
) -> ApproverKey:
    """Make a key for `holder`, lock it with the PIN, and name it in the commune's signed trust list.

    The private key exists only inside the returned file. Raises IdentityError for a weak PIN or a role that
    is the hub's alone.
    """
    if "hub" in roles or not roles:
        raise IdentityError("a person's key is for approver or emergency, never for the hub")
    now = now or datetime.now(UTC)
    private = new_key()
    public = public_pem(private)
    file = lock_key(private, holder, pin)
    trusted = TrustedKey(
        key=key_id(public),
        public=public,
        holder=holder,
        roles=list(roles),
        since=now,
        until=now + timedelta(days=days),
    )
    before = load_trust(commune.folder)
    sign_trust(commune, _next(before, [*before.keys, trusted]))
    return ApproverKey(trusted.key, public, file)


def revoke_key(commune: Commune, key: str) -> TrustBody:
    """Take a key out of the trust list; returns the new list. Raises IdentityError when it is not there."""
    before = load_trust(commune.folder)
    left = [one for one in before.keys if one.key != key]
    if len(left) == len(before.keys):
        raise IdentityError(f"key {key} is not in the trust list")
    after = _next(before, left)
    sign_trust(commune, after)
    return after


def lock_key(private: PrivateKey, holder: str, pin: str) -> str:
    """The text of an approver's key file. Raises IdentityError when the PIN is not 6 digits or more."""
    if not _PIN.fullmatch(pin):
        raise IdentityError("the PIN needs 6 digits or more")
    return lock(private, holder, pin)


def _next(before: TrustBody, keys: list[TrustedKey]) -> TrustBody:
    return msgspec.structs.replace(before, generation=before.generation + 1, keys=keys)
