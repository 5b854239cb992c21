"""Nội dung màn hình: every procedure the screens know, in which state it is, and what has to be looked at first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from broker.hub.console import access
from broker.hub.console.content_shelf import Entry, base_now, entries, plain, say_due, titles, today
from broker.hub.console.desk import desk
from broker.hub.console.pager import page_of, turn
from broker.hub.console.wording import count
from broker.hub.content_due import HIDDEN, first_day
from broker.hub.content_review import CODE, READERS, WRITERS

pages = Blueprint("content_list", __name__)

ROWS = 60
LONGEST_QUERY = 120
KINDS = {
    "soat": "Cần soát",
    "cho": "Chờ duyệt",
    "viet": "Đang viết, bị trả lại",
    "chua": "Xã chưa duyệt",
    "duyet": "Xã đã duyệt",
    "rut": "Đã rút",
    "ten": "Chỉ có tên",
}
"""What the list may be narrowed to, in words."""
_STATES = {
    "waiting": ("look", "Chờ duyệt"),
    "written": ("wait", "Đang viết"),
    "unapproved": ("wait", "Xã chưa duyệt"),
    "approved": ("ok", "Xã đã duyệt"),
    "retired": ("bad", "Đã rút"),
    "named": ("wait", "Chỉ có tên"),
}
_STATE_OF_KIND = {
    "cho": ("waiting",),
    "viet": ("written",),
    "rut": ("retired",),
    "ten": ("named",),
}


@dataclass(frozen=True)
class Line:
    """One procedure in the list."""

    code: str
    title: str
    field: str
    shape: str
    state: str
    due_shape: str
    due: str
    """When it has to be looked at; empty while nothing presses."""


@pages.get("/noi-dung")
@access.allow(*READERS)
def all_procedures() -> str:
    """The list. q: words; linh-vuc: a field; trang-thai: one of KINDS; without any, all that screens explain."""
    base, day = base_now(), today()
    with desk().database.reading() as db:
        everything = entries(db, base, day)
    fields, _ = titles(base)
    query = request.args.get("q", "")[:LONGEST_QUERY]
    field, kind = request.args.get("linh-vuc", ""), request.args.get("trang-thai", "")
    asked = plain(query).split()
    found = [
        each
        for each in everything
        if (kind in KINDS or asked or each.state != "named")
        and _is_of(each, kind)
        and (field not in fields or each.field == field)
        and all(word in each.words for word in asked)
    ]
    shown = page_of([_line(each, fields, day) for each in found], request.args.get("trang", ""), ROWS)
    return render_template(
        "content_list.html",
        here="content",
        page=shown,
        turn=turn,
        head=headline(everything, day),
        counts=counts_of(everything),
        kinds=KINDS,
        fields=fields,
        query=query,
        field=field,
        kind=kind,
        may_write=access.visitor().is_any(*WRITERS),
    )


@pages.get("/noi-dung/moi")
@access.allow(*WRITERS)
def new() -> str | Response:
    """Ask for a code; one that is known leads to its page, one known by name to its form. ma: the code."""
    code = request.args.get("ma", "").strip()
    if not code:
        return render_template("content_new.html", here="content", code="", trouble="")
    base = base_now()
    if code in base.redirects:
        taken = base.redirects[code]
        trouble = f"Mã {code} đã bãi bỏ, nay là {taken}. Xin mở thủ tục {taken}."
        return render_template("content_new.html", here="content", code=taken, trouble=trouble)
    if not CODE.fullmatch(code):
        trouble = "Mã thủ tục gồm một số, dấu chấm và sáu số, như 1.001193."
        return render_template("content_new.html", here="content", code=code[:40], trouble=trouble)
    with desk().database.reading() as db:
        known = next((each for each in entries(db, base, today()) if each.code == code), None)
    if known is not None and known.state != "named":
        return redirect(url_for("content_one.one", code=code))
    return redirect(url_for("content_edit.edit", code=code))


def counts_of(everything: Sequence[Entry]) -> dict[str, int]:
    """How many of each of KINDS."""
    return {kind: sum(_is_of(each, kind) for each in everything) for kind in KINDS}


def headline(everything: Sequence[Entry], day: date) -> str:
    """What presses, in one sentence: "12 thủ tục cần soát trước 19/01."."""
    dues = [each.due for each in everything if each.due is not None]
    asked = [due for due in dues if due.is_asked]
    hidden = Counter(due.standing in HIDDEN for due in asked)
    first = first_day(asked) or first_day(dues)
    said = "" if first is None else f"{first:%d/%m}" if first.year == day.year else f"{first:%d/%m/%Y}"
    if hidden[True]:
        more = f", {hidden[False]} cần soát trước {said}" if hidden[False] else ""
        return f"{count(hidden[True])} thủ tục màn hình đã ẩn{more}."
    if asked:
        return f"{count(len(asked))} thủ tục cần soát trước {said}."
    return (
        f"Chưa có gì phải soát lại, lần tới trước {said}." if said else "Màn hình chưa hướng dẫn thủ tục nào."
    )


def _is_of(entry: Entry, kind: str) -> bool:
    """Whether an entry belongs to one of KINDS; everything belongs to no kind."""
    if kind == "soat":
        return bool(entry.due and entry.due.is_asked)
    if kind in ("chua", "duyet"):
        return entry.shown is not None and entry.shown.approved == (kind == "duyet")
    return entry.state in _STATE_OF_KIND[kind] if kind in _STATE_OF_KIND else True


def _line(entry: Entry, fields: dict[str, str], day: date) -> Line:
    shape, state = _STATES[entry.state]
    if entry.written is not None and entry.written.state == "returned":
        shape, state = "bad", "Trả lại để sửa"
    due_shape, due = say_due(entry.due, day)
    return Line(entry.code, entry.title, fields.get(entry.field, entry.field), shape, state, due_shape, due)
