"""When announcements may be heard: overlaps, the order among ưu tiên, free slots. Pure.

Times are aware; hours of silence are local time of Vietnam (UTC+7, no summer time). What is booked is given, and
`now` is an argument. What it says is the same in whatever order the bookings come. The node's firewall checks hours
of silence and sittings again at the real start.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property

GUARD_S = 10.0
"""Silence between two announcements on one loudspeaker."""
HEAD_S = 4.0
"""Chime and the rest after it, which the node adds before the first word."""
RANK = {"emergency": 0, "priority": 1, "routine": 2, "relay": 3}
"""Lower speaks first; a relayed programme gives way to every word of the commune's own."""
TOLERANCE_S = {"routine": 120, "priority": 900, "emergency": 7200}
"""How late a start may be, by kind; later is `missed`, never caught up in a burst."""
MOST_LATER_S = 870.0
"""So much later than its hour a play may be planned to begin, behind another ưu tiên and in its turn among
neighbours together: thirty seconds inside the tolerance that is signed."""
CHARACTERS_PER_S = 13.0
"""Speed of a calm announcer in Vietnamese, for lengths before the sound is made."""
GUARD = timedelta(seconds=GUARD_S)
"""The same, to reckon with moments."""


@dataclass(frozen=True)
class Booking:
    """A time that an announcement takes on the loudspeakers of some villages."""

    start: datetime
    duration_s: float
    villages: frozenset[str]
    kind: str
    announcement: str
    title: str = ""
    place: int = 0
    """The commune's order among ưu tiên that meet; lower speaks first, equal ones by their hour."""
    spread_s: float = 0.0
    """Where neighbours speak in turns, the last of them begins so much after the first."""
    delay_s: float = 0.0
    """So much after its hour it begins, because another ưu tiên speaks first (`line_up`)."""

    @cached_property
    def begins(self) -> datetime:
        """When its first sound is planned on any loudspeaker."""
        return self.start + timedelta(seconds=self.delay_s)

    @cached_property
    def end(self) -> datetime:
        """When the last sound is over on every loudspeaker."""
        return self.start + timedelta(seconds=self.delay_s + self.spread_s + self.duration_s)


def estimated_s(spoken: str) -> float:
    """About how long a text takes to say, before it has been rendered."""
    return len(spoken) / CHARACTERS_PER_S


def total_s(once_s: float, repeat: int, gap_s: int) -> float:
    """Length of a play with its chime, its repeats and the gaps between them."""
    return HEAD_S + once_s * repeat + gap_s * max(0, repeat - 1)


def overlap(one: Booking, other: Booking) -> bool:
    """Whether two bookings meet on a loudspeaker, the guard silence included."""
    return (
        one.begins < other.end + GUARD
        and other.begins < one.end + GUARD
        and not one.villages.isdisjoint(other.villages)
    )


def line_up(bookings: Sequence[Booking]) -> list[Booking]:
    """The same bookings in the same order, with the delays of ưu tiên that meet one another.

    Those that meet, at once or through others, speak one after another in the commune's order; on every
    loudspeaker at the same moment, so that two villages never hear two orders.
    """
    lined = [replace(each, delay_s=0.0) if each.delay_s else each for each in bookings]
    left = sorted(
        (n for n, each in enumerate(lined) if each.kind == "priority"), key=lambda n: _by_hour(lined[n])
    )
    at = 0
    while at < len(left):
        upto, end = at + 1, lined[left[at]].end
        while upto < len(left) and lined[left[upto]].start < end + GUARD:
            upto += 1
            end = max(each.end for each in _one_after_another([lined[n] for n in left[at:upto]]))
        group = left[at:upto]
        if len(group) > 1:
            for n, each in zip(group, _one_after_another([lined[n] for n in group]), strict=True):
                lined[n] = each
        at = upto
    return lined


def is_late(booking: Booking) -> bool:
    """Whether it would begin later, behind others and in its last turn, than what is signed can bear."""
    return booking.delay_s > 0 and booking.delay_s + booking.spread_s > MOST_LATER_S


def settle(
    wanted: Sequence[Booking], booked: Iterable[Booking]
) -> tuple[list[Booking], list[Booking], list[Booking]]:
    """What is wanted, what of the booked it moves, and the rest of the booked, each at the time it would sound."""
    stands = line_up([each for each in booked if each.kind != "emergency"])
    if not any(each.kind == "priority" for each in wanted):
        return list(wanted), [], stands
    lined = line_up([*wanted, *stands])
    mine, others = lined[: len(wanted)], lined[len(wanted) :]
    moved = [now for now, before in zip(others, stands, strict=True) if now.delay_s != before.delay_s]
    rest = [now for now, before in zip(others, stands, strict=True) if now.delay_s == before.delay_s]
    return mine, moved, rest


def clashes(wanted: Sequence[Booking], booked: Iterable[Booking]) -> list[tuple[Booking, Booking]]:
    """Which wanted bookings meet one that stands, or another wanted one; emergencies never do.

    Two ưu tiên that meet are one after the other, and clash only where the queue grows too long: then the pair
    names who waits too long and who is waited for.
    """
    mine, moved, rest = settle([each for each in wanted if each.kind != "emergency"], booked)
    return met_by(mine, moved, rest)


