"""Readings are stored once, in any order, and every figure is that of the stored readings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from broker.contract import Identity
from broker.contract.board import Quality, Reading
from broker.hub.records import Database, HourDue, Measured, MeasuredHour
from broker.hub.telemetry import rollup, series
from broker.hub.telemetry.figures import Bucket
from broker.hub.telemetry.recorder import Recorder, Written

NOW = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)
RIVER = "water_level_m.song-van"


@pytest.fixture
def database(store: Database) -> Database:
    """Every test here runs on SQLite and on PostgreSQL."""
    return store


def reading(at: datetime, value: float, quality: Quality = "good", name: str = RIVER) -> Reading:
    return Reading(series=name, at=at, value=value, unit="m", quality=quality)


def write(database: Database, *readings: Reading, node: str = "thon-01", now: datetime = NOW) -> Written:
    who = Identity(node, "board")
    with database.session() as db:
        return Recorder().write(db, {who: readings}, now)[who]


def ask(database: Database, since: datetime, until: datetime, bucket_s: int) -> list[Bucket]:
    with database.reading() as db:
        return series.query(db, "thon-01", RIVER, since, until, bucket_s)


def test_the_same_readings_twice_are_stored_once(database: Database) -> None:
    batch = [reading(NOW + timedelta(seconds=n), 2.0 + n) for n in range(3)]
    assert write(database, *batch) == Written(stored=3)
    assert write(database, *batch, reading(NOW + timedelta(seconds=9), 9)) == Written(stored=1, repeated=3)
    with database.reading() as db:
        assert db.scalar(select(func.count()).select_from(Measured)) == 4


def test_a_repeated_time_with_another_value_keeps_the_first(database: Database) -> None:
    write(database, reading(NOW, 2.0))
    write(database, reading(NOW, 3.0))
    with database.reading() as db:
        points = series.raw(db, "thon-01", RIVER, NOW, NOW + timedelta(seconds=1))
    assert [point.value for point in points] == [2.0]


def test_the_last_value_is_the_newest_measured_not_the_newest_received(database: Database) -> None:
    write(database, reading(NOW, 2.0))
    write(database, reading(NOW - timedelta(hours=3), 1.0), now=NOW + timedelta(minutes=1))
    with database.reading() as db:
        (last,) = series.latest(db)
    assert (last.node, last.series, last.unit, last.at, last.value) == ("thon-01", RIVER, "m", NOW, 2.0)


def test_a_doubted_reading_never_stands_in_for_a_believed_one(database: Database) -> None:
    def last() -> tuple[float, str]:
        with database.reading() as db:
            (found,) = series.latest(db)
            return found.value, found.quality

    write(database, reading(NOW, 9.0, "suspect"))
    assert last() == (9.0, "suspect")
    write(
        database,
        reading(NOW - timedelta(seconds=5), 2.0),
        reading(NOW + timedelta(seconds=5), 9.1, "suspect"),
    )
    assert last() == (2.0, "good")
    write(database, reading(NOW + timedelta(seconds=10), 9.2, "stale"))
    assert last() == (2.0, "good")
    write(database, reading(NOW + timedelta(seconds=15), 2.1, "unchecked"))
    assert last() == (2.1, "unchecked")


def test_last_values_can_be_asked_by_node_and_by_name(database: Database) -> None:
    write(database, reading(NOW, 1), reading(NOW, 2, name="air_celsius.nha"))
    write(database, reading(NOW, 3), node="thon-02")
    with database.reading() as db:
        assert [(x.node, x.series) for x in series.latest(db, node="thon-01")] == [
            ("thon-01", "air_celsius.nha"),
            ("thon-01", RIVER),
        ]
        assert [x.node for x in series.latest(db, series=RIVER)] == ["thon-01", "thon-02"]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (reading(NOW + timedelta(hours=25), 1), "future"),
        (reading(NOW - timedelta(days=400), 1), "too-old"),
        (reading(datetime(1970, 1, 1, tzinfo=UTC), 1), "too-old"),
        (reading(NOW.replace(tzinfo=None), 1), "no-time-zone"),
        (reading(NOW, float("nan")), "not-a-number"),
        (reading(NOW, float("inf")), "not-a-number"),
    ],
)
def test_what_cannot_be_true_is_refused_and_the_rest_stored(
    database: Database, wrong: Reading, reason: str
) -> None:
    done = write(database, wrong, reading(NOW, 2.0))
    assert (done.stored, done.refused) == (1, {reason: 1})


def test_buckets_give_lowest_mean_and_highest(database: Database) -> None:
    write(database, *(reading(NOW + timedelta(seconds=10 * n), float(n)) for n in range(12)))
    assert ask(database, NOW, NOW + timedelta(minutes=2), 60) == [
        Bucket(NOW, 0, 2.5, 5, 6, 0),
        Bucket(NOW + timedelta(minutes=1), 6, 8.5, 11, 6, 0),
    ]


def test_doubted_readings_are_kept_but_do_not_count(database: Database) -> None:
    write(database, reading(NOW, 2.0), reading(NOW + timedelta(seconds=1), 19.0, "suspect"))
    write(database, reading(NOW + timedelta(minutes=5), 2.0, "stale"))
    assert ask(database, NOW, NOW + timedelta(hours=1), 60) == [
        Bucket(NOW, 2.0, 2.0, 2.0, 1, 1),
        Bucket(NOW + timedelta(minutes=5), None, None, None, 0, 1),
    ]


def test_a_day_begins_at_local_midnight(database: Database) -> None:
    late = datetime(2026, 11, 20, 16, 59, tzinfo=UTC)  # 23:59 in Vietnam
    write(database, reading(late, 1), reading(late + timedelta(minutes=2), 5))
    days = ask(database, late - timedelta(days=1), NOW, 86_400)
    assert [(day.at, day.mean) for day in days] == [
        (datetime(2026, 11, 19, 17, tzinfo=UTC), 1),
        (datetime(2026, 11, 20, 17, tzinfo=UTC), 5),
    ]


def test_a_question_over_a_century_is_answered_from_what_there_is(database: Database) -> None:
    write(database, reading(NOW - timedelta(days=300), 1), reading(NOW, 2))
    rollup.seal_all(database, NOW + timedelta(days=2), lambda took_s: False)
    write(database, reading(NOW + timedelta(seconds=1), 3))
    span = (datetime(1970, 1, 1, tzinfo=UTC), datetime(2070, 1, 1, tzinfo=UTC))
    with database.reading() as db:
        assert [point.value for point in series.raw(db, "thon-01", RIVER, *span)] == [1, 2, 3]
        (whole,) = series.query(db, "thon-01", RIVER, *span, 3_155_760_001)
    assert (whole.low, whole.mean, whole.high, whole.count) == (1, 2, 3, 3)


def test_sums_too_large_for_a_float_still_give_a_mean_in_between(database: Database) -> None:
    write(database, *(reading(NOW + timedelta(seconds=n), 1.7e308) for n in range(3)))
    (found,) = ask(database, NOW, NOW + timedelta(minutes=1), 60)
    assert (found.low, found.mean, found.high) == (1.7e308, 1.7e308, 1.7e308)


def test_an_unknown_series_has_no_buckets(database: Database) -> None:
    assert ask(database, NOW, NOW + timedelta(hours=1), 60) == []


def test_too_many_buckets_are_refused(database: Database) -> None:
    with pytest.raises(ValueError, match="more than 5000"):
        ask(database, NOW - timedelta(days=300), NOW, 1)


def test_old_readings_go_by_whole_local_days_and_their_hours_stay(database: Database) -> None:
    start = (NOW - timedelta(days=390)).replace(hour=17)  # midnight in Vietnam
    write(database, *(reading(start + timedelta(hours=n), float(n)) for n in range(72)), reading(NOW, 1))
    later = NOW + timedelta(days=9)
    write(database, reading(later, 1), now=later)
    rollup.seal_all(database, NOW - timedelta(days=389), lambda took_s: False)

    def forget() -> int:
        gone = 0
        for _ in range(5):
            with database.session() as db:
                gone += rollup.forget(db, later)
        return gone

    assert forget() == 0, "an hour without kept figures must keep its readings"
    with database.session() as db:
        while rollup.roll(db, later + timedelta(hours=1)):
            pass
    assert forget() == 2
    with database.reading() as db:
        assert db.scalar(select(func.count()).select_from(MeasuredHour)) == 74
        assert db.scalar(select(func.count()).select_from(HourDue)) == 0
        hours = series.query(db, "thon-01", RIVER, start, start + timedelta(days=3), 3600)
        left = series.raw(db, "thon-01", RIVER, start, start + timedelta(days=3))
    assert [bucket.mean for bucket in hours] == [float(n) for n in range(72)]
    assert [point.value for point in left] == [float(n) for n in range(48, 72)]


def test_a_hub_clock_years_ahead_forgets_nothing(database: Database) -> None:
    write(database, reading(NOW, 1))
    with database.session() as db:
        assert rollup.roll(db, NOW + timedelta(days=4000)) == 1
        assert rollup.forget(db, NOW + timedelta(days=4000)) == 0
