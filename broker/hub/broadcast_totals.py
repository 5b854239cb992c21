"""Sums of the broadcast log: planned, delivered, played, heard, and minutes of sound, by whatever one asks. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Final

from broker.hub.broadcast_log import Entry
from broker.link.clock import LOCAL

KINDS: Final = ("routine", "priority", "emergency", "drill", "")
"""In the order of tables; "" is what this hub has no words of."""


@dataclass
class Totals:
    """How many plays came how far. All but `cancelled` and `ahead` were due; their parts add up to `planned`."""

    planned: int = 0
    delivered: int = 0
    played: int = 0
    """Whole; those that were heard are among them."""
    heard: int = 0
    cut: int = 0
    filed: int = 0
    not_played: int = 0
    unconfirmed: int = 0
    under_way: int = 0
    cancelled: int = 0
    ahead: int = 0
    played_ms: int = 0

    def add(self, entry: Entry) -> None:
        """Count one play."""
        outcome = entry.outcome
        if outcome in ("cancelled", "ahead"):
            self.cancelled += outcome == "cancelled"
            self.ahead += outcome == "ahead"
            return
        self.planned += 1
        self.delivered += entry.is_delivered
        self.played_ms += entry.played_ms
        if outcome in ("heard", "played"):
            self.played += 1
            self.heard += outcome == "heard"
        else:
            name = outcome.replace("-", "_")
            setattr(self, name, getattr(self, name) + 1)

    @property
    def minutes(self) -> float:
        """Minutes of sound."""
        return self.played_ms / 60_000


@dataclass
class Sums:
    """The totals of a stretch of the log, and the same by day, kind, field, loudspeaker and bulletin."""

    whole: Totals = field(default_factory=Totals)
    days: dict[date, Totals] = field(default_factory=dict)
    """Local days."""
    kinds: dict[str, Totals] = field(default_factory=dict)
    fields: dict[str, Totals] = field(default_factory=dict)
    """Drills are of no field."""
    nodes: dict[str, Totals] = field(default_factory=dict)
    bulletins: dict[str, Totals] = field(default_factory=dict)
    """By announcement."""

    def add(self, entry: Entry) -> None:
        """Count one play everywhere."""
        self.whole.add(entry)
        day = entry.planned_at.astimezone(LOCAL).date()
        self.days.setdefault(day, Totals()).add(entry)
        self.kinds.setdefault(entry.kind, Totals()).add(entry)
        self.nodes.setdefault(entry.node, Totals()).add(entry)
        self.bulletins.setdefault(entry.announcement, Totals()).add(entry)
        if entry.kind != "drill":
            self.fields.setdefault(entry.field, Totals()).add(entry)


def sums_of(entries: Iterable[Entry]) -> Sums:
    """Add up a stretch of the log."""
    sums = Sums()
    for entry in entries:
        sums.add(entry)
    return sums


def percent(part: int, whole: int) -> int | None:
    """Whole percent, never rounded up to what it is not: 199 of 200 is 99, 1 of 400 is 1, 0 is 0. None of nothing."""
    if whole <= 0:
        return None
    return max(part * 100 // whole, 1 if part > 0 else 0)


@dataclass(frozen=True)
class Period:
    """A local day, month or year of the log."""

    first: date
    last: date
    """The last day of it."""

    @classmethod
    def of(cls, text: str) -> Period | None:
        """`2026`, `2026-11` or `2026-11-21`; None for what is no such thing."""
        parts = text.split("-")
        if [len(part) for part in parts] != [4, 2, 2][: len(parts)] or not all(
            part.isascii() and part.isdigit() for part in parts
        ):
            return None
        numbers = [int(part) for part in parts]
        try:
            first = date(*[*numbers, 1, 1][:3])
            last = first if len(numbers) == 3 else _next(first, len(numbers)) - timedelta(days=1)
        except (ValueError, OverflowError):
            return None
        return cls(first, last) if first.year >= 2000 and last.year < 9000 else None

    @property
    def parts(self) -> int:
        """1 for a year, 2 for a month, 3 for a day."""
        if self.first == self.last:
            return 3
        return 2 if (self.first.year, self.first.month) == (self.last.year, self.last.month) else 1

    @property
    def name(self) -> str:
        """As in an address: what `of` reads."""
        return self.first.isoformat()[: (4, 7, 10)[self.parts - 1]]

    @property
    def since(self) -> datetime:
        """Its first instant."""
        return datetime.combine(self.first, time(), LOCAL)

    @property
    def until(self) -> datetime:
        """The first instant after it."""
        return datetime.combine(self.last + timedelta(days=1), time(), LOCAL)

    def before(self) -> Period:
        """The day, month or year before."""
        day = self.first - timedelta(days=1)
        return self._around(day)

    def after(self) -> Period:
        """The one after."""
        return self._around(self.last + timedelta(days=1))

    def _around(self, day: date) -> Period:
        found = Period.of(day.isoformat()[: (4, 7, 10)[self.parts - 1]])
        return found or self  # at the end of the calendar


def _next(first: date, parts: int) -> date:
    if parts == 1:
        return date(first.year + 1, 1, 1)
    return date(first.year + first.month // 12, first.month % 12 + 1, 1)
