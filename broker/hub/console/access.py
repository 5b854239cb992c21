"""Who may open which page. Every view says it; a view that says nothing answers nobody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote

from flask import Flask, abort, current_app, g, redirect, request, session, url_for
from werkzeug.wrappers import Response

from broker.hub.console.sessions import Visit
from broker.hub.records import ROLES, Account, Database

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
"""Policy of what a stranger may see: the sign-in page, health, files of the look."""

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
    villages: tuple[str, ...]

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


def policy_of(app: Flask, endpoint: str) -> frozenset[str]:
    """Roles that may use an endpoint; empty where nobody declared any."""
    if endpoint in OPEN_ENDPOINTS:
        return EVERYONE
    declared: frozenset[str] = getattr(app.view_functions.get(endpoint), "policy", frozenset())
    return frozenset(declared)


def guard(app: Flask, database: Database) -> None:
    """Put the check before every view of the app."""

    def check() -> Response | None:
        g.visitor = None
        if request.endpoint is None:
            return None  # 404 needs no rights
        policy = policy_of(app, request.endpoint)
        if request.endpoint in OPEN_ENDPOINTS:
            return None
        visit = session._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
        if isinstance(visit, Visit) and visit.kept is not None:
            g.visitor = _visitor(database, visit.kept.account_id)
        if policy == EVERYONE:
            return None
        if g.visitor is None:
            return _to_sign_in(was_over=bool(getattr(visit, "was_over", False)))
        if policy.isdisjoint(g.visitor.roles):
            if request.path == "/" and home_of(g.visitor) != "/":
                return redirect(home_of(g.visitor))  # the bare address: everybody's own first page
            current_app.logger.info("refused", extra={"event": "refused", "reason": request.endpoint})
            abort(403)
        return None

    app.before_request(check)


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


def _visitor(database: Database, account_id: int) -> Visitor | None:
    with database.reading() as db:
        account = db.get(Account, account_id)
    if account is None or account.disabled_at is not None:
        return None
    return Visitor(
        id=account.id,
        username=account.username,
        name=account.full_name,
        title=account.title,
        roles=frozenset(account.roles),
        villages=tuple(account.villages),
    )


def _to_sign_in(*, was_over: bool) -> Response:
    """Where a stranger goes: the sign-in page, or a bare 401 for scripts."""
    if request.method != "GET" or request.headers.get("X-Part") or request.path.startswith("/live"):
        abort(401)
    onward = request.full_path if request.query_string else request.path
    over = "&over=1" if was_over else ""
    return redirect(f"{url_for('signin.sign_in')}?next={quote(onward, safe='')}{over}")
