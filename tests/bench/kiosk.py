"""`langso bench kiosk`: how soon the screen answers, what it weighs, and how well it finds."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench.link.processes import figure
from tests.bench.screens import finding, healing, serving, showing

PARTS = {"search": finding, "serving": serving, "showing": showing, "healing": healing}


def figures() -> Iterator[dict[str, Any]]:
    """All figures of the kiosk; LANGSO_BENCH_PARTS names fewer parts (search,serving,showing,healing)."""
    for name in os.environ.get("LANGSO_BENCH_PARTS", ",".join(PARTS)).split(","):
        yield figure("load average before", os.getloadavg()[0], f"of {os.cpu_count()} cores")
        with tempfile.TemporaryDirectory() as folder:
            yield from PARTS[name].figures(Path(folder))
