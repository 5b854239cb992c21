"""What people edit for the whole commune, and counters that only rise."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlalchemy.orm import Mapped, Session, mapped_column

from broker.hub.records.table import Base


class Setting(Base):
    """One edited value by name, JSON."""

    __tablename__ = "setting"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[Any] = mapped_column(JSON)
    at: Mapped[datetime]


class Sequence(Base):
    """A counter that only rises, such as the generation of a plan."""

    __tablename__ = "sequence"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[int]


def next_of(db: Session, name: str) -> int:
    """The next value of a counter, from 1; durable when the transaction commits."""
    row = db.get(Sequence, name, with_for_update=True)
    if row is None:
        row = Sequence(name=name, value=0)
        db.add(row)
    row.value += 1
    db.flush()
    return row.value


def setting(db: Session, name: str, default: Any) -> Any:
    """An edited value, or `default` where nobody has edited it."""
    row = db.get(Setting, name)
    return default if row is None else row.value


def put_setting(db: Session, name: str, value: Any, at: datetime) -> None:
    """Store an edited value."""
    row = db.get(Setting, name)
    if row is None:
        db.add(Setting(name=name, value=value, at=at))
    else:
        row.value, row.at = value, at
