"""The planner: no overlap, hours of silence kept, the order among ưu tiên, free slots that are free."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from broker.hub.announcing.checks import refuse_times, time_trouble
from broker.hub.announcing.planner import (
    GUARD_S,
    HEAD_S,
    MOST_LATER_S,
    Booking,
    clashes,
    line_up,
    overlap,
    play_order,
    queue_of,
    total_s,
)
from broker.hub.announcing.rules import Rules
from broker.hub.announcing.sittings import NO_CAPS, Caps, Diary, lasts_s, longest_s, sittings
from broker.hub.announcing.slots import free_slots
from broker.hub.declined import Declined
from broker.link.clock import LOCAL
from broker.trust.envelope import Hours, Quiet
from broker.trust.quiet import is_quiet

DAY = datetime(2026, 11, 21, tzinfo=LOCAL)
"""A Saturday."""
QUIET = Quiet()
VILLAGES = ("dong", "ben", "ha", "doai")
PLANS = 10_000


def at(hour: float) -> datetime:
    return DAY + timedelta(hours=hour)


def book(hour: float, minutes: float = 3, villages: str = "dong", kind: str = "routine") -> Booking:
    return Booking(at(hour), minutes * 60, frozenset(villages.split()), kind, f"a{hour}")


def clock(moments: Sequence[datetime]) -> list[str]:
    return [moment.astimezone(LOCAL).strftime("%H:%M") for moment in moments]


def test_repeats_and_gaps_count() -> None:
    assert total_s(30, 1, 10) == HEAD_S + 30
    assert total_s(30, 3, 10) == HEAD_S + 110


def test_same_village_at_the_same_time_clashes_other_villages_and_emergencies_do_not() -> None:
    assert clashes([book(8)], [book(8.02)])
    assert not clashes([book(8)], [book(8.02, villages="ben")])
    assert not clashes([book(8)], [book(8.02, kind="emergency")])
    assert not clashes([book(8, kind="emergency")], [book(8)])
    assert clashes([book(8), book(8.01)], [])


def test_the_guard_silence_is_kept() -> None:
    first = book(8, minutes=1)
    touching = Booking(first.end + timedelta(seconds=GUARD_S - 1), 60, first.villages, "routine", "b")
    apart = Booking(first.end + timedelta(seconds=GUARD_S), 60, first.villages, "routine", "b")
    assert overlap(first, touching)
    assert not overlap(first, apart)


def test_two_urgent_ones_stand_together_in_the_communes_order_while_the_queue_is_short() -> None:
    first, second = book(17, 4, kind="priority"), book(17 + 1 / 60, 2, kind="priority")
    assert not clashes([second], [first])
    assert [each.delay_s for each in line_up([second, first])] == [180 + GUARD_S, 0]
    turned = line_up([replace(second, place=-1), first])
    assert [each.delay_s for each in turned] == [0, 180 + GUARD_S]
    assert queue_of(second, [first]) == [first, replace(second, delay_s=190)]
    assert queue_of(second, [replace(first, villages=frozenset({"ha"}))]) == []


def test_a_queue_that_grows_beyond_what_is_signed_is_a_clash_and_names_who_waits() -> None:
    long, late = book(17, 16, kind="priority"), book(17.01, 2, kind="priority")
    [(waits, ahead)] = clashes([late], [long])
    assert (waits.announcement, ahead.announcement) == (late.announcement, long.announcement)
    assert waits.delay_s > MOST_LATER_S
    [(pushed, _)] = clashes([replace(long, place=-1)], [late])
    assert pushed.announcement == late.announcement


def test_an_urgent_one_that_is_pushed_onto_a_routine_one_clashes_with_it() -> None:
    first, routine = book(17, 4, kind="priority"), book(17 + 5 / 60)
    pushed = book(17 + 1 / 60, 2, kind="priority")
    assert clashes([pushed], [first, routine])
    assert not clashes([pushed], [first])


def test_the_whole_of_the_turns_of_neighbours_is_taken() -> None:
    turned = replace(book(17, 1), spread_s=140)
    assert clashes([book(17 + 3 / 60)], [turned])
    assert not clashes([book(17 + 4 / 60)], [turned])


def test_free_slots_after_a_clash_are_the_next_three() -> None:
    assert clock(free_slots(book(17), [book(17, minutes=4)], QUIET, at(17))) == ["17:05", "17:10", "17:15"]


def test_free_slots_keep_the_hours_of_this_day_and_the_caps() -> None:
    weekend = Quiet(weekend=Hours(since="18:00", until="08:00"))
    slots = free_slots(book(17.95), [], weekend, at(17.95))
    assert slots[0] == at(24 + 8)
    booked = [book(17, minutes=10)]
    assert free_slots(book(17, 10), booked, QUIET, at(17), caps=Caps(900))[0] == at(17.25)
    two = Caps(sittings_a_day=2)
    day = [book(8), book(12)]
    assert free_slots(book(17), day, QUIET, at(17), caps=two)[0] == at(24 + 6)
    assert free_slots(book(8), day, QUIET, at(8), caps=two)[0] == at(8 + 5 / 60), "still in the same sitting"
    assert free_slots(book(17), [book(8, 8)], QUIET, at(17), caps=Caps(day_s=600))[0] == at(24 + 6)


def test_a_sitting_ends_with_five_minutes_of_silence() -> None:
    near = [book(17, 10), book(17.2, 10), book(18, 5), book(17.1, 60, kind="emergency")]
    assert longest_s(near, "dong") == (at(17.2) - at(17)).total_seconds() + 600
    assert longest_s(near, "ben") == 0
    assert lasts_s([replace(book(17, 10), spread_s=600)]) == 600, "one loudspeaker speaks once"


def test_a_loudspeakers_own_ceilings_hold_where_the_commune_sets_none() -> None:
    assert Diary([]).breaks(book(8, 61), NO_CAPS) == "session-limit"
    day = [book(hour, 50) for hour in (7, 10, 14)]
    assert Diary(day).breaks(book(17, 29), NO_CAPS) == ""
    assert Diary(day).breaks(book(17, 31), NO_CAPS) == "day-limit"
    assert Diary(day).breaks(book(17, 31, kind="emergency"), NO_CAPS) == ""


@pytest.mark.parametrize(
    ("wanted", "others", "code", "words"),
    [
        (book(21.5), [], "quiet-hours", "21:30 ngày 21/11 chạm giờ yên tĩnh cuối tuần (20:00–07:00)."),
        (book(20 - 1 / 60), [], "quiet-hours", "Giờ còn trống: 07:00 ngày 22/11"),
        (book(17), [book(17.01)], "clash", "17:00 ngày 21/11 trùng với một bản tin khác."),
        (book(17, 16), [], "session-limit", "sẽ quá 15 phút"),
        (book(17), [book(8), book(12)], "sessions-a-day", "Ngày 21/11 đã đủ 2 buổi phát."),
        (
            book(17.01, 2, kind="priority"),
            [replace(book(17, 15, kind="priority"), title="Lũ")],
            "clash",
            "phải chờ tin ưu tiên “Lũ” 15 phút, quá lâu",
        ),
        (book(8, 14), [replace(book(8 + 15 / 60, 3), title="Chợ")], "session-limit", "Buổi phát lúc 08:00"),
    ],
)
def test_what_cannot_be_is_said_with_its_rule_and_the_free_times(
    wanted: Booking, others: list[Booking], code: str, words: str
) -> None:
    rules = Rules(Quiet(weekend=Hours(since="20:00", until="07:00")), 900, sittings_a_day=2)
    with pytest.raises(Declined) as why:
        refuse_times([wanted], others, rules, at(6), interrupts=False)
    assert why.value.code == code
    assert words in str(why.value)


def test_a_year_of_every_day_is_planned_and_its_slots_found() -> None:
    """Two sittings a day in eight villages for 400 days, and 400 more starts: as many as one signature may hold."""
    booked = [
        Booking(at(24 * day + hour), 240, frozenset(VILLAGES), "routine", f"b{hour}")
        for day in range(400)
        for hour in (6.5, 17.5)
    ]
    wanted = [Booking(at(24 * day + 17), 180, frozenset(VILLAGES), "priority", "w") for day in range(400)]
    assert clashes(wanted, booked) == []
    refuse_times(wanted, booked, Rules(), at(0), interrupts=False)
    assert clock(free_slots(book(17.5), booked, QUIET, at(24 * 300 + 17.5))) == ["17:35", "17:40", "17:45"]


def test_ten_thousand_random_plans_keep_every_rule() -> None:
    """What is accepted one after another never overlaps, never sounds in silence, never breaks a cap, never waits
    longer than is signed, is in the commune's order, and is the same in whatever order it was kept."""
    for seed in range(PLANS):
        dice = random.Random(seed)
        quiet, caps = _quiet(dice), _caps(dice)
        rules = Rules(quiet, caps.sitting_s, caps.sittings_a_day, caps.day_s)
        accepted: list[Booking] = []
        for n in range(dice.randint(2, 7)):
            wanted = _wanted(dice, n)
            if time_trouble([wanted], accepted, rules) is None:
                accepted.append(wanted)
        _check(accepted, quiet, caps, dice)


