"""Signing in and out: the password, then the second factor where a person has one or needs one."""

from __future__ import annotations

import logging
import unicodedata
from urllib.parse import unquote, urlsplit

from flask import Blueprint, current_app, g, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from broker.hub import people, second_factor
from broker.hub.accounts import SignIn
from broker.hub.console import access
from broker.hub.console.access import public
from broker.hub.console.desk import desk, now
from broker.hub.console.session_store import Stage
from broker.hub.console.sessions import IDLE_DUTY_S, IDLE_HALF_S, IDLE_S
from broker.hub.declined import Declined
from broker.hub.records import Account, write_audit
from broker.hub.roles import roles_of

log = logging.getLogger(__name__)
pages = Blueprint("signin", __name__)

Answer = str | Response | tuple[str, int]
_STATUS = {"locked": 429, "busy": 503}


@pages.route("/sign-in", methods=["GET", "POST"])
@public
def sign_in() -> Answer:
    """The form; and, with a right name and password, a new session or the question for the second factor."""
    onward = own_path(request.values.get("next", ""))
    if request.method == "GET":
        if g.visitor is not None:
            return redirect(onward or access.home_of(g.visitor))
        note = "Phiên làm việc đã hết, anh/chị đăng nhập lại để làm tiếp." if request.args.get("over") else ""
        return _page(onward, note=note)
    name = request.form.get("name", "")
    try:
        account = checker().verify(name, request.form.get("password", ""), request.remote_addr or "")
    except Declined as why:
        log.info("sign-in refused", extra={"event": "sign-in-refused", "reason": why.code})
        return _page(onward, trouble=str(why), name=name[:64]), _STATUS.get(why.code, 401)
    return enter(account, onward)


@pages.route("/sign-in/code", methods=["GET", "POST"])
@access.halfway
def code() -> Answer:
    """The code on the phone, after a right password."""
    onward = own_path(request.values.get("next", ""))
    if _stage() != "code":
        return redirect(_half_address("setup", onward))
    if request.method == "GET":
        return render_template("code.html", onward=onward, trouble="")
    try:
        with desk().database.reading() as db:
            account = _half(db)
        take_code(account)
    except Declined as why:
        return render_template("code.html", onward=onward, trouble=str(why)), _status(why)
    return begin(account, onward, second_shown=True)


@pages.route("/sign-in/second-factor", methods=["GET", "POST"])
@access.halfway
def set_up() -> Answer:
    """A phone is set up before somebody whose role asks for it comes in."""
    onward = own_path(request.values.get("next", ""))
    kept = access.visit().kept
    if kept is None or kept.proposed is None:
        return redirect(_half_address("code", onward))
    if request.method == "GET":
        return phone_page("second-factor.html", kept.proposed, onward=onward)
    with desk().database.reading() as db:
        account = _half(db)
    if second_factor.is_set(account):  # set up elsewhere meanwhile: a half-way session must not replace it
        desk().sessions.sign_out(access.visit())
        return redirect(url_for("signin.sign_in"))
    try:
        take_phone(account, kept.proposed, may_replace=False)
    except Declined as why:
        return phone_page("second-factor.html", kept.proposed, onward=onward, trouble=str(why)), _status(why)
    desk().sessions.end_all(account.id)  # those who came in by the password alone, and what they proposed
    return begin(account, onward, second_shown=True)


@pages.route("/invitation/<token>", methods=["GET", "POST"])
@public
def invitation(token: str) -> Answer:
    """Who was asked in chooses a password here, once; the second factor follows where the role asks for it."""
    with desk().database.reading() as db:
        account = people.invited(db, token, now())
    if request.method == "GET":
        return _invitation_page(account)
    password = request.form.get("password", "")
    try:
        if password != request.form.get("again", ""):
            raise Declined("not-same", "Hai lần nhập chưa giống nhau, xin nhập lại.")
        with desk().database.session() as db:
            account = people.accept(db, token, password, now())
    except Declined as why:
        return _invitation_page(account, str(why)), 409
    desk().sessions.end_all(account.id)
    return enter(account, "")


@pages.post("/sign-out")
@access.allow()
def sign_out() -> Response:
    """End the session on the server; the cookie is worth nothing afterwards."""
    desk().sessions.sign_out(access.visit())
    with desk().database.session() as db:
        write_audit(db, now(), access.visitor().username, "account.signed-out", "console")
    return redirect(url_for("signin.sign_in"))


@pages.get("/home")
@access.allow()
def home() -> Response:
    """Where this person's day begins."""
    return redirect(access.home_of(access.visitor()))


