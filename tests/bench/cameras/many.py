"""Many cameras in one service: what a further one needs of memory, and how many one core carries.

Every camera has two streams, as we set them up: the main one is kept for clips, the sub-stream is judged.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.bench.cameras import films
from tests.bench.cameras.films import MAIN, SUB
from tests.bench.link.processes import figure
from tests.bench.speaking.aims import aimed

ROOT = Path(__file__).resolve().parents[3]
COUNTS = (1, 2, 4, 8)
SETTLE_S, COUNT_S = 25.0, 30.0
"""Longer than the ring keeps, and than a new view needs to be learnt and to come to rest."""
MORE_MIB = 40.0
Found = Mapping[str, Any]


def figures() -> Iterator[dict[str, Any]]:
    """Fleets of growing size, something going on in all; then eight with nothing going on."""
    with ThreadPoolExecutor(2) as hands:
        grown = list(hands.map(lambda cameras: fleet(cameras, busy=True), COUNTS))
    idle = fleet(COUNTS[-1], busy=False)
    for each in grown:
        name = f"memory of a service with {each['cameras']} cameras, busy, peak"
        yield figure(name, each["peak_mib"], "MiB")
    missing = sum(each["cameras"] - each["live"] for each in (*grown, idle))
    yield aimed("cameras that were not live at the end", missing, "", 0)
    further = more_mib([(each["cameras"], each["peak_mib"]) for each in grown])
    yield aimed("memory of a further camera", round(further, 1), "MiB", MORE_MIB)
    for name, each in (("busy", grown[-1]), ("idle", idle)):
        share = each["cpu_s"] / each["counted_s"] / each["cameras"]
        what = f"{each['cameras']} live cameras, {name} sub-streams"
        yield figure(f"CPU of one of {what}", round(share * 100, 2), "% of a core")
        yield figure(f"cameras one core carries, {name} sub-streams", math.floor(1 / share), "cameras")


def fleet(cameras: int, *, busy: bool) -> Found:
    """One service with so many cameras in a process of its own. Raises CalledProcessError."""
    main, sub = films.drawn(MAIN, busy=busy).path, films.drawn(SUB, busy=busy).path
    order = [sys.executable, "-m", "tests.bench.cameras.fleet", cameras, SETTLE_S, COUNT_S, main, sub]
    done = subprocess.run(
        [str(each) for each in order], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True
    )
    found: Found = json.loads(done.stdout.splitlines()[-1])
    return found


def more_mib(points: list[tuple[int, float]]) -> float:
    """Memory of one camera more: the slope of the line nearest to (cameras, MiB)."""
    middle_x = sum(x for x, _ in points) / len(points)
    middle_y = sum(y for _, y in points) / len(points)
    across = sum((x - middle_x) ** 2 for x, _ in points)
    return sum((x - middle_x) * (y - middle_y) for x, y in points) / across
