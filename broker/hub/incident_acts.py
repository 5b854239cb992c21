"""What officers do with a whole incident at once: take all of it, close all of it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from broker.hub import alerts, incidents
from broker.hub.declined import Declined
from broker.hub.records import Account, Alert
from broker.hub.roles import require_role


def take_all(
    db: Session, account: Account, incident: int, newest: int, now: datetime, *, upon: int | None = None
) -> list[Alert]:
    """Take what is open of an incident and in nobody else's hand, up to the `newest` alert that the page showed."""
    require_role(db, account, now, *alerts.MAY_ACT)
    mine = [one for one in incidents.open_of(db, incident) if one.id <= newest]
    free = [one for one in mine if not alerts.is_others(one, account)]
    if not free:
        raise Declined("taken-all", "Các cảnh báo này đều đã đóng hoặc có người nhận.")
    return [alerts.take(db, account, one.id, now, upon=upon) for one in free]


def close_all(
    db: Session,
    account: Account,
    incident: int,
    newest: int,
    reason: str,
    note: str,
    now: datetime,
    *,
    upon: int | None = None,
) -> list[Alert]:
    """Close what is open of an incident for one reason. What came after the `newest` shown stays open.

    Nobody has seen that yet.
    """
    require_role(db, account, now, *alerts.MAY_ACT)
    found = [one for one in incidents.open_of(db, incident) if one.id <= newest]
    if not found:
        raise Declined("closed-all", "Các cảnh báo này đều đã đóng.")
    return [alerts.close(db, account, one.id, reason, note, now, upon=upon) for one in found]
