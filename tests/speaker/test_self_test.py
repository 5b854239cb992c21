"""The test chime, its week, and when it may not sound."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest

from broker.link.clock import LOCAL
from broker.trust.envelope import Quiet, Tuning
from broker.trust.reasons import REASONS
from edge.speaker.proof import Track, liken
from edge.speaker.self_test import REST_BETWEEN, chime_for_tests, may_test, weekly_due
from tests.speaker import rooms

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=LOCAL)  # a Monday
MONDAY = Tuning(test_weekday=0, test_at="09:00")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 48_000])
def test_the_chime_lasts_22_seconds_and_ends_softly(rate_hz: int) -> None:
    bells = chime_for_tests(rate_hz)
    assert 22 <= len(bells) / rate_hz <= 23
    assert bells.dtype == np.int16
    assert 15_000 < int(np.abs(bells).max()) < 30_000
    assert int(np.abs(bells[:10]).max()) < 100
    assert int(np.abs(bells[-10:]).max()) < 100


def test_a_house_always_has_its_own_tune() -> None:
    assert np.array_equal(chime_for_tests(8000, "thon-01"), chime_for_tests(8000, "thon-01"))
    ours = chime_for_tests(8000, "thon-01")
    assert liken(ours, 8000, 0.0, Track(ours, 8000, 0.0)).is_heard
    for other in range(2, 8):
        theirs = chime_for_tests(8000, f"thon-{other:02}")
        assert liken(ours, 8000, 0.0, Track(theirs, 8000, 0.0)).score < 0.3


def test_the_chime_is_heard_in_bad_places() -> None:
    bells = chime_for_tests(rooms.RATE_HZ, "thon-01")
    for number, kind in enumerate(sorted(rooms.NOISES)):
        chance = np.random.default_rng(number)
        arrived = rooms.through(bells.astype(np.float64), rooms.own_place(chance), chance)
        around = rooms.NOISES[kind](chance, len(arrived))
        track = rooms.taken(rooms.mixed(arrived, around, 5), chance)
        assert liken(bells, rooms.RATE_HZ, 0.0, track).is_heard, kind


def test_the_weekly_test_is_due_once_in_its_hours() -> None:
    assert weekly_due(MONDAY, None, NOW)
    assert weekly_due(MONDAY, NOW - 7 * DAY, NOW)
    assert not weekly_due(MONDAY, NOW - 10 * MINUTE, NOW)  # done today
    assert not weekly_due(MONDAY, None, NOW - HOUR)
    assert not weekly_due(MONDAY, None, NOW + 2 * HOUR)  # off all morning: next week
    assert not weekly_due(MONDAY, None, NOW + DAY)
    assert not weekly_due(Tuning(), None, NOW)
    assert weekly_due(MONDAY, NOW + 300 * DAY, NOW)  # noted by a clock that was wrong


def test_the_week_is_that_of_the_village() -> None:
    early = Tuning(test_weekday=0, test_at="06:10")  # Sunday still, in UTC
    assert weekly_due(early, None, datetime(2026, 11, 23, 6, 15, tzinfo=LOCAL))


def test_neighbours_tests_lie_apart() -> None:
    def begins(house: str) -> int:
        return next(
            minute
            for minute in range(60)
            if weekly_due(MONDAY, None, NOW.replace(minute=0) + minute * MINUTE, house)
        )

    assert len({begins(f"thon-{number:02}") for number in range(10)}) >= 5
    assert all(begins(f"thon-{number:02}") <= 15 for number in range(10))


def why_not(**changes: object) -> str:
    given: dict[str, object] = {"quiet": Quiet(), "clock": "trusted", "now": NOW, "last": None}
    return may_test(**{**given, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, ""),
        ({"clock": "estimated"}, ""),
        ({"clock": "unknown"}, "clock-unknown"),
        ({"now": NOW.replace(hour=3, minute=15)}, "quiet-hours"),
        ({"now": NOW.replace(hour=20, minute=59, second=45)}, "quiet-hours"),
        ({"silenced": "silenced"}, "silenced"),
        ({"silenced": "muted-here"}, "muted-here"),
        ({"is_microphone_on": True}, "local-use"),
        ({"is_busy": True}, "busy"),
        ({"last": NOW - REST_BETWEEN + MINUTE}, "tested-lately"),
        ({"last": NOW - REST_BETWEEN}, ""),
        ({"last": NOW + DAY}, ""),
    ],
)
def test_a_test_says_why_it_may_not_sound(changes: dict[str, object], code: str) -> None:
    assert why_not(**changes) == code
    assert not code or code in REASONS
