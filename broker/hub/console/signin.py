"""Signing in and out."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from flask import Blueprint, current_app, g, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from broker.hub.accounts import SignIn
from broker.hub.console import access
from broker.hub.console.access import Visitor, public
from broker.hub.console.desk import desk
from broker.hub.console.sessions import IDLE_DUTY_S, IDLE_S, Visit
from broker.hub.declined import Declined
from broker.hub.records import Account, write_audit

log = logging.getLogger(__name__)
pages = Blueprint("signin", __name__)


@pages.route("/sign-in", methods=["GET", "POST"])
@public
def sign_in() -> str | Response | tuple[str, int]:
    """The form; and, with a right name and password, a new session and the page first asked for."""
    onward = own_path(request.values.get("next", ""))
    if request.method == "GET":
        if g.visitor is not None:
            return redirect(onward or access.home_of(g.visitor))
        note = "Phiên làm việc đã hết, anh/chị đăng nhập lại để làm tiếp." if request.args.get("over") else ""
        return _page(onward, note=note)
    name = request.form.get("name", "")
    try:
        account = _checker().verify(name, request.form.get("password", ""))
    except Declined as why:
        log.info("sign-in refused", extra={"event": "sign-in-refused", "reason": why.code})
        return _page(onward, trouble=str(why), name=name[:64]), 429 if why.code == "locked" else 401
    _begin(account)
    return redirect(onward or _home(account))


@pages.post("/sign-out")
@access.allow()
def sign_out() -> Response:
    """End the session on the server; the cookie is worth nothing afterwards."""
    visit = _visit()
    desk().sessions.sign_out(visit)
    with desk().database.session() as db:
        write_audit(db, desk().clock.now(), access.visitor().username, "account.signed-out", "console")
    return redirect(url_for("signin.sign_in"))


@pages.get("/home")
@access.allow()
def home() -> Response:
    """Where this person's day begins."""
    return redirect(access.home_of(access.visitor()))


def own_path(asked: str) -> str:
    """A path of this console, or nothing: no sign-in may lead to somebody else's page."""
    parts = urlsplit(asked)
    if parts.scheme or parts.netloc or not asked.startswith("/") or asked.startswith(("//", "/\\")):
        return ""
    return "" if "\\" in asked or any(ord(c) < 32 for c in asked) else asked


def _begin(account: Account) -> None:
    only_duty = set(account.roles) <= {"police"}
    desk().sessions.sign_in(_visit(), account.id, IDLE_DUTY_S if only_duty else IDLE_S)
    with desk().database.session() as db:
        write_audit(db, desk().clock.now(), account.username, "account.signed-in", "console")


def _home(account: Account) -> str:
    roles = frozenset(account.roles)
    return access.home_of(Visitor(account.id, account.username, account.full_name, "", roles, (), ""))


def _checker() -> SignIn:
    """The one sign-in checker of this app: its counts of wrong passwords must be shared."""
    found: SignIn = current_app.extensions["sign-in"]
    return found


def _visit() -> Visit:
    visit = session._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
    assert isinstance(visit, Visit)  # noqa: S101  (app.py installs no other kind)
    return visit


def _page(onward: str, *, trouble: str = "", note: str = "", name: str = "") -> str:
    return render_template("signin.html", onward=onward, trouble=trouble, note=note, name=name)
