"""What the commune makes of a warning of others: a draft, or a template prepared for whoever signs emergencies.

A warning never speaks by itself. Every function works in the caller's transaction; what cannot be done is Declined
with one Vietnamese sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.hub.announcing import emergency
from broker.hub.cap import areas, rules, said
from broker.hub.cap.drafts import WRITERS, begin, set_aside, take_back, write_draft
from broker.hub.cap.message import Alert
from broker.hub.cap.shelf import (
    LASTS,
    OPEN,
    Prepared,
    expire,
    found,
    is_waiting,
    key_of,
    name_of,
    one_message,
    over,
    places_of,
    prepared,
    speaking_still,
    spoken_of,
    told,
    until_of,
    waiting,
)
from broker.hub.cap.signature import Arrival
from broker.hub.records import Account, CapMessage, CapSource, note_change, write_audit
from broker.hub.roles import has_role, require_role
from broker.link.config import PlaceOf

__all__ = [
    "WRITERS",
    "Prepared",
    "expire",
    "is_waiting",
    "one_message",
    "over",
    "prepared",
    "set_aside",
    "speaking_still",
    "take",
    "until_of",
    "waiting",
    "write_draft",
]

_NOT_SPOKEN: Final = {
    "Exercise": "Tin diễn tập của nơi gửi: chỉ để xem, không bao giờ phát.",
    "Test": "Tin thử của nơi gửi: chỉ để xem, không bao giờ phát.",
    "System": "Tin kỹ thuật giữa các máy, không có gì để phát.",
    "Draft": "Nơi gửi ghi đây mới là bản nháp, chưa dùng được.",
}


def take(
    db: Session,
    place: PlaceOf,
    arrival: Arrival,
    now: datetime,
    *,
    source: CapSource | None = None,
    account: Account | None = None,
) -> tuple[CapMessage, bool]:
    """Keep a message, and do what it asks for; the same again does nothing. Returns it, and whether it is new.

    One that counts for more than another of the same name takes its place: a false one swallows no true one.

    source: where it was fetched; account: who brought it as a file.
    """
    if account is not None:
        require_role(db, account, now, *WRITERS)
    alert = arrival.alert
    named = [area for info in alert.infos for area in info.areas]
    reach = areas.reach(named, places_of(db), rules.codes_of(db, place)) if alert.infos else areas.Reach()
    row = CapMessage(sender=alert.sender, identifier=alert.identifier, sent=alert.sent)
    known = found(db, alert.sender, alert.identifier, alert.sent)
    if known is not None:
        weight = _weight(
            arrival.signature, reach.villages, alert.expires or alert.sent + LASTS, now,
            is_meant=not _why_not(arrival, source),
        )  # fmt: skip
        if weight <= _weight(
            known.signature, known.villages, until_of(known), now, is_meant=known.info["is_meant"]
        ):
            return known, False
        if known.announcement:
            take_back(db, known.announcement, known, now)
        row = known
    _fill(row, arrival, reach)
    row.source_id, row.account_id = source.id if source else None, account.id if account else None
    row.received_at = now
    db.add(row)
    db.flush()
    by = account.username if account else "hub"
    write_audit(db, now, by, "cap.received", name_of(row), {"title": row.info["title"], "kind": row.msg_type})
    reason = _why_not(arrival, source)
    if reason:
        _ignore(row, reason)
    else:
        row.info = {**row.info, "is_meant": True}
        writer = account or (db.get(Account, source.account_id) if source and source.account_id else None)
        _decide(db, row, alert, writer, now)
    note_change(db, "warning", str(row.id), now)
    return row, True


def _weight(
    signature: str, villages: Sequence[str], until: datetime, now: datetime, *, is_meant: bool
) -> tuple[bool, bool, bool]:
    """How much a message counts against another that gives itself the same name, which anybody can write first: one
    that may be used before one that may not, then one signed well, then one that still holds for somebody here."""
    return is_meant, signature == "good", bool(villages) and until > now


def _fill(row: CapMessage, arrival: Arrival, reach: areas.Reach) -> None:
    """What a message says, into the record of it; nothing was made of it yet."""
    alert = arrival.alert
    row.status, row.msg_type, row.expires = alert.status, alert.msg_type, alert.expires
    row.xml, row.signature = arrival.text, arrival.signature
    row.info, row.villages = told(alert, reach), list(reach.villages)
    row.state, row.announcement, row.template = "new", "", ""


def _decide(db: Session, row: CapMessage, alert: Alert, writer: Account | None, now: datetime) -> None:
    """What becomes of a new message that may be spoken."""
    earlier = _referred(db, row, alert)
    for each in earlier:
        _put_aside(db, each, row, now)
    if alert.msg_type == "Cancel" or _is_overtaken(db, row):
        return
    if until_of(row) <= now:
        row.state = "expired"
    elif not row.villages:
        _ignore(row, "Tin không nói tới nơi nào trong xã mình.")
    else:
        _put_to_use(db, row, alert, writer, now)
        return
    for each in earlier:  # its newest word is that there is nothing to say here
        if each.announcement:
            take_back(db, each.announcement, row, now)


def _put_to_use(db: Session, row: CapMessage, alert: Alert, writer: Account | None, now: datetime) -> None:
    """A template stands ready, or a draft is begun in somebody's name, or it waits for somebody."""
    code = rules.template_for(db, alert.infos)
    if code and any(one.code == code for one in emergency.ready_templates(db, now)):
        row.state, row.template = "prepared", code
        write_audit(db, now, "hub", "cap.prepared", name_of(row), {"template": rules.title_of(db, code)})
    elif writer is not None and has_role(db, writer, now, *WRITERS):
        begin(db, writer, row, alert, now)


