"""Where the readings of a series lie: fresh ones as rows, the rest packed by local day. Reads both, moves them.

Rows are always read before packed days. A reading that is moved in between is then found twice, never missed,
and one time counts once: what is packed wins.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

from sqlalchemy import text
from sqlalchemy.orm import Session

from broker.hub.telemetry.chunk import EMPTY, Columns, Damaged, columns_of, merged, pack, unpack
from broker.link.clock import LOCAL

log = logging.getLogger(__name__)

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
LOCAL_MS = int(LOCAL.utcoffset(None).total_seconds() * 1000)

DAYS_AT_ONCE = 8
"""Days of one series held in memory together."""

# Written out, because a statement made of expressions costs more to make than these cost to run.
_ROWS = text(
    "SELECT at_ms, value, quality FROM reading WHERE series = :series AND at_ms >= :since_ms AND at_ms < :until_ms"
)
_PACKED = text(
    "SELECT day, packed FROM reading_day"
    " WHERE series = :series AND day BETWEEN :first AND :last AND last_ms >= :since_ms ORDER BY day"
)
_TAKE = text(
    "DELETE FROM reading WHERE series = :series AND at_ms >= :since_ms AND at_ms < :until_ms"
    " RETURNING at_ms, value, quality"
)
_KEEP = text(
    "INSERT INTO reading_day (series, day, last_ms, packed) VALUES (:series, :day, :last_ms, :packed)"
    " ON CONFLICT (series, day) DO UPDATE SET last_ms = excluded.last_ms, packed = excluded.packed"
)
_OLDEST_ROW = text(
    "SELECT min(at_ms) FROM reading WHERE series = :series AND at_ms >= :since_ms AND at_ms < :until_ms"
)
_OLDEST_ROWS = text("SELECT id, (SELECT min(at_ms) FROM reading WHERE series = s.id) FROM series s")
_NEWEST_ROW = text("SELECT max(at_ms) FROM reading WHERE series = :series")
_FIRST_DAY = text("SELECT min(day) FROM reading_day WHERE series = :series AND day >= :first")
_LAST_DAY = text("SELECT max(day) FROM reading_day WHERE series = :series")
_FAR_MS = 2**62


def day_of(at_ms: int) -> int:
    """Number of the local day of a time."""
    return (at_ms + LOCAL_MS) // DAY_MS


def start_of(day: int) -> int:
    """When a local day begins, in ms."""
    return day * DAY_MS - LOCAL_MS


# -- reading


def stretches(
    db: Session, series: int, since_ms: int, until_ms: int, first_days: int = DAYS_AT_ONCE
) -> Iterator[Columns]:
    """Readings of one series in [since_ms, until_ms), oldest first, a few days at a time. A damaged day is left
    out and logged.

    first_days: how many at first; whoever wants the first few readings only then pays for one day.
    """
    day, days = day_of(since_ms), first_days
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
        day, days = day + days, min(2 * days, DAYS_AT_ONCE)


def first_day(db: Session, series: int, since_ms: int) -> int | None:
    """The first local day that may hold a reading of this time or later; None when there is none."""
    row = oldest_row(db, series, since_ms, _FAR_MS)
    packed = db.connection().scalar(_FIRST_DAY, {"series": series, "first": day_of(since_ms)})
    days = [day for day in (None if row is None else day_of(row), packed) if day is not None]
    return min(days, default=None)


def _newest_ms(db: Session, series: int) -> int:
    row = db.connection().scalar(_NEWEST_ROW, {"series": series})
    packed = db.connection().scalar(_LAST_DAY, {"series": series})
    return max(-1 if row is None else row, -1 if packed is None else start_of(packed + 1) - 1)


def columns(
    db: Session, series: int, since_ms: int, until_ms: int, *, must_be_whole: bool = False
) -> Columns:
    """The same in one piece, for a stretch of a few days. must_be_whole: raise Damaged rather than leave out."""
    link = db.connection()
    fresh = link.execute(_ROWS, {"series": series, "since_ms": since_ms, "until_ms": until_ms}).all()
    days = {"first": day_of(since_ms), "last": day_of(until_ms - 1)}
    kept = EMPTY
    for day, packed in link.execute(_PACKED, {"series": series, "since_ms": since_ms, **days}):
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
    span = {"series": series, "first": day, "last": day, "since_ms": min(wanted)}
    for _, packed in db.connection().execute(_PACKED, span):
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
    link = db.connection()
    kept = EMPTY
    for _, packed in link.execute(_PACKED, {"series": series, "first": day, "last": day, "since_ms": 0}):
        kept = unpack(packed)
    span = {"series": series, "since_ms": start_of(day), "until_ms": min(before_ms, start_of(day + 1))}
    fresh = columns_of(link.execute(_TAKE, span).all())  # type: ignore[arg-type]
    if len(fresh.at_ms):
        both = merged(kept, fresh)
        last_ms = int(both.at_ms[-1])
        link.execute(_KEEP, {"series": series, "day": day, "last_ms": last_ms, "packed": pack(both)})
    return len(fresh.at_ms)


def oldest_rows(db: Session, before_ms: int) -> dict[int, int]:
    """Time of the oldest row of every series that has one before `before_ms`."""
    found = db.connection().execute(_OLDEST_ROWS)
    return {series: at_ms for series, at_ms in found if at_ms is not None and at_ms < before_ms}


def oldest_row(db: Session, series: int, since_ms: int, until_ms: int) -> int | None:
    """Time of the oldest row of a series in [since_ms, until_ms)."""
    span = {"series": series, "since_ms": since_ms, "until_ms": until_ms}
    oldest: int | None = db.connection().scalar(_OLDEST_ROW, span)
    return oldest
