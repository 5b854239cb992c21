"""`langso bench camera`: what is found and made up on labelled clips, CPU and memory, beside `motion` and OpenCV.

Clips are those of `--videos DIR` with its truth.json, else ../shared/data/videos, else none: then only costs are
measured, on films drawn here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.bench.cameras import accuracy, costs, many
from tests.bench.link.processes import figure
from tests.bench.speaking.aims import absent

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "videos"
TRUTH = "truth.json"
PARTS = ("clips", "costs", "many")


def figures(videos: Path | None = None) -> Iterator[dict[str, Any]]:
    """All figures of the camera. LANGSO_BENCH_PARTS=clips,costs,many chooses some of its parts."""
    folder = videos or (SHARED if (SHARED / TRUTH).is_file() else None)
    of = accuracy.truths(folder) if folder else []
    made: dict[str, Callable[[], Iterator[dict[str, Any]]]] = {
        "costs": lambda: costs.figures(folder, of),
        "many": many.figures,
    }
    if folder and of:
        made["clips"] = lambda: accuracy.figures(folder, of)
    else:
        yield absent("clips", f"no labelled clips: --videos DIR names a folder with {TRUTH} and its files")
    wanted = os.environ.get("LANGSO_BENCH_PARTS", ",".join(PARTS)).split(",")
    for part in PARTS:
        if part in wanted and part in made:
            yield figure("load average before", os.getloadavg()[0], f"of {os.cpu_count()} cores")
            yield from made[part]()
