"""A real source: the session of a node's `board` service with its outbox, run as any service is run.

Arguments: the node's TOML, readings per second, readings to put into the outbox before it may connect. It says {}
when those are on the disk and goes on when a line comes in. Ended by SIGTERM it says
{"made": [[value, at_s, kept_s], …]}: the monotonic seconds just before `send`, and after it, when the reading is on
the source's disk.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from broker.contract.board import Reading, Readings
from broker.link.clock import MachineClock
from broker.link.config import load
from broker.link.service import Beat, Worker, log_as, run
from broker.link.session import Session

SERIES = "water_level_m.song-van"
THREADS = 16
"""That fill the outbox; they share each sync."""


class Meter:
    """Makes readings whose value is their number, each a millisecond or more after the one before."""

    def __init__(self, session: Session, backlog: int) -> None:
        self.made: list[tuple[int, float, float]] = []
        self._session = session
        self._number = 0
        self._at = datetime.now(UTC) - timedelta(seconds=backlog)
        self._lock = threading.Lock()

    def fill(self, count: int) -> None:
        """Put `count` readings into the outbox, a second apart in the past."""
        each = [threading.Thread(target=self._fill, args=(count // THREADS,)) for _ in range(THREADS)]
        for thread in each:
            thread.start()
        for thread in each:
            thread.join()

    def _fill(self, count: int) -> None:
        for _ in range(count):
            with self._lock:
                self._number += 1
                self._at += timedelta(seconds=1)
                reading = self._reading()
            self._session.send(Readings(items=[reading]))

    def _reading(self) -> Reading:
        return Reading(series=SERIES, at=self._at, value=float(self._number), unit="m")

    def measure(self) -> None:
        """Send one reading of now."""
        self._number += 1
        self._at = max(datetime.now(UTC), self._at + timedelta(milliseconds=1))
        at_s = time.monotonic()
        self._session.send(Readings(items=[self._reading()]))
        self.made.append((self._number, at_s, time.monotonic()))


def main(config: Path, per_s: float, backlog: int) -> int:
    """Fill, wait for a line, run until SIGTERM, tell."""
    settings = load(config)
    log_as(f"{settings.machine.name}.board", "WARNING")
    clock = MachineClock(settings.data_dir / "clock-floor", settings.clock.source)
    session = Session(settings, "board", clock)
    meter = Meter(session, backlog)
    meter.fill(backlog)
    sys.stdout.write("{}\n")
    sys.stdout.flush()
    sys.stdin.readline()

    def work(stop: threading.Event, beat: Beat) -> None:
        dice = random.Random(settings.machine.name)
        while not stop.wait(dice.expovariate(per_s) if per_s else 1.0):
            beat()
            if per_s:
                meter.measure()

    status = run([Worker("meter", work)], session)
    sys.stdout.write(json.dumps({"made": meter.made}) + "\n")
    return status


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])))
