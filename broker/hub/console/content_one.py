"""One procedure: what screens tell of it, its versions, and what an approver decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, abort, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from broker.contract.content import Bundle, Procedure
from broker.hub import content_review as review
from broker.hub.console import access
from broker.hub.console.content_changes import changes, told
from broker.hub.console.content_form import LABELS
from broker.hub.console.content_shelf import (
    PANELS,
    STATES,
    Entry,
    as_approved,
    base_now,
    entries,
    me,
    moment,
    preview_of,
    say_due,
    titles,
    today,
)
from broker.hub.console.desk import desk, now
from broker.hub.content_shown import procedure_of
from broker.hub.declined import Declined
from broker.hub.records import Account, ContentRevision
from broker.look.procedure_lint import faults, is_official

pages = Blueprint("content_one", __name__)

NOTES = {
    "saved": "Đã cất bản nháp. Màn hình chưa đổi.",
    "sent": "Đã gửi duyệt. Màn hình đổi khi người duyệt đồng ý.",
    "approved": "Đã duyệt. Màn hình ở các thôn đổi trong vài phút.",
    "returned": "Đã trả lại cho người viết.",
    "retired": "Đã rút. Màn hình chỉ còn tên thủ tục và lời “hỏi cán bộ”.",
    "checked": "Đã ghi: hôm nay soát, vẫn đúng.",
    "restored": "Đã chép bản cũ thành bản nháp. Xin xem lại rồi gửi duyệt.",
}


@dataclass(frozen=True)
class Version:
    """One version in the history."""

    id: int
    number: int
    shape: str
    state: str
    written: str
    decided: str
    reason: str
    is_own: bool


@pages.get("/noi-dung/<code>")
@access.allow(*review.READERS)
def one(code: str) -> str:
    """The procedure as it stands. man, buoc: which screen and page of it the preview shows."""
    return _page(code)


@pages.get("/noi-dung/<code>/ban/<int:number>")
@access.allow(*review.READERS)
def version(code: str, number: int) -> str:
    """One version against what screens show now; with what an approver may do while it waits."""
    return _version(code, number)


@pages.post("/noi-dung/<code>/ban/<int:number>/duyet")
@access.allow(*review.APPROVERS)
def approve(code: str, number: int) -> Response | tuple[str, int]:
    """Let screens show it. Form: against."""
    base = base_now()
    try:
        with desk().database.session() as db:
            review.approve(db, me(db), base, number, request.form.get("against", ""), now())
    except Declined as why:
        return _version(code, number, str(why)), 409
    return redirect(url_for("content_one.one", code=code, note="approved"))


@pages.post("/noi-dung/<code>/ban/<int:number>/tra")
@access.allow(*review.APPROVERS)
def give_back(code: str, number: int) -> Response | tuple[str, int]:
    """Return it to its writer. Form: reason."""
    try:
        with desk().database.session() as db:
            review.give_back(db, me(db), number, request.form.get("reason", ""), now())
    except Declined as why:
        return _version(code, number, str(why)), 409
    return redirect(url_for("content_one.one", code=code, note="returned"))


@pages.post("/noi-dung/<code>/ban/<int:number>/lay-lai")
@access.allow(*review.WRITERS)
def restore(code: str, number: int) -> Response | tuple[str, int]:
    """Write an earlier version anew. Form: read."""
    base = base_now()
    try:
        with desk().database.session() as db:
            review.restore(db, me(db), base, number, request.form.get("read", ""), now())
    except Declined as why:
        return _version(code, number, str(why)), 409
    return redirect(url_for("content_edit.edit", code=code, note="restored"))


@pages.post("/noi-dung/<code>/soat")
@access.allow(*review.APPROVERS)
def confirm(code: str) -> Response | tuple[str, int]:
    """Đã soát, vẫn đúng. Form: read."""
    base = base_now()
    try:
        with desk().database.session() as db:
            review.confirm(db, me(db), base, code, request.form.get("read", ""), now())
    except Declined as why:
        return _page(code, str(why)), 409
    return redirect(url_for("content_one.one", code=code, note="checked"))


@pages.post("/noi-dung/<code>/rut")
@access.allow(*review.APPROVERS)
def retire(code: str) -> Response | tuple[str, int]:
    """Show no more than its name. Form: reason."""
    base = base_now()
    try:
        with desk().database.session() as db:
            review.retire(db, me(db), base, code, request.form.get("reason", ""), now())
    except Declined as why:
        return _page(code, str(why)), 409
    return redirect(url_for("content_one.one", code=code, note="retired"))


def _page(code: str, trouble: str = "") -> str:
    base, day = base_now(), today()
    with desk().database.reading() as db:
        entry = _entry(db, base, code)
        history = _history(db, code)
        read = review.stamp(entry.shown, None)
    shown = entry.shown
    fields, _ = titles(base)
    panel = request.args.get("man", "")
    return render_template(
        "content_one.html",
        here="content",
        entry=entry,
        field=fields.get(entry.field, entry.field),
        due=say_due(entry.due, day),
        states=STATES,
        labels=LABELS,
        said=_told(base, shown) if shown else {},
        faults=faults(shown, day) if shown else [],
        preview=preview_of(shown, panel, request.args.get("buoc", "")) if shown else None,
        panels=PANELS,
        history=history,
        read=read,
        source_link=shown.source.url if shown and shown.source.url.startswith("https://") else "",
        is_source_official=bool(shown and _is_of_the_state(shown.source.url)),
        may_write=access.visitor().is_any(*review.WRITERS),
        may_decide=access.visitor().is_any(*review.APPROVERS),
        note=NOTES.get(request.args.get("note", ""), ""),
        trouble=trouble,
        action=url_for("content_one.one", code=code),
    )


def _is_of_the_state(source: str) -> bool:
    """Whether a source is a page of the state; one without an address is the number of a decision."""
    return is_official(source) or not source.startswith(("http:", "https:"))


def _version(code: str, number: int, trouble: str = "") -> str:
    base = base_now()
    with desk().database.reading() as db:
        revision = db.get(ContentRevision, number)
        if revision is None or revision.code != code:
            abort(404)
        entry = _entry(db, base, code)
        (line,) = [each for each in _history(db, code) if each.id == number]
        read, against = review.stamp(entry.shown, entry.written), review.stamp(entry.shown, None)
    said = procedure_of(revision)
    before = _told(base, entry.shown) if entry.shown else {}
    panel = request.args.get("man", "")
    return render_template(
        "content_version.html",
        here="content",
        entry=entry,
        line=line,
        procedure=said,
        is_waiting=revision.state == "sent",
        is_open=revision.state in review.OPEN,
        changes=changes(before, _told(base, said)) if said else [],
        faults=faults(said, today()) if said else [],
        labels=LABELS,
        preview=preview_of(as_approved(said), panel, request.args.get("buoc", "")) if said else None,
        panels=PANELS,
        read=read,
        against=against,
        may_write=access.visitor().is_any(*review.WRITERS),
        may_decide=access.visitor().is_any(*review.APPROVERS),
        trouble=trouble,
        action=url_for("content_one.version", code=code, number=number),
    )


def _entry(db: Session, base: Bundle, code: str) -> Entry:
    found = next((each for each in entries(db, base, today()) if each.code == code), None)
    if found is None:
        abort(404)
    return found


def _told(base: Bundle, procedure: Procedure) -> Mapping[str, str]:
    return told(procedure, *titles(base))


def _history(db: Session, code: str) -> list[Version]:
    names = {row.id: row.full_name for row in db.scalars(select(Account))}
    query = select(ContentRevision).where(ContentRevision.code == code)
    return [_line(row, names) for row in db.scalars(query.order_by(ContentRevision.number.desc()))]


def _line(row: ContentRevision, names: Mapping[int, str]) -> Version:
    shape, state = STATES[row.state]
    decided = ""
    if row.decided_by is not None and row.decided_at is not None:
        verb = {"returned": "trả lại", "retired": "rút"}.get(row.state, "quyết định")
        decided = f"{names.get(row.decided_by, '')} {verb} {moment(row.decided_at)}"
    written = f"{names.get(row.written_by, '')} viết {moment(row.written_at)}"
    return Version(
        row.id,
        row.number,
        shape,
        state,
        written,
        decided,
        row.reason,
        is_own=row.written_by == access.visitor().id,
    )
