"""Ingest's own sign of life: nobody else can say of ingest that it lives."""

from __future__ import annotations

import logging
import threading

from broker.hub.records import REFUSALS, Database, ServiceSeen, forget_old_changes, note_change
from broker.link.service import Beat
from broker.link.session import Session

log = logging.getLogger(__name__)

PULSE_S = 2.0


class Pulse:
    """Ingest's own sign of life in the records, and the forgetting of old changes."""

    def __init__(self, database: Database, session: Session) -> None:
        self._database = database
        self._session = session
        self._since = session.clock.now()

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """Worker: every two seconds until stopped."""
        count = 0
        while not stop.is_set():
            beat()
            try:
                self.write()
                if count % 30 == 0:
                    with self._database.session() as db:
                        forget_old_changes(db)
            except REFUSALS as why:
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
