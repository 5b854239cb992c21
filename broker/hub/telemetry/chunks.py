"""Where the readings of a series lie: fresh ones as rows, the rest packed by local day. Reads both, moves them.

Rows are always read before packed days. A reading that is moved in between is then found twice, never missed,
and one time counts once: what is packed wins.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

from sqlalchemy import bindparam, delete, func, select, text
from sqlalchemy.orm import Session

from broker.hub.records.database import insert_into
from broker.hub.records.reading import Measured, MeasuredDay
from broker.hub.telemetry.chunk import EMPTY, Columns, Damaged, columns_of, merged, pack, unpack
from broker.link.clock import LOCAL

log = logging.getLogger(__name__)

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
LOCAL_MS = int(LOCAL.utcoffset(None).total_seconds() * 1000)

DAYS_AT_ONCE = 8
"""Days of one series held in memory together."""

_rows = Measured.__table__.c
_days = MeasuredDay.__table__.c
_ROWS = (
    select(_rows.at_ms, _rows.value, _rows.quality)
    .where(_rows.series == bindparam("series"), _rows.at_ms >= bindparam("since_ms"))
    .where(_rows.at_ms < bindparam("until_ms"))
)
_PACKED = (
    select(_days.day, _days.packed)
    .where(_days.series == bindparam("series"), _days.day.between(bindparam("first"), bindparam("last")))
    .where(_days.last_ms >= bindparam("since_ms"))
    .order_by(_days.day)
)


def day_of(at_ms: int) -> int:
    """Number of the local day of a time."""
    return (at_ms + LOCAL_MS) // DAY_MS


def start_of(day: int) -> int:
    """When a local day begins, in ms."""
    return day * DAY_MS - LOCAL_MS


# -- reading


def stretches(db: Session, series: int, since_ms: int, until_ms: int) -> Iterator[Columns]:
    """Readings of one series in [since_ms, until_ms), oldest first, a few days at a time. A damaged day is left
    out and logged.
    """
    day, days = day_of(since_ms), 1
    if until_ms - since_ms > DAYS_AT_ONCE * DAY_MS:
        found_day = first_day(db, series, since_ms)
        if found_day is None:
            return
        day, until_ms = found_day, min(until_ms, _newest_ms(db, series) + 1)
    while start_of(day) < until_ms:
        span = (max(since_ms, start_of(day)), min(until_ms, start_of(day + days)))
        found = columns(db, series, *span)
        if len(found.at_ms):
            yield found
        # Whoever wants the first few readings only pays for one day.
        day, days = day + days, min(2 * days, DAYS_AT_ONCE)


def first_day(db: Session, series: int, since_ms: int) -> int | None:
    """The first local day that may hold a reading of this time or later; None when there is none."""
    row = db.scalar(select(func.min(_rows.at_ms)).where(_rows.series == series, _rows.at_ms >= since_ms))
    packed = db.scalar(
        select(func.min(_days.day)).where(_days.series == series, _days.day >= day_of(since_ms))
    )
    days = [day for day in (None if row is None else day_of(row), packed) if day is not None]
    return min(days, default=None)


def _newest_ms(db: Session, series: int) -> int:
    row = db.scalar(select(func.max(_rows.at_ms)).where(_rows.series == series))
    packed = db.scalar(select(func.max(_days.day)).where(_days.series == series))
    return max(-1 if row is None else row, -1 if packed is None else start_of(packed + 1) - 1)


def columns(
    db: Session, series: int, since_ms: int, until_ms: int, *, must_be_whole: bool = False
) -> Columns:
    """The same in one piece, for a stretch of a few days. must_be_whole: raise Damaged rather than leave out."""
    span = {"series": series, "since_ms": since_ms, "until_ms": until_ms}
    fresh = db.execute(_ROWS, span).all()
    days = {"first": day_of(since_ms), "last": day_of(until_ms - 1)}
    kept = EMPTY
    for day, packed in db.execute(_PACKED, {"series": series, "since_ms": since_ms, **days}):
        try:
            kept = merged(kept, unpack(packed))
        except Damaged as why:
            complain(series, day, why)
            if must_be_whole:
                raise
    return merged(kept, columns_of(fresh)).cut(since_ms, until_ms)  # type: ignore[arg-type]


def sealed_until(db: Session) -> int:
    """No packed day holds a time after this one; -1 when nothing is packed."""
    newest: int | None = db.connection().exec_driver_sql("SELECT max(last_ms) FROM reading_day").scalar()
    return -1 if newest is None else newest


def packed_times(db: Session, series: int, day: int, times: Iterable[int]) -> set[int]:
    """Which of these times of one day are packed already."""
    wanted = set(times)
    query = select(_days.packed).where(_days.series == series, _days.day == day, _days.last_ms >= min(wanted))
    packed = db.connection().scalar(query)
    if packed is None:
        return set()
    try:
        return wanted & set(unpack(packed).at_ms.tolist())
    except Damaged as why:
        complain(series, day, why)
        return set()


def complain(series: int, day: int, why: Damaged) -> None:
    """Tell the operator of a day whose packed readings are damaged."""
    extra = {"event": "chunk-damaged", "series": series, "day": day, "why": str(why)}
    log.error("readings of series %s, day %s cannot be read: %s", series, day, why, extra=extra)


# -- moving


def seal(db: Session, series: int, day: int, before_ms: int) -> int:
    """Move the rows of one series and local day that lie before `before_ms` into its packed readings; returns how
    many rows went. One transaction, the caller's. Raises Damaged, having changed nothing.
    """
    packed = db.scalar(select(_days.packed).where(_days.series == series, _days.day == day))
    kept = EMPTY if packed is None else unpack(packed)
    until_ms = min(before_ms, start_of(day + 1))
    taken = db.connection().execute(
        delete(Measured.__table__)  # type: ignore[arg-type]
        .where(_rows.series == series, _rows.at_ms >= start_of(day), _rows.at_ms < until_ms)
        .returning(_rows.at_ms, _rows.value, _rows.quality)
    )
    fresh = columns_of(taken.all())  # type: ignore[arg-type]
    if not len(fresh.at_ms):
        return 0
    both = merged(kept, fresh)
    insert = insert_into(db, MeasuredDay)
    new = {"last_ms": insert.excluded.last_ms, "packed": insert.excluded.packed}
    row = {"series": series, "day": day, "last_ms": int(both.at_ms[-1]), "packed": pack(both)}
    db.execute(insert.on_conflict_do_update(index_elements=["series", "day"], set_=new), row)
    return len(fresh.at_ms)


def oldest_rows(db: Session, before_ms: int) -> dict[int, int]:
    """Time of the oldest row of every series that has one before `before_ms`."""
    found = text("SELECT id, (SELECT min(at_ms) FROM reading WHERE reading.series = s.id) FROM series s")
    return {series: at_ms for series, at_ms in db.execute(found) if at_ms is not None and at_ms < before_ms}


def oldest_row(db: Session, series: int, since_ms: int, before_ms: int) -> int | None:
    """Time of the oldest row of a series in [since_ms, before_ms)."""
    oldest: int | None = db.scalar(
        select(func.min(_rows.at_ms)).where(
            _rows.series == series, _rows.at_ms >= since_ms, _rows.at_ms < before_ms
        )
    )
    return oldest
