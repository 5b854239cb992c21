"""`langso bench speaker`: do loudspeakers begin together and on time, and is it known what was heard.

What has clocks runs in simulated time (the real player, files instead of cards); what has processes runs in real time.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench.link.processes import figure
from tests.bench.loudspeakers import cost, emergency, lateness, rooms, skew


def figures() -> Iterator[dict[str, Any]]:
    """All figures of the loudspeaker on the node."""
    for part in (skew, lateness, emergency, cost, rooms):
        yield figure("load average before", os.getloadavg()[0], f"of {os.cpu_count()} cores")
        with tempfile.TemporaryDirectory() as folder:
            yield from part.figures(Path(folder))
