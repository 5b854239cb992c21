"""Who may open which page. Every view says it; a view that says nothing answers nobody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from urllib.parse import quote

from flask import Flask, abort, current_app, g, redirect, request, session, url_for
from werkzeug.wrappers import Response

from broker.hub.console.desk import Desk, desk
from broker.hub.console.session_store import Kept
from broker.hub.console.sessions import Visit
from broker.hub.console.wording import when
from broker.hub.records import ROLES, Account
from broker.hub.roles import NEEDS_SECOND, grants_of, roles_with, villages_with
from broker.hub.second_factor import is_set

ROLES_SAID = {
    "editor": "biên tập",
    "approver": "duyệt",
    "police": "công an",
    "leader": "lãnh đạo",
    "admin": "quản trị",
    "auditor": "kiểm tra",
    "village": "trưởng thôn",
    "helper": "người giúp",
}
EVERYONE = frozenset({"*"})
"""Policy of what a stranger may see: the sign-in page, an invitation, health, files of the look."""
HALFWAY = frozenset({"-"})
"""Policy of the pages between a right password and the second factor."""

OPEN_ENDPOINTS = frozenset({"look.file", "static.file"})
"""Files without data, served by broker.look."""

View = TypeVar("View", bound=Callable[..., object])


@dataclass(frozen=True)
class Visitor:
    """The signed-in person of this request."""

    id: int
    username: str
    name: str
    title: str
    roles: frozenset[str]
    """In force: own roles, and those held for others."""
    villages: tuple[str, ...]
    """Villages this person speaks for."""
    acting: tuple[str, ...] = ()
    """"duyệt thay Trần Văn Hùng đến 17:00 thứ Hai 30/11", for the person's own menu."""
    lacks_second: bool = False
    """Roles are held back until the second factor is set up."""

    def is_any(self, *roles: str) -> bool:
        """Whether this person has one of the roles."""
        return not self.roles.isdisjoint(roles)

    @property
    def roles_said(self) -> str:
        """The roles in words, for the person's own menu."""
        said = ", ".join(ROLES_SAID[role] for role in ROLES if role in self.roles)
        return ": ".join(part for part in (self.title, said) if part)


def allow(*roles: str) -> Callable[[View], View]:
    """Declare who may use a view: roles, none named means anybody who is signed in."""
    unknown = set(roles) - set(ROLES)
    if unknown:
        raise ValueError(f"no such role: {', '.join(sorted(unknown))}")

    def declare(view: View) -> View:
        view.policy = frozenset(roles or ROLES)  # type: ignore[attr-defined]
        return view

    return declare


def public(view: View) -> View:
    """Declare that a view may be used by anybody who reaches the console."""
    view.policy = EVERYONE  # type: ignore[attr-defined]
    return view


def halfway(view: View) -> View:
    """Declare that a view belongs between a right password and the second factor."""
    view.policy = HALFWAY  # type: ignore[attr-defined]
    return view


def policy_of(app: Flask, endpoint: str) -> frozenset[str]:
    """Roles that may use an endpoint; empty where nobody declared any."""
    if endpoint in OPEN_ENDPOINTS:
        return EVERYONE
    declared: frozenset[str] = getattr(app.view_functions.get(endpoint), "policy", frozenset())
    return frozenset(declared)


def guard(app: Flask) -> None:
    """Put the check before every view of the app."""

    def check() -> Response | None:
        g.visitor = None
        if request.endpoint is None or request.endpoint in OPEN_ENDPOINTS:
            return None  # 404 needs no rights
        policy = policy_of(app, request.endpoint)
        kept = visit().kept
        if kept is not None and kept.stage == "in":
            g.visitor = person_of(desk(), kept)
        if policy == EVERYONE:
            return None
        if policy == HALFWAY:
            is_half = kept is not None and kept.stage != "in"
            return None if is_half else redirect(url_for("signin.sign_in", next=request.args.get("next")))
        if g.visitor is None:
            return _to_sign_in(was_over=visit().was_over)
        if policy.isdisjoint(g.visitor.roles):
            if request.path == "/" and home_of(g.visitor) != "/":
                return redirect(home_of(g.visitor))  # the bare address: everybody's own first page
            current_app.logger.info("refused", extra={"event": "refused", "reason": request.endpoint})
            abort(403)
        return None

    app.before_request(check)


def visit() -> Visit:
    """The session of this request, whoever it belongs to."""
    found = session._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
    assert isinstance(found, Visit)  # noqa: S101  (app.py installs no other kind)
    return found


def visitor() -> Visitor:
    """The person of this request; only for views whose policy asks for one."""
    found = g.get("visitor")
    if not isinstance(found, Visitor):
        abort(403)
    return found


def home_of(person: Visitor) -> str:
    """Where a person's day begins."""
    if person.is_any("editor", "approver", "leader", "admin", "auditor", "village", "helper"):
        return url_for("today.today")
    return url_for("duty.room")


def person_of(here: Desk, kept: Kept) -> Visitor | None:
    """Who holds a session, with the roles in force now; None when nobody may act by it any more.

    A role that asks for the second factor is held back from a session that has not shown it: what the account
    has set up since says nothing about who holds an older session.
    """
    at = here.clock.now()
    with here.database.reading() as db:
        account = db.get(Account, kept.account_id)
        if account is None or account.disabled_at is not None:
            return None
        grants = grants_of(db, account, at)
    roles = roles_with(account, grants)
    villages = tuple(sorted(villages_with(account, grants, "village") or ()))
    is_shown = kept.second_shown and is_set(account)
    is_held_back = here.settings.console.second_factor and not is_shown and not roles.isdisjoint(NEEDS_SECOND)
    if is_held_back:
        roles -= NEEDS_SECOND
    if not roles:
        return None
    return Visitor(
        id=account.id,
        username=account.username,
        name=account.full_name,
        title=account.title,
        roles=roles,
        villages=villages,
        acting=tuple(
            _said(grant.role, whom, grant.until, at) for grant, whom in grants if grant.role in roles
        ),
        lacks_second=is_held_back,
    )


def still_may(here: Desk, session: Visit, person: Visitor) -> bool:
    """Whether this session still stands and means the same rights, for streams that outlive their request."""
    kept = here.sessions.found(session)
    now = person_of(here, kept) if kept is not None and kept.stage == "in" else None
    return now is not None and now.roles == person.roles


def _said(role: str, whom: Account, until: datetime, at: datetime) -> str:
    return f"{ROLES_SAID[role]} thay {whom.full_name} đến {when(until, at)}"


def _to_sign_in(*, was_over: bool) -> Response:
    """Where a stranger goes: the sign-in page, or a bare 401 for scripts."""
    if request.method != "GET" or request.headers.get("X-Part") or request.path.startswith("/live"):
        abort(401)
    onward = request.full_path if request.query_string else request.path
    over = "&over=1" if was_over else ""
    return redirect(f"{url_for('signin.sign_in')}?next={quote(onward, safe='')}{over}")
