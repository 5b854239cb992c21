"""The system of record for readings: written once whatever arrives twice, asked by last value or by time.

Buckets are aligned to local time (UTC+7), so that a bucket of 86 400 s is a day as people know it. `good` and
`unchecked` readings count in figures; `suspect` and `stale` ones are kept and only counted.
"""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import and_, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from broker.contract.board import Quality, Reading
from broker.hub.records.reading import QUALITIES, HourDue, Measured, Replica, ReplicaDue, Series
from broker.hub.telemetry.figures import BELIEVED, HOUR_MS, Bucket, buckets, from_ms, to_ms

log = logging.getLogger(__name__)

RAW_KEPT = timedelta(days=396)
"""Thirteen months: one month of this year can be laid over the same month of last year."""

AHEAD = timedelta(hours=24)
"""A reading further in the hub's future than this comes from a wrong clock."""

MOST_BUCKETS = 5000
MOST_RAW = 10_000


@dataclass
class Written:
    """What became of readings: `refused` by reason (future, too-old, no-time-zone, not-a-number)."""

    stored: int = 0
    repeated: int = 0
    refused: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Latest:
    """A series and its last value: the newest believed one, or the newest while none was believed yet."""

    node: str
    service: str
    series: str
    unit: str
    at: datetime
    value: float
    quality: Quality
    received_at: datetime


@dataclass(frozen=True)
class Point:
    """One stored reading."""

    at: datetime
    value: float
    quality: Quality


# -- writing


