"""`langso bench duty`: how soon an officer sees what a camera saw, and what 30,000 alerts and a long shift cost."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench.dutyroom import crowd, pages, reach, soak
from tests.bench.link.processes import figure

PARTS = {"pages": pages, "reach": reach, "crowd": crowd, "soak": soak}


def figures() -> Iterator[dict[str, Any]]:
    """All figures of the duty room; LANGSO_BENCH_PARTS names fewer parts (pages,reach,crowd,soak)."""
    wanted = os.environ.get("LANGSO_BENCH_PARTS", ",".join(PARTS)).split(",")
    for name in wanted:
        yield figure("load average before", os.getloadavg()[0], f"of {os.cpu_count()} cores")
        with tempfile.TemporaryDirectory() as folder:
            yield from PARTS[name].figures(Path(folder))
