"""What the planner takes for a year of a real commune's plan, beside the least any planner must do with it."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from broker.hub.announcing import checks, planner
from broker.hub.announcing.planner import Booking
from broker.hub.announcing.rules import Rules
from broker.hub.announcing.slots import free_slots
from tests.bench.link.processes import figure, median
from tests.bench.officials.commune import NOW, starts_of_year

ROUNDS: Final = 7
VILLAGES: Final = [f"thon{n}" for n in range(1, 9)]


def figures(folder: Path) -> Iterator[dict[str, Any]]:
    """A year's list checked against a year's plan, the next free slots in it, and the whole year lined up."""
    del folder
    midnight = NOW.replace(hour=0, minute=0)
    year = [
        Booking(start, float(length_s), frozenset(places), kind, f"bt-{n}", title)
        for n, (title, kind, start, length_s, places) in enumerate(starts_of_year(VILLAGES, midnight, 365))
    ]
    wanted = [
        Booking(midnight + timedelta(days=day, hours=11), 120.0, frozenset(VILLAGES), "routine", "moi")
        for day in range(1, 366)
    ]
    crowded = Booking(midnight + timedelta(days=1, hours=17), 120.0, frozenset(VILLAGES), "routine", "moi")
    rules = Rules(sittings_a_day=6, day_limit_s=3600)
    assert checks.time_trouble(wanted, year, rules) is None
    slots = free_slots(crowded, year, rules.quiet, crowded.start, caps=rules.caps)
    assert len(slots) == 3
    bare_s = _middle_s(lambda: _bare(wanted, year))
    for name, act in (
        ("365 new starts against a year's plan, all rules", lambda: checks.time_trouble(wanted, year, rules)),
        ("the next three free slots in it", lambda: _slots(crowded, year, rules)),
        ("the whole year lined up", lambda: planner.line_up(year)),
    ):
        took_s = _middle_s(act)
        baseline = f"sorting and sweeping the same {len(year) + len(wanted)} times by village"
        yield figure(f"planner: {name}", took_s * 1000, "ms of CPU", baseline, took_s / bare_s)
    yield figure("planner: the bare sweep", bare_s * 1000, "ms of CPU")


def _slots(crowded: Booking, year: list[Booking], rules: Rules) -> object:
    return free_slots(crowded, year, rules.quiet, crowded.start, caps=rules.caps)


def _middle_s(act: Callable[[], object]) -> float:
    found = []
    for _ in range(ROUNDS):
        began_s = time.thread_time()  # CPU: others on the machine change it least
        act()
        found.append(time.thread_time() - began_s)
    return median(found)


def _bare(wanted: list[Booking], year: list[Booking]) -> int:
    """How many neighbours in time overlap in a village: the least one must look at to say that nothing does."""
    by_village: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for each in (*wanted, *year):
        begin = each.start.timestamp()
        for village in each.villages:
            by_village[village].append((begin, begin + each.duration_s))
    met = 0
    for spans in by_village.values():
        spans.sort()
        met += sum(later[0] < earlier[1] for earlier, later in pairwise(spans))
    return met
