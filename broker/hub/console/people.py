"""Người dùng: who belongs to the commune's staff, what each may do, who stands in for whom, asking people in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from broker.hub import people, trusted
from broker.hub.console import access
from broker.hub.console.desk import desk, now
from broker.hub.console.staff import DEPUTIES_SAID, ROLES_TOLD, deputies_of, headline, line_of, worries
from broker.hub.console.wording import local, when
from broker.hub.declined import Declined
from broker.hub.records import ROLES, Account, Village
from broker.hub.roles import ALONE
from broker.link.clock import LOCAL

pages = Blueprint("people", __name__)

READERS = ("leader", "admin", "auditor")
NOTES = {
    "changed": "Đã ghi thay đổi; có hiệu lực ngay, kể cả trang đang mở.",
    "off": "Đã khoá tài khoản và đăng xuất mọi máy.",
    "on": "Đã mở lại tài khoản. Gửi lời mời để đặt mật khẩu mới.",
    "phone": "Đã gỡ mã xác nhận. Người này đặt điện thoại mới ở lần đăng nhập tới.",
    "deputy": "Đã giao việc thay; hết ngày ấy tự thôi.",
    "ended": "Đã thôi việc làm thay.",
}


@pages.get("/people")
@access.allow(*READERS)
def all_people() -> str:
    """Everybody, those who need somebody's attention first."""
    at = now()
    with desk().database.reading() as db:
        accounts = list(db.scalars(select(Account).order_by(Account.full_name)))
        signers = trusted.signers(db, desk().settings, at)
        lines = [line_of(db, desk().settings, account, signers, at) for account in accounts]
        found = {
            "staff": sorted((each for each in lines if not each.is_off), key=lambda each: each.rank),
            "off": [each for each in lines if each.is_off],
            "deputies": deputies_of(db, at),
            "head": headline(lines),
            "worries": worries(lines),
        }
    note = NOTES.get(request.args.get("note", ""), "")
    return render_template("people.html", here="people", note=note, **found)


@pages.get("/people/new")
@access.allow("admin")
def new() -> str:
    """The form for somebody new."""
    return _form_page()


@pages.post("/people")
@access.allow("admin")
def add() -> str | tuple[str, int]:
    """Ask somebody in; the address to hand over is shown once."""
    try:
        with desk().database.session() as db:
            username = request.form.get("username", "").strip()
            account, token = people.ask_in(db, username, _facts(), access.visitor().username, now())
    except Declined as why:
        return _form_page(str(why)), 409
    return _invitation_page(account, token)


@pages.get("/people/<username>")
@access.allow(*READERS)
def one(username: str) -> str:
    """One person, and all that an admin may change."""
    return _person_page(username)


@pages.post("/people/<username>")
@access.allow("admin")
def change(username: str) -> Response | tuple[str, int]:
    """Another name, title, roles, villages."""
    try:
        with desk().database.session() as db:
            account = people.person(db, username)
            people.change(db, desk().settings, account, _facts(), access.visitor().username, now())
    except Declined as why:
        return _person_page(username, str(why)), 409
    return redirect(url_for("people.one", username=username, note="changed"))


@pages.post("/people/<username>/invite")
@access.allow("admin")
def invite(username: str) -> str | tuple[str, int]:
    """A new invitation; the old password opens nothing from this moment, every machine is signed out."""
    try:
        with desk().database.session() as db:
            account = people.person(db, username)
            token = people.reset_password(db, account, access.visitor().username, now(), desk().settings)
    except Declined as why:
        return _person_page(username, str(why)), 409
    desk().sessions.end_all(account.id)
    return _invitation_page(account, token)


@pages.post("/people/<username>/switch")
@access.allow("admin")
def switch(username: str) -> Response | tuple[str, int]:
    """Close an account, or open it again."""
    me, is_off = access.visitor().username, request.form.get("act") == "off"
    try:
        with desk().database.session() as db:
            account = people.person(db, username)
            if is_off:
                people.disable(db, desk().settings, account, me, now())
            else:
                people.enable(db, account, me, now())
    except Declined as why:
        return _person_page(username, str(why)), 409
    desk().sessions.end_all(account.id)
    return redirect(url_for("people.one", username=username, note="off" if is_off else "on"))