def own_path(asked: str) -> str:
    """A path of this console, or nothing: no sign-in may lead to somebody else's page, however a browser reads it."""
    try:
        parts = urlsplit(asked)
    except ValueError:  # `//[`
        return ""
    steps = unquote(parts.path).split("/")
    is_plain = not {".", ".."} & set(steps) and "" not in steps[1:-1] and "\\" not in unquote(parts.path)
    is_ours = asked.startswith("/") and not asked.startswith("//") and not (parts.scheme or parts.netloc)
    is_clean = "\\" not in asked and not any(
        unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in asked
    )
    return asked if is_ours and is_plain and is_clean else ""


def checker() -> SignIn:
    """The one sign-in checker of this app: its counts of wrong passwords must be shared."""
    found: SignIn = current_app.extensions["sign-in"]
    return found


def enter(account: Account, onward: str) -> Response:
    """After a right password: in, or on to the second factor."""
    if second_factor.is_set(account):
        stage: Stage = "code"
    else:
        with desk().database.reading() as db:
            is_needed = second_factor.is_needed(db, desk().settings, account, now())
        if not is_needed:
            return begin(account, onward)
        stage = "setup"
    proposed = second_factor.propose(desk().settings) if stage == "setup" else None
    desk().sessions.sign_in(access.visit(), account.id, IDLE_HALF_S, stage, proposed)
    return redirect(_half_address(stage, onward))


def begin(account: Account, onward: str, *, second_shown: bool = False) -> Response:
    """Everything was shown: a session of its own begins. second_shown: a code of the phone too."""
    checker().note_in(account)
    with desk().database.session() as db:
        roles = roles_of(db, account, now())
        write_audit(db, now(), account.username, "account.signed-in", "console")
    idle_s = IDLE_DUTY_S if roles <= {"police"} else IDLE_S
    desk().sessions.sign_in(access.visit(), account.id, idle_s, second_shown=second_shown)
    return redirect(onward or url_for("signin.home"))


def take_code(account: Account) -> None:
    """Check a code of the form for this account. Raises Declined; wrong ones count towards the lock."""
    with checker().guarded(account, request.remote_addr or ""), desk().database.session() as db:
        mine = db.get_one(Account, account.id)
        second_factor.check(db, desk().settings, mine, request.form.get("code", ""), now())


def take_phone(account: Account, proposed: bytes, *, may_replace: bool) -> None:
    """Check the first code of a phone that is being set up, and keep its secret. Raises Declined.

    may_replace: this session has shown a code of the phone before it.
    """
    with checker().guarded(account, request.remote_addr or ""), desk().database.session() as db:
        mine = db.get_one(Account, account.id)
        code = request.form.get("code", "")
        second_factor.set_up(db, desk().settings, mine, proposed, code, now(), may_replace=may_replace)


def phone_page(template: str, proposed: bytes, **more: str) -> str:
    """A page with the QR code of a phone that is being set up."""
    with desk().database.reading() as db:
        kept = access.visit().kept
        account = db.get_one(Account, kept.account_id if kept else 0)
    secret = second_factor.secret_of(desk().settings, proposed)
    address = second_factor.address_of(secret, account.username, desk().commune_name)
    grouped = " ".join(secret[n : n + 4] for n in range(0, len(secret), 4))
    return render_template(
        template, **{"trouble": "", **more}, address=address, secret=grouped, account=account
    )


def _half(db: Session) -> Account:
    """Who showed the right password in this session. Raises Declined when the account was disabled meanwhile."""
    kept = access.visit().kept
    account = db.get(Account, kept.account_id) if kept is not None else None
    if account is None or account.disabled_at is not None:
        raise Declined("wrong-password", "Tài khoản này không dùng được nữa; xin hỏi người quản trị của xã.")
    return account


def _stage() -> str:
    kept = access.visit().kept
    return kept.stage if kept is not None else ""


def _half_address(stage: str, onward: str) -> str:
    endpoint = "signin.code" if stage == "code" else "signin.set_up"
    return url_for(endpoint, next=onward or None)


def _status(why: Declined) -> int:
    return _STATUS.get(why.code, 409)


def _page(onward: str, *, trouble: str = "", note: str = "", name: str = "") -> str:
    return render_template("signin.html", onward=onward, trouble=trouble, note=note, name=name)


def _invitation_page(account: Account, trouble: str = "") -> str:
    roles = [access.ROLES_SAID[role] for role in account.roles]
    return render_template("invitation.html", account=account, roles=roles, trouble=trouble)
