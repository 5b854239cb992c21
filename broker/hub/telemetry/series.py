"""The system of record for readings, asked by last value or by time. Written by recorder.py.

Buckets are aligned to local time (UTC+7), so that a bucket of 86 400 s is a day as people know it. `good` and
`unchecked` readings count in figures; `suspect` and `stale` ones are kept and only counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

import msgspec
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from broker.contract.board import Quality
from broker.hub.records.reading import QUALITIES, Series
from broker.hub.telemetry.chunk import Columns
from broker.hub.telemetry.chunks import columns, first_day, start_of, stretches
from broker.hub.telemetry.figures import Bucket, buckets, from_ms, to_ms

MOST_BUCKETS = 5000
MOST_RAW = 10_000


class Row(NamedTuple):
    """One stored reading by the number of its series."""

    series: int
    at_ms: int
    value: float
    quality: int


class Latest(msgspec.Struct, frozen=True):
    """A series and its last value: the newest believed one, or the newest while none was believed yet."""

    node: str
    service: str
    series: str
    unit: str
    at: datetime
    value: float
    quality: Quality
    received_at: datetime


class Point(msgspec.Struct, frozen=True):
    """One stored reading."""

    at: datetime
    value: float
    quality: Quality


_LATEST = select(
    Series.node,
    Series.service,
    Series.name,
    Series.unit,
    Series.latest_ms,
    Series.latest_value,
    Series.latest_quality,
    Series.received_at,
).order_by(Series.node, Series.name, Series.service)


_ID = text("SELECT id FROM series WHERE node = :node AND service = :service AND name = :name")


def latest(db: Session, node: str | None = None, series: str | None = None) -> list[Latest]:
    """Every series with its last value, by node and name; only those of `node` or of that name if given."""
    query = _LATEST
    if node is not None:
        query = query.where(Series.node == node)
    if series is not None:
        query = query.where(Series.name == series)
    return [
        Latest(node, service, name, unit, from_ms(at_ms), value, QUALITIES[quality], received_at)
        for node, service, name, unit, at_ms, value, quality, received_at in db.connection().execute(query)
    ]


def query(
    db: Session,
    node: str,
    series: str,
    since: datetime,
    until: datetime,
    bucket_s: int,
    service: str = "board",
) -> list[Bucket]:
    """Lowest, mean and highest value per bucket of readings in [since, until), oldest first; empty buckets
    are left out.

    With whole hours as bucket the hourly figures are used, and the first and last bucket are whole: `since` is
    moved back and `until` forward to bucket bounds. Raises ValueError for more than MOST_BUCKETS buckets.
    """
    since_ms, until_ms = to_ms(since), to_ms(until)
    if bucket_s < 1 or (until_ms - since_ms) / 1000 / bucket_s > MOST_BUCKETS:
        raise ValueError(f"bucket_s {bucket_s} gives more than {MOST_BUCKETS} buckets, or is less than 1")
    number = _id(db, node, service, series)
    if number is None or until_ms <= since_ms:
        return []
    return buckets(db, number, since_ms, until_ms, bucket_s * 1000)


def raw(
    db: Session,
    node: str,
    series: str,
    since: datetime,
    until: datetime,
    service: str = "board",
    limit: int = MOST_RAW,
) -> list[Point]:
    """The first `limit` stored readings in [since, until), oldest first, of every quality."""
    number = _id(db, node, service, series)
    found: list[Point] = []
    if number is None:
        return found
    for part in stretches(db, number, to_ms(since), to_ms(until), first_days=1):
        found += _points(part, limit - len(found))
        if len(found) >= limit:
            break
    return found


def walk(db: Session, after: tuple[int, int], limit: int) -> list[Row]:
    """The first `limit` stored readings of all series behind (series id, at_ms), in that order; fewer only
    where there are no more. Start with (0, -1).
    """
    found: list[Row] = []
    for number in db.scalars(select(Series.id).where(Series.id >= after[0]).order_by(Series.id)):
        since_ms = after[1] + 1 if number == after[0] else 0
        while (day := first_day(db, number, since_ms)) is not None:
            until_ms = start_of(day + 1)
            part = columns(db, number, max(since_ms, start_of(day)), until_ms)
            found += [Row(number, *row) for row in _rows(part, limit - len(found))]
            if len(found) >= limit:
                return found
            since_ms = until_ms
    return found


def _rows(part: Columns, limit: int) -> Iterator[tuple[int, float, int]]:
    return zip(*(column[:limit].tolist() for column in part), strict=True)


def _points(part: Columns, limit: int) -> list[Point]:
    return [Point(from_ms(at_ms), value, QUALITIES[quality]) for at_ms, value, quality in _rows(part, limit)]


def _id(db: Session, node: str, service: str, name: str) -> int | None:
    number: int | None = db.connection().scalar(_ID, {"node": node, "service": service, "name": name})
    return number
