"""`langso bench speech`: how well and how cheaply written text becomes sound, beside public readers and ffmpeg."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from tests.bench.link.processes import figure
from tests.bench.speaking import clips, engines, reading, sounding


def figures() -> Iterator[dict[str, Any]]:
    """The reader, the engines, mastering, and clips as they come out."""
    for part in (reading, engines, sounding, clips):
        yield figure("load average before", os.getloadavg()[0], f"of {os.cpu_count()} cores")
        yield from part.figures()
