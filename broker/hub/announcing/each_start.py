"""What stands in the way of each start of a long list, in a few words, so that all of it is seen at once. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time

from broker.hub.announcing import planner
from broker.hub.announcing.planner import Booking
from broker.hub.announcing.rules import Rules
from broker.hub.announcing.sittings import Diary
from broker.link.clock import LOCAL
from broker.trust.envelope import Hours
from broker.trust.quiet import hours_on, is_quiet

_CAPS = {
    "session-limit": "buổi phát dài quá",
    "sessions-a-day": "ngày đó đủ buổi phát rồi",
    "day-limit": "ngày đó loa nói nhiều quá",
}


def troubles_of(wanted: Sequence[Booking], others: Sequence[Booking], rules: Rules) -> dict[datetime, str]:
    """Start → why it cannot be, in the order of time; empty when all of them can. Emergencies always can.

    The same rules as checks.refuse_times, which speaks of the first only.
    """
    if not wanted or wanted[0].kind == "emergency":
        return {}
    found: dict[datetime, str] = {}
    mine, moved, rest = planner.settle(wanted, others)
    asked: dict[tuple[Hours, Hours, time, float], bool] = {}
    for each in mine:
        begins = each.begins.astimezone(LOCAL)
        hours = hours_on(rules.quiet, begins.date())
        kind = (
            hours,
            hours_on(rules.quiet, each.end.astimezone(LOCAL).date()),
            begins.time(),
            each.duration_s,
        )
        if kind not in asked:  # most of a year is the same hour on the same kind of day
            asked[kind] = is_quiet(rules.quiet, each.begins, each.end)
        if asked[kind]:
            found[each.start] = f"giờ yên tĩnh {hours.since}–{hours.until}"
    for one, other in planner.met_by(mine, moved, rest):
        for each in _wanted_of(one, other, mine):
            found.setdefault(each.start, _say_clash(each, one, other))
    diary = Diary([*mine, *moved, *rest])
    for each in mine:
        broken = diary.breaks(each, rules.caps)
        if broken:
            found.setdefault(each.start, _CAPS.get(broken, "loa nói nhiều quá"))
    return dict(sorted(found.items()))


def _wanted_of(one: Booking, other: Booking, mine: Sequence[Booking]) -> list[Booking]:
    """Which of the wanted a clash is about: itself, or the one nearest to what it pushes aside."""
    own = [each for each in (one, other) if each in mine]
    return own[:1] or sorted(mine, key=lambda each: abs(each.start - one.start))[:1]


def _say_clash(each: Booking, one: Booking, other: Booking) -> str:
    met = other if each == one else one
    if met.announcement == each.announcement:
        return "hai lượt của bản tin này chồng nhau"
    return f"trùng “{met.title}”" if met.title else "trùng bản tin khác"
