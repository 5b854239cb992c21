"""The worker that puts readings in order does all of it, goes on after a refusal, and ends when told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text

from broker.contract import Identity
from broker.contract.board import Reading
from broker.hub.records import Database, HourDue, Measured, MeasuredDay, MeasuredHour
from broker.hub.telemetry import rollup
from broker.hub.telemetry.recorder import Recorder
from tests.fakes.session import FakeClock
from tests.until import until

NOW = datetime(2026, 11, 21, 5, 30, tzinfo=UTC)
ONE = Identity("thon-01", "board")


def write(store: Database, *times: datetime) -> None:
    readings = [Reading(series="water_level_m.a", at=at, value=2.0, unit="m") for at in times]
    with store.session() as db:
        Recorder().write(db, {ONE: readings}, NOW)


def count(store: Database, table: type) -> int:
    with store.reading() as db:
        return db.scalar(select(func.count()).select_from(table)) or 0


@contextmanager
def at_work(store: Database) -> Iterator[None]:
    """The worker in a thread; it must end soon after it is told to."""
    stop = threading.Event()
    worker = rollup.worker(store, FakeClock(NOW))
    thread = threading.Thread(target=worker.run, args=(stop, lambda: None))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()


def test_one_round_keeps_figures_packs_what_is_over_and_leaves_what_is_fresh(store: Database) -> None:
    write(store, NOW, NOW - timedelta(hours=1), NOW - timedelta(hours=3), NOW - timedelta(days=2))
    with at_work(store):
        until(lambda: count(store, MeasuredDay) == 2, 30)
    assert count(store, MeasuredHour) == 3, "the hour that is not over has no figures yet"
    assert count(store, HourDue) == 1
    assert count(store, Measured) == 2


def test_a_round_that_the_database_refuses_ends_nothing(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """On SQLite, where a missing table is told like a full disk; tests/hub/test_postgres.py ends connections."""
    write(database, NOW - timedelta(hours=3))
    with database.session() as db:
        db.execute(text("ALTER TABLE reading_hour RENAME TO away"))
    with at_work(database):
        until(lambda: any(each.__dict__.get("event") == "rollup-failed" for each in caplog.records), 30)
    assert (count(database, HourDue), count(database, Measured)) == (1, 1)
    with database.session() as db:
        db.execute(text("ALTER TABLE away RENAME TO reading_hour"))
    with at_work(database):
        until(lambda: count(database, MeasuredDay) == 1, 30)
    assert count(database, MeasuredHour) == 1
