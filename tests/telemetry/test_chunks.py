"""A reading lies in one place or the other and is answered once, whatever moves, breaks or is killed."""

from __future__ import annotations

import logging
import random
import subprocess
import sys
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from broker.contract import Identity
from broker.contract.board import Reading
from broker.hub import api
from broker.hub.records import Database, Measured, MeasuredDay, Series
from broker.hub.telemetry import rollup, series
from broker.hub.telemetry.chunk import unpack
from broker.hub.telemetry.chunks import day_of, start_of
from broker.hub.telemetry.figures import from_ms, to_ms
from broker.hub.telemetry.recorder import Recorder

NOW = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)
ONE = Identity("thon-01", "board")
RIVER = "water_level_m.song-van"
LATER = NOW + timedelta(days=2)

Place = tuple[int, int]
"""Series id, at_ms."""


def write(store: Database, times: list[datetime], name: str = RIVER, value: float = 2.5) -> None:
    readings = [Reading(series=name, at=at, value=value, unit="m") for at in times]
    with store.session() as db:
        Recorder().write(db, {ONE: readings}, NOW)


def seal(store: Database, now: datetime = LATER) -> None:
    rollup.seal_all(store, now, lambda took_s: False)


def rows(store: Database) -> Counter[Place]:
    with store.reading() as db:
        return Counter((row.series, row.at_ms) for row in db.execute(select(Measured.series, Measured.at_ms)))


def packed(store: Database) -> Counter[Place]:
    with store.reading() as db:
        found = db.execute(select(MeasuredDay.series, MeasuredDay.packed))
        return Counter((number, at) for number, day in found for at in unpack(day).at_ms.tolist())


def raw(store: Database, name: str = RIVER) -> list[datetime]:
    with store.reading() as db:
        found = series.raw(
            db, "thon-01", name, NOW - timedelta(days=60), NOW + timedelta(days=2), limit=10**6
        )
    return [point.at for point in found]


def spread(days: int, count: int, seed: int = 1) -> list[datetime]:
    """Times over so many local days before NOW, in no order."""
    dice = random.Random(seed)
    return [NOW - timedelta(milliseconds=n) for n in dice.sample(range(days * 86_400_000), count)]


def test_rows_of_hours_that_are_over_become_one_packed_day_each(store: Database) -> None:
    times = spread(3, 400)
    write(store, times)
    seal(store, NOW)
    limit_ms = to_ms(NOW) - 3_600_000  # an hour of grace; NOW is a full hour
    assert all(at_ms >= limit_ms for _, at_ms in rows(store))
    wanted = sorted({day_of(to_ms(at)) for at in times if to_ms(at) < limit_ms})
    with store.reading() as db:
        days = db.scalars(select(MeasuredDay.day).order_by(MeasuredDay.day)).all()
        for day, last_ms, blob in db.execute(
            select(MeasuredDay.day, MeasuredDay.last_ms, MeasuredDay.packed)
        ):
            at_ms = unpack(blob).at_ms
            assert at_ms[-1] == last_ms
            assert start_of(day) <= at_ms[0] <= last_ms < start_of(day + 1)
    assert days == wanted
    assert raw(store) == sorted(times)


def test_what_comes_late_joins_its_day_in_the_next_round(store: Database) -> None:
    first, late = spread(2, 300, 1), spread(2, 300, 2)
    write(store, first)
    seal(store)
    write(store, late, value=7.5)
    assert raw(store) == sorted({*first, *late})
    seal(store)
    assert not rows(store)
    assert raw(store) == sorted({*first, *late})
    assert set(packed(store).values()) == {1}


def test_a_row_beside_its_packed_self_is_answered_once(store: Database) -> None:
    """Another process may have written it while the day was packed."""
    times = spread(1, 50)
    write(store, times)
    seal(store)
    with store.session() as db:
        number = db.scalar(select(Series.id))
        db.add_all(Measured(series=number, at_ms=to_ms(at), value=-9.0, quality=0) for at in times[:10])
    with store.reading() as db:
        points = series.raw(db, "thon-01", RIVER, NOW - timedelta(days=2), NOW)
        (day,) = series.query(db, "thon-01", RIVER, NOW - timedelta(days=2), NOW, 7 * 86_401)
        walked = series.walk(db, (0, -1), 1000)
    assert {point.value for point in points} == {2.5}
    assert (len(points), len(walked)) == (50, 50)
    assert (day.count, day.low) == (50, 2.5)
    seal(store)
    assert (rows(store), packed(store).total(), len(raw(store))) == (Counter(), 50, 50)


@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_the_walk_passes_every_reading_once_in_order_wherever_it_lies(store: Database, limit: int) -> None:
    names = ["a.x", "b.x", "c.x"]
    for n, name in enumerate(names):
        write(store, spread(4, 20, n), name)
    seal(store)
    write(store, spread(30, 15, 8), "b.x")
    write(store, spread(1, 15, 9), "d.x")
    walked: list[series.Row] = []
    place = (0, -1)
    while True:
        with store.reading() as db:
            page = series.walk(db, place, limit)
        walked += page
        if len(page) < limit:
            break
        place = page[-1][:2]
    places = [row[:2] for row in walked]
    assert places == sorted(rows(store) + packed(store))
    assert len(walked) == 90