def test_free_slots_of_random_plans_are_free() -> None:
    for seed in range(400):
        dice = random.Random(seed)
        quiet, caps = _quiet(dice), _caps(dice)
        booked = [_wanted(dice, n) for n in range(6)]
        wanted, after = _wanted(dice, 9), at(dice.uniform(0, 24))
        slots = free_slots(wanted, booked, quiet, after, caps=caps)
        assert slots == sorted(set(slots)) == free_slots(wanted, booked[::-1], quiet, after, caps=caps)
        for slot in slots:
            placed = replace(wanted, start=slot)
            assert slot > after
            assert slot.astimezone(LOCAL).minute % 5 == 0
            assert not is_quiet(quiet, placed.start, placed.end)
            assert not any(overlap(placed, each) for each in line_up(booked) if each.kind != "emergency")
            assert Diary(booked).breaks(placed, caps) == "" or wanted.kind == "emergency"


def _check(accepted: list[Booking], quiet: Quiet, caps: Caps, dice: random.Random) -> None:
    lined = line_up(accepted)
    shuffled = list(range(len(accepted)))
    dice.shuffle(shuffled)
    assert line_up([accepted[n] for n in shuffled]) == [lined[n] for n in shuffled]
    heard = [each for each in lined if each.kind != "emergency"]
    for village in VILLAGES:
        here = sorted((each for each in heard if village in each.villages), key=lambda each: each.begins)
        for one, other in pairwise(here):
            assert other.begins >= one.end + timedelta(seconds=GUARD_S)
        for sitting in sittings(here):
            assert lasts_s(sitting) <= caps.most_sitting_s
        begins = [sitting[0].begins.date() for sitting in sittings(here)]
        for day in {each.begins.date() for each in here}:
            assert not caps.sittings_a_day or begins.count(day) <= caps.sittings_a_day
            assert sum(each.duration_s for each in here if each.begins.date() == day) <= caps.most_day_s
    for each in heard:
        assert each.kind == "priority" or each.delay_s == 0
        assert each.delay_s + each.spread_s <= MOST_LATER_S or each.delay_s == 0
        assert not is_quiet(quiet, each.begins, each.end)
    for one, other in ((a, b) for a in heard for b in heard if a.delay_s and a.start <= b.start):
        if overlap(replace(one, delay_s=0), replace(other, delay_s=0)) and one.place < other.place:
            assert one.begins < other.begins
    ranks = [each.kind for each in play_order(dice.sample(accepted, len(accepted)))]
    assert ranks == sorted(ranks, key=("emergency", "priority", "routine").index)


def _wanted(dice: random.Random, n: int) -> Booking:
    return Booking(
        start=at(dice.choice((6, 8, 17, 24 + 6, 24 + 17)) + dice.randint(0, 90) / 60),
        duration_s=float(dice.randint(20, 900)),
        villages=frozenset(dice.sample(VILLAGES, dice.randint(1, 4))),
        kind=dice.choice(("routine", "priority", "priority", "emergency")),
        announcement=f"b{n}",
        place=dice.choice((-1, 0, 0, 1)),
        spread_s=dice.choice((0.0, 0.0, 0.0, 120.0)),
    )


def _quiet(dice: random.Random) -> Quiet:
    hours = Hours(since="19:00", until="07:30") if dice.random() < 0.3 else None
    holiday = Hours(since="11:00", until="17:15") if dice.random() < 0.3 else None
    return Quiet(since="20:30", until="05:00", weekend=hours, holiday=holiday, holidays=["2026-11-22"])


def _caps(dice: random.Random) -> Caps:
    return Caps(dice.choice((0, 900, 2700)), dice.choice((0, 1, 2)), dice.choice((0, 1800)))
