"""Cảnh báo từ nơi khác: what came in CAP 1.2, what was made of it, and bringing one as a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Flask, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from broker.hub.announcing import emergency, signing
from broker.hub.cap import intake, rules, said, sources
from broker.hub.cap.opening import LARGEST
from broker.hub.cap.signature import arrive
from broker.hub.console import access
from broker.hub.console.day import commune_of
from broker.hub.console.desk import desk, is_part, now
from broker.hub.console.wording import ago, count, villages, when
from broker.hub.declined import Declined
from broker.hub.records import Account, CapMessage, CapSource, Revision

pages = Blueprint("warnings", __name__)

READERS = ("editor", "approver", "leader", "admin", "auditor")
SHOWN = 100
NOTES = {
    "kept": "Đã nhận cảnh báo này.",
    "again": "Cảnh báo này đã có từ trước, không làm lại lần nữa.",
    "aside": "Đã ghi là không cần phát.",
}
STATES = {
    "new": ("look", "Chờ người xem"),
    "drafted": ("ok", "Đã soạn nháp"),
    "prepared": ("red", "Mẫu khẩn cấp đã sẵn"),
    "replaced": ("wait", "Đã có tin sau thay"),
    "cancelled": ("wait", "Nơi gửi đã huỷ"),
    "ignored": ("wait", "Không phát"),
    "expired": ("wait", "Đã hết hạn"),
}
KINDS = {"Alert": "Cảnh báo", "Update": "Tin sửa cảnh báo trước", "Cancel": "Tin huỷ cảnh báo trước"}
SIGNATURES = {
    "none": ("wait", "Tin không ký"),
    "good": ("ok", "Chữ ký đúng của nguồn"),
    "bad": ("bad", "Chữ ký không đúng"),
    "unknown": ("look", "Có chữ ký, xã chưa có chứng thư để soi"),
}


@dataclass(frozen=True)
class Line:
    """One message in the list."""

    id: int
    title: str
    sender: str
    told: str
    places: str
    weight: str
    state: str


@dataclass(frozen=True)
class Speaking:
    """An announcement that still sounds, though what it says was taken back."""

    key: str
    title: str
    href: str


@pages.get("/warnings")
@access.allow(*READERS)
def all_warnings() -> str:
    """What came, newest first, and for editors and approvers a form to bring one."""
    return _list()


@pages.post("/warnings")
@access.allow(*intake.WRITERS)
def bring() -> Response | tuple[str, int]:
    """Take in a file. Form: file, a CAP 1.2 message, packed with gzip or not."""
    try:
        sent = request.files.get("file")
        if sent is None or not sent.filename:
            raise Declined("no-file", "Xin chọn tệp cảnh báo (đuôi .xml hoặc .cap).")
        data, at = sent.read(LARGEST + 1), now()
        with desk().database.reading() as db:
            known = sources.certificates(db)
        arrival = arrive(data, known, at)
        with desk().database.session() as db:
            row, is_new = intake.take(db, desk().settings.place, arrival, at, account=_me(db))
    except Declined as why:
        return _list(str(why)), 409
    return redirect(url_for("warnings.one", number=row.id, note="kept" if is_new else "again"))


@pages.get("/warnings/<int:number>")
@access.allow(*READERS)
def one(number: int) -> str:
    """One message: what it says, for whom, what became of it."""
    return _one(number)


@pages.get("/warnings/<int:number>/original")
@access.allow(*READERS)
def original(number: int) -> Response:
    """The text as it came, to be kept or sent on; never shown as a page."""
    try:
        with desk().database.reading() as db:
            text = intake.one_message(db, number).xml
    except Declined as why:
        raise NotFound from why
    return Response(
        text.encode(),
        mimetype="application/octet-stream",
        headers={"Content-Disposition": f'attachment; filename="canh-bao-{number}.xml"'},
    )


@pages.post("/warnings/<int:number>/draft")
@access.allow(*intake.WRITERS)
def draft(number: int) -> Response | tuple[str, int]:
    """Begin an announcement with it, in my name."""
    try:
        with desk().database.session() as db:
            revision = intake.write_draft(db, _me(db), number, now())
    except Declined as why:
        return _one(number, str(why)), 409
    return redirect(url_for("compose.edit", key=revision.announcement_id))


@pages.post("/warnings/<int:number>/aside")
@access.allow(*intake.WRITERS)
def aside(number: int) -> Response | tuple[str, int]:
    """Nothing is to be made of it."""
    try:
        with desk().database.session() as db:
            intake.set_aside(db, _me(db), number, now())
    except Declined as why:
        return _one(number, str(why)), 409
    return redirect(url_for("warnings.one", number=number, note="aside"))


def let_in(app: Flask) -> None:
    """Let a message of LARGEST into the form that brings one; after the check of rights."""

    def widen() -> None:
        if request.endpoint == "warnings.bring" and request.mimetype == "multipart/form-data":
            request.max_content_length = LARGEST + 64 * 1024

    app.before_request(widen)


def note_today(db: Session, at: datetime) -> str:
    """What waits here as one sentence for Hôm nay; empty when nothing does, or for who does not read warnings."""
    if not access.visitor().is_any(*READERS):
        return ""
    every = intake.waiting(db, at)
    waits = [row for row in every if row.msg_type != "Cancel"]
    if len(waits) < len(every):
        return "Nơi gửi đã huỷ cảnh báo của họ mà loa còn phát."
    if intake.prepared(db, at):
        return "Có cảnh báo khẩn từ nơi khác, mẫu khẩn cấp đã sẵn để phát."
    return f"{count(len(waits))} cảnh báo từ nơi khác chờ người xem." if waits else ""


def _list(trouble: str = "") -> str:
    at = now()
    with desk().database.reading() as db:
        rows = list(db.scalars(select(CapMessage).order_by(CapMessage.received_at.desc()).limit(SHOWN)))
        names = commune_of(db).names
        waits = {row.id for row in intake.waiting(db, at)}
        listed = sources.all_sources(db)
        ready = len(intake.prepared(db, at))
        lines = [_line(db, row, names, at) for row in rows]
    lines.sort(
        key=lambda line: line.weight not in ("bad", "red", "look")
    )  # what waits for a person comes first
    return render_template(
        "_warnings.html" if is_part() else "warnings.html",
        here="warnings",
        lines=lines,
        head=_head(ready, len(waits), bool(lines)),
        troubles=[each for each in listed if each.problem],
        has_sources=bool(listed),
        may_bring=access.visitor().is_any(*intake.WRITERS),
        trouble=trouble,
    )


def _head(ready: int, waits: int, is_any: bool) -> str:
    if ready:
        return f"{count(ready)} cảnh báo đã có mẫu khẩn cấp sẵn để phát."
    if waits:
        return f"{count(waits)} cảnh báo chờ anh/chị xem."
    return "Không có cảnh báo nào chờ xem." if is_any else "Chưa có cảnh báo nào từ nơi khác."


def _one(number: int, trouble: str = "") -> str:
    at, person = now(), access.visitor()
    row = _found(number)
    with desk().database.reading() as db:
        row = db.get_one(CapMessage, number)
        commune = commune_of(db)
        line = _line(db, row, commune.names, at)
        source = db.get(CapSource, row.source_id) if row.source_id else None
        brought = db.get(Account, row.account_id) if row.account_id else None
        may_speak = _may_speak(db, row, at)
        spoken = [Speaking(*_spoken(each)) for each in intake.speaking_still(db, row, at)]
        template = rules.title_of(db, row.template) if row.template else ""
    is_open = row.state in ("new", "prepared") and row.msg_type != "Cancel" and bool(row.villages)
    return render_template(
        "warning.html",
        here="warnings",
        row=row,
        line=line,
        info=row.info,
        kind=KINDS.get(row.msg_type, "Thư giữa các máy"),
        became=_became(row, template),
        spoken=spoken,
        template=template,
        may_speak=may_speak,
        may_write=is_open and person.is_any(*intake.WRITERS),
        source=source,
        brought=brought,
        signature=SIGNATURES.get(row.signature, SIGNATURES["none"]),
        grades=_grades(row),
        until=when(intake.until_of(row), at),
        guessed=[commune.names.get(code, code) for code in row.info["guessed"]],
        note=NOTES.get(request.args.get("note", ""), ""),
        trouble=trouble,
    )


def _may_speak(db: Session, row: CapMessage, at: datetime) -> int:
    """Id of the template it made stand ready, for whoever may let it speak; else 0."""
    here = signing.Desk.of(desk().settings)
    if row.state != "prepared" or not emergency.may_sign(db, here, _me(db), at):
        return 0
    return next((one.id for one in emergency.ready_templates(db, at) if one.code == row.template), 0)


def _grades(row: CapMessage) -> list[tuple[str, str]]:
    """How grave, how near, how sure: name and word."""
    info = row.info
    return [
        (name, words[info[key]])
        for name, key, words in (
            ("Mức độ", "severity", said.SEVERITIES),
            ("Gấp đến đâu", "urgency", said.URGENCIES),
            ("Chắc đến đâu", "certainty", said.CERTAINTIES),
        )
        if info.get(key) in words
    ]


def _became(row: CapMessage, template: str) -> str:
    """What became of a message, as one sentence."""
    if row.info["reason"]:
        return str(row.info["reason"])
    if row.msg_type == "Cancel":
        return "Nơi gửi đã huỷ cảnh báo trước của họ."
    return {
        "new": "Chưa ai xem cảnh báo này.",
        "drafted": "Đã có bản nháp, người biên tập sửa lời rồi gửi duyệt như mọi bản tin.",
        "prepared": f"Mẫu “{template}” đã sẵn trên trang khẩn cấp. Loa chỉ nói khi có người ký phát.",
        "replaced": "Nơi gửi đã gửi tin sau thay cho tin này.",
        "cancelled": "Nơi gửi đã huỷ cảnh báo này; bản nháp làm từ nó đã được gỡ.",
        "expired": "Cảnh báo này đã hết hạn.",
    }.get(row.state, "")


def _spoken(revision: Revision) -> tuple[str, str, str]:
    key = revision.announcement_id
    place = "emergency_one.one" if revision.kind == "emergency" else "progress.announcement"
    return key, revision.title, url_for(place, key=key)


def _line(db: Session, row: CapMessage, names: dict[str, str], at: datetime) -> Line:
    weight, state = STATES.get(row.state, ("wait", row.state))
    if row.msg_type == "Cancel" and row.state == "new":
        still = intake.speaking_still(db, row, at)
        weight, state = ("bad", "Loa còn phát tin đã huỷ") if still else ("wait", "Đã làm theo")
    elif row.state in ("new", "prepared") and intake.until_of(row) <= at:
        weight, state = STATES["expired"]
    return Line(
        row.id,
        str(row.info["title"]),
        str(row.info["sender_name"] or row.sender),
        f"gửi {when(row.sent, at)}, nhận {ago(row.received_at, at)}",
        _places(row.villages, names),
        weight,
        state,
    )


def _places(codes: Sequence[str], names: dict[str, str]) -> str:
    return villages([names.get(code, code) for code in codes], len(names)) if codes else "Không thôn nào"


def _found(number: int) -> CapMessage:
    try:
        with desk().database.reading() as db:
            return intake.one_message(db, number)
    except Declined as why:
        raise NotFound from why


def _me(db: Session) -> Account:
    return db.get_one(Account, access.visitor().id)