@pages.post("/people/<username>/phone")
@access.allow("admin")
def take_phone(username: str) -> Response | tuple[str, int]:
    """Somebody lost the phone that shows the codes."""
    try:
        with desk().database.session() as db:
            account = people.person(db, username)
            people.reset_second_factor(db, account, access.visitor().username, now())
    except Declined as why:
        return _person_page(username, str(why)), 409
    desk().sessions.end_all(account.id)
    return redirect(url_for("people.one", username=username, note="phone"))


@pages.post("/people/<username>/deputies")
@access.allow("admin")
def appoint(username: str) -> Response | tuple[str, int]:
    """Somebody stands in for this person in one role until the end of a day."""
    try:
        with desk().database.session() as db:
            people.appoint(
                db,
                people.person(db, request.form.get("who", "")),
                people.person(db, username),
                request.form.get("role", ""),
                _end_of_day(request.form.get("until", "")),
                access.visitor().username,
                now(),
            )
    except Declined as why:
        return _person_page(username, str(why)), 409
    return redirect(url_for("people.one", username=username, note="deputy"))


@pages.post("/deputies/<int:number>/end")
@access.allow("admin")
def end_deputy(number: int) -> Response:
    """Standing in ends before its day."""
    with desk().database.session() as db:
        people.end_deputy(db, number, access.visitor().username, now())
    return redirect(url_for("people.all_people", note="ended"))


def _facts() -> people.Facts:
    """What the form says about a person."""
    form = request.form
    return people.Facts(
        full_name=form.get("full_name", "")[:80],
        title=form.get("title", "")[:80],
        roles=form.getlist("roles"),
        villages=form.getlist("villages"),
    )


def _end_of_day(text: str) -> datetime:
    """The last moment of a day that was chosen. Raises Declined."""
    try:
        day = date.fromisoformat(text)
    except ValueError as why:
        raise Declined("bad-days", "Xin chọn ngày cuối làm thay.") from why
    return datetime.combine(day, time(23, 59, 59), tzinfo=LOCAL)


def _form_page(trouble: str = "") -> str:
    with desk().database.reading() as db:
        villages = _villages(db)
    return render_template(
        "person-new.html",
        here="people",
        trouble=trouble,
        form=request.form,
        chosen=request.form.getlist("roles"),
        places=request.form.getlist("villages"),
        villages=villages,
        roles=ROLES_TOLD,
    )


def _person_page(username: str, trouble: str = "") -> str:
    at = now()
    with desk().database.reading() as db:
        account = people.person(db, username)
        signers = trusted.signers(db, desk().settings, at)
        others = db.scalars(
            select(Account)
            .where(Account.id != account.id, Account.disabled_at.is_(None))
            .order_by(Account.full_name)
        )
        found = {
            "line": line_of(db, desk().settings, account, signers, at),
            "invitation": people.waiting_invitation(db, account, at),
            "deputies": [each for each in deputies_of(db, at) if username in (each.username, each.holder)],
            "others": [each for each in others if not ALONE & set(each.roles)],
        }
        villages = _villages(db)
    today = local(at).date()
    return render_template(
        "person.html",
        here="people",
        account=account,
        trouble=trouble,
        note=NOTES.get(request.args.get("note", ""), ""),
        roles=ROLES_TOLD,
        given=[
            (role, DEPUTIES_SAID[role]) for role in ROLES if role in account.roles and role in DEPUTIES_SAID
        ],
        villages=villages,
        places_said=", ".join(each.name for each in villages if each.code in account.villages),
        today=today.isoformat(),
        latest=(today + people.LONGEST_DEPUTY - timedelta(days=1)).isoformat(),
        **found,
    )


def _invitation_page(account: Account, token: str) -> str:
    address = desk().settings.console_address + url_for("signin.invitation", token=token)
    until = when(now() + people.INVITED_FOR, now())
    return render_template(
        "invited.html",
        here="people",
        account=account,
        address=address,
        until=until,
        is_local=not desk().settings.console.address,
    )


def _villages(db: Session) -> Sequence[Village]:
    return db.scalars(select(Village).order_by(Village.rank, Village.code)).all()
