"""A process that packs all readings and is killed meanwhile: `python -m tests.telemetry.seal_child URL NOW`."""

from __future__ import annotations

import sys
from datetime import datetime

from broker.hub.records.database import open_url
from broker.hub.telemetry import rollup


def main(url: str, now: str) -> None:
    """Say that it begins, pack, say that it is done."""
    database = open_url(url)
    sys.stdout.write("begins\n")
    sys.stdout.flush()
    rollup.seal_all(database, datetime.fromisoformat(now), lambda took_s: False)
    sys.stdout.write("done\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
