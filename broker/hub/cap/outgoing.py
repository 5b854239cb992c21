"""The commune's own emergencies as CAP 1.2 messages, and an Atom feed that names them, for whoever wants to carry them
further. Pure but for reading records.

What a message says of an emergency: urgency Immediate, severity Severe, certainty Likely. The standard asks for these
words, the commune's own kind "khẩn cấp" (Circular 39/2020: play at once, for disaster, fire, epidemic) has one degree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec
from lxml import etree
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from broker.hub.announcing.checks import for_xml
from broker.hub.cap.feeds import ATOM, CAP_TYPE
from broker.hub.cap.message import NAMESPACE
from broker.hub.records import EmergencyTemplate, NodeRecord, Revision, Village
from broker.link.clock import LOCAL
from broker.link.config import PlaceOf
from broker.trust.envelope import Envelope

KEPT: Final = timedelta(days=7)
"""How long a message stays in the feed."""
MOST: Final = 200
HEARD_KM: Final = 0.6
"""How far a horn is taken to be heard."""
_CATEGORIES: Final = {"water": "Met", "storm": "Met", "fire": "Fire", "people": "Rescue", "health": "Health"}
"""By the picture of the template; everything else is Safety."""


@dataclass(frozen=True)
class Out:
    """One message of ours. `identifier` is its name in the feed and in `references`."""

    identifier: str
    sent: datetime
    title: str
    summary: str
    xml: bytes


@dataclass(frozen=True)
class _Heard:
    """A village as a message names it."""

    name: str
    points: Sequence[tuple[float, float]]


def messages(db: Session, place: PlaceOf, now: datetime) -> list[Out]:
    """Our emergencies and drills of the last days, newest first, each cancelled one followed by its Cancel."""
    query = (
        select(Revision)
        .where(
            Revision.kind == "emergency",
            Revision.decided_at > now - KEPT,
            Revision.envelope.is_not(None),
            Revision.state.in_(("approved", "expired", "withdrawn", "superseded")),
        )
        .options(selectinload(Revision.occurrences))
        .order_by(Revision.decided_at.desc())
        .limit(MOST)
    )
    heard = _villages(db)
    found: list[Out] = []
    for revision in db.scalars(query):
        used = db.get(EmergencyTemplate, revision.template_id or 0)
        category = _CATEGORIES.get(used.icon if used else "", "Safety")
        envelope = msgspec.json.decode(revision.envelope or "", type=Envelope)
        alert = _alert(place, revision, envelope, category, heard)
        ended_at = _ended_at(revision, envelope)
        if ended_at is not None:
            found.append(_cancel(place, revision, ended_at, category))
        found.append(alert)
    return sorted(found, key=lambda one: one.sent, reverse=True)


def one_message(db: Session, place: PlaceOf, identifier: str, now: datetime) -> Out | None:
    """A message of ours by its name; None when the feed has it no more."""
    return next((one for one in messages(db, place, now) if one.identifier == identifier), None)


def feed(
    found: Sequence[Out], commune_name: str, here: str, address_of: Callable[[str], str], now: datetime
) -> bytes:
    """An Atom feed (RFC 4287) of messages. here: its own address; address_of: that of a message by its name."""
    root = etree.Element(f"{ATOM}feed", nsmap={None: ATOM[1:-1]})  # type: ignore[dict-item]
    _add(root, "id", here)
    _add(root, "title", f"Tin khẩn cấp của {commune_name}")
    _add(root, "updated", _at(found[0].sent if found else now.replace(hour=0, minute=0, second=0)))
    _add(_add(root, "author"), "name", f"Uỷ ban nhân dân {commune_name}")
    _add(root, "link").attrib.update({"rel": "self", "href": here})
    for one in found:
        entry = _add(root, "entry")
        address = address_of(one.identifier)
        _add(entry, "id", address)
        _add(entry, "title", one.title)
        _add(entry, "updated", _at(one.sent))
        _add(entry, "summary", one.summary)
        _add(entry, "link").attrib.update({"rel": "alternate", "type": CAP_TYPE, "href": address})
    return etree.tostring(root, xml_declaration=True, encoding="utf-8")


def _alert(
    place: PlaceOf, revision: Revision, envelope: Envelope, category: str, heard: dict[str, _Heard]
) -> Out:
    sent = revision.decided_at or revision.created_at
    root, name = _head(place, _name(revision), sent, "Exercise" if revision.drill else "Actual", "Alert")
    info = _info(root, revision, category)
    _put(info, "effective", _at(sent))
    _put(info, "expires", _at(envelope.expires))
    _put(info, "senderName", f"Uỷ ban nhân dân {place.commune_name}")
    _put(info, "headline", revision.title)
    _put(info, "description", revision.text or envelope.spoken)
    for code in envelope.villages:
        village = heard.get(code) or _Heard(code, ())
        area = etree.SubElement(info, _tag("area"))
        _put(area, "areaDesc", f"Thôn {village.name}, {place.commune_name}")
        for latitude, longitude in village.points:
            _put(area, "circle", f"{latitude:.5f},{longitude:.5f} {HEARD_KM}")
        geocode = etree.SubElement(area, _tag("geocode"))
        _put(geocode, "valueName", "xa")
        _put(geocode, "value", place.commune)
    return _out(root, name, sent, revision)


def _cancel(place: PlaceOf, revision: Revision, ended_at: datetime, category: str) -> Out:
    status = "Exercise" if revision.drill else "Actual"
    root, name = _head(place, f"{_name(revision)}.huy", ended_at, status, "Cancel")
    sent = revision.decided_at or revision.created_at
    _put(root, "references", f"{_sender(place)},{_name(revision)},{_at(sent)}")
    info = _info(root, revision, category)
    _put(info, "senderName", f"Uỷ ban nhân dân {place.commune_name}")
    _put(info, "headline", f"Thôi: {revision.title}")
    return _out(root, name, ended_at, revision)


def _head(
    place: PlaceOf, name: str, sent: datetime, status: str, msg_type: str
) -> tuple[etree._Element, str]:
    root = etree.Element(_tag("alert"), nsmap={None: NAMESPACE})  # type: ignore[dict-item]
    for part, value in (
        ("identifier", name),
        ("sender", _sender(place)),
        ("sent", _at(sent)),
        ("status", status),
        ("msgType", msg_type),
        ("scope", "Public"),
    ):
        _put(root, part, value)
    if status == "Exercise":
        _put(root, "note", "Diễn tập: loa chỉ kêu một tiếng chuông ngắn, không phải báo động thật.")
    return root, name


def _info(root: etree._Element, revision: Revision, category: str) -> etree._Element:
    info = etree.SubElement(root, _tag("info"))
    for part, value in (
        ("language", "vi-VN"),
        ("category", category),
        ("event", revision.title),
        ("urgency", "Immediate"),
        ("severity", "Severe"),
        ("certainty", "Likely"),
    ):
        _put(info, part, value)
    return info


def _out(root: etree._Element, name: str, sent: datetime, revision: Revision) -> Out:
    title = root.findtext(f"{_tag('info')}/{_tag('headline')}") or revision.title
    if revision.drill:
        title = f"Diễn tập: {title}"
    xml = etree.tostring(root, xml_declaration=True, encoding="utf-8", pretty_print=True)
    return Out(name, sent, title, revision.text, xml)


def _ended_at(revision: Revision, envelope: Envelope) -> datetime | None:
    """When somebody ended it before its time; None when nobody did."""
    if revision.state in ("withdrawn", "superseded"):
        at = revision.ended_at
    else:
        last = revision.occurrences[-1] if revision.occurrences else None
        at = last.cancelled_at if last is not None else None
    return at if at is not None and at < envelope.expires else None


def _villages(db: Session) -> dict[str, _Heard]:
    nodes = list(db.scalars(select(NodeRecord).where(NodeRecord.retired_at.is_(None))))
    return {
        row.code: _Heard(
            row.name,
            [
                (node.latitude, node.longitude)
                for node in nodes
                if node.village == row.code and node.latitude is not None and node.longitude is not None
            ],
        )
        for row in db.scalars(select(Village))
    }


def _sender(place: PlaceOf) -> str:
    return f"langso.{place.province}.{place.commune}"


def _name(revision: Revision) -> str:
    return f"{revision.announcement_id}.{revision.number}"


def _at(moment: datetime) -> str:
    return moment.astimezone(LOCAL).replace(microsecond=0).isoformat()


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _put(node: etree._Element, name: str, text: str) -> None:
    etree.SubElement(node, _tag(name)).text = for_xml(text)


def _add(node: etree._Element, name: str, text: str = "") -> etree._Element:
    made = etree.SubElement(node, f"{ATOM}{name}")
    made.text = for_xml(text) or None
    return made
