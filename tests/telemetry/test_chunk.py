"""Packed readings come back bit for bit, are small, and say when they are damaged."""

from __future__ import annotations

import math
import random
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.hub.telemetry.chunk import EMPTY, Columns, Damaged, columns_of, merged, pack, unpack

DAY_MS = 86_400_000
HOSTILE = [
    0.0,
    -0.0,
    5e-324,
    -5e-324,
    1e308,
    -1e308,
    0.1 + 0.2,
    1 / 3,
    2.0**53,
    2.0**53 + 2,
    1e-7,
    9.95,
    1e22,
]

times = st.one_of(
    st.integers(0, DAY_MS),
    st.integers(0, 86_400).map(lambda n: n * 1000),
    st.integers(0, 2**45),
)
values = st.one_of(
    st.sampled_from(HOSTILE),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-10_000, 10_000).map(lambda n: n / 1000),
    st.floats(width=32, allow_nan=False, allow_infinity=False),
)
rows = st.lists(st.tuples(times, values, st.integers(0, 3)), min_size=1, max_size=200)


def bits(readings: Columns) -> list[tuple[int, bytes, int]]:
    """Readings, comparable to the last bit."""
    return [
        (at_ms, struct.pack("<d", value), quality)
        for at_ms, value, quality in zip(*(column.tolist() for column in readings), strict=True)
    ]


def series(at_ms: list[int], value: list[float], quality: int = 0) -> Columns:
    return columns_of([(at, each, quality) for at, each in zip(at_ms, value, strict=True)])


@given(rows)
@settings(max_examples=400, deadline=None)
def test_every_reading_comes_back_bit_for_bit(found: list[tuple[int, float, int]]) -> None:
    wanted = columns_of(found)
    assert bits(unpack(pack(wanted))) == bits(wanted)


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("count", [1, 2, 3, 500])
def test_one_value_again_and_again_comes_back(value: float, count: int) -> None:
    wanted = series([1_795_226_400_000 + 7 * n for n in range(count)], [value] * count, 3)
    packed = pack(wanted)
    assert bits(unpack(packed)) == bits(wanted)
    assert len(packed) < 200


def test_a_hundred_thousand_readings_come_back() -> None:
    dice = random.Random(4)
    at_ms = sorted(dice.sample(range(DAY_MS), 100_000))
    wanted = series(at_ms, [dice.choice(HOSTILE) * dice.random() for _ in at_ms])
    assert bits(unpack(pack(wanted))) == bits(wanted)


def test_a_day_of_a_sensor_takes_less_than_a_tenth_of_its_raw_bytes() -> None:
    """A reading every 10 s with some milliseconds of jitter, a water level to the millimetre."""
    dice = random.Random(8)
    at_ms = [1_795_226_400_000 + 10_000 * n + dice.randrange(20) for n in range(8640)]
    value = [round(2.1 + 0.3 * math.sin(n / 900) + dice.gauss(0, 0.002), 3) for n in range(8640)]
    value[4000] = -0.001
    assert len(pack(series(at_ms, value))) < 0.1 * 16 * 8640


def test_values_a_program_subtracted_stay_small_too() -> None:
    """4.5 - 2.39 is 2.1100000000000003: no decimals, but few different values."""
    dice = random.Random(8)
    value = [4.5 - dice.randrange(2300, 2400) / 1000 for _ in range(8640)]
    wanted = series([10_000 * n for n in range(8640)], value)
    packed = pack(wanted)
    assert bits(unpack(packed)) == bits(wanted)
    assert len(packed) < 0.1 * 16 * 8640


@given(rows, st.data())
@settings(max_examples=200, deadline=None)
def test_a_changed_or_missing_byte_is_noticed(
    found: list[tuple[int, float, int]], data: st.DataObject
) -> None:
    packed = bytearray(pack(columns_of(found)))
    place = data.draw(st.integers(0, len(packed) - 1))
    if data.draw(st.booleans()):
        packed = packed[:place]
    else:
        packed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Damaged):
        unpack(bytes(packed))


def test_a_version_of_a_later_release_is_told_apart() -> None:
    packed = bytearray(pack(series([1], [2.0])))
    packed[0] = 2
    with pytest.raises(Damaged, match="version 2"):
        unpack(bytes(packed))


@given(rows, rows)
@settings(max_examples=100, deadline=None)
def test_of_one_time_that_stands_in_both_the_first_is_kept(
    first: list[tuple[int, float, int]], second: list[tuple[int, float, int]]
) -> None:
    wanted: dict[int, tuple[int, float, int]] = {}
    for row in first + second:
        wanted.setdefault(row[0], row)
    found = merged(columns_of(first), columns_of(second))
    assert bits(found) == [(at, struct.pack("<d", v), q) for at, v, q in sorted(wanted.values())]


def test_nothing_and_something_is_something() -> None:
    some = series([1, 2], [3.0, 4.0])
    assert bits(merged(EMPTY, some)) == bits(merged(some, EMPTY)) == bits(some)
    assert bits(some.cut(2, 3)) == [(2, struct.pack("<d", 4.0), 0)]
    assert np.array_equal(columns_of([]).at_ms, EMPTY.at_ms)
