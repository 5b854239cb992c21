"""A loudspeaker service that holds the amplifier until it is killed: `python -m tests.speaker.amplifier_child …`."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from broker.link.clock import MachineClock
from broker.link.config import load
from broker.link.session import Session
from edge.speaker.amplifier import Amplifier


def main(config: Path, run: str) -> None:
    """config: the node's settings; run: folder of its sockets. Never returns."""
    settings = load(config)
    settings.machine.run = run
    session = Session(settings, "speaker", MachineClock(settings.data_dir / "floor", "host"))
    amplifier = Amplifier(session, session.clock, settings.data_dir / "speaker")
    amplifier.hold(is_playing=True)
    amplifier.run(threading.Event(), lambda: None)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
