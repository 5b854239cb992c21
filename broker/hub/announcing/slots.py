"""Free times: where one more announcement would fit, by all rules. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta

from broker.hub.announcing.planner import GUARD, Booking, Shelf, line_up, overlap
from broker.hub.announcing.sittings import NO_CAPS, PAUSE_S, Caps, Diary
from broker.link.clock import LOCAL
from broker.trust.envelope import Quiet
from broker.trust.quiet import is_quiet, silences

AHEAD = timedelta(days=14)
"""So far ahead is looked."""
_REACH = timedelta(days=2)


def free_slots(
    wanted: Booking,
    booked: Sequence[Booking],
    quiet: Quiet,
    not_before: datetime,
    count: int = 3,
    step_s: int = 300,
    caps: Caps = NO_CAPS,
) -> list[datetime]:
    """The next starts at which `wanted` meets nothing, outside hours of silence, looked for over a fortnight.

    step_s: slots begin at multiples of this in local time. caps: what a village may have to hear in a day.
    """
    last = not_before + AHEAD
    near = [each for each in booked if each.end >= not_before - _REACH and each.start < last + _REACH]
    shelf, diary = Shelf(line_up(near)), Diary(near)
    raw, found = replace(wanted, delay_s=0.0), list[datetime]()
    start = _step(not_before + timedelta(seconds=1), step_s)
    while start < last and len(found) < count:
        slot = replace(raw, start=start)
        free_at = _free_at(slot, shelf, diary, quiet, caps)
        if free_at is None:
            found.append(start)
        start = _step(max(free_at or start, start + timedelta(seconds=1)), step_s)
    return found


def _free_at(slot: Booking, shelf: Shelf, diary: Diary, quiet: Quiet, caps: Caps) -> datetime | None:
    """None where a slot is free; else a moment before which no later one is."""
    if is_quiet(quiet, slot.start, slot.end):
        touched = [
            end
            for begin, end in silences(quiet, slot.start, slot.end)
            if begin <= slot.end and slot.start < end
        ]
        return min(touched, default=slot.start)
    met = [each.end + GUARD for each in shelf.around(slot) if overlap(slot, each)]
    if met:
        return max(met)
    broken = "" if slot.kind == "emergency" else diary.breaks(slot, caps)
    midnight = datetime.combine(slot.start.astimezone(LOCAL).date() + timedelta(days=1), time(), LOCAL)
    if broken == "day-limit":
        return midnight
    if (
        broken == "sessions-a-day"
    ):  # only within the pause around another sitting can it still be part of that
        pause = timedelta(seconds=PAUSE_S)
        return min(midnight, shelf.touched_from(slot.start - pause, pause + (slot.end - slot.start)))
    return slot.start if broken else None


def _step(moment: datetime, step_s: int) -> datetime:
    """The first multiple of a step in local time that is not before a moment."""
    midnight = datetime.combine(moment.astimezone(LOCAL).date(), time(), LOCAL)
    return midnight + timedelta(seconds=-(-(moment - midnight).total_seconds() // step_s) * step_s)