def _ignore(row: CapMessage, reason: str) -> None:
    row.state, row.info = "ignored", {**row.info, "reason": reason}


def _why_not(arrival: Arrival, source: CapSource | None) -> str:
    """Why nothing is made of a message, whatever it says; empty when something may be."""
    alert = arrival.alert
    if alert.status != "Actual":
        return _NOT_SPOKEN.get(alert.status, _NOT_SPOKEN["Draft"])
    if alert.msg_type in ("Ack", "Error"):
        return "Thư trả lời giữa các máy, không có gì để phát."
    if alert.scope != "Public":
        return "Nơi gửi ghi tin này không dành cho mọi người dân, nên không soạn thành bản tin."
    if arrival.signature == "bad":
        return (
            "Chữ ký của tin không đúng: tin bị sửa, bị giả, hoặc chứng thư đã hết hạn. Xin gọi hỏi nơi gửi."
        )
    if source is not None and source.certificate and arrival.signature != "good":
        return "Nguồn này phải có chữ ký mà tin lại không ký. Xin gọi hỏi nơi gửi."
    return ""


def _referred(db: Session, row: CapMessage, alert: Alert) -> list[CapMessage]:
    """Earlier messages this one changes: of the same sender, and come the same way or brought by a person."""
    named = (found(db, one.sender, one.identifier, one.sent) for one in alert.references)
    return [each for each in named if each is not None and _may_change(row, each)]


def _may_change(later: CapMessage, earlier: CapMessage) -> bool:
    """Only its own sender takes a warning back. What a source sent, another source does not undo."""
    is_same_way = later.source_id is None or later.source_id == earlier.source_id
    return later.sender == earlier.sender and is_same_way and later.id != earlier.id


def _is_overtaken(db: Session, row: CapMessage) -> bool:
    """Whether a message that changes this one came before it; then it is put aside at once."""
    query = select(CapMessage).where(
        CapMessage.sender == row.sender,
        CapMessage.sent >= row.sent,
        CapMessage.msg_type.in_(("Update", "Cancel")),
        CapMessage.status == "Actual",
    )
    key = key_of(row.sender, row.identifier, row.sent)
    for later in db.scalars(query):
        if later.info["is_meant"] and key in later.info["references"] and _may_change(later, row):
            row.state = _put_by(later)
            return True
    return False


def _put_aside(db: Session, earlier: CapMessage, by: CapMessage, now: datetime) -> None:
    """An earlier message was taken back or changed: its draft goes, and what people let speak is told of."""
    speaking = [row.announcement_id for row in spoken_of(db, earlier, now)]
    by.info = {
        **by.info,
        "speaking": [*by.info.get("speaking", []), *speaking],
        "follows": earlier.announcement or by.info.get("follows", ""),
    }
    if by.msg_type == "Cancel":
        by.info = {**by.info, "title": said.shortened(f"Huỷ: {earlier.info['title']}", 200)}
    if earlier.state not in OPEN:
        return
    earlier.state = _put_by(by)
    if earlier.state == "cancelled" and earlier.announcement:
        take_back(db, earlier.announcement, by, now)
    action = "cap.cancelled" if earlier.state == "cancelled" else "cap.replaced"
    write_audit(db, now, "hub", action, name_of(earlier), {"title": str(earlier.info["title"])})
    note_change(db, "warning", str(earlier.id), now)


def _put_by(later: CapMessage) -> str:
    """The state of a message that a later one changes."""
    return "cancelled" if later.msg_type == "Cancel" else "replaced"