def met_by(
    mine: Sequence[Booking], moved: Sequence[Booking], rest: Sequence[Booking]
) -> list[tuple[Booking, Booking]]:
    """The same of what `settle` gives."""
    mine = sorted(mine, key=_by_hour)
    found = [(each, _ahead_of(each, [*mine, *moved, *rest])) for each in [*mine, *moved] if is_late(each)]
    own, standing = Shelf(mine), Shelf([*moved, *rest])
    found += [
        (later, one)
        for later in mine
        for one in own.around(later)
        if _by_hour(one) < _by_hour(later) and not _is_queue(one, later) and overlap(one, later)
    ]
    found += [
        (each, other)
        for each in [*mine, *moved]
        for other in standing.around(each)
        if other is not each and not _is_queue(each, other) and overlap(each, other)
    ]
    return found


def queue_of(wanted: Booking, booked: Iterable[Booking]) -> list[Booking]:
    """The ưu tiên `wanted` shares its time with, itself included, as they would speak; empty when it meets none."""
    stands = [each for each in booked if each.kind == "priority"]
    if wanted.kind != "priority":
        return []
    lined = line_up([wanted, *stands])
    mine = replace(lined[0], delay_s=0.0)
    reach = [
        each
        for each, raw in zip(lined[1:], stands, strict=True)
        if overlap(mine, replace(raw, delay_s=0.0)) or overlap(lined[0], replace(raw, delay_s=0.0))
    ]
    return sorted([lined[0], *reach], key=lambda each: (each.begins, each.announcement)) if reach else []


def first_queue(wanted: Sequence[Booking], booked: Iterable[Booking]) -> list[Booking]:
    """The queue of the first wanted start that meets another ưu tiên (`queue_of`); empty where none does."""
    stands = [each for each in booked if each.kind == "priority"]
    if not stands or not wanted or wanted[0].kind != "priority":
        return []
    shelf, reach = Shelf(stands), timedelta(seconds=2 * MOST_LATER_S)
    for each in sorted(wanted, key=_by_hour):
        near = shelf.around(
            replace(each, start=each.start - reach, duration_s=each.duration_s + 2 * MOST_LATER_S * 2)
        )
        queue = queue_of(each, near) if near else []
        if queue:
            return queue
    return []


def play_order(bookings: Iterable[Booking]) -> list[Booking]:
    """Who speaks first where several are due: kind, then the commune's order, then start, then id."""
    return sorted(bookings, key=lambda each: (RANK[each.kind], each.place, each.start, each.announcement))


class Shelf:
    """Bookings by the moment they begin, so that those near another are found without looking at all."""

    def __init__(self, bookings: Iterable[Booking]) -> None:
        self._rows = sorted(
            (each for each in bookings if each.kind != "emergency"), key=lambda each: each.begins
        )
        self._begins = [each.begins for each in self._rows]
        self._longest = max((each.end - each.begins for each in self._rows), default=timedelta(0))

    def around(self, wanted: Booking) -> Sequence[Booking]:
        """Those that could meet it, whatever their villages."""
        first = bisect_left(self._begins, wanted.begins - self._longest - GUARD)
        return self._rows[first : bisect_left(self._begins, wanted.end + GUARD)]

    def touched_from(self, moment: datetime, ahead: timedelta) -> datetime:
        """When next one of them sounds, or will within `ahead`; a fortnight on where none does."""
        at = bisect_left(self._begins, moment)
        if any(each.end > moment for each in self._rows[:at][-20:]):
            return moment
        return self._begins[at] - ahead if at < len(self._begins) else moment + timedelta(days=15)


def _one_after_another(group: Sequence[Booking]) -> list[Booking]:
    """Some ưu tiên with their delays, in the order they were given."""
    done: dict[int, Booking] = {}
    for n in sorted(range(len(group)), key=lambda n: _in_order(group[n])):
        each = group[n]
        free = [one.end + GUARD for one in done.values() if not one.villages.isdisjoint(each.villages)]
        begins = max([each.start, *free])
        done[n] = replace(each, delay_s=(begins - each.start).total_seconds())
    return [done[n] for n in range(len(group))]


def _in_order(each: Booking) -> tuple[object, ...]:
    return (each.place, *_by_hour(each))


def _by_hour(each: Booking) -> tuple[object, ...]:
    return (each.start, each.announcement, each.duration_s, each.place, sorted(each.villages))


def _is_queue(one: Booking, other: Booking) -> bool:
    """Whether these two were lined up: then they do not meet, whatever their hours."""
    return one.kind == other.kind == "priority"


def _ahead_of(each: Booking, others: Iterable[Booking]) -> Booking:
    """Whom a ưu tiên waits for last."""
    before = [
        one
        for one in others
        if one.kind == "priority" and one is not each and one.begins <= each.begins
        and not one.villages.isdisjoint(each.villages)
    ]  # fmt: skip
    return max(before, key=lambda one: (one.end, one.announcement), default=each)
