"""Alerts that nobody looks at: noted once, and told to the phones that are called for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Select, String, cast, or_, select
from sqlalchemy.orm import Session, aliased

from broker.hub.alert_kinds import THEY, choice_of, is_chosen, kinds_of
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
    noted = _note(db, db.scalars(late.limit(most)).all(), now)
    return noted + sum(_call(db, phone, now, most) for phone in phones_of(db)) + _drop(db)


def next_call(db: Session, alert: Alert) -> tuple[datetime, DutyPhone] | None:
    """When and whom the hub will call if nobody looks at this alert; None when nobody, or everybody is called."""
    due = [
        (alert.raised_at + timedelta(seconds=phone.after_s), phone)
        for phone in phones_of(db)
        if db.scalars(_untold(phone).where(Alert.id == alert.id)).first() and _concerns(phone, alert)
    ]
    return min(due, key=lambda one: one[0], default=None)


def _note(db: Session, late: Sequence[Alert], now: datetime) -> int:
    for alert in late:
        alert.unseen_at = now
        db.add(AlertStep(alert_id=alert.id, at=now, account_id=None, what="unseen", note=""))
        note_change(db, "alert", str(alert.id), now)
    return len(late)


def _call(db: Session, phone: DutyPhone, now: datetime, most: int) -> int:
    """One thing calls a phone once: what was told of an alert was told of its whole incident, but for an SOS."""
    due = _untold(phone).where(Alert.raised_at <= now - timedelta(seconds=phone.after_s))
    # The newest, and of all an SOS: hundreds that lie about unseen must not keep what just came from being told.
    first = due.order_by((Alert.kind == "sos").desc(), Alert.id.desc()).limit(most)
    told: set[int | None] = set()
    made = 0
    for alert in db.scalars(first).all():
        is_told = alert.incident_id is not None and alert.incident_id in told and alert.kind != "sos"
        if is_told or not _concerns(phone, alert):
            continue
        db.add(DutyCall(alert_id=alert.id, phone_id=phone.id, due_at=now, next_at=now))
        told.add(alert.incident_id)
        made += 1
    db.flush()
    return made


def _untold(phone: DutyPhone) -> Select[Alert]:
    """Raised alerts that a phone was not called about: neither about them nor, while that is still unseen, about
    another of their incident. Of kinds it wants, as far as a database can tell.
    """
    other = aliased(Alert)
    mine = select(DutyCall.id).where(DutyCall.phone_id == phone.id)
    own = mine.where(DutyCall.alert_id == Alert.id).exists()
    near = (other.incident_id == Alert.incident_id, other.state == "raised")
    shared = mine.join(other, other.id == DutyCall.alert_id).where(
        DutyCall.state.in_(("waiting", "sent")), *near
    )
    query = select(Alert).where(Alert.state == "raised", Alert.kind.in_(kinds_of(phone.kinds)))
    if "motion" not in phone.kinds:
        words = cast(Alert.labels, String)
        query = query.where(or_(Alert.kind != "motion", *(words.contains(f'"{each}"') for each in THEY)))
    return query.where(
        Alert.raised_at >= phone.created_at, ~own, or_(Alert.kind == "sos", ~shared.correlate(Alert).exists())
    )


def _concerns(phone: DutyPhone, alert: Alert) -> bool:
    return alert.raised_at >= phone.created_at and is_chosen(choice_of(alert.kind, alert.labels), phone.kinds)


def _drop(db: Session) -> int:
    """Somebody looked meanwhile: nobody has to be called any more."""
    waiting = select(DutyCall).join(Alert, Alert.id == DutyCall.alert_id)
    rows = db.scalars(waiting.where(DutyCall.state == "waiting", Alert.state != "raised")).all()
    for call in rows:
        call.state = "needless"
    return len(rows)
