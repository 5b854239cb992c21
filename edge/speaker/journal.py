"""What this node has played, kept so that a power cut neither doubles a play nor forgets one.

SQLite with FULL sync: `begin` returns only when the intent is on the disk, and the first sample comes after it. The
chain of receipts stands in the same file: a change of state and what is owed for it are written together or not at all.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

from broker.contract.speaker import PlayState
from edge.speaker.chain import Chain, Owed, Tell
from edge.speaker.firewall import NOTHING, SESSION_CEILING_S, Ask, Said
from edge.speaker.programme import GAVE_WAY, Mark, Play

log = logging.getLogger(__name__)

RESERVE = 1 << 17
"""Bytes set aside, with which the journal opens on a disk that others have filled."""

KEPT_DAYS = 400
"""Longer than any key may sign, so that nothing signed can outlive its own trace."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS plays (
  occurrence TEXT PRIMARY KEY, announcement TEXT NOT NULL, revision INTEGER NOT NULL, kind TEXT NOT NULL,
  state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', starts INTEGER NOT NULL DEFAULT 0,
  planned_at TEXT NOT NULL, started_at TEXT, ended_at TEXT, noted_at TEXT NOT NULL,
  gave_way INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS plays_started ON plays (started_at);
CREATE TABLE IF NOT EXISTS forgotten (until TEXT NOT NULL);
"""


@dataclass(frozen=True)
class Cut:
    """A play that began and has no end: the power went, or the process did."""

    ask: Ask
    started_at: datetime


@dataclass(frozen=True)
class Note:
    """A change of state without sound, and its receipt; the envelope may be one that could not be opened."""

    ask: Ask
    kind: str
    state: PlayState
    reason: str = ""
    tell: Tell | None = None


class Journal:
    """The seen-set and the record of plays. Safe for several threads."""

    def __init__(self, path: Path | None, now: datetime | None = None) -> None:
        """Opens or makes the file; a damaged one is moved aside, and the new one knows until when it remembers nothing.

        path: None for a journal in memory, which ends with the process. now: the latest time that is known; what
        wrote the damaged file may have had a clock in 1970. Raises sqlite3.Error or OSError when the disk cannot be
        used.
        """
        self._lock = threading.Lock()
        self.is_lasting = path is not None
        """Whether it remembers beyond this process."""
        self.is_after_damage = False
        """Whether this start found the journal damaged."""
        self.forgotten_until: datetime | None = None
        """Up to then an ordinary play may have sounded that nobody remembers; None while nothing was lost."""
        if path is None:
            self._open(":memory:")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._reserve = path.with_name(f"{path.name}.reserve")
            self._open_file(path, now)

    def _open_file(self, path: Path, now: datetime | None) -> None:
        try:
            self._open(path)
        except sqlite3.OperationalError:
            self._reserve.unlink(missing_ok=True)
            self._open(path)
        except sqlite3.DatabaseError as why:
            log.error("%s is damaged and moved aside: %s", path, why, extra={"event": "journal-damaged"})
            self._db.close()
            written_s = _move_aside(path)
            self._open(path)
            self.is_after_damage = True
            written_at = datetime.fromtimestamp(written_s, UTC)
            self.forgotten_until = max(written_at, now or written_at)
            self._db.execute("INSERT INTO forgotten VALUES (?)", (_text(self.forgotten_until),))
        self._set_aside()

    def _set_aside(self) -> None:
        """Fill the reserve; on a full disk it stays empty until a start that finds space again."""
        with suppress(OSError), self._reserve.open("ab") as file:
            if file.tell() < RESERVE:
                os.posix_fallocate(file.fileno(), 0, RESERVE)

    def _open(self, path: Path | str) -> None:
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=5)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        (verdict,) = self._db.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
        self._db.executescript(_SCHEMA)
        self._chain = Chain(self._db)
        if "gave_way" not in [row[1] for row in self._db.execute("PRAGMA table_info(plays)")]:
            self._db.execute("ALTER TABLE plays ADD COLUMN gave_way INTEGER NOT NULL DEFAULT 0")
        rows = self._db.execute("SELECT occurrence, state, starts, reason, gave_way FROM plays").fetchall()
        self._marks = {occurrence: Mark(*mark) for occurrence, *mark in rows}
        (until,) = self._db.execute("SELECT max(until) FROM forgotten").fetchone()
        self.forgotten_until = None if until is None else _time(until)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction, under the lock: all of it or nothing."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def marks(self) -> Mapping[str, Mark]:
        """How far every occurrence has come. It is asked for many times a second and there are many: no copy, it goes
        on changing. Look names up in it; whoever goes through it must be the only thread."""
        return MappingProxyType(self._marks)

    def mark(self, occurrence: str) -> Mark | None:
        """How far one occurrence has come; None when nothing is known of it."""
        with self._lock:
            return self._marks.get(occurrence)

    def noted_at(self, occurrence: str) -> datetime | None:
        """When its state was last written down; None when nothing is known of it."""
        with self._lock:
            row = self._db.execute(
                "SELECT noted_at FROM plays WHERE occurrence = ?", (occurrence,)
            ).fetchone()
        return None if row is None else _time(row[0])

    def note(self, play: Play, state: PlayState, reason: str, at: datetime, tell: Tell | None = None) -> bool:
        """Record a change of state without sound, and its receipt; False when that is already the state.

        Raises sqlite3.Error.
        """
        return self.note_entry(play.ask, play.envelope.kind, state, reason, at, tell)

    def note_entry(
        self, ask: Ask, kind: str, state: PlayState, reason: str, at: datetime, tell: Tell | None = None
    ) -> bool:
        """The same for an entry whose envelope could not be opened. Raises sqlite3.Error."""
        return bool(self.note_all([Note(ask, kind, state, reason, tell)], at))

    def note_all(self, notes: Sequence[Note], at: datetime) -> Sequence[Note]:
        """Many at once, in one transaction, and return those that were news: the disk is waited for once.

        Raises sqlite3.Error; then none of them is noted.
        """
        with self._writing():
            news = [each for each in notes if self._put(each, at)]
        for each in notes:
            before = self._marks.get(each.ask.occurrence) or Mark(each.state)
            self._marks[each.ask.occurrence] = replace(before, state=each.state, reason=each.reason)
        return news

    def _put(self, note: Note, at: datetime) -> bool:
        ask = note.ask
        changed = self._db.execute(
            "INSERT INTO plays (occurrence, announcement, revision, kind, state, reason, planned_at, noted_at)"
            " VALUES (?,?,?,?,?,?,?,?) ON CONFLICT (occurrence) DO UPDATE SET state=excluded.state,"
            " reason=excluded.reason, noted_at=excluded.noted_at"
            " WHERE state<>excluded.state OR reason<>excluded.reason",
            (
                *(ask.occurrence, ask.announcement, ask.revision, note.kind, note.state, note.reason),
                *(_text(ask.start), _text(at)),
            ),
        )
        is_new = changed.rowcount > 0
        if is_new and note.tell is not None:
            self._chain.append(note.tell)
        return is_new

    def begin(self, play: Play, at: datetime) -> int:
        """Record the intent to sound, durably, and return how often it was begun. Its receipt is owed from here on.

        Raises sqlite3.Error; an emergency, which sounds all the same, is then remembered until this process ends.
        """
        ask, kind = play.ask, play.envelope.kind
        before = self.mark(ask.occurrence) or Mark("playing")
        starts = before.starts + 1
        mark = Mark("playing", starts, "", before.gave_way)
        try:
            with self._writing():
                self._db.execute(
                    "INSERT INTO plays (occurrence, announcement, revision, kind, state, starts, planned_at,"
                    " started_at, noted_at) VALUES (?,?,?,?,'playing',?,?,?,?) ON CONFLICT (occurrence) DO UPDATE SET"
                    " state='playing', reason='', starts=excluded.starts, started_at=excluded.started_at,"
                    " ended_at=NULL, noted_at=excluded.noted_at",
                    (
                        *(ask.occurrence, ask.announcement, ask.revision, kind, starts),
                        *(_text(ask.start), _text(at), _text(at)),
                    ),
                )
                self._chain.owe(ask.occurrence, "playing", "", _text(at), None)
        except sqlite3.Error:
            if kind == "emergency":
                self._marks[ask.occurrence] = mark
            raise
        self._marks[ask.occurrence] = mark
        return starts

    def end(
        self, occurrence: str, state: PlayState, reason: str, at: datetime, lasted_s: float | None = None
    ) -> None:
        """Record how it ended; its receipt is owed from here on. This process remembers it whatever the disk says.

        lasted_s: how long it sounded by a clock that nobody sets; without it the time since the start is taken.
        Raises sqlite3.Error.
        """
        before = self.mark(occurrence) or Mark(state)
        gave_way = before.gave_way + (reason in GAVE_WAY)
        self._marks[occurrence] = Mark(state, before.starts, reason, gave_way)
        with self._writing():
            row = self._db.execute(
                "SELECT started_at FROM plays WHERE occurrence=?", (occurrence,)
            ).fetchone()
            started = row[0] if row and row[0] else _text(at)
            ended = _text(at if lasted_s is None else _time(started) + timedelta(seconds=lasted_s))
            self._db.execute(
                "UPDATE plays SET state=?, reason=?, ended_at=?, noted_at=?, gave_way=? WHERE occurrence=?",
                (state, reason, ended, _text(at), gave_way, occurrence),
            )
            self._chain.owe(occurrence, state, reason, started, ended)

    # -- receipts

    def tell(self, tell: Tell, occurrence: str, state: PlayState) -> None:
        """Write the next receipt, and what was owed for that state is paid. Raises sqlite3.Error."""
        with self._writing():
            self._chain.pay(occurrence, state)
            self._chain.append(tell)

    def owed(self) -> Sequence[tuple[Ask, Owed]]:
        """Changes of state whose receipt a crash cut off, in order."""
        with self._lock:
            return [(self._ask(each.occurrence), each) for each in self._chain.owed()]

    def unsent(self) -> Sequence[tuple[int, bytes]]:
        """Receipts that no outbox has taken yet, in order: number and payload. Raises sqlite3.Error."""
        with self._lock:
            return self._chain.unsent()

    def sent(self, number: int) -> None:
        """The outbox holds this receipt. Raises sqlite3.Error."""
        with self._lock:
            self._chain.sent(number)

    def _ask(self, occurrence: str) -> Ask:
        announcement, revision, planned = self._db.execute(
            "SELECT announcement, revision, planned_at FROM plays WHERE occurrence=?", (occurrence,)
        ).fetchone()
        return Ask(occurrence, announcement, revision, _time(planned), NOTHING)

    # -- what was

    def cut(self) -> Sequence[Cut]:
        """Plays that began and have no end."""
        with self._lock:
            rows = self._db.execute(
                "SELECT occurrence, announcement, revision, planned_at, started_at FROM plays WHERE state='playing'"
            ).fetchall()
        return [
            Cut(Ask(occurrence, announcement, revision, _time(planned), NOTHING), _time(started))
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
        return [_said(_time(began), _time(ended)) for began, ended in rows]

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


def open_journal(path: Path, now: datetime) -> Journal:
    """The journal of this node; one in memory where the disk gives none, so that emergencies are heard all the same."""
    try:
        return Journal(path, now)
    except (OSError, sqlite3.Error) as why:
        log.error("%s cannot be used: %s", path, why, extra={"event": "no-journal"})
        return Journal(None)


def _move_aside(path: Path) -> float:
    """Rename a damaged journal with its companions; when it was last written to, in seconds since 1970."""
    written_s = 0.0
    for each in path.parent.glob(f"{path.name}*"):
        if ".damaged-" not in each.name and not each.name.endswith(".reserve"):
            written_s = max(written_s, each.stat().st_mtime)
            each.replace(each.with_name(f"{each.name}.damaged-{os.urandom(3).hex()}"))
    return written_s


def _said(since: datetime, until: datetime) -> Said:
    """A clock that was set in the middle makes a play neither longer than any may be nor shorter than nothing."""
    return Said(since, min(max(until, since), since + timedelta(seconds=SESSION_CEILING_S)))


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
