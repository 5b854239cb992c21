"""When announcements may be heard: overlaps, quiet hours, sittings, free slots and order. Pure.

Times are aware; quiet hours are local time of Vietnam (UTC+7, no summer time). What is booked is given, and
`now` is an argument. The node's firewall checks quiet hours and sittings again at the real start.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import partial
from itertools import takewhile

from broker.link.clock import LOCAL
from broker.trust.envelope import Quiet
from broker.trust.quiet import is_quiet

GUARD_S = 10.0
"""Silence between two announcements on one loudspeaker."""
HEAD_S = 4.0
"""Chime and the rest after it, which the node adds before the first word."""
PAUSE_S = 300.0
"""Silence that ends a sitting."""
RANK = {"emergency": 0, "priority": 1, "routine": 2, "relay": 3}
"""Lower speaks first; a relayed programme gives way to every word of the commune's own."""
TOLERANCE_S = {"routine": 120, "priority": 900, "emergency": 7200}
"""How late a start may be, by kind; later is `missed`, never caught up in a burst."""
CHARACTERS_PER_S = 13.0
"""Speed of a calm announcer in Vietnamese, for lengths before the sound is made."""


@dataclass(frozen=True)
class Booking:
    """A time that an announcement takes on the loudspeakers of some villages."""

    start: datetime
    duration_s: float
    villages: frozenset[str]
    kind: str
    announcement: str
    title: str = ""

    @property
    def end(self) -> datetime:
        """When the last sound is over."""
        return self.start + timedelta(seconds=self.duration_s)


def estimated_s(spoken: str) -> float:
    """About how long a text takes to say, before it has been rendered."""
    return len(spoken) / CHARACTERS_PER_S


def total_s(once_s: float, repeat: int, gap_s: int) -> float:
    """Length of a play with its chime, its repeats and the gaps between them."""
    return HEAD_S + once_s * repeat + gap_s * max(0, repeat - 1)


def overlap(one: Booking, other: Booking) -> bool:
    """Whether two bookings meet on a loudspeaker, the guard silence included."""
    guard = timedelta(seconds=GUARD_S)
    return (
        bool(one.villages & other.villages)
        and one.start < other.end + guard
        and other.start < one.end + guard
    )


def clashes(wanted: Sequence[Booking], booked: Iterable[Booking]) -> list[tuple[Booking, Booking]]:
    """Which wanted bookings meet one that stands, or an earlier wanted one. Emergencies never clash."""
    wanted = sorted(wanted, key=lambda each: each.start)
    guard = timedelta(seconds=GUARD_S)
    own = [
        (later, one)
        for n, one in enumerate(wanted)
        for later in takewhile(partial(_begins_before, one.end + guard), wanted[n + 1 :])
        if overlap(one, later)
    ]
    others = [
        (mine, other)
        for other in booked
        for mine in wanted
        if "emergency" not in (mine.kind, other.kind) and overlap(mine, other)
    ]
    return own + others


def _begins_before(moment: datetime, booking: Booking) -> bool:
    return booking.start < moment


def longest_sitting_s(bookings: Iterable[Booking], village: str) -> float:
    """The longest stretch of ordinary announcements in a village, pauses under five minutes included."""
    longest = 0.0
    begin: datetime | None = None
    last: datetime | None = None
    for each in sorted(bookings, key=lambda booking: booking.start):
        if village not in each.villages or each.kind == "emergency":
            continue
        if begin is None or last is None or (each.start - last).total_seconds() >= PAUSE_S:
            begin, last = each.start, each.end
        last = max(last, each.end)
        longest = max(longest, (last - begin).total_seconds())
    return longest


def free_slots(
    wanted: Booking,
    booked: Sequence[Booking],
    quiet: Quiet,
    not_before: datetime,
    count: int = 3,
    step_s: int = 300,
    limit_s: float = 0.0,
) -> list[datetime]:
    """The next starts at which `wanted` meets nothing, outside quiet hours, looked for over a fortnight.

    step_s: slots begin at multiples of this in local time. limit_s: longest sitting, 0 for none.
    """
    near = [each for each in booked if each.end >= not_before]
    found: list[datetime] = []
    for start in _steps(not_before, step_s):
        slot = Booking(start, wanted.duration_s, wanted.villages, wanted.kind, wanted.announcement)
        if is_quiet(quiet, slot.start, slot.end) or any(overlap(slot, each) for each in near):
            continue
        if limit_s and not fits_sitting(slot, near, limit_s):
            continue
        found.append(start)
        if len(found) == count:
            break
    return found


def fits_sitting(wanted: Booking, booked: Iterable[Booking], limit_s: float) -> bool:
    """Whether no sitting around `wanted` grows over the limit in any of its villages."""
    if limit_s <= 0 or wanted.kind == "emergency":
        return True
    reach = timedelta(seconds=limit_s + PAUSE_S)
    near = [each for each in booked if wanted.start - reach < each.end and each.start < wanted.end + reach]
    return all(longest_sitting_s([*near, wanted], village) <= limit_s for village in wanted.villages)


def play_order(bookings: Iterable[Booking]) -> list[Booking]:
    """Who speaks first where several are due: kind, then start, then id."""
    return sorted(bookings, key=lambda each: (RANK[each.kind], each.start, each.announcement))


def _steps(after: datetime, step_s: int) -> Iterator[datetime]:
    midnight = datetime.combine(after.astimezone(LOCAL).date(), time(), LOCAL)
    first = -(-int((after - midnight).total_seconds() + 1) // step_s)
    for n in range(first, first + 14 * 86_400 // step_s):
        yield midnight + timedelta(seconds=n * step_s)
