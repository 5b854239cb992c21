"""Giao ca: who is on duty, what the next one must know, taking over and handing over."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from broker.hub import shifts
from broker.hub.alert_kinds import CHOICES
from broker.hub.console import access
from broker.hub.console.desk import desk, is_part, now
from broker.hub.console.shift_book import book_of, head_of
from broker.hub.declined import Declined
from broker.hub.records import Account
from broker.hub.row_numbers import number_of

pages = Blueprint("shift", __name__)

NOTES = {"taken": "Anh/chị đang giữ ca.", "handed": "Đã giao ca. Lời giao nằm ở đầu trang cho người nhận."}


@pages.get("/duty/shift")
@access.allow("police")
def page() -> str:
    """The page, made to be printed too; for the script only who is on duty."""
    if is_part():
        with desk().database.reading() as db:
            return render_template("_duty_shift.html", **head_of(db, now()))
    return _page()


@pages.post("/duty/shift/take")
@access.allow("police")
def take() -> Response | tuple[str, int]:
    """Tôi nhận ca. Form: upon (the shift the page showed, 0 for none)."""
    try:
        with desk().database.session() as db:
            shifts.take(db, _me(db), _upon(), now())
    except Declined as why:
        return _page(str(why)), 409
    return redirect(url_for("shift.page", note="taken"))


@pages.post("/duty/shift/hand-over")
@access.allow("police")
def hand_over() -> Response | tuple[str, int]:
    """Giao ca. Form: upon, note."""
    note = request.form.get("note", "")
    try:
        with desk().database.session() as db:
            shifts.hand_over(db, _me(db), _upon(), note, now())
    except Declined as why:
        return _page(str(why), note), 409
    return redirect(url_for("shift.page", note="handed"))


def _page(trouble: str = "", written: str = "") -> str:
    with desk().database.reading() as db:
        found = book_of(db, access.visitor().id, now())
        return render_template(
            "shift.html",
            here="duty",
            theme="night",
            trouble=trouble,
            written=written,
            note=NOTES.get(request.args.get("note", ""), ""),
            longest=shifts.LONGEST_NOTE,
            sounds=CHOICES,
            **found,
        )


def _upon() -> int:
    return number_of(request.form.get("upon", "")) or 0


def _me(db: Session) -> Account:
    return db.get_one(Account, access.visitor().id)
