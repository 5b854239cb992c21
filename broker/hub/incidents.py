"""Alerts of one village that belong together: who passes three cameras is one thing to the officer, not three."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from broker.hub.records import Alert, Incident

NEAR = timedelta(minutes=2)
"""An alert that begins this soon after, or before, those of an incident belongs to it."""
LONGEST = timedelta(minutes=10)
"""From the first to the last that may belong to one: what never stops is told of anew, and seen in pieces."""
GROUPED = ("motion", "sos")
MOST_CRIES = 8
"""Open SOS of one incident that are named."""


def join(db: Session, alert: Alert) -> None:
    """Give a new alert its incident: that of its village which is still open and near in time, else one of its own.

    Alerts whose time is anybody's guess, and those of no village, stand alone.
    """
    is_grouped = alert.kind in GROUPED and alert.village and alert.clock != "unknown"
    if alert.incident_id is not None or alert.state == "closed" or not is_grouped:
        return
    at = alert.started_at
    is_open = select(Alert.id).where(Alert.incident_id == Incident.id, Alert.state != "closed").exists()
    near = (Incident.last_at >= at - NEAR, Incident.began_at <= at + NEAR)
    short = (Incident.began_at >= at - LONGEST, Incident.last_at <= at + LONGEST)
    query = select(Incident).where(Incident.village == alert.village, *near, *short, is_open)
    found = db.scalars(query.order_by(Incident.last_at.desc(), Incident.id.desc()).limit(1)).first()
    if found is None:
        found = Incident(village=alert.village, began_at=at, last_at=at)
        db.add(found)
        db.flush()
    found.began_at, found.last_at = min(found.began_at, at), max(found.last_at, at)
    alert.incident_id = found.id
    db.flush()


def cries_of(db: Session, incident: int) -> list[Alert]:
    """Its SOS that nobody has closed, the newest first."""
    query = select(Alert).where(Alert.incident_id == incident, Alert.kind == "sos", Alert.state != "closed")
    return list(
        db.scalars(query.options(selectinload(Alert.officer)).order_by(Alert.id.desc()).limit(MOST_CRIES))
    )
