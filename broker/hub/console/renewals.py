"""What runs out: lists of starts, and emergency templates, that somebody should renew; said in time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from broker.hub.announcing.emergency_templates import holds_until
from broker.hub.announcing.recurrence import RENEW_AGAIN, RENEW_BEFORE
from broker.hub.console.access import Visitor
from broker.hub.console.wording import local, when
from broker.hub.records import Announcement, EmergencyTemplate, Occurrence, Revision
from broker.hub.trusted import Here, believed

TEMPLATES_END = timedelta(days=30)
"""So long before its end a template is one to renew."""
GONE_SHOWN = timedelta(days=7)
"""So long after the last start it is still offered."""


@dataclass(frozen=True)
class Renewal:
    """One announcement whose list runs out."""

    announcement: str
    title: str
    said: str
    href: str
    is_urgent: bool
    """Three days or fewer are left."""


def renewals_of(db: Session, person: Visitor, at: datetime) -> list[Renewal]:
    """What this person can renew, the most urgent first; nothing where a longer one is being written already."""
    if not person.is_any("editor", "approver", "village"):
        return []
    last = func.max(Occurrence.start)
    query = (
        select(Revision.announcement_id, Revision.title, Revision.recurrence, last)
        .join(Occurrence, Occurrence.revision_id == Revision.id)
        .join(Announcement, Announcement.id == Revision.announcement_id)
        .where(
            Revision.state.in_(("approved", "expired")),
            Revision.recurrence.is_not(None),
            Revision.number == Announcement.latest,
            Occurrence.cancelled_at.is_(None),
        )
        .group_by(Revision.id)
        .having(last > at - GONE_SHOWN, last < at + RENEW_BEFORE)
        .order_by(last)
    )
    if not person.is_any("editor", "approver"):
        query = query.where(Revision.author_id == person.id)
    return [
        _renewal(key, title, ends, at)
        for key, title, rule, ends in db.execute(query)
        if rule.get("every") != "dates"  # days chosen one by one have no next period
    ]


def templates_end(db: Session, here: Here, person: Visitor, at: datetime) -> str:
    """Which emergency templates end within a month, or ended, as one sentence for those who renew and sign them."""
    if not person.is_any("editor", "approver"):
        return ""
    rows = list(db.scalars(select(EmergencyTemplate).where(EmergencyTemplate.state == "ready")))
    keys = believed(db, here) if rows else ()
    ends = [(end, row.title) for row in rows if (end := holds_until(row, keys)) and end < at + TEMPLATES_END]
    said = [
        f"“{title}” còn {(end - at).days} ngày" if end > at else f"“{title}” đã hết hạn"
        for end, title in sorted(ends)
    ]
    more = f" và {len(said) - 3} mẫu nữa" if len(said) > 3 else ""
    return f"Mẫu khẩn cấp cần gia hạn và ký lại: {', '.join(said[:3])}{more}." if said else ""


def _renewal(announcement: str, title: str, last: datetime, at: datetime) -> Renewal:
    days = (local(last).date() - local(at).date()).days
    left = f"còn {days} ngày nữa là hết" if days > 0 else "hôm nay hết"
    said = f"{left}, lượt cuối {when(last, at)}" if last > at else f"đã hết từ {when(last, at)}"
    return Renewal(
        announcement=announcement,
        title=title,
        said=said,
        href=url_for("compose.edit", key=announcement) + "?gia-han=1",
        is_urgent=last < at + RENEW_AGAIN,
    )
