"""`langso bench announcing`: how soon an official's words or click are heard, and what a year of data costs."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench.link.processes import figure
from tests.bench.officials import pages, planning, spoken


def figures() -> Iterator[dict[str, Any]]:
    """All figures of announcing on the hub."""
    for part in (spoken, planning, pages):
        yield figure("load average before", os.getloadavg()[0], f"of {os.cpu_count()} cores")
        with tempfile.TemporaryDirectory() as folder:
            yield from part.figures(Path(folder))
