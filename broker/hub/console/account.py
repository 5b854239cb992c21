"""Tài khoản của tôi: one's own roles, password, phone code, and every place one is signed in."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, abort, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from broker.hub import accounts, second_factor, trusted
from broker.hub.console import access
from broker.hub.console.desk import desk, now
from broker.hub.console.session_store import Kept
from broker.hub.console.signin import checker, phone_page, take_code, take_phone
from broker.hub.console.staff import ROLES_TOLD
from broker.hub.console.wording import ago, long_day, when
from broker.hub.declined import Declined
from broker.hub.records import Account, Village, write_audit

pages = Blueprint("account", __name__)

NOTES = {
    "password": "Đã đổi mật khẩu. Các máy khác đã được đăng xuất.",
    "phone": "Đã bật mã xác nhận. Từ lần đăng nhập sau, hãy cầm theo điện thoại này.",
    "ended": "Đã đăng xuất máy ấy.",
    "others": "Đã đăng xuất mọi máy khác.",
}
_BROWSERS = (
    ("Edg", "Edge"), ("OPR", "Opera"), ("coc_coc", "Cốc Cốc"), ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"), ("FxiOS", "Firefox"), ("CriOS", "Chrome"), ("Chrome", "Chrome"), ("Safari", "Safari"),
)  # fmt: skip
_SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "điện thoại Android"), ("Windows", "Windows"),
    ("Mac OS X", "máy Mac"), ("CrOS", "Chromebook"), ("Linux", "Linux"),
)  # fmt: skip


@dataclass(frozen=True)
class Place:
    """One session as its owner sees it."""

    id: str
    device: str
    address: str
    begun: str
    used: str
    is_this: bool


@pages.get("/account")
@access.allow()
def mine() -> str:
    """Who I am here, and what keeps my account mine."""
    return _page()


@pages.post("/account/password")
@access.allow()
def change_password() -> Response | tuple[str, int]:
    """A new password; the present one is asked for, and every other machine is signed out."""
    try:
        _refuse_stranger(request.form.get("present", ""))
        if request.form.get("password", "") != request.form.get("again", ""):
            raise Declined("not-same", "Hai lần nhập mật khẩu mới chưa giống nhau, xin nhập lại.")
        with desk().database.session() as db:
            account = db.get_one(Account, access.visitor().id)
            accounts.set_password(db, account, request.form.get("password", ""), now(), account.username)
    except Declined as why:
        return _page(password_trouble=str(why)), 429 if why.code == "locked" else 409
    desk().sessions.end_all(access.visitor().id, but=access.visit())
    return redirect(url_for("account.mine", note="password"))


@pages.post("/account/second-factor")
@access.allow()
def renew_phone() -> Response | tuple[str, int]:
    """Begin with another phone: the present code is asked for, or the password where there is no code yet."""
    try:
        account = _me()
        if second_factor.is_set(account):
            take_code(account)
        else:
            _refuse_stranger(request.form.get("present", ""))
        desk().sessions.propose(access.visit(), second_factor.propose(desk().settings))
    except Declined as why:
        return _page(phone_trouble=str(why)), 429 if why.code == "locked" else 409
    return redirect(url_for("account.new_phone"))


@pages.route("/account/second-factor/new", methods=["GET", "POST"])
@access.allow()
def new_phone() -> str | Response | tuple[str, int]:
    """The QR code for the other phone, and the first code it shows."""
    kept = access.visit().kept
    if kept is None or kept.proposed is None:
        return redirect(url_for("account.mine"))
    if request.method == "GET":
        return phone_page("phone.html", kept.proposed)
    try:
        take_phone(_me(), kept.proposed, may_replace=kept.second_shown)
    except Declined as why:
        if why.code != "set-meanwhile":
            return phone_page("phone.html", kept.proposed, trouble=str(why)), 409
        desk().sessions.propose(access.visit(), None)
        return _page(phone_trouble=str(why)), 409
    desk().sessions.end_all(kept.account_id)
    desk().sessions.sign_in(access.visit(), kept.account_id, kept.idle_s, second_shown=True)
    return redirect(url_for("account.mine", note="phone"))


@pages.get("/account/sessions")
@access.allow()
def sessions() -> str:
    """Every place where I am signed in."""
    this = access.visit().kept
    places = [_place(kept, this.id if this else "") for kept in desk().sessions.of(access.visitor().id)]
    places.sort(key=lambda place: not place.is_this)
    return render_template(
        "sessions.html", here="account", places=places, note=NOTES.get(request.args.get("note", ""), "")
    )


@pages.post("/account/sessions/<session_id>/end")
@access.allow()
def end_one(session_id: str) -> Response:
    """Sign one machine out; its live pages close too."""
    if not desk().sessions.end_one(access.visitor().id, session_id):
        abort(404)
    _note_ended(1)
    return redirect(url_for("account.sessions", note="ended"))


@pages.post("/account/sessions/end-others")
@access.allow()
def end_others() -> Response:
    """Sign every machine out but this one."""
    _note_ended(desk().sessions.end_all(access.visitor().id, but=access.visit()))
    return redirect(url_for("account.sessions", note="others"))


def device_of(agent: str) -> str:
    """A browser as a person would call it: "Chrome trên Windows"."""
    browser = next((name for mark, name in _BROWSERS if mark in agent), "Trình duyệt lạ")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    return f"{browser} trên {system}" if system else browser


def _page(password_trouble: str = "", phone_trouble: str = "") -> str:
    at = now()
    account = _me()
    with desk().database.reading() as db:
        names = {village.code: village.name for village in db.scalars(select(Village))}
        is_needed = second_factor.is_needed(db, desk().settings, account, at)
        is_believed = account.id in trusted.signers(db, desk().settings, at)
    return render_template(
        "account.html",
        here="account",
        account=account,
        roles=[ROLES_TOLD[role] for role in account.roles],
        villages=", ".join(names.get(code, code) for code in account.villages),
        since=long_day(account.totp_since.date()) if account.totp_since else "",
        is_needed=is_needed,
        key="được tin cậy" if is_believed else "chưa được tin cậy",
        open=len(desk().sessions.of(account.id)),
        password_trouble=password_trouble,
        phone_trouble=phone_trouble,
        note=NOTES.get(request.args.get("note", ""), ""),
    )


def _refuse_stranger(password: str) -> None:
    """Raise Declined unless this is the visitor's present password; wrong ones count towards the lock."""
    account = _me()
    with checker().guarded(account, request.remote_addr or ""):
        if not checker().is_password(account, password):
            raise Declined("wrong-password", "Mật khẩu đang dùng chưa đúng, xin nhập lại.")


def _note_ended(count: int) -> None:
    me = access.visitor().username
    with desk().database.session() as db:
        write_audit(db, now(), me, "account.sessions-ended", me, {"count": str(count)})


def _me() -> Account:
    with desk().database.reading() as db:
        return db.get_one(Account, access.visitor().id)


def _place(kept: Kept, this: str) -> Place:
    at = now()
    return Place(
        kept.id,
        device_of(kept.origin.agent),
        kept.origin.address,
        when(kept.since, at),
        ago(kept.used_at, at),
        kept.id == this,
    )
