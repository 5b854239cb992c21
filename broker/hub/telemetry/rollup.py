"""Hourly figures kept for ever, readings packed by day, and forgotten after thirteen months.

A reading that arrives late marks its hour; marked hours are computed anew from the readings, so figures are
always those of what is stored. No hour loses its readings before its figures are kept.

Rows become part of their day's packed readings an hour after their own hour is over, and what comes later joins
them in the next round: so rows stay few, and the file stays near the size of what is packed.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import groupby

from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from broker.hub.quarantine import forget_old_quarantine
from broker.hub.records import REFUSALS, Database
from broker.hub.records.reading import HourDue, Measured, MeasuredDay, Series
from broker.hub.telemetry.chunk import Damaged
from broker.hub.telemetry.chunks import (
    HOUR_MS,
    complain,
    day_of,
    first_day,
    oldest_row,
    oldest_rows,
    seal,
    start_of,
)
from broker.hub.telemetry.figures import hours_of, to_ms
from broker.hub.telemetry.recorder import RAW_KEPT
from broker.link.clock import Clock
from broker.link.service import Beat, Worker

log = logging.getLogger(__name__)

EVERY_S = 300.0
AT_ONCE = 50
"""Hours computed in one transaction, so that ingest never waits long."""
GRACE = timedelta(hours=1)
"""How long after their hour is over readings stay rows: what comes a little late costs no packing."""


_UNMARK = text("DELETE FROM reading_hour_due WHERE series = :series AND hour = :hour")
_KEEP = text(
    "INSERT INTO reading_hour (series, hour, count, low, high, total, doubted)"
    " VALUES (:series, :hour, :count, :low, :high, :total, :doubted)"
    " ON CONFLICT (series, hour) DO UPDATE SET count = excluded.count, low = excluded.low,"
    " high = excluded.high, total = excluded.total, doubted = excluded.doubted"
)


def roll(db: Session, now: datetime, limit: int = AT_ONCE) -> int:
    """Compute marked hours that are over anew, at most `limit`; returns how many were.

    Hours of a damaged day keep the figures they have: what is left of it is not that day.
    """
    over = select(HourDue.series, HourDue.hour).where(HourDue.hour < to_ms(now) // HOUR_MS)
    due = db.execute(over.order_by(HourDue.series, HourDue.hour).limit(limit)).all()
    if not due:
        return 0
    # The marks go first: a reading committed after this line marks its hour again.
    link = db.connection()
    link.execute(_UNMARK, [{"series": series, "hour": hour} for series, hour in due])
    kept = []
    for series, marks in groupby(due, lambda mark: mark.series):
        hours = [mark.hour for mark in marks]
        for found in hours_of(db, series, hours, must_be_whole=True):
            row = found._asdict()
            kept.append({"series": series, "hour": row.pop("place"), "count": row.pop("believed"), **row})
    if kept:
        link.execute(_KEEP, kept)
    return len(due)


def forget(db: Session, now: datetime, kept: timedelta = RAW_KEPT) -> int:
    """Delete the oldest local day of readings of each series when all of it is older than `kept`; returns how
    many series lost one. Call again until it returns 0.

    Days with hours still marked are left alone. A clock far ahead forgets nothing: age counts from the newest
    reading when that is older than `now`.
    """
    newest_ms = db.scalar(select(func.max(Series.latest_ms))) or 0
    # An hour more than the recorder refuses: no reading may join an hour whose others are gone.
    limit = day_of(min(to_ms(now), newest_ms) - kept // timedelta(milliseconds=1) - HOUR_MS)
    marked = dict(db.execute(select(HourDue.series, func.min(HourDue.hour)).group_by(HourDue.series)).all())
    gone = 0
    for series in db.scalars(select(Series.id)).all():
        day = first_day(db, series, 0)
        if day is None or day >= limit:
            continue
        if series in marked and day_of(marked[series] * HOUR_MS) <= day:
            continue
        db.execute(delete(MeasuredDay).where(MeasuredDay.series == series, MeasuredDay.day == day))
        until_ms = start_of(day + 1)
        db.execute(delete(Measured).where(Measured.series == series, Measured.at_ms < until_ms))
        gone += 1
    return gone


def sealed_before(now: datetime) -> int:
    """Rows before this time, in ms, are to be packed."""
    return to_ms(now - GRACE) // HOUR_MS * HOUR_MS


def seal_next(database: Database, series: int, at_ms: int, before_ms: int) -> int | None:
    """Pack the rows of the local day of `at_ms` that lie before `before_ms`, in a transaction of its own. Returns
    the time of the next row to be packed, None when nothing is left. Rows of a damaged day stay rows.
    """
    day = day_of(at_ms)
    try:
        with database.session() as db:
            seal(db, series, day, before_ms)
            return oldest_row(db, series, start_of(day + 1), before_ms)
    except Damaged as why:
        complain(series, day, why)
    with database.reading() as db:
        return oldest_row(db, series, start_of(day + 1), before_ms)


def seal_all(database: Database, now: datetime, pause: Callable[[float], bool]) -> None:
    """Pack every row that is due. pause: told after each transaction how many seconds it took; true ends it."""
    before_ms = sealed_before(now)
    with database.reading() as db:
        due = oldest_rows(db, before_ms)
    for series, oldest_ms in due.items():
        at_ms: int | None = oldest_ms
        while at_ms is not None:
            began = time.monotonic()
            at_ms = seal_next(database, series, at_ms, before_ms)
            if pause(time.monotonic() - began):
                return


def worker(database: Database, clock: Clock) -> Worker:
    """Keeps hourly figures, packs readings and forgets old ones, every few minutes."""

    def run(stop: threading.Event, beat: Beat) -> None:
        def pause(took_s: float) -> bool:
            # As long as the database was held it is free again: ingest writes in between.
            beat()
            return stop.wait(min(took_s, 0.1))

        due_s = time.monotonic()
        while not stop.wait(min(5.0, max(0.0, due_s - time.monotonic()))):
            beat()
            if time.monotonic() < due_s:
                continue
            due_s = time.monotonic() + EVERY_S
            try:
                _until_nothing_left(database, lambda db: roll(db, clock.now()), pause)
                seal_all(database, clock.now(), pause)
                _until_nothing_left(database, lambda db: forget(db, clock.now()), pause)
                _until_nothing_left(database, lambda db: forget_old_quarantine(db, clock.now()), pause)
            except REFUSALS as why:
                # A full disk or a busy database: what was due stays due and is done next time.
                log.warning("readings not put in order: %s", why.orig, extra={"event": "rollup-failed"})

    return Worker("rollup", run, patience_s=60.0)


def _until_nothing_left(
    database: Database, step: Callable[[Session], int], pause: Callable[[float], bool]
) -> None:
    """Do one step per transaction until a step finds nothing to do."""
    found = 1
    while found:
        began = time.monotonic()
        with database.session() as db:
            found = step(db)
        if pause(time.monotonic() - began):
            return
