"""Beside one alert of the duty room: what belongs to the same incident, notes, to whom it may be passed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from broker.hub import unseen
from broker.hub.alerts import DECISIVE
from broker.hub.console.wording import hms, when
from broker.hub.records import Account, Alert, AlertStep

SHOWN = 8
"""How many others of an incident are named; the rest is counted."""
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
    more: int
    open_count: int
    free_count: int
    """Open ones in nobody's hand."""
    newest: int
    """The newest alert shown: what comes later is not touched by what the officer does now."""
    upon: int


def upon_of(alert: Alert) -> int:
    """The last decisive step of an alert, 0 when there was none."""
    return max((step.id for step in alert.steps if step.what in DECISIVE), default=0)


def notes_of(alert: Alert, people: Mapping[int, str], at: datetime) -> list[Note]:
    """What people wrote, the oldest first."""
    return [
        Note(people.get(step.account_id or 0, "Máy"), when(step.at, at), step.note)
        for step in alert.steps
        if step.what in _WORDS and step.note
    ]


def alerts_with(db: Session, alert: Alert) -> list[Alert]:
    """All alerts of the incident of this one, itself too, the newest first; empty without an incident."""
    if alert.incident_id is None:
        return []
    query = select(Alert).where(Alert.incident_id == alert.incident_id)
    order = query.options(selectinload(Alert.officer)).order_by(Alert.raised_at.desc(), Alert.id.desc())
    return list(db.scalars(order))


def together(db: Session, alert: Alert, others: Sequence[Kin], alerts: Sequence[Alert]) -> Together | None:
    """The incident as it is shown; None for an alert alone."""
    if alert.incident_id is None or len(alerts) < 2:
        return None
    numbers = [one.id for one in alerts]
    last = select(AlertStep.id).where(AlertStep.alert_id.in_(numbers), AlertStep.what.in_(DECISIVE))
    is_open = [one for one in alerts if one.state != "closed"]
    return Together(
        id=alert.incident_id,
        others=others[:SHOWN],
        more=max(0, len(others) - SHOWN),
        open_count=len(is_open),
        free_count=sum(one.state != "in-hand" for one in is_open),
        newest=max(numbers),
        upon=db.scalar(last.order_by(AlertStep.id.desc()).limit(1)) or 0,
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
