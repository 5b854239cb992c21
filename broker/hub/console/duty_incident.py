"""Beside one alert of the duty room: what belongs to the same incident, notes, to whom it may be passed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from broker.hub import incident_acts, unseen
from broker.hub.alerts import DECISIVE
from broker.hub.console.wording import hms, when
from broker.hub.records import Account, Alert, AlertStep

SHOWN = 8
"""How many others of an incident stand open on the page; the rest is folded."""
NAMED = 100
"""How many are named at all; what is beyond is counted and found by search."""
NOTES_SHOWN = 50
"""A page of ten thousand would be read anew with every change."""
_WORDS = ("noted", "escalated", "reopened", "closed")


@dataclass(frozen=True)
class Note:
    """What somebody wrote, whole."""

    who: str
    clock: str
    text: str


@dataclass(frozen=True)
class Kin:
    """Another alert of the same incident."""

    id: int
    title: str
    clock: str
    weight: str
    said: str


@dataclass(frozen=True)
class Together:
    """The incident of an alert with more than one."""

    id: int
    others: Sequence[Kin]
    folded: Sequence[Kin]
    more: int
    """That are not named here."""
    open_count: int
    """That this officer would close with all of it."""
    free_count: int
    """That this officer could take."""
    newest: int
    """The newest alert shown: what comes later is not touched by what the officer does now."""
    upon: int


def upon_of(alert: Alert) -> int:
    """The last decisive step of an alert, 0 when there was none."""
    return max((step.id for step in alert.steps if step.what in DECISIVE), default=0)


def notes_of(alert: Alert, people: Mapping[int, str], at: datetime) -> list[Note]:
    """What people wrote last, the oldest first."""
    written = [step for step in alert.steps if step.what in _WORDS and step.note]
    return [
        Note(people.get(step.account_id or 0, "Máy"), when(step.at, at), step.note)
        for step in written[-NOTES_SHOWN:]
    ]


def others_with(db: Session, alert: Alert) -> list[Alert]:
    """The newest others of its incident, as many as are named."""
    if alert.incident_id is None:
        return []
    query = select(Alert).where(Alert.incident_id == alert.incident_id, Alert.id != alert.id)
    order = query.options(selectinload(Alert.officer)).order_by(Alert.raised_at.desc(), Alert.id.desc())
    return list(db.scalars(order.limit(NAMED)))


def together(db: Session, alert: Alert, others: Sequence[Kin], officer: int) -> Together | None:
    """The incident as it is shown to an officer; None for an alert alone."""
    if alert.incident_id is None or not others:
        return None
    own = Alert.incident_id == alert.incident_id
    counts = select(func.count(), func.max(Alert.id)).where(own)
    total, newest = db.execute(counts).one()
    free, closed = incident_acts.counts(db, officer, alert.incident_id)
    steps = select(func.max(AlertStep.id)).join(Alert, Alert.id == AlertStep.alert_id)
    return Together(
        id=alert.incident_id,
        others=others[:SHOWN],
        folded=others[SHOWN:],
        more=total - 1 - len(others),
        open_count=closed,
        free_count=free,
        newest=newest,
        upon=db.scalar(steps.where(own, AlertStep.what.in_(DECISIVE))) or 0,
    )


def whoms_of(db: Session) -> list[str]:
    """To whom an alert may be passed: the commune's leaders, then its officers."""
    people = db.scalars(select(Account).where(Account.disabled_at.is_(None)).order_by(Account.full_name))
    found = [one for one in people if {"leader", "police"} & set(one.roles)]
    found.sort(key=lambda one: "leader" not in one.roles)
    return [", ".join(part for part in (one.full_name, one.title) if part) for one in found]


def call_said(db: Session, alert: Alert) -> tuple[str, str] | None:
    """When whom the hub will call: its clock and the words; None when nobody will be."""
    due = unseen.next_call(db, alert)
    return (hms(due[0]), f"Chưa ai xem thì gọi {due[1].name}") if due else None
