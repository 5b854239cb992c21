"""What the boards measured: series, their readings, hourly figures, and what a copy server still has to get.

Times are whole milliseconds since 1970 (UTC): these tables hold millions of rows and are compared by number.
A reading stands in one of two tables: as a row while it is fresh, then packed with the others of its day.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, SmallInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from broker.contract.board import Quality
from broker.hub.records.table import COUNTER, Base

QUALITIES: tuple[Quality, ...] = ("good", "unchecked", "suspect", "stale")
"""A quality is stored as its place in this row; the first two count in charts and hourly figures."""


class Series(Base):
    """One measured quantity of one service of one node, with its last value."""

    __tablename__ = "series"
    __table_args__ = (UniqueConstraint("node", "service", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    node: Mapped[str]
    service: Mapped[str]
    name: Mapped[str]
    """`water_level_m.song-van`"""
    unit: Mapped[str]
    latest_ms: Mapped[int] = mapped_column(BigInteger)
    latest_value: Mapped[float]
    latest_quality: Mapped[int] = mapped_column(SmallInteger)
    received_at: Mapped[datetime]
    """When its newest message came, by the hub's clock."""


class Measured(Base):
    """One reading that is fresh, or came late. A time that its day already holds is a repeat and does not count."""

    __tablename__ = "reading"
    __table_args__ = {"sqlite_with_rowid": False}

    series: Mapped[int] = mapped_column(ForeignKey("series.id"), primary_key=True)
    at_ms: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    value: Mapped[float]
    quality: Mapped[int] = mapped_column(SmallInteger)


class MeasuredDay(Base):
    """The sealed readings of one series and one local day, packed."""

    __tablename__ = "reading_day"

    series: Mapped[int] = mapped_column(ForeignKey("series.id"), primary_key=True)
    day: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Whole days since 1970-01-01 00:00 local time."""
    last_ms: Mapped[int] = mapped_column(BigInteger, index=True)
    """Time of the newest reading inside."""
    packed: Mapped[bytes]
    """See broker/hub/telemetry/chunk.py."""


class MeasuredHour(Base):
    """One hour of a series, kept for ever."""

    __tablename__ = "reading_hour"
    __table_args__ = {"sqlite_with_rowid": False}

    series: Mapped[int] = mapped_column(ForeignKey("series.id"), primary_key=True)
    hour: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Whole hours since 1970 (UTC)."""
    count: Mapped[int]
    """Believed readings; `low`, `high` and `total` are theirs, empty when there is none."""
    low: Mapped[float | None]
    high: Mapped[float | None]
    total: Mapped[float | None]
    doubted: Mapped[int]
    """Readings that are suspect or stale."""


class HourDue(Base):
    """An hour whose figures must be computed anew because a reading of it arrived."""

    __tablename__ = "reading_hour_due"
    __table_args__ = {"sqlite_with_rowid": False}

    series: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    hour: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class Replica(Base):
    """A server that gets a copy, and how far it has walked through what was stored before it was named."""

    __tablename__ = "replica"

    name: Mapped[str] = mapped_column(primary_key=True)
    past_series: Mapped[int] = mapped_column(default=0)
    past_ms: Mapped[int] = mapped_column(BigInteger, default=0)
    past_done: Mapped[bool] = mapped_column(default=False)


class ReplicaDue(Base):
    """Readings of one message that the copy server has not confirmed."""

    __tablename__ = "replica_due"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(COUNTER, primary_key=True)
    points: Mapped[bytes]
    """MessagePack: [[series id, at_ms, value, quality], …]"""
