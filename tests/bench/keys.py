"""`langso bench keys`: what signatures, enrolment, revocation, the canary and the audit log cost, each beside its
baseline in the same run.

Everything that has processes has them here too: Mosquitto with certificates, announce, web, the command
`langso enrol`, a node's service.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench.link.processes import figure
from tests.bench.trust import cutting_off, joining, log, signing


def figures() -> Iterator[dict[str, Any]]:
    """All figures of keys and proofs."""
    yield figure("load average before", os.getloadavg()[0], f"of {os.cpu_count()} cores")
    for part in (signing, log, cutting_off, joining):
        with tempfile.TemporaryDirectory() as folder:
            yield from part.figures(Path(folder))
