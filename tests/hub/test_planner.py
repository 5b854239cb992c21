"""The planner: no overlap, quiet hours kept, free slots that are free."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from broker.hub.announcing.planner import (
    GUARD_S,
    HEAD_S,
    Booking,
    clashes,
    fits_sitting,
    free_slots,
    longest_sitting_s,
    overlap,
    play_order,
    total_s,
)
from broker.link.clock import LOCAL
from broker.trust.envelope import Quiet
from broker.trust.quiet import is_quiet

DAY = datetime(2026, 11, 21, tzinfo=LOCAL)
QUIET = Quiet()


def at(hour: float) -> datetime:
    return DAY + timedelta(hours=hour)


def book(hour: float, minutes: float = 3, villages: str = "dong", kind: str = "routine") -> Booking:
    return Booking(at(hour), minutes * 60, frozenset(villages.split()), kind, f"a{hour}")


bookings = st.builds(
    book,
    st.floats(0, 72),
    st.floats(0.1, 40),
    st.sampled_from(["dong", "ben", "dong ben", "ha"]),
    st.sampled_from(["routine", "priority", "emergency"]),
)
quiets = st.builds(
    lambda a, b: Quiet(since=f"{a:02}:00", until=f"{b:02}:30"), st.integers(0, 23), st.integers(0, 23)
)


def test_repeats_and_gaps_count() -> None:
    assert total_s(30, 1, 10) == HEAD_S + 30
    assert total_s(30, 3, 10) == HEAD_S + 110


def test_same_village_at_the_same_time_clashes_other_villages_do_not() -> None:
    assert clashes([book(8)], [book(8.02)])
    assert not clashes([book(8)], [book(8.02, villages="ben")])
    assert not clashes([book(8)], [book(8.02, kind="emergency")])
    assert clashes([book(8), book(8.01)], [])


def test_the_guard_silence_is_kept() -> None:
    first = book(8, minutes=1)
    touching = Booking(first.end + timedelta(seconds=GUARD_S - 1), 60, first.villages, "routine", "b")
    apart = Booking(first.end + timedelta(seconds=GUARD_S), 60, first.villages, "routine", "b")
    assert overlap(first, touching)
    assert not overlap(first, apart)


@given(st.lists(bookings, max_size=8), st.lists(bookings, max_size=8))
@settings(max_examples=300, deadline=None)
def test_what_does_not_clash_never_overlaps(wanted: list[Booking], booked: list[Booking]) -> None:
    wanted = [each for each in wanted if each.kind != "emergency"]
    if not clashes(wanted, booked):
        for mine in wanted:
            assert not any(overlap(mine, other) for other in booked if other.kind != "emergency")


@given(bookings, st.lists(bookings, max_size=12), quiets, st.floats(0, 48))
@settings(max_examples=200, deadline=None)
def test_free_slots_are_free_later_and_in_order(
    wanted: Booking, booked: list[Booking], quiet: Quiet, hour: float
) -> None:
    slots = free_slots(wanted, booked, quiet, at(hour))
    assert slots == sorted(set(slots))
    for slot in slots:
        placed = Booking(slot, wanted.duration_s, wanted.villages, wanted.kind, wanted.announcement)
        assert slot > at(hour)
        assert slot.astimezone(LOCAL).minute % 5 == 0
        assert not is_quiet(quiet, placed.start, placed.end)
        assert not any(overlap(placed, other) for other in booked)


def test_free_slots_after_a_clash_are_the_next_three() -> None:
    slots = free_slots(book(17), [book(17, minutes=4)], QUIET, at(17))
    assert [s.astimezone(LOCAL).strftime("%H:%M") for s in slots] == ["17:05", "17:10", "17:15"]


def test_free_slots_leave_the_sitting_within_its_limit() -> None:
    booked = [book(17, minutes=10)]
    slots = free_slots(book(17, minutes=10), booked, QUIET, at(17), limit_s=900)
    assert slots[0] == at(17.25)
    assert fits_sitting(book(17.25, minutes=10), booked, 900)
    assert not fits_sitting(book(17.2, minutes=10), booked, 900)


def test_a_sitting_ends_with_five_minutes_of_silence() -> None:
    near = [book(17, 10), book(17.2, 10), book(18, 5), book(17.1, 60, kind="emergency")]
    assert longest_sitting_s(near, "dong") == (at(17.2) - at(17)).total_seconds() + 600
    assert longest_sitting_s(near, "ben") == 0


@given(st.lists(bookings, unique_by=lambda each: each.announcement))
def test_order_is_by_kind_then_start_and_the_same_every_time(booked: list[Booking]) -> None:
    order = play_order(booked)
    assert order == play_order(reversed(order))
    ranks = [("emergency", "priority", "routine").index(each.kind) for each in order]
    assert ranks == sorted(ranks)
