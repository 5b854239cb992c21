"""Book-keeping of the wire: how far each source was stored, what could not be read, what was lost before."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from broker.hub.records.table import COUNTER, Base


class HighWater(Base):
    """Everything of this source's outbox and lane up to `upto` is stored here."""

    __tablename__ = "high_water"

    source: Mapped[str] = mapped_column(primary_key=True)
    epoch: Mapped[str] = mapped_column(primary_key=True)
    lane: Mapped[str] = mapped_column(primary_key=True)
    upto: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime]


class Quarantine(Base):
    """Messages that could not be stored, counted by source and reason, with one sample of the bytes."""

    __tablename__ = "quarantine"
    __table_args__ = (UniqueConstraint("source", "reason"),)

    id: Mapped[int] = mapped_column(COUNTER, primary_key=True)
    source: Mapped[str]
    reason: Mapped[str]
    topic: Mapped[str]
    count: Mapped[int] = mapped_column(default=1)
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    sample: Mapped[bytes]
    """At most 1024 bytes of the newest one."""


class Gap(Base):
    """Positions a source no longer held when the hub asked for them: lost, and known to be lost."""

    __tablename__ = "gap"

    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(index=True)
    epoch: Mapped[str]
    lane: Mapped[str]
    first: Mapped[int] = mapped_column(BigInteger)
    last: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime]
    count: Mapped[int | None] = mapped_column(BigInteger)
    """How many of them held something, where the source said so."""
    reason: Mapped[str] = mapped_column(default="", server_default="")
    """Why, in the source's word: quota, disk-full; empty where it said nothing."""
