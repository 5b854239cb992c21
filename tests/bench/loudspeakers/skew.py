"""How far apart eight loudspeakers begin, and where they are after fifteen minutes, by true time."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tests.bench.link.processes import figure, median, percentile
from tests.bench.loudspeakers.fleet import fleet_of, perform, skew_ms, speech_of
from tests.speaker.clocks import Network

FLEETS: Final = 60
LONG_FLEETS: Final = 2
SENTENCES: Final = 300
"""Fifteen minutes."""

LAN: Final = Network((0.0002, 0.003), 0.001)
START_P95_MS, START_MAX_MS, LATER_MS, BITES_MS = 10.0, 20.0, 30.0, 40.0


def figures(folder: Path) -> Iterator[dict[str, Any]]:
    """Starts over the network of the issue and over a local one, then fifteen minutes with and without resync."""
    alone = _starts(folder, None, 5, asks=False)
    for name, network in (("5 to 80 ms, 5 % lost", None), ("local network", LAN)):
        found = _starts(folder, network, FLEETS)
        p95, most = percentile(found, 0.95), max(found)
        yield figure(f"start skew of 8 nodes, {name}, p95", p95, "ms", "own clocks ±5 s", p95 / median(alone))
        yield figure(f"start skew of 8 nodes, {name}, max", most, "ms", "20 ms allowed", most / START_MAX_MS)
    for resync, allowed in ((True, LATER_MS), (False, BITES_MS)):
        after = max(_after(folder, seed, resync=resync) for seed in range(LONG_FLEETS))
        name = f"after 15 min {'with' if resync else 'without'} resync at pauses, max"
        wanted = f"{allowed:.0f} ms {'allowed' if resync else 'at least, or the bench does not bite'}"
        yield figure(name, after, "ms", wanted, after / allowed)


def _starts(folder: Path, network: Network | None, fleets: int, *, asks: bool = True) -> list[float]:
    """Skew of each fleet's start, somewhere in the first quarter of an hour after it was switched on."""
    score = speech_of(1)
    found = []
    for seed in range(fleets):
        start_s = random.Random(seed).uniform(80, 900)
        heard = [perform(each, score, start_s, folder, network=network, asks=asks) for each in fleet_of(seed)]
        found.append(skew_ms(heard, 0))
    return found


def _after(folder: Path, seed: int, *, resync: bool) -> float:
    score = speech_of(SENTENCES)
    return skew_ms([perform(each, score, 300, folder, resync=resync) for each in fleet_of(seed)], -1)
