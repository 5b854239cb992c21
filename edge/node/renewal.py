"""Certificates of this node's services, renewed at two thirds of their life with the old key as proof.

The new key is made here; the request travels over the device port under the old certificate. Files change in one
step (broker/trust/swap.py); each service shows the new certificate with its next connection.
"""

from __future__ import annotations

import logging
import random
import threading
from datetime import datetime, timedelta
from pathlib import Path

from broker.contract import NODE_SERVICES, Identity
from broker.link.config import Settings
from broker.link.enrol import NotEnrolled, ask_renewal
from broker.link.service import Beat
from broker.link.session import Session
from broker.trust.certificates import is_worn, life_of
from broker.trust.keys import IdentityError, read_file
from broker.trust.renewal import prepare_renewal, settle_renewal
from broker.trust.swap import finish_swap

log = logging.getLogger(__name__)

LOOK_EVERY_S = 3600.0
RETRY_S = (60.0, 6 * 3600.0)
WAIT_S = 0.5
ALARM = timedelta(days=30)


class RenewalWork:
    """Looks at the certificates every hour and renews those that are due."""

    def __init__(self, settings: Settings, session: Session, retry_s: tuple[float, float] = RETRY_S) -> None:
        """retry_s: the first and the longest wait after a try that failed."""
        self._settings = settings
        self._session = session
        self._retry_s = retry_s
        self._keys: Path = settings.keys_dir

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """At the start, then hourly; after a failure with growing waits."""
        clock = self._session.clock
        wait_s, look_at_s = self._retry_s[0], clock.monotonic()
        while True:
            beat()
            if clock.monotonic() >= look_at_s:
                if self._renew_due(clock.now(), beat):
                    wait_s, pause_s = self._retry_s[0], LOOK_EVERY_S
                else:
                    pause_s, wait_s = wait_s, min(wait_s * 2, self._retry_s[1])
                look_at_s = clock.monotonic() + pause_s * random.uniform(0.8, 1.2)  # noqa: S311  (jitter)
                self._judge(clock.now())
            if stop.wait(WAIT_S):
                return

    def _renew_due(self, now: datetime, beat: Beat) -> bool:
        """Renew what is due. False when something must be tried again."""
        is_done = True
        for service in NODE_SERVICES:
            beat()
            who = Identity(self._settings.machine.name, service)
            try:
                finish_swap(self._keys)
                file = self._keys / f"{service}.pem"
                if file.exists() and is_worn(read_file(file), now):
                    self._renew(who)
            except (NotEnrolled, IdentityError, OSError) as why:
                is_done = False
                log.warning("%s is not renewed: %s", who, why, extra={"event": "not-renewed"})
        return is_done

    def _renew(self, who: Identity) -> None:
        request = prepare_renewal(self._keys, who)
        settle_renewal(self._keys, who, ask_renewal(self._settings, who, request))
        log.info("%s has a new certificate", who, extra={"event": "renewed"})

    def _judge(self, now: datetime) -> None:
        """Say so while the first certificate to end has less than a month left."""
        ends = []
        files = [self._keys / f"{service}.pem" for service in NODE_SERVICES]
        if not any(file.exists() for file in files):
            return  # a broker on loopback that knows no certificates
        for file in files:
            try:
                ends.append(life_of(read_file(file))[1])
            except IdentityError as why:
                log.error("%s: %s", file, why, extra={"event": "certificate-unread"})
        left = min(ends) - now if ends else timedelta(0)
        if left >= ALARM:
            self._session.cleared("certificate")
        elif left > timedelta(0):
            self._session.problem(
                "certificate",
                f"Chứng thư của máy chỉ còn {left.days} ngày mà chưa gia hạn được; xin cấp mã mới cho điểm này.",
            )
        else:
            self._session.problem(
                "certificate", "Chứng thư của máy đã hết hạn hoặc bị mất; xin cấp mã mới cho điểm này."
            )
