"""Figures against a plain oracle in Python, over random stretches, whatever was packed or rolled up in between."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from broker.contract import Identity
from broker.contract.board import Quality, Reading
from broker.hub.records import (
    Base,
    Database,
    HourDue,
    Measured,
    MeasuredDay,
    MeasuredHour,
    ReplicaDue,
    Series,
)
from broker.hub.records.database import open_url
from broker.hub.telemetry import rollup, series
from broker.hub.telemetry.figures import Bucket, from_ms, to_ms
from broker.hub.telemetry.recorder import Recorder

START = datetime(2026, 11, 17, 17, 0, tzinfo=UTC)  # midnight in Vietnam
LOCAL_S = 7 * 3600
DAYS = 3
ONE = Identity("thon-01", "board")
NAME = "water_level_m.song-van"
QUALITY: list[Quality] = ["good", "unchecked", "suspect", "stale"]

values = st.one_of(
    st.integers(-9000, 9000).map(lambda n: n / 1000),
    st.floats(-1e9, 1e9, allow_nan=False, allow_subnormal=True),
)
moments = st.one_of(
    st.integers(0, DAYS * 86_400_000 - 1),
    st.integers(0, DAYS * 24 - 1).map(lambda hour: hour * 3_600_000),  # on the very bound
    st.integers(1, DAYS * 24).map(lambda hour: hour * 3_600_000 - 1),
    st.integers(0, 90).map(lambda n: n * 1000),  # often the same
)
readings = st.lists(st.tuples(moments, values, st.sampled_from(QUALITY)), min_size=1, max_size=40)
arrivals = st.tuples(st.just("write"), readings)
moving = st.tuples(st.sampled_from(["seal", "roll"]), st.integers(0, DAYS * 24 + 3))
steps = st.lists(st.one_of(arrivals, arrivals, moving), min_size=1, max_size=8)
spans = st.tuples(st.integers(-3600, DAYS * 86_400), st.integers(1, DAYS * 86_400))
bucket_s = st.sampled_from([60, 600, 1800, 3600, 3 * 3600, 86_400, 5000, 7 * 3600, 100_000])

Held = dict[int, tuple[float, Quality]]
"""What is stored, by time in ms."""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    found = open_url(f"sqlite:///{tmp_path_factory.mktemp('figures') / 'hub.db'}")
    yield found
    found.close()


@dataclass
class Oracle:
    """The readings in a dict, and what must be true of every answer about them."""

    held: Held

    def buckets(self, since_ms: int, until_ms: int, length_s: int) -> list[Bucket]:
        if length_s % 3600 == 0:
            since_ms = self._place(since_ms, length_s) * length_s * 1000 - LOCAL_S * 1000
            until_ms = (self._place(until_ms - 1, length_s) + 1) * length_s * 1000 - LOCAL_S * 1000
        groups: dict[int, list[tuple[float, Quality]]] = {}
        for at_ms, found in sorted(self.held.items()):
            if since_ms <= at_ms < until_ms:
                groups.setdefault(self._place(at_ms, length_s), []).append(found)
        return [self._bucket(place, length_s, groups[place]) for place in sorted(groups)]

    def _place(self, at_ms: int, length_s: int) -> int:
        return (at_ms + LOCAL_S * 1000) // (length_s * 1000)

    def _bucket(self, place: int, length_s: int, found: list[tuple[float, Quality]]) -> Bucket:
        good = [value for value, quality in found if quality in ("good", "unchecked")]
        at = from_ms(place * length_s * 1000 - LOCAL_S * 1000)
        if not good:
            return Bucket(at, None, None, None, 0, len(found))
        mean = math.fsum(good) / len(good)
        return Bucket(at, min(good), mean, max(good), len(good), len(found) - len(good))


def agree(found: list[Bucket], wanted: list[Bucket]) -> None:
    """Equal, the mean up to what adding rounds."""
    for one, other in zip(found, wanted, strict=True):
        assert (one.at, one.low, one.high, one.count, one.doubted) == (
            other.at,
            other.low,
            other.high,
            other.count,
            other.doubted,
        )
        if other.mean is None:
            assert one.mean is None
        else:
            size = max(abs(other.low or 0.0), abs(other.high or 0.0))
            assert one.mean == pytest.approx(other.mean, abs=size * 1e-12, rel=0)


def clear(database: Database) -> None:
    tables: tuple[type[Base], ...] = (Measured, MeasuredDay, MeasuredHour, HourDue, ReplicaDue, Series)
    with database.session() as db:
        for table in tables:
            db.execute(delete(table))


def play(database: Database, told: list[tuple[str, object]]) -> Held:
    """Let all of it happen; gives what must be stored."""
    held: Held = {}
    start_ms = to_ms(START)
    now = START + timedelta(days=DAYS, hours=1)
    for what, detail in told:
        if what == "write":
            assert isinstance(detail, list)
            batch = []
            for at_ms, value, quality in detail:
                held.setdefault(start_ms + at_ms, (value, quality))
                batch.append(
                    Reading(series=NAME, at=from_ms(start_ms + at_ms), value=value, unit="m", quality=quality)
                )
            with database.session() as db:
                Recorder().write(db, {ONE: batch}, now)
        elif what == "seal":
            assert isinstance(detail, int)
            rollup.seal_all(database, START + timedelta(hours=detail), lambda took_s: False)
        else:
            assert isinstance(detail, int)
            with database.session() as db:
                rollup.roll(db, START + timedelta(hours=detail), limit=17)
    return held


@given(told=steps, span=spans, length_s=bucket_s)
@settings(max_examples=120, deadline=None)
def test_every_answer_agrees_with_the_oracle(
    database: Database, told: list[tuple[str, object]], span: tuple[int, int], length_s: int
) -> None:
    clear(database)
    held = play(database, told)
    oracle = Oracle(held)
    since_ms = to_ms(START) + span[0] * 1000
    until_ms = since_ms + span[1] * 1000
    since, until = from_ms(since_ms), from_ms(until_ms)
    with database.reading() as db:
        found = series.query(db, "thon-01", NAME, since, until, length_s)
        points = series.raw(db, "thon-01", NAME, since, until)
        walked = series.walk(db, (0, -1), 10_000)
        kept = db.scalars(select(MeasuredHour)).all()
        due = set(db.scalars(select(HourDue.hour)))
    agree(found, oracle.buckets(since_ms, until_ms, length_s))
    wanted = [(at, *held[at]) for at in sorted(held)]
    assert [(to_ms(p.at), p.value, p.quality) for p in points] == [
        row for row in wanted if since_ms <= row[0] < until_ms
    ]
    assert [(row.at_ms, row.value, QUALITY[row.quality]) for row in walked] == wanted
    hours = {to_ms(each.at) // 3_600_000: each for each in oracle.buckets(0, 2**45, 3600)}
    assert hours.keys() <= due | {row.hour for row in kept}
    for row in kept:
        if row.hour not in due:
            mean = row.total / row.count if row.count and row.total is not None else None
            own = Bucket(from_ms(row.hour * 3_600_000), row.low, mean, row.high, row.count, row.doubted)
            agree([own], [hours[row.hour]])


@given(told=steps)
@settings(max_examples=40, deadline=None)
def test_the_kept_figures_of_an_hour_are_those_of_its_readings_to_the_last_bit(
    database: Database, told: list[tuple[str, object]]
) -> None:
    """However late its readings came: once it is rolled up, asking the readings gives the same."""
    clear(database)
    play(database, told)
    end = START + timedelta(days=DAYS + 1)
    with database.session() as db:
        while rollup.roll(db, end):
            pass
    with database.reading() as db:
        kept = series.query(db, "thon-01", NAME, START, end, 3600)
    with database.session() as db:
        db.add_all(
            HourDue(series=row.series, hour=row.hour) for row in db.scalars(select(MeasuredHour)).all()
        )
    with database.reading() as db:
        assert series.query(db, "thon-01", NAME, START, end, 3600) == kept
