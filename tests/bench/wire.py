"""`langso bench wire`: durable ingest, latency, backlog, flood and outbox, each beside its baseline in the same run.

Rates swing with whatever else the machine does, so both sides of a ratio run in turn, several times; the load
average of before stands in the first line.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench.link import latency, putting, rate
from tests.bench.link.processes import figure


def figures() -> Iterator[dict[str, Any]]:
    """All figures of the link between source and store."""
    yield figure("load average before", os.getloadavg()[0], f"of {os.cpu_count()} cores")
    for part in (putting, rate, latency):
        with tempfile.TemporaryDirectory() as folder:
            yield from part.figures(Path(folder))
