"""Figures of a stretch of readings: lowest, mean and highest per bucket, from readings or from whole hours.

The same sums make a chart's bucket and an hour's kept figures, so the two cannot disagree.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import NamedTuple

import msgspec
import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.hub.records.reading import QUALITIES, HourDue, MeasuredHour
from broker.hub.telemetry.chunk import Columns, Damaged
from broker.hub.telemetry.chunks import HOUR_MS, LOCAL_MS, columns, day_of, stretches

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)

BELIEVED = (QUALITIES.index("good"), QUALITIES.index("unchecked"))
_IS_BELIEVED = np.isin(np.arange(len(QUALITIES)), BELIEVED)


def to_ms(at: datetime) -> int:
    """Milliseconds since 1970, rounded down. Raises ValueError for a naive time."""
    if at.tzinfo is None:
        raise ValueError(f"time {at} has no time zone")
    return (at - _EPOCH) // _MS


def from_ms(at_ms: int) -> datetime:
    """The aware time, UTC."""
    return _EPOCH + timedelta(0, 0, 0, at_ms)


class Bucket(msgspec.Struct, frozen=True):
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


def buckets(db: Session, series: int, since_ms: int, until_ms: int, bucket_ms: int) -> list[Bucket]:
    """Buckets of one series by its id, oldest first. Whole hours come from the kept figures and are whole."""
    groups: dict[int, list[Figures]] = {}
    if bucket_ms % HOUR_MS:
        for part in stretches(db, series, since_ms, until_ms):
            for found in figures_of(part, bucket_ms, LOCAL_MS):
                groups.setdefault(found.place, []).append(found)
    else:
        first = (since_ms + LOCAL_MS) // bucket_ms * bucket_ms - LOCAL_MS
        last = -(-(until_ms + LOCAL_MS) // bucket_ms) * bucket_ms - LOCAL_MS
        for found in _hours(db, series, first // HOUR_MS, last // HOUR_MS):
            groups.setdefault((found.place * HOUR_MS + LOCAL_MS) // bucket_ms, []).append(found)
    return [_bucket(groups[place], place, bucket_ms) for place in sorted(groups)]


def figures_of(readings: Columns, group_ms: int, shift_ms: int = 0) -> list[Figures]:
    """Figures of readings by the place (at_ms + shift_ms) // group_ms."""
    if not len(readings.at_ms):
        return []
    place = (readings.at_ms + shift_ms) // group_ms
    starts = np.flatnonzero(np.diff(place, prepend=place[0] - 1))
    sizes = np.diff(starts, append=len(place))
    is_believed = _IS_BELIEVED[readings.quality]
    believed = np.add.reduceat(is_believed, starts, dtype=np.int64)
    low, high, value = readings.value, readings.value, readings.value
    if not is_believed.all():
        low = np.where(is_believed, value, np.inf)
        high = np.where(is_believed, value, -np.inf)
        value = np.where(is_believed, value, 0.0)
    lows, highs = np.minimum.reduceat(low, starts), np.maximum.reduceat(high, starts)
    with np.errstate(over="ignore", invalid="ignore"):  # two readings of 1e308 have no sum
        totals = np.add.reduceat(value, starts)
    columns = (place[starts], believed, lows, highs, totals, sizes - believed)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [Figures(*row) if row[1] else Figures(row[0], 0, None, None, None, row[5]) for row in rows]


def hours_of(db: Session, series: int, hours: Iterable[int], *, must_be_whole: bool = False) -> list[Figures]:
    """Figures of these hours (counted since 1970) from their readings; an hour without any is left out.

    must_be_whole: leave out the hours of a damaged day too.
    """
    found = []
    for _, several in groupby(sorted(hours), lambda hour: day_of(hour * HOUR_MS)):
        wanted = list(several)
        span = (wanted[0] * HOUR_MS, (wanted[-1] + 1) * HOUR_MS)
        try:
            readings = columns(db, series, *span, must_be_whole=must_be_whole)
        except Damaged:
            continue
        found += [row for row in figures_of(readings, HOUR_MS) if row.place in wanted]
    return found


def _hours(db: Session, series: int, first: int, last: int) -> list[Figures]:
    """Hours [first, last): kept figures, and the readings of the hours whose figures are not up to date."""
    due = db.scalars(
        select(HourDue.hour).where(HourDue.series == series, HourDue.hour >= first, HourDue.hour < last)
    ).all()
    kept = db.execute(
        select(
            MeasuredHour.hour,
            MeasuredHour.count,
            MeasuredHour.low,
            MeasuredHour.high,
            MeasuredHour.total,
            MeasuredHour.doubted,
        ).where(MeasuredHour.series == series, MeasuredHour.hour >= first, MeasuredHour.hour < last)
    )
    moving = set(due)
    return [Figures(*row) for row in kept if row[0] not in moving] + hours_of(db, series, due)


def _bucket(rows: Sequence[Figures], place: int, bucket_ms: int) -> Bucket:
    """One bucket from the figures of its parts."""
    _, count, low, high, total, doubted = rows[0] if len(rows) == 1 else _together(rows)
    mean = None
    if low is not None and high is not None and total is not None:
        mean = total / count if math.isfinite(total) else low / 2 + high / 2
        mean = min(max(mean, low), high)  # adding up rounds
    return Bucket(from_ms(place * bucket_ms - LOCAL_MS), low, mean, high, count, doubted)


def _together(rows: Sequence[Figures]) -> Figures:
    believed = [row for row in rows if row.believed]
    return Figures(
        rows[0].place,
        sum(row.believed for row in rows),
        min((row.low for row in believed if row.low is not None), default=None),
        max((row.high for row in believed if row.high is not None), default=None),
        sum(row.total for row in believed if row.total is not None) if believed else None,
        sum(row.doubted for row in rows),
    )
