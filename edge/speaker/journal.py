"""What this node has played, kept so that a power cut neither doubles a play nor forgets one.

SQLite with FULL sync: `begin` returns only when the intent is on the disk, and the first sample comes after it.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from broker.contract.hub import Signed
from broker.contract.speaker import PlayState
from edge.speaker.firewall import Ask, Said
from edge.speaker.programme import Mark, Play

log = logging.getLogger(__name__)

KEPT_DAYS = 400
"""Longer than any key may sign, so that nothing signed can outlive its own trace."""

_NOTHING = Signed(body="", signatures=[])

_SCHEMA = """
CREATE TABLE IF NOT EXISTS plays (
  occurrence TEXT PRIMARY KEY, announcement TEXT NOT NULL, revision INTEGER NOT NULL, kind TEXT NOT NULL,
  state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', starts INTEGER NOT NULL DEFAULT 0,
  planned_at TEXT NOT NULL, started_at TEXT, ended_at TEXT, noted_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS plays_started ON plays (started_at);
"""


@dataclass(frozen=True)
class Cut:
    """A play that began and has no end: the power went, or the process did."""

    ask: Ask
    started_at: datetime


class Journal:
    """The seen-set and the record of plays. Safe for several threads."""

    def __init__(self, path: Path) -> None:
        """Opens or makes the file; one that SQLite calls damaged is moved aside and a new one begins.

        Raises sqlite3.OperationalError or OSError when the disk cannot be used.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        try:
            self._open(path)
        except sqlite3.DatabaseError as why:
            if isinstance(why, sqlite3.OperationalError):
                raise
            log.error("%s is damaged and moved aside: %s", path, why, extra={"event": "journal-damaged"})
            for each in path.parent.glob(f"{path.name}*"):
                if ".damaged-" not in each.name:
                    each.replace(each.with_name(f"{each.name}.damaged-{os.urandom(3).hex()}"))
            self._open(path)

    def _open(self, path: Path) -> None:
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=5)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(_SCHEMA)
        rows = self._db.execute("SELECT occurrence, state, starts, reason FROM plays").fetchall()
        self._marks = {occurrence: Mark(state, starts, reason) for occurrence, state, starts, reason in rows}

    def marks(self) -> dict[str, Mark]:
        """How far every occurrence has come."""
        with self._lock:
            return dict(self._marks)

    def mark(self, occurrence: str) -> Mark | None:
        """How far one occurrence has come; None when nothing is known of it."""
        with self._lock:
            return self._marks.get(occurrence)

    def note(self, play: Play, state: PlayState, reason: str, at: datetime) -> bool:
        """Record a change of state without sound; False when that is already the state. Raises sqlite3.Error."""
        ask = play.ask
        return self.note_entry(
            ask.occurrence, ask.announcement, ask.revision, play.envelope.kind, ask.start, state, reason, at
        )

    def note_entry(
        self,
        occurrence: str,
        announcement: str,
        revision: int,
        kind: str,
        planned_at: datetime,
        state: PlayState,
        reason: str,
        at: datetime,
    ) -> bool:
        """The same for an entry whose envelope could not be opened. Raises sqlite3.Error."""
        with self._lock:
            changed = self._db.execute(
                "INSERT INTO plays (occurrence, announcement, revision, kind, state, reason, planned_at, noted_at)"
                " VALUES (?,?,?,?,?,?,?,?) ON CONFLICT (occurrence) DO UPDATE SET state=excluded.state,"
                " reason=excluded.reason, noted_at=excluded.noted_at"
                " WHERE state<>excluded.state OR reason<>excluded.reason",
                (occurrence, announcement, revision, kind, state, reason, _text(planned_at), _text(at)),
            )
            starts = self._marks[occurrence].starts if occurrence in self._marks else 0
            self._marks[occurrence] = Mark(state, starts, reason)
            return changed.rowcount > 0

    def begin(self, play: Play, at: datetime) -> int:
        """Record the intent to sound, durably, and return how often it was begun. Raises sqlite3.Error."""
        ask = play.ask
        with self._lock:
            row = self._db.execute(
                "INSERT INTO plays (occurrence, announcement, revision, kind, state, starts, planned_at,"
                " started_at, noted_at) VALUES (?,?,?,?,'playing',1,?,?,?) ON CONFLICT (occurrence) DO UPDATE SET"
                " state='playing', reason='', starts=starts+1, started_at=excluded.started_at, ended_at=NULL,"
                " noted_at=excluded.noted_at RETURNING starts",
                (
                    *(ask.occurrence, ask.announcement, ask.revision, play.envelope.kind),
                    *(_text(ask.start), _text(at), _text(at)),
                ),
            ).fetchone()
            self._marks[ask.occurrence] = Mark("playing", row[0])
            return int(row[0])

    def end(self, occurrence: str, state: PlayState, reason: str, at: datetime) -> None:
        """Record how it ended. Raises sqlite3.Error."""
        with self._lock:
            self._db.execute(
                "UPDATE plays SET state=?, reason=?, ended_at=?, noted_at=? WHERE occurrence=?",
                (state, reason, _text(at), _text(at), occurrence),
            )
            before = self._marks.get(occurrence)
            self._marks[occurrence] = Mark(state, before.starts if before else 0, reason)

    def cut(self) -> Sequence[Cut]:
        """Plays that began and have no end."""
        with self._lock:
            rows = self._db.execute(
                "SELECT occurrence, announcement, revision, planned_at, started_at FROM plays WHERE state='playing'"
            ).fetchall()
        return [
            Cut(Ask(occurrence, announcement, revision, _time(planned), _NOTHING), _time(started))
            for occurrence, announcement, revision, planned, started in rows
        ]

    def said(self, since: datetime) -> Sequence[Said]:
        """Ordinary plays that sounded since then."""
        with self._lock:
            rows = self._db.execute(
                "SELECT started_at, ended_at FROM plays WHERE kind<>'emergency' AND started_at>=?"
                " AND ended_at IS NOT NULL",
                (_text(since),),
            ).fetchall()
        return [Said(_time(began), _time(ended)) for began, ended in rows]

    def tidy(self, now: datetime) -> None:
        """Forget what is older than anything that could still be signed. Raises sqlite3.Error."""
        oldest = _text(now - timedelta(days=KEPT_DAYS))
        with self._lock:
            gone = self._db.execute(
                "DELETE FROM plays WHERE planned_at<? RETURNING occurrence", (oldest,)
            ).fetchall()
            for (occurrence,) in gone:
                self._marks.pop(occurrence, None)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
