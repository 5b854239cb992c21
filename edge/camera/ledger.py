"""What must survive a power cut: episodes begun and not yet told as ended, clips not yet at the hub."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from broker.contract.hub import Media

_SCHEMA = """
CREATE TABLE IF NOT EXISTS episode (
    episode TEXT PRIMARY KEY, camera TEXT NOT NULL, started_at TEXT NOT NULL,
    ended_at TEXT, clip BLOB, reason TEXT NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS clip (
    number INTEGER PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE, media BLOB NOT NULL, size INTEGER NOT NULL
);
"""


@dataclass(frozen=True)
class Kept:
    """One episode that the hub has not been told the end of. `ended_at` None: it was cut off."""

    episode: str
    camera: str
    started_at: datetime
    ended_at: datetime | None
    clip: Media | None
    reason: str


class Ledger:
    """A small SQLite file, safe to use from several threads; every method returns when it is on the disk."""

    def __init__(self, file: Path) -> None:
        """Raises sqlite3.Error or OSError when the file cannot be used."""
        file.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(_SCHEMA)

    def began(self, episode: str, camera: str, started_at: datetime) -> None:
        """An episode is about to be told to the hub. Raises sqlite3.Error."""
        with self._write() as db:
            db.execute(
                "INSERT OR IGNORE INTO episode (episode, camera, started_at) VALUES (?, ?, ?)",
                (episode, camera, started_at.isoformat()),
            )

    def ended(self, episode: str, ended_at: datetime, clip: Media | None, reason: str) -> None:
        """It is over; its clip, if any, waits for upload from now on. Raises sqlite3.Error."""
        with self._write() as db:
            packed = msgspec.json.encode(clip) if clip else None
            db.execute(
                "UPDATE episode SET ended_at = ?, clip = ?, reason = ? WHERE episode = ?",
                (ended_at.isoformat(), packed, reason, episode),
            )
            if clip:
                db.execute(
                    "INSERT OR IGNORE INTO clip (sha256, media, size) VALUES (?, ?, ?)",
                    (clip.sha256, packed, clip.size),
                )

    def told(self, episode: str) -> None:
        """The end of it is in the outbox. Raises sqlite3.Error."""
        with self._write() as db:
            db.execute("DELETE FROM episode WHERE episode = ?", (episode,))

    def untold(self) -> list[Kept]:
        """Episodes of an earlier life whose end the hub does not know."""
        with self._lock:
            rows = self._db.execute(
                "SELECT episode, camera, started_at, ended_at, clip, reason FROM episode ORDER BY started_at"
            ).fetchall()
        return [
            Kept(
                episode,
                camera,
                datetime.fromisoformat(started_at),
                datetime.fromisoformat(ended_at) if ended_at else None,
                msgspec.json.decode(clip, type=Media) if clip else None,
                reason,
            )
            for episode, camera, started_at, ended_at, clip, reason in rows
        ]

    def waiting(self) -> list[Media]:
        """Clips that the hub does not have yet, oldest first."""
        with self._lock:
            rows = self._db.execute("SELECT media FROM clip ORDER BY number").fetchall()
        return [msgspec.json.decode(row[0], type=Media) for row in rows]

    def uploaded(self, sha256: str) -> None:
        """This clip need not wait any more: the hub has it, or it gave way. Raises sqlite3.Error."""
        with self._write() as db:
            db.execute("DELETE FROM clip WHERE sha256 = ?", (sha256,))

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
            except sqlite3.Error:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")


def too_much(waiting: list[Media], most_bytes: int) -> list[Media]:
    """The oldest clips that must give way so that the rest fits. Pure."""
    total = sum(media.size for media in waiting)
    leave = []
    for media in waiting:
        if total <= most_bytes:
            break
        leave.append(media)
        total -= media.size
    return leave
