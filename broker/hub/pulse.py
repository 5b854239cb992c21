"""Ingest's own sign of life: nobody else can say of ingest that it lives."""

from __future__ import annotations

import logging
import threading
from datetime import datetime

from sqlalchemy import select

from broker.hub.records import REFUSALS, Database, ServiceSeen, forget_old_changes, note_change
from broker.link.service import Beat
from broker.link.session import Session

log = logging.getLogger(__name__)

PULSE_S = 2.0
UNHEARD_S = 200.0
"""Every service says its state again within a minute; unheard so long it is lost, and its will with it."""


class Pulse:
    """Ingest's own sign of life in the records, the forgetting of old changes, and who was not heard for long."""

    def __init__(self, database: Database, session: Session) -> None:
        self._database = database
        self._session = session
        self._since = session.clock.now()
        self._heard: dict[str, tuple[datetime, float]] = {}
        """Services that live: when their newest state came, and since when nothing newer did (monotonic)."""

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """Worker: every two seconds until stopped."""
        count = 0
        while not stop.is_set():
            beat()
            try:
                self.write()
                if count % 5 == 0:
                    self.find_lost()
                if count % 30 == 0:
                    with self._database.session() as db:
                        forget_old_changes(db)
            except REFUSALS as why:
                self._heard.clear()
                log.warning("no pulse: %s", why, extra={"event": "pulse-failed"})
            count += 1
            stop.wait(PULSE_S)

    def write(self) -> None:
        """Note that ingest lives, and what limits it."""
        session, now = self._session, self._session.clock.now()
        problems = [{"code": code, "text": text} for code, text in sorted(session.problems.items())]
        state = "degraded" if problems else "ready"
        with self._database.session() as db:
            row = db.get(ServiceSeen, str(session.who))
            if row is None:
                row = ServiceSeen(
                    identity=str(session.who), node=session.who.node, service=session.who.service
                )
                row.state = ""
                db.add(row)
            if (row.state, row.problems) != (state, problems):
                note_change(db, "service", str(session.who), now)
            if row.boot != session.boot or row.state != state:
                row.since = now
            row.state, row.problems, row.boot, row.seen_at = state, problems, session.boot, now

    def find_lost(self) -> None:
        """Mark services as lost that died unheard: while the broker, and with it their will, was away.

        Only time in which this service could have heard them counts, by a clock that never jumps.
        """
        session, now_s = self._session, self._session.clock.monotonic()
        if not session.connected:
            self._heard.clear()
            return
        living = select(ServiceSeen).where(ServiceSeen.state.not_in(("lost", "stopped")))
        with self._database.session() as db:
            for row in db.scalars(living.where(ServiceSeen.identity != str(session.who))):
                seen_at, since_s = self._heard.get(row.identity, (None, 0.0))
                if seen_at != row.seen_at:
                    self._heard[row.identity] = (row.seen_at, now_s)
                elif now_s - since_s > UNHEARD_S:
                    row.state, row.since = "lost", session.clock.now()
                    note_change(db, "service", row.identity, row.since)