def write(
    db: Session, node: str, service: str, readings: Sequence[Reading], received_at: datetime
) -> Written:
    """Store readings of one message in the caller's transaction; what is already stored stays as it is."""
    done = Written()
    wanted = _sound(readings, received_at, done)
    if not wanted:
        return done
    ids = _ids(db, node, service, wanted, received_at)
    rows = {(ids[reading.series], to_ms(reading.at)): reading for reading in wanted}
    key = tuple_(Measured.series, Measured.at_ms)
    known = {
        (row[0], row[1])
        for row in db.execute(select(Measured.series, Measured.at_ms).where(key.in_(list(rows))))
    }
    fresh = [
        (series, at_ms, reading.value, QUALITIES.index(reading.quality))
        for (series, at_ms), reading in rows.items()
        if (series, at_ms) not in known
    ]
    done.stored, done.repeated = len(fresh), len(wanted) - len(fresh)
    if fresh:
        names = ("series", "at_ms", "value", "quality")
        insert = _insert(db, Measured).on_conflict_do_nothing()
        db.execute(insert, [dict(zip(names, row, strict=True)) for row in fresh])
        _mark_hours(db, {(series, at_ms // HOUR_MS) for series, at_ms, _, _ in fresh})
        _set_latest(db, fresh, received_at)
        if db.scalar(select(Replica.name).limit(1)) is not None:
            db.add(ReplicaDue(points=msgspec.msgpack.encode(fresh)))
            db.flush()
    return done


def _sound(readings: Sequence[Reading], received_at: datetime, done: Written) -> list[Reading]:
    """Those that can be stored; the others are counted."""
    wanted = []
    for reading in readings:
        if reading.at.tzinfo is None:
            done.refused["no-time-zone"] += 1
        elif not math.isfinite(reading.value):
            done.refused["not-a-number"] += 1
        elif reading.at > received_at + AHEAD:
            done.refused["future"] += 1
        elif reading.at < received_at - RAW_KEPT:
            done.refused["too-old"] += 1
        else:
            wanted.append(reading)
    if done.refused:
        reasons = ", ".join(sorted(done.refused))
        extra = {"event": "readings-refused", "reason": reasons, "count": done.refused.total()}
        log.warning("readings refused: %s", reasons, extra=extra)
    return wanted


def _insert(db: Session, model: type) -> sqlite.Insert:
    """INSERT that knows ON CONFLICT, in the dialect of this database (both dialects write it alike)."""
    if db.get_bind().dialect.name == "postgresql":
        return postgresql.insert(model)  # type: ignore[return-value]
    return sqlite.insert(model)


def _ids(
    db: Session, node: str, service: str, readings: Sequence[Reading], received_at: datetime
) -> dict[str, int]:
    """Ids of the series by name; new ones are made."""
    newest = {reading.series: reading for reading in readings}
    mine = select(Series.name, Series.id, Series.unit).where(
        Series.node == node, Series.service == service, Series.name.in_(newest)
    )
    known = {name: (number, unit) for name, number, unit in db.execute(mine)}
    missing = [
        {
            "node": node,
            "service": service,
            "name": name,
            "unit": reading.unit,
            "latest_ms": 0,
            "latest_value": reading.value,
            "latest_quality": 0,
            "received_at": received_at,
        }
        for name, reading in newest.items()
        if name not in known
    ]
    if missing:
        db.execute(_insert(db, Series).on_conflict_do_nothing(), missing)
        known = {name: (number, unit) for name, number, unit in db.execute(mine)}
    for name, (number, unit) in known.items():
        if unit != newest[name].unit:
            db.execute(update(Series).where(Series.id == number).values(unit=newest[name].unit))
    return {name: number for name, (number, _) in known.items()}


def _mark_hours(db: Session, hours: set[tuple[int, int]]) -> None:
    """These hours must be computed anew. Updating what is marked already locks it against a running rollup."""
    insert = _insert(db, HourDue)
    marked = insert.on_conflict_do_update(
        index_elements=["series", "hour"], set_={"hour": insert.excluded.hour}
    )
    db.execute(marked, [{"series": series, "hour": hour} for series, hour in sorted(hours)])


def _set_latest(db: Session, fresh: Sequence[tuple[int, int, float, int]], received_at: datetime) -> None:
    """Move the last value forward. A late arrival never overwrites a newer one, and a doubted reading never
    stands in for a believed one: a page would show a sensor's fault as the level of the river.
    """
    newest = {row[0]: row for row in sorted(fresh, key=lambda row: (row[3] in BELIEVED, row[1]))}
    is_doubted = or_(Series.latest_ms == 0, Series.latest_quality.not_in(BELIEVED))
    for series, at_ms, value, quality in newest.values():
        is_newer = Series.latest_ms <= at_ms
        may = or_(is_newer, is_doubted) if quality in BELIEVED else and_(is_newer, is_doubted)
        db.execute(
            update(Series)
            .where(Series.id == series, may)
            .values(latest_ms=at_ms, latest_value=value, latest_quality=quality, received_at=received_at)
        )


# -- asking


def latest(db: Session, node: str | None = None, series: str | None = None) -> list[Latest]:
    """Every series with its last value, by node and name; only those of `node` or of that name if given."""
    query = select(Series).order_by(Series.node, Series.name, Series.service)
    if node is not None:
        query = query.where(Series.node == node)
    if series is not None:
        query = query.where(Series.name == series)
    return [
        Latest(
            node=row.node,
            service=row.service,
            series=row.name,
            unit=row.unit,
            at=from_ms(row.latest_ms),
            value=row.latest_value,
            quality=_quality(row.latest_quality),
            received_at=row.received_at,
        )
        for row in db.scalars(query)
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
    if number is None:
        return []
    found = db.execute(
        select(Measured.at_ms, Measured.value, Measured.quality)
        .where(Measured.series == number, Measured.at_ms >= to_ms(since), Measured.at_ms < to_ms(until))
        .order_by(Measured.at_ms)
        .limit(limit)
    )
    return [Point(from_ms(at_ms), value, _quality(quality)) for at_ms, value, quality in found]


def _id(db: Session, node: str, service: str, name: str) -> int | None:
    return db.scalar(
        select(Series.id).where(Series.node == node, Series.service == service, Series.name == name)
    )


def _quality(number: int) -> Quality:
    return QUALITIES[number]
