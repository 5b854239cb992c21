"""The hub's real `ingest`, started as `langso run ingest` starts it, but with a clock that a test can bend."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from broker.hub.ingest import build
from broker.hub.records.database import DatabaseError
from broker.link.config import load
from broker.link.service import log_as, run
from broker.link.session import Session
from tests.faults.bent_clock import BentClock

NOT_NOW = 75


def main() -> int:
    """Run ingest until SIGTERM. 75: it cannot start now (a full disk), and may later."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--clock", type=Path, required=True)
    chosen = parser.parse_args()
    settings = load(chosen.config)
    log_as("hub.ingest", "INFO")
    try:
        session = Session(settings, "ingest", BentClock(chosen.clock))
        workers = build(settings, session)
    except (OSError, DatabaseError) as why:
        sys.stderr.write(f"langso: not now: {why}\n")
        return NOT_NOW
    return run(workers, session)


if __name__ == "__main__":
    sys.exit(main())
