"""The worker of `announce` that keeps the broker in line: its rights, its canary, its list, and who was revoked.

All of it in one thread, because all of it comes to the broker as hub.rights, whom the broker takes on only once.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from broker.hub.declined import Declined
from broker.hub.heard import Hearing
from broker.hub.keys import canary, crl
from broker.hub.keys.canary import Finding
from broker.hub.keys.control import Silent
from broker.hub.keys.embedded import Embedded
from broker.hub.keys.enrolment import revoke_node
from broker.hub.keys.issuing import Issuer
from broker.hub.keys.revocation import Revoker
from broker.hub.keys.rights import is_anyone_waiting, push
from broker.hub.records import REFUSALS, Database, changes_after, newest_change, note_change
from broker.link.bare import NoWay
from broker.link.config import Settings
from broker.link.service import Beat
from broker.link.session import Session
from broker.trust.keys import IdentityError

log = logging.getLogger(__name__)

POLL_S = 0.1
LOOK_AGAIN_S = {"clear": 3600.0, "open": 30.0, "unknown": 30.0, "away": 2.0}
"""Also at once whenever the broker takes announce on anew: it may be another broker than before."""
RIGHTS_AGAIN_S = 300.0
WAITING_S = 5.0
FAILED_S = 2.0
LIST_AGAIN_S = 60.0
PATIENCE_S = 120.0
"""A commune of a hundred nodes whose broker lost all rights."""


class Keeper:
    """Keeps one broker. `is_clear` once the canary came back without a leak: before that announce is not ready."""

    def __init__(self, settings: Settings, database: Database, session: Session) -> None:
        self._settings = settings
        self._database = database
        self._session = session
        self._clock = session.clock
        self._revoker = Revoker(settings, database, session.clock) if settings.broker.tls else None
        self._embedded = Embedded(settings, database, session.clock) if not settings.broker.tls else None
        self._hearing = Hearing()
        self._clear = threading.Event()
        self._verdict: Finding | None = None
        self._connections = 0
        self._is_list_told = False  # what was signed just before an end may never have been told
        self._last = 0
        self._due_s = {"canary": 0.0, "rights": 0.0, "list": 0.0, "revocations": 0.0}

    @property
    def is_clear(self) -> bool:
        """Whether the canary ever came back without a leak since this service began."""
        return self._clear.is_set()

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """Worker: until stopped."""
        while not stop.is_set():
            beat()
            try:
                self.step()
            except (*REFUSALS, OSError) as why:
                log.error("the broker is not kept: %s", why, extra={"event": "keeper-failed"})
                stop.wait(FAILED_S)
            stop.wait(POLL_S)

    def step(self) -> None:
        """One look at what is due. Raises the database's errors, OSError."""
        with self._database.reading() as db:
            newest = newest_change(db)
            if changes_after(db, self._last, ("rights",), 1):
                self._due_s |= {"rights": 0.0, "list": 0.0, "revocations": 0.0}
        self._last = newest
        is_up, now = self._session.connected, self._clock.now()
        if self._hearing.is_due(is_up, now):
            with self._database.session() as db:
                self._hearing.write(db, is_up, now)
        if self._session.connections != self._connections:
            self._connections = self._session.connections
            self._due_s |= {"canary": 0.0, "rights": 0.0}
        self._when_due("revocations", self._revoke)
        self._when_due("rights", self._keep_rights)
        self._when_due("canary", self._let_out_canary)
        self._when_due("list", self._keep_list)

    def _when_due(self, what: str, act: Callable[[datetime], float]) -> None:
        if self._clock.monotonic() >= self._due_s[what]:
            self._due_s[what] = self._clock.monotonic() + act(self._clock.now())

    # -- each returns after how many seconds it is due again

    def _revoke(self, now: datetime) -> float:
        del now
        if self._revoker is None:
            is_done = self._embedded is None or self._embedded.revoke()
            return RIGHTS_AGAIN_S if is_done else FAILED_S
        waiting = self._revoker.pending()
        done = [self._revoker.carry_out(each) for each in waiting]
        if all(done):
            self._session.cleared("revocation")
            return RIGHTS_AGAIN_S
        self._session.problem(
            "revocation",
            "Việc thu hồi một điểm chưa xong; trung tâm xã đang thử lại, xin xem trang Điểm và máy.",
        )
        return FAILED_S

    def _keep_rights(self, now: datetime) -> float:
        try:
            if self._embedded is not None:
                self._embedded.keep(now)
            else:
                push(self._settings, self._database, now)
        except NoWay as why:
            log.info("rights not compared: %s", why, extra={"event": "rights-wait"})
            return FAILED_S
        except (Silent, crl.NotTold) as why:
            log.error("rights not kept: %s", why, extra={"event": "rights-silent"})
            self._session.problem(
                "rights",
                "Trung tâm xã không đặt được quyền trên máy chuyển tin; xin chạy lệnh: langso provision broker.",
            )
            return LOOK_AGAIN_S["unknown"]
        self._session.cleared("rights")
        with self._database.reading() as db:
            return WAITING_S if is_anyone_waiting(db, now) else RIGHTS_AGAIN_S

    def _let_out_canary(self, now: datetime) -> float:
        found = canary.look(self._settings)
        before, self._verdict = self._verdict, found
        if before is None or (before.verdict, before.leaks) != (found.verdict, found.leaks):
            log.log(
                logging.INFO if found.verdict == "clear" else logging.ERROR,
                "canary: %s: %s",
                found.verdict,
                found.text,
                extra={"event": f"canary-{found.verdict}"},
            )
        # A broker that went away says nothing about rights: what was found before stays standing.
        if found.verdict != "away" and (before is None or before.verdict != found.verdict):
            with self._database.session() as db:
                canary.keep(db, found, now)
                note_change(db, "service", str(self._session.who), now)
        if found.verdict == "clear":
            self._clear.set()
            self._session.cleared("canary")
        elif found.verdict != "away" or not self.is_clear:
            self._session.problem("canary", found.sentence)
        return LOOK_AGAIN_S[found.verdict]

    def _take_out_forgotten(self, now: datetime) -> None:
        """Records put back from a copy do not bring a revoked node back: the list, which is no part of them, knows."""
        issuer = Issuer(self._settings.keys_dir)
        with self._database.reading() as db:
            nodes = crl.forgotten(db, self._settings.keys_dir, issuer)
        for node in nodes:
            log.error("%s was revoked before; taken out again", node, extra={"event": "revoked-again"})
            with self._database.session() as db, suppress(Declined):
                reason = "Đã thu hồi trước khi dữ liệu được phục hồi từ bản sao."
                revoke_node(db, node, str(self._session.who), reason, now)

    def _keep_list(self, now: datetime) -> float:
        if not self._settings.broker.tls:
            return RIGHTS_AGAIN_S
        keys = self._settings.keys_dir
        again_s = LIST_AGAIN_S
        try:
            self._take_out_forgotten(now)
            with self._database.reading() as db:
                is_due = crl.is_due(db, keys, now)
            if is_due:
                crl.write(self._database, keys, Issuer(keys), now)
                self._is_list_told = False
            if not self._is_list_told:
                crl.tell_broker(self._settings)
                self._is_list_told = True
        except crl.NotTold as why:
            log.info("revocation list: %s", why, extra={"event": "crl-untold"})
            again_s = FAILED_S
        except IdentityError as why:
            log.error("revocation list: %s", why, extra={"event": "crl-failed"})
        warning = crl.warning(crl.ends(keys), now)
        if warning:
            self._session.problem("crl", warning)
        else:
            self._session.cleared("crl")
        return again_s
