"""Hourly figures kept for ever, and raw readings forgotten after thirteen months.

A reading that arrives late marks its hour; marked hours are computed anew from the raw readings, so figures are
always those of what is stored. No hour loses its raw readings before its figures are kept.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from broker.hub.records import Database
from broker.hub.records.reading import HourDue, Measured, MeasuredHour, Series
from broker.hub.telemetry.figures import HOUR_MS, hour_of, to_ms
from broker.hub.telemetry.series import RAW_KEPT
from broker.link.clock import Clock
from broker.link.service import Beat, Worker

log = logging.getLogger(__name__)

EVERY_S = 300.0
AT_ONCE = 50
"""Hours computed in one transaction, so that ingest never waits long."""

DAY_MS = 24 * HOUR_MS


def roll(db: Session, limit: int = AT_ONCE) -> int:
    """Compute marked hours anew, at most `limit`; returns how many were."""
    due = db.execute(select(HourDue.series, HourDue.hour).order_by(HourDue.hour, HourDue.series).limit(limit))
    done = 0
    for series, hour in due.all():
        # The mark goes first: a reading committed after this line marks the hour again.
        db.execute(delete(HourDue).where(HourDue.series == series, HourDue.hour == hour))
        found = hour_of(db, series, hour)
        if found is not None:
            db.merge(
                MeasuredHour(
                    series=series,
                    hour=hour,
                    count=found.believed,
                    low=found.low,
                    high=found.high,
                    total=found.total,
                    doubted=found.doubted,
                )
            )
        done += 1
    db.flush()
    return done


def forget(db: Session, now: datetime, kept: timedelta = RAW_KEPT) -> int:
    """Delete the oldest day of raw readings of each series that is older than `kept`; returns how many went.

    Hours still marked are left alone. Call again until it returns 0.
    """
    limit_ms = to_ms(now - kept) // HOUR_MS * HOUR_MS
    marked = dict(db.execute(select(HourDue.series, func.min(HourDue.hour)).group_by(HourDue.series)).all())
    gone = 0
    for series in db.scalars(select(Series.id)).all():
        oldest = db.scalar(select(func.min(Measured.at_ms)).where(Measured.series == series))
        if oldest is None:
            continue
        end_ms = min(limit_ms, oldest + DAY_MS)
        if series in marked:
            end_ms = min(end_ms, marked[series] * HOUR_MS)
        result = db.execute(delete(Measured).where(Measured.series == series, Measured.at_ms < end_ms))
        gone += result.rowcount  # type: ignore[attr-defined]
    return gone


def worker(database: Database, clock: Clock) -> Worker:
    """Keeps hourly figures and the raw readings' age in order, every few minutes."""

    def run(stop: threading.Event, beat: Beat) -> None:
        due_s = time.monotonic()
        while not stop.wait(min(5.0, max(0.0, due_s - time.monotonic()))):
            beat()
            if time.monotonic() < due_s:
                continue
            due_s = time.monotonic() + EVERY_S
            try:
                _until_nothing_left(database, roll, stop, beat)
                _until_nothing_left(database, lambda db: forget(db, clock.now()), stop, beat)
            except OperationalError as why:
                # A full disk or a busy database: what was marked stays marked and is computed next time.
                log.warning("hourly figures not kept: %s", why.orig, extra={"event": "rollup-failed"})

    return Worker("rollup", run, patience_s=60.0)


def _until_nothing_left(
    database: Database, step: Callable[[Session], int], stop: threading.Event, beat: Beat
) -> None:
    """Do one step per transaction until a step finds nothing to do."""
    while not stop.is_set():
        with database.session() as db:
            if not step(db):
                return
        beat()
