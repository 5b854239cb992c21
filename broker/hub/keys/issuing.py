"""The hub's issuing key, and the hub's own certificates that renew themselves with it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from broker.trust.certificates import Issuer, is_worn
from broker.trust.identity import HUB_OWN, LISTENERS, issue_own, issue_server
from broker.trust.keys import IdentityError, read_file
from broker.trust.swap import swap_in

__all__ = ["Issuer", "renew_own"]

log = logging.getLogger(__name__)

GATHERED = "next-own"


def renew_own(keys: Path, hosts: Sequence[str], now: datetime) -> list[str]:
    """Renew those of the hub's own certificates that are past two thirds of their life; returns their names.

    keys: the hub's folder of keys. hosts: names and addresses of the hub's listeners. Raises IdentityError, OSError.
    """
    issuer = Issuer(keys)
    worn = [name for name in (*HUB_OWN, *LISTENERS) if _is_worn(keys / f"{name}.pem", now)]
    for name in worn:
        if name in LISTENERS:
            issue_server(issuer, hosts, keys / GATHERED, name, now)
        else:
            issue_own(issuer, name, keys / GATHERED, now)
    if worn:
        swap_in(keys / GATHERED)
        log.info("renewed: %s", ", ".join(worn), extra={"event": "own-renewed"})
    return worn


def _is_worn(file: Path, now: datetime) -> bool:
    try:
        return is_worn(read_file(file), now)
    except IdentityError:
        return True  # missing or damaged: a new one is due
