"""The hub's own certificates, of its services and listeners: they renew themselves with the issuing key."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from broker.hub.keys.crl import NotTold, tell_broker
from broker.hub.keys.issuing import Issuer
from broker.link.clock import Clock
from broker.link.config import Settings
from broker.link.service import Beat, Worker
from broker.trust.certificates import is_worn
from broker.trust.identity import HUB_OWN, LISTENERS, issue_own, issue_server
from broker.trust.keys import IdentityError, read_file
from broker.trust.swap import finish_swap, swap_in

log = logging.getLogger(__name__)

LOOK_EVERY_S = 3600.0
_GATHERED = "next-own"


def renew_own(keys: Path, hosts: Sequence[str], now: datetime) -> list[str]:
    """Renew those of the hub's own certificates that are past two thirds of their life; returns their names.

    keys: the hub's folder of keys. hosts: names and addresses of the hub's listeners. Raises IdentityError, OSError.
    """
    issuer = Issuer(keys)
    worn = [name for name in (*HUB_OWN, *LISTENERS) if _is_worn(keys / f"{name}.pem", now)]
    for name in worn:
        if name in LISTENERS:
            issue_server(issuer, hosts, keys / _GATHERED, name, now)
        else:
            issue_own(issuer, name, keys / _GATHERED, now)
    if worn:
        swap_in(keys / _GATHERED)
        log.info("renewed: %s", ", ".join(worn), extra={"event": "own-renewed"})
    return worn


def _is_worn(file: Path, now: datetime) -> bool:
    try:
        return is_worn(read_file(file), now)
    except IdentityError:
        return True  # missing or damaged: a new one is due


def own_worker(settings: Settings, clock: Clock) -> Worker:
    """Looks at the hub's certificates at the start and every hour."""

    def run(stop: threading.Event, beat: Beat) -> None:
        look_at_s = clock.monotonic()
        while True:
            beat()
            if clock.monotonic() >= look_at_s:
                look_at_s = clock.monotonic() + LOOK_EVERY_S
                _look(settings, clock.now())
            if stop.wait(0.5):
                return

    return Worker("own-certificates", run)


def _look(settings: Settings, now: datetime) -> None:
    hosts = list(dict.fromkeys([settings.hub_name, "127.0.0.1", "localhost"]))
    try:
        finish_swap(settings.keys_dir)
        worn = renew_own(settings.keys_dir, hosts, now)
        if "broker" in worn and settings.broker.tls:
            tell_broker(settings)
    except (IdentityError, NotTold, OSError) as why:
        log.error("own certificates: %s", why, extra={"event": "own-not-renewed"})
