"""Who is signed in: sessions kept on the server, so that a cookie says nothing and can be ended at once.

A session is a random token in a cookie (HttpOnly, SameSite=Strict); the store knows only its hash.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path

from flask import Flask, Request, Response, request
from flask.sessions import SessionInterface, SessionMixin
from werkzeug.http import parse_cookie

from broker.hub.console.session_store import Kept, Origin, SessionStore, Stage
from broker.link.clock import Clock

COOKIE = "langso"
IDLE_S = 30 * 60
"""A session unused this long is over; the duty room's stays open for a whole shift."""
IDLE_DUTY_S = 12 * 3600
IDLE_HALF_S = 10 * 60
"""Time to find the phone and type its code."""
WITHOUT_COOKIE = frozenset(
    {"look.file", "static.file", "health", "influx.ping", "influx.health", "influx.write", "influx.write_v1"}
)
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


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

    def __init__(
        self,
        store: SessionStore,
        secret: bytes,
        clock: Clock,
        *,
        secure: bool,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        """on_end: called when sessions were ended, so that open streams look whether they still may run."""
        self._store = store
        self._clock = clock
        self._secret = secret
        self._secure = secure
        self._on_end = on_end

    def open_session(self, app: Flask, request: Request) -> Visit:  # noqa: ARG002
        """The session of the cookie, or a fresh one that nobody is signed in to."""
        token = request.cookies.get(COOKIE, "")
        if not _TOKEN.fullmatch(token):
            return self._visit(secrets.token_urlsafe(32), None, was_over=False)
        kept = self._store.find(token, self._clock.now(), touch=not request.path.startswith("/live"))
        return self._visit(token, kept, was_over=kept is None)

    def sign_in(
        self,
        visit: Visit,
        account_id: int,
        idle_s: int,
        stage: Stage = "in",
        proposed: bytes | None = None,
        *,
        second_shown: bool = False,
    ) -> None:
        """Bind a fresh token to the account: the old token is worth nothing afterwards."""
        origin = Origin(request.remote_addr or "", request.user_agent.string)
        self._store.end(visit.token)
        visit.token = self._store.begin(
            account_id, self._clock.now(), idle_s, stage, origin, proposed, second_shown=second_shown
        )

    def sign_out(self, visit: Visit) -> None:
        """End the session; the browser gets a new, empty one."""
        self._store.end(visit.token)
        visit.token = secrets.token_urlsafe(32)
        self._on_end()

    def of(self, account_id: int) -> list[Kept]:
        """A person's open sessions, the one used last first."""
        return self._store.of(account_id, self._clock.now())

    def propose(self, visit: Visit, sealed: bytes | None) -> None:
        """Keep the secret of a second factor that is being set up in this session."""
        self._store.propose(visit.token, sealed)

    def end_one(self, account_id: int, session_id: str) -> bool:
        """End one of a person's sessions; its live pages close."""
        is_ended = self._store.end_one(account_id, session_id)
        self._on_end()
        return is_ended

    def end_all(self, account_id: int, but: Visit | None = None) -> int:
        """End all of a person's sessions, except the visit `but`; their live pages close."""
        count = self._store.end_all(account_id, but.token if but else "")
        self._on_end()
        return count

    def found(self, visit: Visit) -> Kept | None:
        """The session as it stands now, for streams that outlive their request; None when it is over."""
        return self._store.find(visit.token, self._clock.now(), touch=False)

    def is_inside(self, cookies: str) -> bool:
        """Whether a Cookie header is that of somebody who is signed in; for requests that are not read yet."""
        token = parse_cookie(cookies).get(COOKIE, "")
        if not _TOKEN.fullmatch(token):
            return False
        kept = self._store.find(token, self._clock.now(), touch=False)
        return kept is not None and kept.stage == "in"

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
