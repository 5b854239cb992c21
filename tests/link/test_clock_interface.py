"""The machine's clock and the tests' clock answer to the same interface."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest

from broker.link.clock import BUILT_AT, Clock, ClockState, MachineClock, Timex, error_of
from tests.fakes.clock import FakeClock


@pytest.fixture(params=["machine", "held", "fake", "fake running"])
def clock(request: pytest.FixtureRequest, tmp_path: Path) -> Clock:
    made: dict[str, Callable[[], Clock]] = {
        "machine": lambda: MachineClock(tmp_path / "floor", "host"),
        "held": lambda: MachineClock(tmp_path / "floor", "host", is_held=True),
        "fake": FakeClock,
        "fake running": lambda: FakeClock(running=True, speed=3.0),
    }
    return made[request.param]()


def test_now_is_aware_and_in_utc(clock: Clock) -> None:
    assert clock.now().tzinfo is not None
    assert clock.now().utcoffset() == timedelta()


def test_monotonic_never_goes_back(clock: Clock) -> None:
    moments = [clock.monotonic() for _ in range(1000)]
    assert moments == sorted(moments)


def test_the_state_is_one_of_three(clock: Clock) -> None:
    assert clock.state() in get_args(ClockState)


def test_how_wrong_it_may_be_is_a_number_or_unknown(clock: Clock) -> None:
    error_ms = clock.error_ms()
    assert error_ms is None or 0 <= error_ms < 60_000


def test_a_clock_that_is_not_believed_says_nothing_of_its_error(tmp_path: Path) -> None:
    in_the_past = MachineClock(tmp_path / "floor", "host", wall=lambda: datetime(2000, 1, 1, tzinfo=UTC))
    assert in_the_past.error_ms() is None


def test_the_kernels_bound_is_read_from_where_it_stands_and_rounded_up() -> None:
    """struct timex by its fields in adjtimex(2): int, then four longs up to esterror, then int."""
    raw = struct.pack("@Illlli", 0, 7, -3, 250_400, 1_200, 0).ljust(ctypes.sizeof(Timex), b"\0")
    assert error_of(Timex.from_buffer_copy(raw)) == 251


def test_a_kernel_without_any_other_clock_is_not_asked_how_wrong_it_is() -> None:
    raw = struct.pack("@Illlli", 0, 0, 0, 16_000_000, 16_000_000, 0x40)
    assert error_of(Timex.from_buffer_copy(raw.ljust(ctypes.sizeof(Timex), b"\0"))) is None


def test_a_fake_clock_moves_as_told() -> None:
    clock = FakeClock(datetime(2026, 1, 1, tzinfo=UTC), "unknown")
    clock.advance(10)
    clock.step(-3600)
    clock.believe("trusted")
    assert clock.now() == datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=10 - 3600)
    assert clock.monotonic() == 10
    assert clock.state() == "trusted"


def test_a_held_clock_never_shows_less_than_the_last_time_that_was_kept(tmp_path: Path) -> None:
    floor = tmp_path / "floor"
    kept = BUILT_AT + timedelta(days=40)
    floor.write_text(kept.isoformat())
    wakes_in = datetime(2000, 1, 1, tzinfo=UTC)
    held = MachineClock(floor, "host", is_held=True, wall=lambda: wakes_in)
    assert held.state() == "unknown"
    assert timedelta() <= held.now() - kept < timedelta(minutes=1)
    assert MachineClock(floor, "host", wall=lambda: wakes_in).now() == wakes_in


def test_a_floor_that_no_right_clock_can_have_left_holds_nothing_up(tmp_path: Path) -> None:
    """A battery clock that died showing 2099 must not make every emergency look expired."""
    floor = tmp_path / "floor"
    floor.write_text(datetime(2099, 1, 1, tzinfo=UTC).isoformat())
    shown = BUILT_AT + timedelta(days=1)
    clock = MachineClock(floor, "host", is_held=True, wall=lambda: shown)
    assert clock.state() == "unknown"
    assert clock.now() == shown
