"""What must survive a power cut: episodes begun and not yet told as ended, clips not yet at the hub."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from broker.contract.camera import Box, MotionEnded
from broker.contract.hub import Media

log = logging.getLogger(__name__)

TO_SAY_MOST = 20
"""Ends that are read at a time: a node that was cut off for a week has thousands, each with a picture."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS begun (
    episode TEXT PRIMARY KEY, camera TEXT NOT NULL, started_at TEXT NOT NULL, said BLOB
);
CREATE TABLE IF NOT EXISTS waiting (
    number INTEGER PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE, media BLOB NOT NULL, said BLOB NOT NULL, since TEXT
);
"""
_TABLES = {"begun": "episode, camera, started_at, said", "waiting": "sha256, media, said, since"}


@dataclass(frozen=True)
class Kept:
    """One episode that the hub has not been told the end of. `said` None: it goes on, or was cut off."""

    episode: str
    camera: str
    started_at: datetime
    said: MotionEnded | None

    @property
    def ended_at(self) -> datetime | None:
        """When it ended, None while it goes on."""
        return self.said.ended_at if self.said else None

    @property
    def clip(self) -> Media | None:
        """The clip that will come, if any."""
        return self.said.clip if self.said else None

    @property
    def reason(self) -> str:
        """Why there is none, or why it is short."""
        return self.said.reason if self.said else ""


@dataclass(frozen=True)
class Waiting:
    """A clip that the hub does not have. `since` None until somebody who can tell the time has seen it."""

    media: Media
    since: datetime | None


class Ledger:
    """A small SQLite file, safe to use from several threads; every method returns when it is on the disk."""

    def __init__(self, file: Path, *, lasting: bool = True) -> None:
        """A file that SQLite calls damaged is moved aside. lasting: False keeps all in memory until `prove` succeeds.

        Raises sqlite3.Error, OSError when there can be none.
        """
        self.lasting = lasting
        self._file = file
        self._lock = threading.Lock()
        if not lasting:
            self._db = _open(Path(":memory:"))
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = _open(file)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as why:
            log.error("ledger damaged: %s", why, extra={"event": "ledger-damaged"})
            for each in (file, Path(f"{file}-wal"), Path(f"{file}-shm")):
                if each.exists():
                    each.replace(each.with_name(f"{each.name}.damaged-{os.urandom(3).hex()}"))
            self._db = _open(file)

    def began(self, episode: str, camera: str, started_at: datetime) -> None:
        """An episode is about to be told to the hub. Raises sqlite3.Error."""
        with self._write() as db:
            db.execute(
                "INSERT OR IGNORE INTO begun (episode, camera, started_at) VALUES (?, ?, ?)",
                (episode, camera, started_at.isoformat()),
            )

    def ended(
        self,
        episode: str,
        ended_at: datetime,
        clip: Media | None,
        reason: str,
        *,
        lasted_ms: int = 0,
        best: bytes | None = None,
        boxes: Sequence[Box] = (),
        confidence: float = 0.0,
        reasons: Sequence[str] = (),
    ) -> None:
        """It is over, and this is to be said of it; its clip, if any, waits for upload from now on.

        An episode that was never noted as begun stays unknown. Raises sqlite3.Error.
        """
        with self._write() as db:
            query = "SELECT camera, started_at FROM begun WHERE episode = ?"
            row = db.execute(query, (episode,)).fetchone()
            if row is None:
                return
            said = MotionEnded(
                episode=episode,
                camera=row[0],
                started_at=datetime.fromisoformat(row[1]),
                ended_at=ended_at,
                clip=clip,
                reason=reason,
                lasted_ms=lasted_ms,
                best=best,
                boxes=list(boxes),
                confidence=confidence,
                reasons=list(reasons),
            )
            _say(db, said)
            if clip:
                again = msgspec.structs.replace(said, clip=None, best=None)  # for when the clip is lost
                db.execute(
                    "INSERT OR IGNORE INTO waiting (sha256, media, said) VALUES (?, ?, ?)",
                    (clip.sha256, msgspec.json.encode(clip), msgspec.json.encode(again)),
                )

    def told(self, episode: str) -> None:
        """The end of it is in the outbox. Raises sqlite3.Error."""
        with self._write() as db:
            db.execute("DELETE FROM begun WHERE episode = ?", (episode,))

    def untold(self) -> list[Kept]:
        """Episodes whose end the hub does not know: what goes on, what was cut off, what is to be said."""
        return self._kept("ORDER BY started_at")

    def unended(self) -> list[Kept]:
        """Those of them of which nothing is to be said yet: what goes on, what was cut off."""
        return self._kept("WHERE said IS NULL ORDER BY started_at")

    def to_say(self, limit: int = TO_SAY_MOST) -> list[MotionEnded]:
        """The next ends that the hub is to be told, oldest note first; each may carry a picture."""
        query = "SELECT said FROM begun WHERE said IS NOT NULL ORDER BY rowid LIMIT ?"
        with self._lock:
            rows = self._db.execute(query, (limit,)).fetchall()
        return [msgspec.json.decode(said, type=MotionEnded) for (said,) in rows]

    def _kept(self, which: str) -> list[Kept]:
        query = f"SELECT episode, camera, started_at, said FROM begun {which}"  # noqa: S608  (words of this class)
        with self._lock:
            rows = self._db.execute(query).fetchall()
        return [
            Kept(
                episode,
                camera,
                datetime.fromisoformat(started_at),
                msgspec.json.decode(said, type=MotionEnded) if said else None,
            )
            for episode, camera, started_at, said in rows
        ]

    def waiting(self) -> list[Waiting]:
        """Clips that the hub does not have yet, oldest first."""
        with self._lock:
            rows = self._db.execute("SELECT media, since FROM waiting ORDER BY number").fetchall()
        return [
            Waiting(msgspec.json.decode(media, type=Media), datetime.fromisoformat(since) if since else None)
            for media, since in rows
        ]

    def dated(self, now: datetime) -> None:
        """The time is known: what has no date yet gets this one. Raises sqlite3.Error."""
        with self._write() as db:
            db.execute("UPDATE waiting SET since = ? WHERE since IS NULL", (now.isoformat(),))

    def uploaded(self, sha256: str) -> None:
        """The hub has this clip. Raises sqlite3.Error."""
        with self._write() as db:
            db.execute("DELETE FROM waiting WHERE sha256 = ?", (sha256,))

    def lost(self, sha256: str, reason: str) -> None:
        """This clip will never come, and the hub is to be told why. Raises sqlite3.Error."""
        with self._write() as db:
            row = db.execute("SELECT said FROM waiting WHERE sha256 = ?", (sha256,)).fetchone()
            if row is None:
                return
            db.execute("DELETE FROM waiting WHERE sha256 = ?", (sha256,))
            said = msgspec.json.decode(row[0], type=MotionEnded)
            kept = db.execute("SELECT said FROM begun WHERE episode = ?", (said.episode,)).fetchone()
            if kept is not None and kept[0]:
                said = msgspec.json.decode(kept[0], type=MotionEnded)  # not told yet: with its best picture
            _say(db, msgspec.structs.replace(said, clip=None, reason=reason))

    def prove(self) -> None:
        """Write a few bytes to the disk, and what is in memory. Raises sqlite3.Error, OSError when it does not."""
        if not self.lasting:
            self._move_in()
        with self._write() as db:
            (count,) = db.execute("PRAGMA user_version").fetchone()
            db.execute(f"PRAGMA user_version = {(count + 1) % 1000}")

    def _move_in(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        db = _open(self._file)
        with self._lock:
            try:
                db.execute("BEGIN IMMEDIATE")
                for table, columns in _TABLES.items():
                    marks = ", ".join("?" for _ in columns.split(", "))
                    rows = self._db.execute(f"SELECT {columns} FROM {table} ORDER BY rowid").fetchall()  # noqa: S608
                    db.executemany(f"INSERT OR REPLACE INTO {table} ({columns}) VALUES ({marks})", rows)  # noqa: S608
                db.execute("COMMIT")
            except sqlite3.Error:
                db.close()
                raise
            self._db.close()
            self._db, self.lasting = db, True

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise


def must_leave(
    waiting: Sequence[Waiting], most_bytes: int, most_age: timedelta, now: datetime | None
) -> list[Media]:
    """The oldest clips that give way so that the rest fits, and those whose time is over. Pure.

    now: None while nobody can tell the time; then none is too old.
    """
    total = sum(each.media.size for each in waiting)
    leave = []
    for each in waiting:
        old = now is not None and each.since is not None and now - each.since > most_age
        if old or total > most_bytes:
            leave.append(each.media)
            total -= each.media.size
    return leave


def _open(file: Path) -> sqlite3.Connection:
    db = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
    try:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.executescript(_SCHEMA)
    except sqlite3.Error:
        db.close()
        raise
    return db


def _say(db: sqlite3.Connection, said: MotionEnded) -> None:
    db.execute(
        "INSERT INTO begun (episode, camera, started_at, said) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (episode) DO UPDATE SET said = excluded.said",
        (said.episode, said.camera, said.started_at.isoformat(), msgspec.json.encode(said)),
    )
