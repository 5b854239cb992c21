"""Warnings of others as they are kept: finding them, what waits for a person, what still speaks because of them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.hub.announcing import emergency
from broker.hub.cap import said
from broker.hub.cap.areas import Place, Reach
from broker.hub.cap.message import Alert, Info
from broker.hub.declined import Declined
from broker.hub.records import CapMessage, EmergencyTemplate, NodeRecord, Revision, Village, note_change
from broker.link.clock import LOCAL

log = logging.getLogger(__name__)

LASTS: Final = timedelta(hours=24)
"""How long a warning that does not say so itself is taken to hold, from when it was sent."""
OPEN: Final = ("new", "drafted", "prepared")
"""States in which something may still be made of a message."""
_SHOWN: Final = 60
"""Areas whose names are kept for the pages."""


@dataclass(frozen=True)
class Prepared:
    """A ready template that a warning made stand prepared, for the red page."""

    message: int
    template: str
    """Code of the emergency template."""
    villages: Sequence[str]
    headline: str
    sender: str
    sent: datetime
    until: datetime


def prepared(db: Session, now: datetime) -> list[Prepared]:
    """Templates that warnings made stand ready, newest first; those taken back or over are not among them."""
    query = select(CapMessage).where(CapMessage.state == "prepared").order_by(CapMessage.sent.desc())
    found = (_prepared(row, now) for row in db.scalars(query))
    return [one for one in found if one is not None]


def _prepared(row: CapMessage, now: datetime) -> Prepared | None:
    """One of them; None when it is over, or so odd that it would take the red page down with it."""
    try:
        until = until_of(row)
        row.sent.astimezone(LOCAL), until.astimezone(LOCAL)  # the page says both
        title, sender = str(row.info["title"]), str(row.info["sender_name"] or row.sender)
    except (OverflowError, KeyError, TypeError, ValueError) as why:
        log.error("warning %d cannot be shown: %s", row.id, why, extra={"event": "warning-unreadable"})
        return None
    if until <= now:
        return None
    return Prepared(row.id, row.template, list(row.villages), title, sender, row.sent, until)


def waiting(db: Session, now: datetime) -> list[CapMessage]:
    """Messages that somebody should look at: new ones, and takings-back of what still speaks. Newest first."""
    query = select(CapMessage).where(CapMessage.state == "new").order_by(CapMessage.received_at.desc())
    return [row for row in db.scalars(query.limit(200)) if is_waiting(db, row, now)]


def is_waiting(db: Session, row: CapMessage, now: datetime) -> bool:
    """Whether a message asks for a person now."""
    if row.msg_type == "Cancel":
        return bool(speaking_still(db, row, now))
    return row.state == "new" and until_of(row) > now


def one_message(db: Session, number: int) -> CapMessage:
    """A message by its number. Raises Declined when there is none."""
    row = db.get(CapMessage, number)
    if row is None:
        raise Declined("cap-none", "Không có cảnh báo này; có thể nó đã được dọn đi.")
    return row


def found(db: Session, sender: str, identifier: str, sent: datetime) -> CapMessage | None:
    """A message by what makes it one of a kind; None when it never came."""
    query = select(CapMessage).where(
        CapMessage.sender == sender, CapMessage.identifier == identifier, CapMessage.sent == sent
    )
    return db.scalars(query).first()


def until_of(row: CapMessage) -> datetime:
    """Until when a message holds."""
    return row.expires or row.sent + LASTS


def over(db: Session, now: datetime) -> list[CapMessage]:
    """Messages that are still open and whose time is over."""
    query = select(CapMessage).where(CapMessage.state.in_(OPEN), CapMessage.msg_type != "Cancel")
    return [row for row in db.scalars(query) if until_of(row) <= now]


def expire(db: Session, now: datetime) -> int:
    """Close messages whose time is over; how many."""
    rows = over(db, now)
    for row in rows:
        row.state = "expired"
        note_change(db, "warning", str(row.id), now)
    return len(rows)


def spoken_of(db: Session, row: CapMessage, now: datetime) -> list[Revision]:
    """What people let speak because of a message and what still may sound: its approved announcement, and running
    emergencies by the template it prepared."""
    found: list[Revision] = []
    if row.announcement:
        query = select(Revision).where(
            Revision.announcement_id == row.announcement, Revision.state == "approved"
        )
        found += [one for one in db.scalars(query) if _has_ahead(one, now)]
    if row.template:
        found += [
            each.revision
            for each in emergency.running(db, now)
            if not each.is_drill
            and _code_of(db, each.revision) == row.template
            and each.revision.created_at >= row.received_at
        ]
    return found


def speaking_still(db: Session, row: CapMessage, now: datetime) -> list[Revision]:
    """Of what spoke when a message took it back or changed it, what still may sound."""
    names = row.info.get("speaking", [])
    if not names:
        return []
    query = select(Revision).where(Revision.announcement_id.in_(names), Revision.state == "approved")
    return [one for one in db.scalars(query) if _has_ahead(one, now)]


def _has_ahead(revision: Revision, now: datetime) -> bool:
    """Whether a start of it is still to come, or may be sounding."""
    return any(
        row.cancelled_at is None and row.start + timedelta(seconds=row.tolerance_s + row.duration_s) > now
        for row in revision.occurrences
    )


def _code_of(db: Session, revision: Revision) -> str:
    used = db.get(EmergencyTemplate, revision.template_id or 0)
    return used.code if used else ""


def places_of(db: Session) -> list[Place]:
    """The villages that have a loudspeaker, and where it stands as far as somebody entered it."""
    query = (
        select(NodeRecord)
        .join(Village, Village.code == NodeRecord.village)
        .where(NodeRecord.retired_at.is_(None))
        .order_by(Village.rank, Village.code)
    )
    found: dict[str, list[tuple[float, float]]] = {}
    for row in db.scalars(query):
        points = found.setdefault(row.village, [])
        if row.latitude is not None and row.longitude is not None:
            points.append((row.latitude, row.longitude))
    return [Place(village, points) for village, points in found.items()]


def told(alert: Alert, reach: Reach) -> dict[str, Any]:
    """What the pages show of a message without reading it again."""
    info = alert.told
    about = _about(info) if info else {"title": "", "sender_name": "", "language": ""}
    if not about["title"]:
        about["title"] = {"Cancel": "Huỷ cảnh báo trước"}.get(alert.msg_type, "Tin không có nội dung")
    named = list(dict.fromkeys(area.description for each in alert.infos for area in each.areas))
    return {
        **about,
        "languages": [each.language for each in alert.infos],
        "areas": named[:_SHOWN],
        "more_areas": max(0, len(named) - _SHOWN),
        "guessed": list(reach.guessed),
        "by_words": list(reach.by_words)[:_SHOWN],
        "flaws": list(alert.flaws),
        "note": alert.note,
        "references": [key_of(one.sender, one.identifier, one.sent) for one in alert.references],
        "is_meant": False,
        "reason": "",
    }


def key_of(sender: str, identifier: str, sent: datetime) -> list[str]:
    """What makes a message one of a kind, as `info["references"]` keeps it."""
    return [sender, identifier, sent.astimezone(UTC).isoformat()]


def _about(info: Info) -> dict[str, Any]:
    return {
        "title": said.shortened(" ".join((info.headline or info.event).split()), 200),
        "event": info.event,
        "sender_name": info.sender_name,
        "language": info.language,
        "category": said.kinds_of(info),
        "severity": info.severity,
        "urgency": info.urgency,
        "certainty": info.certainty,
        "onset": info.onset.isoformat() if info.onset else "",
        "description": said.shortened(info.description, 4000),
        "instruction": said.shortened(info.instruction, 4000),
        "web": info.web,
        "contact": info.contact,
    }


def name_of(row: CapMessage) -> str:
    """As the audit log calls it."""
    return str(row.id)
