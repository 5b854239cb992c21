"""The machine's clock and the tests' clock answer to the same interface."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest

from broker.link.clock import Clock, ClockState, MachineClock
from tests.fakes.clock import FakeClock


@pytest.fixture(params=["machine", "fake", "fake running"])
def clock(request: pytest.FixtureRequest, tmp_path: Path) -> Clock:
    made: dict[str, Callable[[], Clock]] = {
        "machine": lambda: MachineClock(tmp_path / "floor", "host"),
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


def test_a_fake_clock_moves_as_told() -> None:
    clock = FakeClock(datetime(2026, 1, 1, tzinfo=UTC), "unknown")
    clock.advance(10)
    clock.step(-3600)
    clock.believe("trusted")
    assert clock.now() == datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=10 - 3600)
    assert clock.monotonic() == 10
    assert clock.state() == "trusted"
