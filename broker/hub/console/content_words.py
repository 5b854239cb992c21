"""Tìm không thấy: words that people typed at screens in vain, put to the procedure they mean."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from broker.contract.content import Bundle
from broker.hub import content_review as review
from broker.hub.console import access
from broker.hub.console.content_shelf import base_now, entries, me, plain, today
from broker.hub.console.desk import desk, now
from broker.hub.console.pager import page_of, turn
from broker.hub.console.wording import short_day
from broker.hub.content_shown import NO_PROCEDURE
from broker.hub.declined import Declined
from broker.hub.records import SearchWord

pages = Blueprint("content_words", __name__)

ROWS = 40


@dataclass(frozen=True)
class Line:
    """One thing people asked for."""

    text: str
    said: str
    """How often and when."""
    put_to: str
    """The procedure's title, or that it is none; empty while nobody has looked."""


@pages.get("/noi-dung/tim-khong-thay")
@access.allow(*review.READERS)
def missed() -> str:
    """What nobody has looked at yet, most asked first; `xong`: what was put to something."""
    return _page()


@pages.post("/noi-dung/tim-khong-thay")
@access.allow(*review.WRITERS)
def settle() -> Response | tuple[str, int]:
    """Put a word to a procedure. Form: text; act: put or none; to: a code, or a title as the list offers it."""
    base = base_now()
    text = request.form.get("text", "").replace("\x00", "")  # PostgreSQL knows no NUL
    to = request.form.get("to", "").strip()
    is_none = request.form.get("act", "") == "none"
    try:
        with desk().database.session() as db:
            code = NO_PROCEDURE if is_none else _code(db, base, to)
            review.settle_word(db, me(db), base, text, code, now())
    except Declined as why:
        return _page(str(why)), 409
    return redirect(url_for("content_words.missed", note="none" if is_none else "put"))


def _code(db: Session, base: Bundle, typed: str) -> str:
    """The code that stands first in what was chosen, or of the one procedure of that title."""
    first = typed.split(" ", 1)[0]
    if review.CODE.fullmatch(first):
        return first
    wanted = plain(typed)
    fits = [
        each.code for each in entries(db, base, today()) if wanted in (plain(each.title), plain(each.name))
    ]
    if len(fits) != 1:
        raise Declined("unknown-procedure", "Chưa rõ thủ tục nào, xin chọn một dòng trong danh sách gợi ý.")
    return fits[0]


def _page(trouble: str = "") -> str:
    base, day = base_now(), today()
    is_done = request.args.get("xem", "") == "xong"
    with desk().database.reading() as db:
        known = entries(db, base, day)
        names = {each.code: each.title for each in known}
        which = SearchWord.code != "" if is_done else SearchWord.code == ""
        rows = db.scalars(select(SearchWord).where(which).order_by(SearchWord.count.desc(), SearchWord.text))
        lines = [
            Line(
                row.text,
                f"{row.count} lần, gần nhất {short_day(row.last_on, day)}",
                "không phải thủ tục" if row.code == NO_PROCEDURE else names.get(row.code, row.code),
            )
            for row in rows
        ]
    notes = {"put": "Đã xếp. Từ nay gõ từ này màn hình tìm ra.", "none": "Đã ghi: không phải thủ tục."}
    return render_template(
        "content_words.html",
        here="content",
        page=page_of(lines, request.args.get("trang", ""), ROWS),
        turn=turn,
        is_done=is_done,
        choices=[(each.code, each.title) for each in known],
        may_write=access.visitor().is_any(*review.WRITERS),
        note=notes.get(request.args.get("note", ""), ""),
        trouble=trouble,
    )
