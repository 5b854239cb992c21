"""Hours of silence, on weekdays, at weekends and on holidays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.link.clock import LOCAL
from broker.trust.envelope import Hours, Quiet
from broker.trust.quiet import is_quiet

QUIET = Quiet()
quiets = st.builds(
    lambda a, b: Quiet(since=f"{a:02}:00", until=f"{b:02}:30"), st.integers(0, 23), st.integers(0, 23)
)


def at(hour: float) -> datetime:
    """Hours after the midnight that begins Saturday 21 November 2026."""
    return datetime(2026, 11, 21, tzinfo=LOCAL) + timedelta(hours=hour)


def test_the_night_is_quiet_and_the_day_is_not() -> None:
    assert is_quiet(QUIET, at(22), at(22.1))
    assert is_quiet(QUIET, at(2.5), at(2.6))
    assert is_quiet(QUIET, at(5.9), at(6.1))
    assert is_quiet(QUIET, at(20.9), at(21.01)), "it would run into the quiet hours"
    assert not is_quiet(QUIET, at(20.9), at(21)), "it ends as they begin"
    assert is_quiet(QUIET, at(21), at(21))
    assert not is_quiet(QUIET, at(6), at(6.2))
    assert not is_quiet(QUIET, at(17), at(17.1))
    assert not is_quiet(Quiet(since="05:00", until="05:00"), at(2), at(3))
    assert is_quiet(Quiet(since="11:30", until="13:00"), at(12.5), at(12.6))


def test_utc_and_local_times_mean_the_same() -> None:
    assert is_quiet(QUIET, at(22).astimezone(UTC), at(22.1).astimezone(UTC))


@given(st.floats(0, 72), st.floats(0.01, 5), quiets)
@settings(max_examples=300, deadline=None)
def test_quiet_agrees_with_looking_at_every_minute(hour: float, hours: float, quiet: Quiet) -> None:
    start, end = at(hour), at(hour + hours)

    def quiet_at(moment: datetime) -> bool:
        text = moment.astimezone(LOCAL).strftime("%H:%M")
        if quiet.since < quiet.until:
            return quiet.since <= text < quiet.until
        return text >= quiet.since or text < quiet.until

    looked_at = [start + timedelta(minutes=n) for n in range(int(hours * 60) + 1)]
    minutes = [moment for moment in looked_at if moment < end]
    if any(quiet_at(m) for m in minutes):
        assert is_quiet(quiet, start, end)
    elif not is_quiet(quiet, start, end):
        assert not any(quiet_at(m) for m in minutes)


def test_weekends_and_holidays_have_hours_of_their_own() -> None:
    quiet = Quiet(
        weekend=Hours(since="20:00", until="07:00"),
        holiday=Hours(since="22:00", until="05:00"),
        holidays=["2026-11-22"],
    )
    saturday, sunday, monday = at(0), at(24), at(48)
    for day, hour, expected in (
        (saturday, 6.5, True),
        (saturday, 20.5, True),
        (saturday, 12.0, False),
        (sunday, 5.5, False),
        (sunday, 21.5, False),
        (sunday, 22.5, True),
        (monday, 5.5, True),
        (monday, 20.5, False),
    ):
        moment = day + timedelta(hours=hour)
        assert is_quiet(quiet, moment, moment) is expected, moment


@pytest.mark.parametrize("since", ["21:00", "00:00"])
def test_a_night_that_ends_at_midnight_is_silent_to_its_end(since: str) -> None:
    quiet = Quiet(since=since, until="00:00")
    assert is_quiet(quiet, at(23.99), at(23.99)) is (since != "00:00")
    assert not is_quiet(quiet, at(24), at(25))
