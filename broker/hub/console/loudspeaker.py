"""One loudspeaker: how it is set, its test chimes, its amplifier, who used it, whether its receipts hold together."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec
from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from broker.hub import loudspeakers
from broker.hub.announcing.rules import rules_of
from broker.hub.console import access, evidence
from broker.hub.console.desk import desk, is_part, now
from broker.hub.console.nodes import node_of
from broker.hub.console.wording import WEEKDAYS
from broker.hub.declined import Declined
from broker.hub.records import Account, SpeakerTuning, Village
from broker.trust.envelope import Tuning

pages = Blueprint("loudspeaker", __name__)

READERS = ("editor", "approver", "leader", "admin", "auditor", "village")
NOTES = {
    "set": "Đã đặt xong. Loa theo cách đặt mới khi nhận được lịch phát, thường trong vài giây.",
    "test": "Đã bảo loa kêu thử. Tiếng chuông dài chừng hai mươi giây, kết quả hiện ở dưới.",
}
_WRONG = {
    "routine_percent": "Âm lượng tin thông thường là số từ 0 đến 100.",
    "priority_percent": "Âm lượng tin ưu tiên là số từ 0 đến 100.",
    "emergency_percent": "Âm lượng tin khẩn cấp là số từ 50 đến 100, để ai cũng nghe thấy.",
    "offset_ms": "Số giây phát chậm là số từ 0 đến 10, ví dụ 0,6.",
    "test_weekday": "Xin chọn ngày thử trong tuần.",
    "test_at": "Xin ghi giờ thử như 09:00.",
}


@pages.get("/speakers/<node>")
@access.allow(*READERS)
def one(node: str) -> str:
    """The page, or only its changing part for the script."""
    return _page(node)


@pages.post("/speakers/<node>/tuning")
@access.allow("approver", "admin")
def tune(node: str) -> Response | tuple[str, int]:
    """Set the volumes, the offset and the weekly test."""
    try:
        tuning = tuning_from(request.form)
        with desk().database.session() as db:
            me = db.get_one(Account, access.visitor().id)
            loudspeakers.put_tuning(db, me, node_of(db, node), tuning, now())
    except Declined as why:
        return _page(node, str(why), request.form), 409
    return redirect(url_for("loudspeaker.one", node=node, note="set"))


@pages.post("/speakers/<node>/test")
@access.allow("approver", "admin")
def test(node: str) -> Response | tuple[str, int]:
    """Let it sound its test chime."""
    try:
        with desk().database.session() as db:
            me = db.get_one(Account, access.visitor().id)
            loudspeakers.ask_test(db, me, node_of(db, node), now())
    except Declined as why:
        return _page(node, str(why)), 409
    return redirect(url_for("loudspeaker.one", node=node, note="test"))


def tuning_from(form: Mapping[str, str]) -> Tuning:
    """What the form says. Raises Declined with the sentence of the first field that cannot be."""
    day = form.get("day", "")
    fields = {
        "routine_percent": _whole(form.get("routine", "")),
        "priority_percent": _whole(form.get("priority", "")),
        "emergency_percent": _whole(form.get("emergency", "")),
        "offset_ms": _thousandths(form.get("offset", "0")),
        "test_weekday": None if day == "" else _whole(day),
        "test_at": _clock(form.get("clock", "")) if day else "09:00",
    }
    for name, value in fields.items():
        try:
            msgspec.convert({name: value}, Tuning)
        except msgspec.ValidationError as why:
            raise Declined("bad-tuning", _WRONG[name]) from why
    return msgspec.convert(fields, Tuning)


def _whole(text: str) -> int:
    """A whole number as typed, -1 for what is none: then it fails the limits of its field."""
    text = text.strip().removesuffix("%").strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else -1


def _thousandths(text: str) -> int:
    """Milliseconds of seconds as typed, "0,6" or "0.6"; -1 for what is no number."""
    whole, _, part = text.strip().replace(",", ".").partition(".")
    digits = (whole or "0") + part
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 8):
        return -1
    return round(float(f"{whole or '0'}.{part or '0'}") * 1000)


def _clock(text: str) -> str:
    """A time of day as typed, "9:00" or "9h30", in the form of the plan; unreadable text stays as it is."""
    hours, _, minutes = text.strip().lower().replace("h", ":").replace("g", ":").partition(":")
    if hours.isascii() and hours.isdecimal():
        return f"{int(hours):02d}:{minutes or '00'}"
    return text


def _page(node: str, trouble: str = "", form: Mapping[str, str] | None = None) -> str:
    at = now()
    with desk().database.reading() as db:
        row = node_of(db, node)
        village = db.get(Village, row.village)
        tuning = loudspeakers.tuning_of(db, node)
        found = {
            "label": row.label,
            "village": f"Thôn {village.name if village else row.village}",
            "node": node,
            "standing": evidence.standing_of(db, row, at),
            "tests": evidence.tests_of(db, node, at),
            "uses": evidence.uses_of(db, node, at),
            "troubles": evidence.troubles_of(db, node, at),
            "facts": evidence.facts_of(db, node, at),
            "chain": evidence.chain_of(db, node, at),
            "why_not": loudspeakers.refusal_of_test(db, row, at),
            "quiet": rules_of(db).quiet,
            "set": _said_when(db, node, at),
        }
    return render_template(
        "_loudspeaker.html" if is_part() else "loudspeaker.html",
        here="play",
        trouble=trouble,
        note=NOTES.get(request.args.get("note", ""), ""),
        form=form or fields_of(tuning),
        weekdays=WEEKDAYS,
        may_set=access.visitor().is_any(*loudspeakers.SETTERS),
        **found,
    )


def fields_of(tuning: Tuning) -> dict[str, str]:
    """A setting as the form shows it."""
    seconds = f"{tuning.offset_ms / 1000:.3f}".rstrip("0").rstrip(".")
    return {
        "routine": str(tuning.routine_percent),
        "priority": str(tuning.priority_percent),
        "emergency": str(tuning.emergency_percent),
        "offset": seconds.replace(".", ","),
        "day": "" if tuning.test_weekday is None else str(tuning.test_weekday),
        "clock": tuning.test_at,
    }


def _said_when(db: Session, node: str, at: datetime) -> str:
    changed_at = db.scalar(select(SpeakerTuning.changed_at).where(SpeakerTuning.node == node))
    return evidence.said_when(changed_at, at)
