"""The recorder writes readings of many sources at once, each once, and remembers only what is committed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from sqlalchemy import event, func, select

from broker.contract import Identity
from broker.contract.board import Quality, Reading
from broker.hub.records import Database, HourDue, Measured, Replica, ReplicaDue, Series
from broker.hub.telemetry import rollup, series
from broker.hub.telemetry.figures import to_ms
from broker.hub.telemetry.recorder import Recorder, Written

NOW = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)
RIVER = "water_level_m.song-van"
ONE, TWO = Identity("thon-01", "board"), Identity("thon-02", "board")


def at(
    seconds: float, value: float, name: str = RIVER, quality: Quality = "good", unit: str = "m"
) -> Reading:
    return Reading(series=name, at=NOW + timedelta(seconds=seconds), value=value, unit=unit, quality=quality)


def stored(store: Database, node: str = "thon-01", name: str = RIVER) -> list[tuple[int, float]]:
    """Seconds from NOW, and value."""
    with store.reading() as db:
        points = series.raw(db, node, name, NOW - timedelta(days=30), NOW + timedelta(days=2))
    return [(round((point.at - NOW).total_seconds()), point.value) for point in points]


def write(store: Database, *readings: Reading, recorder: Recorder | None = None) -> Written:
    with store.session() as db:
        return (recorder or Recorder()).write(db, {ONE: readings}, NOW)[ONE]


def last(store: Database) -> tuple[float, str]:
    with store.reading() as db:
        (found,) = series.latest(db)
        return found.value, found.quality


def seal(store: Database, now: datetime) -> None:
    rollup.seal_all(store, now, lambda took_s: False)


def test_readings_of_many_sources_are_written_together_and_counted_apart(store: Database) -> None:
    recorder = Recorder()
    with store.session() as db:
        done = recorder.write(
            db,
            {
                ONE: [at(0, 1), at(1, 2), at(1, 9), at(0, 3, "air_celsius.nha")],
                TWO: [at(0, 5), at(86_401, 1), at(2, float("nan"))],
            },
            NOW,
        )
    recorder.committed()
    assert done == {
        ONE: Written(stored=3, repeated=1),
        TWO: Written(stored=1, refused={"future": 1, "not-a-number": 1}),  # type: ignore[arg-type]
    }
    assert stored(store) == [(0, 1), (1, 2)], "of one time the first counts"
    assert stored(store, "thon-02") == [(0, 5)]
    with store.session() as db:
        again = recorder.write(db, {TWO: [at(0, 6), at(5, 7)], ONE: [at(0, 1)]}, NOW)
    assert again == {TWO: Written(stored=1, repeated=1), ONE: Written(repeated=1)}
    assert stored(store, "thon-02") == [(0, 5), (5, 7)]


@pytest.mark.parametrize("count", [1, 2, 255, 256, 257, 1000])
def test_any_number_of_readings_fits(store: Database, count: int) -> None:
    readings = [at(n, n / 8) for n in range(count)]
    assert write(store, *readings).stored == count
    assert write(store, *readings, at(-1, 4.5)) == Written(stored=1, repeated=count)
    assert stored(store) == [(-1, 4.5), *((n, n / 8) for n in range(count))]


@pytest.mark.parametrize("value", [-5e-324, 5e-324, 1e308, 0.1 + 0.2, 2.0**53 + 2, 3.0])
def test_a_value_comes_back_to_the_last_bit_as_row_and_packed(store: Database, value: float) -> None:
    write(store, at(0, value))
    assert [found.hex() for _, found in stored(store)] == [value.hex()]
    seal(store, NOW + timedelta(days=1))
    assert [found.hex() for _, found in stored(store)] == [value.hex()]


def test_minus_zero_is_zero_on_every_database(store: Database) -> None:
    write(store, at(0, -0.0))
    assert [value.hex() for _, value in stored(store)] == ["0x0.0p+0"]


def test_what_was_rolled_back_is_not_remembered(store: Database) -> None:
    recorder = Recorder()
    with suppress(RuntimeError), store.session() as db:
        recorder.write(db, {ONE: [at(0, 1), at(0, 2, "air_celsius.nha")]}, NOW)
        recorder.write(db, {ONE: [at(1, 1)]}, NOW)
        raise RuntimeError
    recorder.rolled_back()
    with store.session() as db:  # takes the numbers that the others had
        recorder.write(db, {TWO: [at(0, 8), at(0, 9, "air_celsius.nha")]}, NOW)
    recorder.committed()
    write(store, at(0, 5), recorder=recorder)
    assert (stored(store), stored(store, "thon-02")) == ([(0, 5)], [(0, 8)])


def test_a_savepoint_undone_leaves_no_number_behind(store: Database) -> None:
    recorder = Recorder()
    with store.session() as db:
        recorder.write(db, {ONE: [at(0, 1)]}, NOW)
        with suppress(RuntimeError), db.begin_nested():
            recorder.write(db, {TWO: [at(0, 2)]}, NOW)
            raise RuntimeError
        recorder.rolled_back()
        recorder.write(db, {Identity("thon-03", "board"): [at(0, 3)]}, NOW)
        recorder.write(db, {TWO: [at(0, 4)]}, NOW)
    recorder.committed()
    assert [stored(store, node) for node in ("thon-01", "thon-02", "thon-03")] == [
        [(0, 1)],
        [(0, 4)],
        [(0, 3)],
    ]


def test_a_known_series_costs_no_question_and_no_statement_per_reading(store: Database) -> None:
    recorder = Recorder()
    for _ in range(2):
        write(store, at(0, 1), recorder=recorder)
        recorder.committed()
    said: list[str] = []
    with store.session() as db:
        db.connection()
        event.listen(store.engine, "before_cursor_execute", lambda *call: said.append(call[2]))
        recorder.write(db, {ONE: [at(n, 1) for n in range(1, 65)]}, NOW)
    asked = [text for text in said if text.startswith("SELECT")]
    assert len(said) == 5, said
    assert all("reading_day" in text or "replica" in text for text in asked)


def test_a_unit_that_changes_is_written_and_one_that_was_rolled_back_again(store: Database) -> None:
    recorder = Recorder()
    for n, unit in enumerate(["m", "m", "cm", "cm", "m"]):
        with store.session() as db:
            recorder.write(db, {ONE: [at(n, 1, unit=unit)]}, NOW)
        recorder.committed()
        with store.reading() as db:
            assert db.scalar(select(Series.unit)) == unit
    with suppress(RuntimeError), store.session() as db:
        recorder.write(db, {ONE: [at(9, 1, unit="mm")]}, NOW)
        raise RuntimeError
    recorder.rolled_back()
    write(store, at(9, 1, unit="mm"), recorder=recorder)
    with store.reading() as db:
        assert db.scalar(select(Series.unit)) == "mm"


def test_values_shown_ahead_of_their_history_move_only_the_last_value(store: Database) -> None:
    recorder = Recorder()
    with store.session() as db:
        done = recorder.show(db, ONE, [at(50, 5), at(51, 6), at(86_500, 1)], NOW)
    assert done.refused == {"future": 1}
    assert (last(store), stored(store)) == ((6.0, "good"), [])
    write(store, at(0, 1), at(10, 2, quality="suspect"))
    assert last(store) == (6.0, "good")
    with store.session() as db:
        recorder.show(db, ONE, [at(60, 9, quality="suspect")], NOW)
    assert last(store) == (6.0, "good"), "a doubted reading never replaces a believed one"
    assert write(store, at(51, 6), at(52, 7)).stored == 2
    assert last(store) == (7.0, "good")
    with store.reading() as db:
        assert db.scalar(select(func.count()).select_from(Measured)) == 4


def test_a_repeat_of_a_packed_time_is_no_second_point(store: Database) -> None:
    write(store, at(0, 1), at(10, 2))
    seal(store, NOW + timedelta(hours=3))
    with store.session() as db:
        while rollup.roll(db, NOW + timedelta(hours=3)):
            pass
    assert write(store, at(0, 8), at(10, 2), at(5, 3)) == Written(stored=1, repeated=2)
    with store.reading() as db:
        assert db.scalar(select(func.count()).select_from(Measured)) == 1
        assert db.scalars(select(HourDue.hour)).all() == [to_ms(NOW) // 3_600_000]
    wanted = [(0, 1), (5, 3), (10, 2)]
    assert stored(store) == wanted
    seal(store, NOW + timedelta(hours=3))
    assert stored(store) == wanted
    assert last(store) == (2.0, "good")


def test_only_new_readings_are_queued_for_the_copy(store: Database) -> None:
    with store.session() as db:
        db.add(Replica(name="x", past_series=0, past_ms=0, past_done=True))
    write(store, *(at(n, n) for n in range(450)))
    write(store, at(0, 7), at(450, 1))
    with store.reading() as db:
        found: Sequence[bytes] = db.scalars(select(ReplicaDue.points).order_by(ReplicaDue.id)).all()
    queued = [row for points in found for row in msgspec.msgpack.decode(points)]
    assert [row[1] for row in queued] == [to_ms(NOW) + 1000 * n for n in range(451)]