@pytest.mark.parametrize("seed", range(2))
def test_killing_the_process_that_packs_leaves_every_reading_in_one_place(
    store: Database, either: str, seed: int
) -> None:
    dice = random.Random(seed)
    for n in range(12):
        write(store, spread(5, 250, n), f"a.s{n}")
    wanted = rows(store)
    command = [sys.executable, "-m", "tests.telemetry.seal_child", either, LATER.isoformat()]
    killed = []
    for number in range(4):
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
        ) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == "begins\n"
            try:
                child.wait(dice.uniform(0.0, 0.15) if number else 0.001)
                killed.append(False)
            except subprocess.TimeoutExpired:
                child.kill()
                killed.append(True)
        assert rows(store) + packed(store) == wanted
    seal(store)
    assert (rows(store), packed(store)) == (Counter(), wanted)
    assert killed[0], "killed before it was done"


def test_a_reader_never_misses_what_is_being_moved_nor_sees_it_twice(store: Database) -> None:
    """Writer, packer and reader at the same time, each with connections of its own."""
    told: list[datetime] = []
    done = threading.Event()
    failed: list[BaseException] = []
    dice = random.Random(3)

    def write_on() -> None:
        try:
            for n in range(60):
                times = [
                    NOW - timedelta(days=2, milliseconds=dice.randrange(3 * 86_400_000)) for _ in range(20)
                ]
                write(store, times, value=float(n))
                told.extend(times)
        except BaseException as why:  # noqa: BLE001 (the test tells of it)
            failed.append(why)
        finally:
            done.set()

    def pack_on() -> None:
        try:
            while not done.is_set():
                seal(store)
        except BaseException as why:  # noqa: BLE001 (the test tells of it)
            failed.append(why)

    threads = [threading.Thread(target=write_on), threading.Thread(target=pack_on)]
    for thread in threads:
        thread.start()
    while not done.is_set():
        before = set(told[: len(told)])
        found = raw(store)
        assert len(found) == len(set(found))
        assert before <= set(found)
    for thread in threads:
        thread.join(60)
    assert not failed
    assert raw(store) == sorted(set(told))


def damage(store: Database, day: int) -> None:
    with store.session() as db:
        row = db.scalar(select(MeasuredDay).where(MeasuredDay.day == day))
        assert row is not None
        row.packed = row.packed[:-3] + b"\0\0\0"


def test_a_damaged_day_is_told_and_the_rest_answered(
    store: Database, caplog: pytest.LogCaptureFixture
) -> None:
    times = [NOW - timedelta(days=n, minutes=m) for n in (1, 2, 3) for m in range(30)]
    write(store, times)
    seal(store)
    day = day_of(to_ms(NOW - timedelta(days=2)))
    damage(store, day)
    left = sorted(at for at in times if day_of(to_ms(at)) != day)
    with caplog.at_level(logging.ERROR):
        assert raw(store) == left
    (said,) = caplog.records
    assert (said.__dict__["event"], said.__dict__["day"]) == ("chunk-damaged", day)
    with store.reading() as db:
        assert [from_ms(row.at_ms) for row in series.walk(db, (0, -1), 1000)] == left
    app = Flask(__name__)
    app.register_blueprint(api.blueprint(store.reading))
    span = {
        "node": "thon-01",
        "series": RIVER,
        "since": "2026-11-10T00:00:00Z",
        "until": "2026-11-22T00:00:00Z",
    }
    for more in ({}, {"format": "csv"}, {"bucket_s": 600}, {"bucket_s": 3600}):
        answer = app.test_client().get("/api/v1/readings", query_string={**span, **more})
        assert (answer.status_code, bool(answer.get_data())) == (200, True)


def test_late_readings_of_a_damaged_day_stay_rows_and_hold_nothing_up(store: Database) -> None:
    times = [NOW - timedelta(days=n, minutes=m) for n in (1, 2, 3) for m in range(30)]
    write(store, times)
    seal(store)
    day = day_of(to_ms(NOW - timedelta(days=2)))
    damage(store, day)
    late = [NOW - timedelta(days=n, hours=1) for n in (1, 2, 3)]
    write(store, late)
    seal(store)
    assert [at_ms for _, at_ms in rows(store)] == [to_ms(late[1])]
    assert set(late) <= set(raw(store))
    with store.reading() as db:
        assert db.scalar(select(func.count()).select_from(MeasuredDay)) == 3, "kept for whoever can mend it"


def test_the_kept_figures_of_a_damaged_day_stay_as_they_were(store: Database) -> None:
    day_start = NOW - timedelta(days=2)
    write(store, [day_start + timedelta(minutes=m) for m in range(60)], value=3.0)

    def roll() -> None:
        with store.session() as db:
            while rollup.roll(db, LATER):
                pass

    def figures() -> list[tuple[int, float | None]]:
        with store.reading() as db:
            found = series.query(db, "thon-01", RIVER, day_start, NOW, 3600)
            return [(bucket.count, bucket.mean) for bucket in found]

    seal(store)
    roll()
    before = figures()
    assert before == [(60, 3.0)]
    damage(store, day_of(to_ms(day_start)))
    write(store, [day_start + timedelta(minutes=30, seconds=1)], value=9.0)
    roll()
    assert figures() == before


def test_a_full_database_is_packed_without_a_seal_longer_than_one_day_of_one_series(store: Database) -> None:
    """The rows of an earlier release: each transaction moves one day, and a stop is heeded between two."""
    write(store, spread(6, 200))
    steps = []

    def pause(took_s: float) -> bool:
        steps.append(took_s)
        return len(steps) == 3

    rollup.seal_all(store, LATER, pause)
    with store.reading() as db:
        assert db.scalar(select(func.count()).select_from(MeasuredDay)) == 3
    assert rows(store)
