"""How much a village has to hear: sittings of announcements, and what the commune allows of them in a day. Pure.

A sitting is what is said without five minutes of silence in between. Emergencies are never counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Protocol

from broker.link.clock import LOCAL

PAUSE_S = 300.0
"""Silence that ends a sitting."""
SITTING_CEILING_S = 3600
DAY_CEILING_S = 3 * 3600
"""What the node's own firewall bears, whatever the commune allows (edge.speaker.firewall): more is not planned."""

_DAY = timedelta(days=1)
_NIGHT = timedelta(hours=2)
"""Longer than any sitting with its pause: what begins later than this after midnight began on that day."""


class Heard(Protocol):
    """A time taken on the loudspeakers of some villages, such as planner.Booking."""

    @property
    def begins(self) -> datetime:
        """When its first sound is planned."""

    @property
    def end(self) -> datetime:
        """When the last one is over everywhere."""

    @property
    def duration_s(self) -> float:
        """Its length on one loudspeaker."""

    @property
    def villages(self) -> frozenset[str]:
        """Who hears it."""

    @property
    def kind(self) -> str:
        """A name of planner.RANK."""


@dataclass(frozen=True)
class Caps:
    """What a village may have to hear; 0 sets no limit of the commune's own."""

    sitting_s: int = 0
    """The longest sitting."""
    sittings_a_day: int = 0
    day_s: int = 0
    """Seconds of announcements in one local day."""

    @property
    def most_sitting_s(self) -> int:
        """The longest sitting a loudspeaker will sound, its own ceiling included."""
        return min(self.sitting_s or SITTING_CEILING_S, SITTING_CEILING_S)

    @property
    def most_day_s(self) -> int:
        """The same for a day."""
        return min(self.day_s or DAY_CEILING_S, DAY_CEILING_S)


NO_CAPS = Caps()


class Diary:
    """Ordinary bookings by local day, to ask what one more would make of a village's day."""

    def __init__(self, bookings: Iterable[Heard]) -> None:
        self._days: dict[date, list[Heard]] = defaultdict(list)
        self._spans: dict[date, list[tuple[datetime, datetime, Heard]]] = defaultdict(list)
        self._said_s: dict[date, float] = defaultdict(float)
        for each in bookings:
            if each.kind != "emergency":
                begins = each.begins
                day = begins.astimezone(LOCAL).date()
                self._days[day].append(each)
                self._spans[day].append((begins, each.end, each))
                self._said_s[day] += each.duration_s

    def breaks(self, wanted: Heard, caps: Caps) -> str:
        """Which cap one more booking would break: "session-limit", "sessions-a-day", "day-limit", or "".

        wanted: may be among the bookings; it counts once.
        """
        if wanted.kind == "emergency":
            return ""
        day = wanted.begins.astimezone(LOCAL).date()
        if self._is_far_from_all(wanted, day, caps):
            return ""
        around = [
            each
            for each in self._near(wanted, day)
            if each != wanted and not each.villages.isdisjoint(wanted.villages)
        ]
        is_few = not caps.sittings_a_day or len(around) < caps.sittings_a_day
        if is_few and not _broken(around, wanted, day, caps):
            return ""  # not even a village that heard all of it would hear too much
        asked: set[tuple[int, ...]] = set()
        for village in wanted.villages:
            heard = tuple(n for n, each in enumerate(around) if village in each.villages)
            if heard in asked:  # another village hears just the same
                continue
            asked.add(heard)
            broken = _broken([around[n] for n in heard], wanted, day, caps)
            if broken:
                return broken
        return ""

    def _is_far_from_all(self, wanted: Heard, day: date, caps: Caps) -> bool:
        """Whether nobody needs to look closer: a sitting of its own on a day far from full. Most of a year is so."""
        if caps.sittings_a_day or wanted.duration_s > caps.most_sitting_s:
            return False
        if self._said_s.get(day, 0.0) + wanted.duration_s > caps.most_day_s:
            return False
        pause = timedelta(seconds=PAUSE_S)
        since, until = wanted.begins - pause, wanted.end + pause
        return not any(
            begins < until and since < end and each != wanted
            for n in (-1, 0, 1)
            for begins, end, each in self._spans.get(day + timedelta(days=n), ())
        )

    def _near(self, wanted: Heard, day: date) -> list[Heard]:
        """The bookings of a day; of the days beside it only where a sitting could go on over midnight."""
        today = self._days.get(day, [])
        found = list(today)
        if min([wanted.begins, *(each.begins for each in today)]) < _at(day, _NIGHT):
            found += self._days.get(day - _DAY, ())
        if max([wanted.end, *(each.end for each in today)]) > _at(day, _DAY - _NIGHT):
            found += self._days.get(day + _DAY, ())
        return found


def _at(day: date, since_midnight: timedelta) -> datetime:
    return datetime.combine(day, time(), LOCAL) + since_midnight


def sittings(heard: Iterable[Heard]) -> list[list[Heard]]:
    """What one village hears, as sittings in order of time."""
    found: list[list[Heard]] = []
    over: datetime | None = None
    for each in sorted(heard, key=lambda one: (one.begins, one.end)):
        if over is None or (each.begins - over).total_seconds() >= PAUSE_S:
            found.append([])
            over = each.end
        found[-1].append(each)
        over = max(over, each.end) if over else each.end
    return found


def lasts_s(sitting: Sequence[Heard]) -> float:
    """How long a sitting is, its short pauses included; of a single play its own length, whatever its turns."""
    if len(sitting) == 1:
        return sitting[0].duration_s
    return (max(each.end for each in sitting) - sitting[0].begins).total_seconds()


def longest_s(bookings: Iterable[Heard], village: str) -> float:
    """The longest sitting of ordinary announcements in a village."""
    heard = [each for each in bookings if village in each.villages and each.kind != "emergency"]
    return max(map(lasts_s, sittings(heard)), default=0.0)


def _broken(heard: Sequence[Heard], wanted: Heard, day: date, caps: Caps) -> str:
    found = sittings([*heard, wanted])
    if any(wanted in one and lasts_s(one) > caps.most_sitting_s for one in found):
        return "session-limit"
    most = caps.sittings_a_day
    if most and (count := _count(found, day)) > most and count > _count(sittings(heard), day):
        return "sessions-a-day"
    said_s = wanted.duration_s + sum(
        each.duration_s for each in heard if each.begins.astimezone(LOCAL).date() == day
    )
    return "day-limit" if said_s > caps.most_day_s else ""


def _count(found: Sequence[Sequence[Heard]], day: date) -> int:
    """How many sittings begin on a day."""
    return sum(one[0].begins.astimezone(LOCAL).date() == day for one in found)
