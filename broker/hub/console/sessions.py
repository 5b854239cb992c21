"""Who is signed in: sessions kept on the server, so that a cookie says nothing and can be ended at once.

A session is a random token in a cookie (HttpOnly, SameSite=Strict); the store knows only its hash. Sessions
live in a small SQLite file of the web service, so that a restart signs nobody out.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import sqlite3
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from flask import Flask, Request, Response, request
from flask.sessions import SessionInterface, SessionMixin

from broker.link.clock import Clock

COOKIE = "langso"
IDLE_S = 30 * 60
"""A session unused this long is over; the duty room's stays open for a whole shift."""
IDLE_DUTY_S = 12 * 3600
LONGEST_S = 12 * 3600
WITHOUT_COOKIE = frozenset(
    {"look.file", "static.file", "health", "influx.ping", "influx.health", "influx.write", "influx.write_v1"}
)
_TOUCH_S = 20
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


@dataclass(frozen=True)
class Kept:
    """One session as stored."""

    account_id: int
    since: datetime
    used_at: datetime
    idle_s: int


class SessionStore:
    """Sessions by the hash of their token. Threads share it."""

    def __init__(self, path: Path) -> None:
        """Raises sqlite3.Error when the file cannot be opened."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        path.chmod(0o600)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS session (hash TEXT PRIMARY KEY, account INTEGER NOT NULL, "
            "since REAL NOT NULL, used REAL NOT NULL, idle_s INTEGER NOT NULL) WITHOUT ROWID"
        )

    def begin(self, account_id: int, now: datetime, idle_s: int) -> str:
        """Start a session; the token for the cookie. Sessions that are over are forgotten by the way."""
        token = secrets.token_urlsafe(32)
        at = now.timestamp()
        with self._lock:
            self._db.execute("DELETE FROM session WHERE since < ? OR used + idle_s < ?", (at - LONGEST_S, at))
            self._db.execute(
                "INSERT INTO session VALUES (?, ?, ?, ?, ?)", (_hash(token), account_id, at, at, idle_s)
            )
        return token

    def find(self, token: str, now: datetime, *, touch: bool = True) -> Kept | None:
        """The session of a token, or None when there is none or it is over. `touch`: this is use, not a poll."""
        with self._lock:
            row = self._db.execute(
                "SELECT account, since, used, idle_s FROM session WHERE hash = ?", (_hash(token),)
            ).fetchone()
            if row is None:
                return None
            account, since, used, idle_s = row
            at = now.timestamp()
            if at - used > idle_s or at - since > LONGEST_S:
                self._db.execute("DELETE FROM session WHERE hash = ?", (_hash(token),))
                return None
            if touch and at - used > _TOUCH_S:
                self._db.execute("UPDATE session SET used = ? WHERE hash = ?", (at, _hash(token)))
        return Kept(account, _time(since), _time(used), idle_s)

    def end(self, token: str) -> None:
        """Forget a session."""
        with self._lock:
            self._db.execute("DELETE FROM session WHERE hash = ?", (_hash(token),))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()


def kept_secret(path: Path) -> bytes:
    """The secret this console signs form tokens with; made on first use, readable by the owner only."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        made = secrets.token_bytes(32)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(made)
        return made


class Visit(dict[str, object], SessionMixin):
    """What Flask calls the session of a request: only the form token is in it, the rest stays on the server."""

    def __init__(self, token: str, kept: Kept | None, was_over: bool) -> None:
        super().__init__()
        self.token = token
        self.kept = kept
        self.was_over = was_over
        """The browser brought a cookie that is no longer signed in."""


class ServerSessions(SessionInterface):
    """Flask's door to the store."""

    def __init__(self, store: SessionStore, secret: bytes, clock: Clock, *, secure: bool) -> None:
        self._store = store
        self._clock = clock
        self._secret = secret
        self._secure = secure

    def open_session(self, app: Flask, request: Request) -> Visit:  # noqa: ARG002
        """The session of the cookie, or a fresh one that nobody is signed in to."""
        token = request.cookies.get(COOKIE, "")
        if not _TOKEN.fullmatch(token):
            return self._visit(secrets.token_urlsafe(32), None, was_over=False)
        kept = self._store.find(token, self._clock.now(), touch=not request.path.startswith("/live"))
        return self._visit(token, kept, was_over=kept is None)

    def sign_in(self, visit: Visit, account_id: int, idle_s: int) -> None:
        """Bind a fresh token to the account: the old token is worth nothing afterwards."""
        self._store.end(visit.token)
        visit.token = self._store.begin(account_id, self._clock.now(), idle_s)

    def sign_out(self, visit: Visit) -> None:
        """End the session; the browser gets a new, empty one."""
        self._store.end(visit.token)
        visit.token = secrets.token_urlsafe(32)

    def still_open(self, visit: Visit) -> bool:
        """Whether the session stands, for streams that outlive their request."""
        return self._store.find(visit.token, self._clock.now(), touch=False) is not None

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:  # noqa: ARG002
        """Set the cookie where the token is new to this browser."""
        if not isinstance(session, Visit) or request.endpoint in WITHOUT_COOKIE:
            return
        if request.cookies.get(COOKIE) == session.token:
            return
        response.vary.add("Cookie")
        response.set_cookie(
            COOKIE, session.token, httponly=True, samesite="Strict", secure=self._secure, path="/"
        )

    def _visit(self, token: str, kept: Kept | None, *, was_over: bool) -> Visit:
        visit = Visit(token, kept, was_over)
        dict.__setitem__(
            visit, "csrf_token", hmac.new(self._secret, token.encode(), hashlib.sha256).hexdigest()
        )
        return visit


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _time(stamp: float) -> datetime:
    return datetime.fromtimestamp(stamp, UTC)
