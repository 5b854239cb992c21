"""The store of sessions: a small SQLite file of the web service, so that a restart signs nobody out.

It knows only hashes of the tokens: who reads the file can sign in nowhere.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

SESSIONS_FILE = "console-sessions.db"
"""In the hub's data folder."""
LONGEST_S = 12 * 3600
Stage = Literal["in", "code", "setup"]
"""How far signing in has come: in; the phone's code is asked; a phone is being set up."""

_TOUCH_S = 20
_ID_LENGTH = 16
_VERSION = 3
_TABLE = (
    "CREATE TABLE IF NOT EXISTS session (hash TEXT PRIMARY KEY, account INTEGER NOT NULL, since REAL NOT NULL, "
    "used REAL NOT NULL, idle_s INTEGER NOT NULL, stage TEXT NOT NULL, address TEXT NOT NULL, "
    "agent TEXT NOT NULL, proposed BLOB, second_shown INTEGER NOT NULL) WITHOUT ROWID"
)


@dataclass(frozen=True)
class Origin:
    """Whence somebody signed in, as their own page of sessions shows it."""

    address: str = ""
    agent: str = ""


@dataclass(frozen=True)
class Kept:
    """One session as stored."""

    id: str
    """Names it on its owner's page; opens nothing."""
    account_id: int
    since: datetime
    used_at: datetime
    idle_s: int
    stage: Stage = "in"
    origin: Origin = Origin()
    proposed: bytes | None = None
    """Sealed secret of a second factor that is being set up in this session."""
    second_shown: bool = False
    """A code of the phone was shown in this session, not only the password."""


class SessionStore:
    """Sessions by the hash of their token. Threads and processes share it."""

    def __init__(self, path: Path) -> None:
        """Raises sqlite3.Error when the file cannot be opened."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        path.chmod(0o600)
        self._db.execute("PRAGMA journal_mode=WAL")
        if self._db.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
            self._db.execute("DROP TABLE IF EXISTS session")  # an older release's: everybody signs in anew
            self._db.execute(f"PRAGMA user_version={_VERSION}")
        self._db.execute(_TABLE)

    def begin(
        self,
        account_id: int,
        now: datetime,
        idle_s: int,
        stage: Stage = "in",
        origin: Origin = Origin(),
        proposed: bytes | None = None,
        *,
        second_shown: bool = False,
    ) -> str:
        """Start a session; the token for the cookie. Sessions that are over are forgotten by the way."""
        token = secrets.token_urlsafe(32)
        at = now.timestamp()
        whence = (origin.address, origin.agent[:300])
        row = (_hash(token), account_id, at, at, idle_s, stage, *whence, proposed, int(second_shown))
        with self._lock:
            self._db.execute("DELETE FROM session WHERE since < ? OR used + idle_s < ?", (at - LONGEST_S, at))
            self._db.execute("INSERT INTO session VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        return token

    def find(self, token: str, now: datetime, *, touch: bool = True) -> Kept | None:
        """The session of a token, or None when there is none or it is over. `touch`: this is use, not a poll."""
        with self._lock:
            row = self._db.execute("SELECT * FROM session WHERE hash = ?", (_hash(token),)).fetchone()
            if row is None:
                return None
            kept = _kept(row)
            at = now.timestamp()
            if not _is_open(kept, at):
                self._db.execute("DELETE FROM session WHERE hash = ?", (_hash(token),))
                return None
            if touch and at - kept.used_at.timestamp() > _TOUCH_S:
                self._db.execute("UPDATE session SET used = ? WHERE hash = ?", (at, _hash(token)))
        return kept

    def of(self, account_id: int, now: datetime) -> list[Kept]:
        """This person's open sessions, the one used last first; half-way ones are not counted."""
        with self._lock:
            rows = self._db.execute(
                "SELECT * FROM session WHERE account = ? AND stage = 'in' ORDER BY used DESC", (account_id,)
            ).fetchall()
        return [kept for kept in map(_kept, rows) if _is_open(kept, now.timestamp())]

    def propose(self, token: str, sealed: bytes | None) -> None:
        """Keep the secret of a second factor that is being set up in this session; None forgets it."""
        with self._lock:
            self._db.execute("UPDATE session SET proposed = ? WHERE hash = ?", (sealed, _hash(token)))

    def end(self, token: str) -> None:
        """Forget a session."""
        with self._lock:
            self._db.execute("DELETE FROM session WHERE hash = ?", (_hash(token),))

    def end_one(self, account_id: int, session_id: str) -> bool:
        """Forget one of this person's sessions by the id of its `Kept`; whether there was one."""
        with self._lock:
            found = self._db.execute(
                f"DELETE FROM session WHERE account = ? AND substr(hash, 1, {_ID_LENGTH}) = ?",  # noqa: S608
                (account_id, session_id),
            )
        return found.rowcount > 0

    def end_all(self, account_id: int, but: str = "") -> int:
        """Forget all of this person's sessions except the one with the token `but`; how many."""
        with self._lock:
            found = self._db.execute(
                "DELETE FROM session WHERE account = ? AND hash <> ?", (account_id, _hash(but))
            )
        return found.rowcount

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()


def _kept(row: tuple[Any, ...]) -> Kept:
    digest, account, since, used, idle_s, stage, address, agent, proposed, second_shown = row
    return Kept(
        digest[:_ID_LENGTH],
        account,
        _time(since),
        _time(used),
        idle_s,
        stage,
        Origin(address, agent),
        proposed,
        bool(second_shown),
    )


def _is_open(kept: Kept, at: float) -> bool:
    return at - kept.used_at.timestamp() <= kept.idle_s and at - kept.since.timestamp() <= LONGEST_S


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _time(stamp: float) -> datetime:
    return datetime.fromtimestamp(stamp, UTC)
