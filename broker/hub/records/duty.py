"""The duty room: incidents, shifts, phones that are called, and pictures that left the house."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from broker.hub.records.account import Account
from broker.hub.records.alert import Alert
from broker.hub.records.table import Base


class Incident(Base):
    """Alerts of one village that belong together: what passes several cameras is one thing to the officer."""

    __tablename__ = "incident"

    id: Mapped[int] = mapped_column(primary_key=True)
    village: Mapped[str]
    began_at: Mapped[datetime]
    last_at: Mapped[datetime] = mapped_column(index=True)
    """When its newest alert began; by it a further one is found to belong here."""


class Shift(Base):
    """Who is on duty, from when to when, and what was handed over."""

    __tablename__ = "shift"

    id: Mapped[int] = mapped_column(primary_key=True)
    officer_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    began_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(Text, default="")
    """What the next one must know; written by who leaves."""

    officer: Mapped[Account] = relationship()


class DutyPhone(Base):
    """An address that apprise can write to, called when nobody looks at an alert. No pictures go there."""

    __tablename__ = "duty_phone"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    address: Mapped[str] = mapped_column(Text)
    """A URL; it may hold a password and is never shown whole."""
    kinds: Mapped[list[str]] = mapped_column(default=list)
    """Kinds of alerts that are told there."""
    after_s: Mapped[int] = mapped_column(default=180)
    """When an alert was not seen for so long; 0: at once."""
    created_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]


class DutyCall(Base):
    """One alert told to one phone, once."""

    __tablename__ = "duty_call"
    __table_args__ = (UniqueConstraint("alert_id", "phone_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alert.id"), index=True)
    phone_id: Mapped[int] = mapped_column(ForeignKey("duty_phone.id"))
    state: Mapped[str] = mapped_column(default="waiting", index=True)
    """waiting, sent, needless (somebody looked meanwhile) or given-up"""
    tries: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime]
    next_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    problem: Mapped[str] = mapped_column(default="")

    alert: Mapped[Alert] = relationship()
    phone: Mapped[DutyPhone] = relationship()


class AlertExport(Base):
    """Pictures that left the house as a signed file: who, why, what."""

    __tablename__ = "alert_export"

    id: Mapped[int] = mapped_column(primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alert.id"), index=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    at: Mapped[datetime]
    reason: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str]
    """Of the whole file."""
    size: Mapped[int]

    account: Mapped[Account] = relationship()
