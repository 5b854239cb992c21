"""Alerts that nobody looks at: noted once, and told to the phones that are called for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from broker.hub.alert_kinds import choice_of, is_chosen
from broker.hub.records import Alert, AlertStep, DutyCall, DutyPhone, note_change, setting

SETTING = "duty.unseen_s"
UNSEEN_S = 180
SHORTEST_S, LONGEST_S = 30, 3600
MOST = 500
"""Alerts looked at in one go."""


def unseen_after_s(db: Session) -> int:
    """After how many seconds an alert counts as unseen."""
    return int(setting(db, SETTING, UNSEEN_S))


def phones_of(db: Session) -> list[DutyPhone]:
    """Phones that were not removed, by name."""
    query = select(DutyPhone).where(DutyPhone.removed_at.is_(None))
    return sorted(db.scalars(query), key=lambda one: one.name.lower())


def is_quiet(db: Session) -> bool:
    """Whether there is nothing to look at: everything was seen, nobody is to be called."""
    raised = select(Alert.id).where(Alert.state == "raised").limit(1)
    waiting = select(DutyCall.id).where(DutyCall.state == "waiting").limit(1)
    return db.scalar(raised) is None and db.scalar(waiting) is None


def look(db: Session, now: datetime, most: int = MOST) -> int:
    """Note what nobody has seen for too long, make the calls that are due, drop those of no use any more.

    Returns how much changed.
    """
    raised = select(Alert).where(Alert.state == "raised")
    since = now - timedelta(seconds=unseen_after_s(db))
    late = raised.where(Alert.unseen_at.is_(None), Alert.raised_at <= since).order_by(Alert.id)
    # The newest, and of all an SOS: hundreds that lie about unseen must not keep what just came from being told.
    first = raised.order_by((Alert.kind == "sos").desc(), Alert.id.desc())
    noted = _note(db, db.scalars(late.limit(most)).all(), now)
    return noted + _call(db, db.scalars(first.limit(most)).all(), now) + _drop(db)


def next_call(db: Session, alert: Alert) -> tuple[datetime, DutyPhone] | None:
    """When and whom the hub will call if nobody looks at this alert; None when nobody, or everybody is called."""
    if alert.state != "raised":
        return None
    called = set(db.scalars(select(DutyCall.phone_id).where(DutyCall.alert_id == alert.id)))
    due = [
        (alert.raised_at + timedelta(seconds=phone.after_s), phone)
        for phone in phones_of(db)
        if phone.id not in called and _concerns(phone, alert)
    ]
    return min(due, key=lambda one: one[0], default=None)


def _note(db: Session, late: Sequence[Alert], now: datetime) -> int:
    for alert in late:
        alert.unseen_at = now
        db.add(AlertStep(alert_id=alert.id, at=now, account_id=None, what="unseen", note=""))
        note_change(db, "alert", str(alert.id), now)
    return len(late)


def _call(db: Session, raised: Sequence[Alert], now: datetime) -> int:
    """One thing calls a phone once: what was told of an alert was told of its whole incident."""
    phones = phones_of(db)
    if not phones or not raised:
        return 0
    told = _told(db, raised)
    made = 0
    for phone in phones:
        for alert in raised:
            due_at = alert.raised_at + timedelta(seconds=phone.after_s)
            keys = {(phone.id, _own(alert)), (phone.id, _shared(alert))}
            if due_at > now or not _concerns(phone, alert) or keys & told:
                continue
            db.add(DutyCall(alert_id=alert.id, phone_id=phone.id, due_at=due_at, next_at=now))
            told |= keys
            made += 1
    return made


def _told(db: Session, raised: Sequence[Alert]) -> set[tuple[int, str]]:
    """Which phone was, or is being, called about which of these alerts or their incidents."""
    numbers = [one.id for one in raised]
    incidents = [one.incident_id for one in raised if one.incident_id is not None]
    query = select(DutyCall.phone_id, DutyCall.state, Alert).join(Alert, Alert.id == DutyCall.alert_id)
    is_near = or_(Alert.id.in_(numbers), Alert.incident_id.in_(incidents))
    found: set[tuple[int, str]] = set()
    for phone, state, alert in db.execute(query.where(is_near)):
        found.add((phone, _own(alert)))
        if state in ("waiting", "sent"):
            found.add((phone, _shared(alert)))
    return found


def _own(alert: Alert) -> str:
    return f"alert {alert.id}"


def _shared(alert: Alert) -> str:
    return _own(alert) if alert.incident_id is None else f"incident {alert.incident_id}"


def _concerns(phone: DutyPhone, alert: Alert) -> bool:
    return alert.raised_at >= phone.created_at and is_chosen(choice_of(alert.kind, alert.labels), phone.kinds)


def _drop(db: Session) -> int:
    """Somebody looked meanwhile: nobody has to be called any more."""
    waiting = select(DutyCall).join(Alert, Alert.id == DutyCall.alert_id)
    rows = db.scalars(waiting.where(DutyCall.state == "waiting", Alert.state != "raised")).all()
    for call in rows:
        call.state = "needless"
    return len(rows)
