"""Figures of a stretch of readings: lowest, mean and highest per bucket, from raw rows or from whole hours.

The same expressions make a chart's bucket and an hour's kept figures, so the two cannot disagree.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session

from broker.hub.records.reading import QUALITIES, HourDue, Measured, MeasuredHour
from broker.link.clock import LOCAL

HOUR_MS = 3_600_000
LOCAL_MS = int(LOCAL.utcoffset(None).total_seconds() * 1000)
BELIEVED = (QUALITIES.index("good"), QUALITIES.index("unchecked"))


def to_ms(at: datetime) -> int:
    """Milliseconds since 1970, rounded down. Raises ValueError for a naive time."""
    if at.tzinfo is None:
        raise ValueError(f"time {at} has no time zone")
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def from_ms(at_ms: int) -> datetime:
    """The aware time, UTC."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)


@dataclass(frozen=True)
class Bucket:
    """A stretch of a series that begins at `at`. The figures are None when no reading in it is believed."""

    at: datetime
    low: float | None
    mean: float | None
    high: float | None
    count: int
    doubted: int


class Figures(NamedTuple):
    """Of one group of readings: how many are believed, their figures, and how many are doubted."""

    place: int
    """Number of the group: its time over its length."""
    believed: int
    low: float | None
    high: float | None
    total: float | None
    doubted: int


def expressions() -> tuple[ColumnElement[Any], ...]:
    """SQL of Figures, without `place`, over a group of Measured rows."""
    is_believed = Measured.quality.in_(BELIEVED)
    believed = case((is_believed, Measured.value))
    return (
        func.count(believed),
        func.min(believed),
        func.max(believed),
        func.sum(believed),
        func.count(case((~is_believed, 1))),
    )


def buckets(db: Session, series: int, since_ms: int, until_ms: int, bucket_ms: int) -> list[Bucket]:
    """Buckets of one series by its id, oldest first. Whole hours come from the kept figures and are whole."""
    if bucket_ms % HOUR_MS:
        place = (Measured.at_ms + LOCAL_MS) // bucket_ms
        found = _raw(db, series, place, Measured.at_ms >= since_ms, Measured.at_ms < until_ms)
        return [_bucket([row], row.place, bucket_ms) for row in found]
    first = (since_ms + LOCAL_MS) // bucket_ms * bucket_ms - LOCAL_MS
    last = -(-(until_ms + LOCAL_MS) // bucket_ms) * bucket_ms - LOCAL_MS
    groups: dict[int, list[Figures]] = {}
    for row in _hours(db, series, first // HOUR_MS, last // HOUR_MS):
        groups.setdefault((row.place * HOUR_MS + LOCAL_MS) // bucket_ms, []).append(row)
    return [_bucket(groups[place], place, bucket_ms) for place in sorted(groups)]


def hour_of(db: Session, series: int, hour: int) -> Figures | None:
    """Figures of one hour (counted since 1970) from its raw readings; None when it has none."""
    place = Measured.at_ms // HOUR_MS
    span = (Measured.at_ms >= hour * HOUR_MS, Measured.at_ms < (hour + 1) * HOUR_MS)
    return next(iter(_raw(db, series, place, *span)), None)


def _raw(db: Session, series: int, place: ColumnElement[int], *where: ColumnElement[bool]) -> list[Figures]:
    found = db.execute(
        select(place, *expressions()).where(Measured.series == series, *where).group_by(place).order_by(place)
    )
    return [Figures(*row) for row in found]


def _hours(db: Session, series: int, first: int, last: int) -> list[Figures]:
    """Hours [first, last): kept figures, and raw readings of the hours whose figures are not up to date."""
    due = select(HourDue.hour).where(HourDue.series == series, HourDue.hour >= first, HourDue.hour < last)
    kept = db.execute(
        select(
            MeasuredHour.hour,
            MeasuredHour.count,
            MeasuredHour.low,
            MeasuredHour.high,
            MeasuredHour.total,
            MeasuredHour.doubted,
        ).where(
            MeasuredHour.series == series,
            MeasuredHour.hour >= first,
            MeasuredHour.hour < last,
            MeasuredHour.hour.not_in(due),
        )
    )
    settled = [Figures(*row) for row in kept]
    moving = [hour_of(db, series, hour) for hour in db.scalars(due)]
    return settled + [row for row in moving if row is not None]


def _bucket(rows: Sequence[Figures], place: int, bucket_ms: int) -> Bucket:
    """One bucket from the figures of its parts."""
    count = sum(row.believed for row in rows)
    total = math.fsum(row.total for row in rows if row.total is not None)
    return Bucket(
        at=from_ms(place * bucket_ms - LOCAL_MS),
        low=min((row.low for row in rows if row.low is not None), default=None),
        mean=total / count if count else None,
        high=max((row.high for row in rows if row.high is not None), default=None),
        count=count,
        doubted=sum(row.doubted for row in rows),
    )
