"""The chain of receipts: each names the one before it by its SHA-256, so that none is lost or changed unseen.

Kept in the journal's own file, so that a change of state and the receipt that tells of it are one transaction.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from broker.contract.speaker import PlayState, receipt_digest

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS book (name TEXT NOT NULL, number INTEGER NOT NULL, digest TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS receipts (number INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS owed (
  id INTEGER PRIMARY KEY, occurrence TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,
  started_at TEXT, ended_at TEXT
);
"""


@dataclass(frozen=True)
class Link:
    """Where in the chain a receipt stands: book, number from 1, and the digest of the one before it."""

    book: str
    number: int
    before: str


Tell = Callable[[Link], bytes]
"""Writes a receipt for its place in the chain: its payload."""


@dataclass(frozen=True)
class Owed:
    """A change of state whose receipt was never written: the process ended in between."""

    occurrence: str
    state: PlayState
    reason: str
    started_at: datetime | None
    ended_at: datetime | None


class Chain:
    """The tables of the chain. Whoever calls holds the journal's lock; what writes needs its transaction too."""

    def __init__(self, db: sqlite3.Connection) -> None:
        """A database without a book begins one under a name of its own. Raises sqlite3.Error."""
        self._db = db
        db.executescript(_SCHEMA)
        if db.execute("SELECT name FROM book").fetchone() is None:
            db.execute("INSERT INTO book VALUES (?, 0, '')", (os.urandom(8).hex(),))

    def append(self, tell: Tell) -> None:
        """Write the next receipt. Raises sqlite3.Error."""
        book, number, before = self._db.execute("SELECT name, number, digest FROM book").fetchone()
        body = tell(Link(book, number + 1, before))
        self._db.execute("INSERT INTO receipts VALUES (?, ?)", (number + 1, body))
        self._db.execute("UPDATE book SET number = ?, digest = ?", (number + 1, receipt_digest(body)))

    def unsent(self) -> Sequence[tuple[int, bytes]]:
        """Receipts that no outbox has taken yet, in order: number and payload."""
        return self._db.execute("SELECT number, body FROM receipts ORDER BY number LIMIT 200").fetchall()

    def sent(self, number: int) -> None:
        """The outbox holds this receipt; its digest stays in the chain. Raises sqlite3.Error.

        Not synced to the disk: if the power takes this back, the receipt is sent again and the hub knows its number.
        """
        self._db.execute("PRAGMA synchronous=NORMAL")
        try:
            self._db.execute("DELETE FROM receipts WHERE number = ?", (number,))
        finally:
            self._db.execute("PRAGMA synchronous=FULL")

    def owe(self, occurrence: str, state: PlayState, reason: str, started: str, ended: str | None) -> None:
        """A receipt is due for this change of state; in the transaction that makes the change."""
        self._db.execute(
            "INSERT INTO owed (occurrence, state, reason, started_at, ended_at) VALUES (?,?,?,?,?)",
            (occurrence, state, reason, started, ended),
        )

    def pay(self, occurrence: str, state: PlayState) -> None:
        """What was owed for a state of an occurrence is being written; what came before it is no news any more."""
        self._db.execute(
            "DELETE FROM owed WHERE occurrence = :name AND id <="
            " (SELECT max(id) FROM owed WHERE occurrence = :name AND state = :state)",
            {"name": occurrence, "state": state},
        )

    def owed(self) -> Sequence[Owed]:
        """What is still owed, in the order it came about."""
        rows = self._db.execute(
            "SELECT occurrence, state, reason, started_at, ended_at FROM owed ORDER BY id"
        ).fetchall()
        return [
            Owed(occurrence, state, reason, _time(started), _time(ended))
            for occurrence, state, reason, started, ended in rows
        ]


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
