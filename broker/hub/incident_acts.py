"""What officers do with a whole incident at once: take all of it, close all of it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from broker.hub import alerts
from broker.hub.declined import Declined
from broker.hub.records import Account, Alert
from broker.hub.roles import require_role

AT_ONCE = 200
"""Taken or closed in one go: more would keep everybody else from writing meanwhile. The page counts what is left."""


def take_all(
    db: Session, account: Account, incident: int, newest: int, now: datetime, *, upon: int | None = None
) -> list[Alert]:
    """Take what is open of an incident and in nobody else's hand, up to the `newest` alert that the page showed."""
    require_role(db, account, now, *alerts.MAY_ACT)
    free = _some(db, incident, newest, _is_free(account.id))
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
    """Close what is open of an incident for one reason, but no SOS and nothing that another officer has in hand.

    What came after the `newest` shown stays open: nobody has seen that yet.
    """
    require_role(db, account, now, *alerts.MAY_ACT)
    found = _some(db, incident, newest, _is_closed_with_all(account.id))
    if not found:
        raise Declined(
            "closed-all",
            "Không còn cảnh báo nào đóng cả được. Nút SOS và việc người khác đang giữ xin đóng riêng.",
        )
    return [alerts.close(db, account, one.id, reason, note, now, upon=upon) for one in found]


def counts(db: Session, account: int, incident: int) -> tuple[int, int]:
    """How many of an incident this officer could take, and close with all of it."""
    own = select(func.count()).where(Alert.incident_id == incident)
    free, closed = own.where(_is_free(account)), own.where(_is_closed_with_all(account))
    return db.scalar(free) or 0, db.scalar(closed) or 0


def _some(db: Session, incident: int, newest: int, which: ColumnElement[bool]) -> list[Alert]:
    own = select(Alert).where(Alert.incident_id == incident, Alert.id <= newest, which)
    return list(db.scalars(own.order_by(Alert.id).limit(AT_ONCE)))


def _is_free(account: int) -> ColumnElement[bool]:
    """Taken already by this officer it need not be taken again."""
    return and_(_is_not_others(account), Alert.state != "closed", ~_is_held_by(account))


def _is_closed_with_all(account: int) -> ColumnElement[bool]:
    """An SOS is looked at by itself: nobody dismisses one that they have not seen."""
    return and_(_is_not_others(account), Alert.state != "closed", Alert.kind != "sos")


def _is_not_others(account: int) -> ColumnElement[bool]:
    """As alerts.is_others."""
    return or_(Alert.state != "in-hand", Alert.officer_id.is_(None), Alert.officer_id == account)


def _is_held_by(account: int) -> ColumnElement[bool]:
    return and_(Alert.state == "in-hand", Alert.officer_id.is_not(None), Alert.officer_id == account)
