"""The real loudspeaker service of a node, started as `langso run speaker` starts it, on a wall clock that a test bends.

Everything else is as in a commune: settings, session, journal, firewall, the machine's own clock rules on top of the
bent time, and WAV files for sound.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from broker.link.clock import MachineClock
from broker.link.config import load
from broker.link.service import log_as, run
from broker.link.session import Session
from edge.speaker.service import build
from tests.faults.bent_clock import BentClock


def main() -> int:
    """Run the loudspeaker until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--clock", type=Path, required=True)
    chosen = parser.parse_args()
    settings = load(chosen.config)
    log_as(f"{settings.machine.name}.speaker", "INFO")
    bent = BentClock(chosen.clock)
    clock = MachineClock(
        settings.data_dir / "clock-floor", settings.clock.source, is_held=True, wall=bent.now
    )
    session = Session(settings, "speaker", clock)
    return run(build(settings, session), session)


if __name__ == "__main__":
    sys.exit(main())
