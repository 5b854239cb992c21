"""A service of a node that only speaks, through the real session and outbox, and keeps its own ledger of it.

The ledger is what the oracle believes: a line, synced, before each `send` and after it returned.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import os
import random
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from broker.contract import Lane
from broker.contract.board import Reading, Readings
from broker.contract.camera import CameraTampered, MotionStarted
from broker.contract.kiosk import FeedbackSent
from broker.contract.message import Message
from broker.contract.speaker import PlayReceipt
from broker.link.config import Settings, load
from broker.link.outbox import OutboxFull
from broker.link.service import Beat, Worker, log_as, run
from broker.link.session import Session
from tests.faults.bent_clock import BentClock

LANES = {"board": Lane.TELE, "kiosk": Lane.EVENT, "speaker": Lane.EVENT, "camera": Lane.ALARM}
SERIES = ("water_level_m", "rain_mm", "air_celsius")
UNITS = {"water_level_m": "m", "rain_mm": "mm", "air_celsius": "celsius"}
GRAIN_MS = 8192
"""Readings share a time down to this, and differ below it by their number: no two have the same time."""
STATES = ("ready", "armed", "playing", "played")
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

Item = tuple[str, str]
"""What must be found in the store: the key under which it stands there, and its value."""


@dataclass(frozen=True)
class Said:
    """One message and what the store must show of it."""

    message: Message
    items: list[Item]


class Ledger:
    """Append-only lines of JSON, each on the disk before the next thing happens."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._numbers = itertools.count(1 + max((line.get("n", 0) for line in read(path)), default=0))
        self._lock = threading.Lock()

    def next(self) -> int:
        """A number that no message of this source had before, in this life or an earlier one."""
        with self._lock:
            return next(self._numbers)

    def write(self, what: str, **more: Any) -> None:
        """Add one line."""
        os.write(self._file, (json.dumps({"do": what, **more}) + "\n").encode())
        os.fsync(self._file)


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a ledger; a last one that was cut short by a kill is left out."""
    for line in path.read_bytes().split(b"\n")[:-1]:
        yield json.loads(line)


# -- what each service says; n is its number, `at` the time by its own clock


def _readings(n: int, at: datetime, picture: bytes) -> Said:
    ms = int(at.timestamp() * 1000) // GRAIN_MS * GRAIN_MS + n % GRAIN_MS
    items = [
        Reading(
            series=f"{name}.so-{place}",
            at=datetime.fromtimestamp(ms / 1000, at.tzinfo),
            value=n + place / 10,
            unit=UNITS[name],
        )
        for place, name in enumerate(SERIES[: 1 + n % 3], 1)
    ]
    return Said(Readings(items=items), [(f"{each.series}@{ms}", str(each.value)) for each in items])


def _feedback(n: int, at: datetime, picture: bytes) -> Said:
    dice = random.Random(n)
    code = "".join(dice.choices(CROCKFORD, k=10))
    sealed = dice.randbytes(dice.choice((40, 400, 4000)))
    return Said(FeedbackSent(code=code, at=at, sealed=sealed), [(code, digest(sealed))])


def _receipt(n: int, at: datetime, picture: bytes) -> Said:
    message = PlayReceipt(
        occurrence=f"luot-{n // 4}",
        announcement="ban-tin",
        revision=1,
        state=STATES[n % 4],  # type: ignore[arg-type]
        at=at,
        planned_at=at,
        reason=f"n{n}",
    )
    return Said(message, [(f"{message.occurrence}/{message.state}", message.reason)])


def _alarm(n: int, at: datetime, picture: bytes) -> Said:
    shot = signed(picture, f"hình {n}")
    if n % 3 == 0:
        started = MotionStarted(episode=f"dot-{n}", camera="cong", started_at=at, snapshot=shot)
        return Said(started, [(f"{started.episode}/started", digest(shot))])
    name = f"che-{n // 3}"
    if n % 3 == 1:
        covered = CameraTampered(tampering=name, camera="cong", what="covered", started_at=at, snapshot=shot)
        return Said(covered, [(f"{name}/started", digest(shot))])
    over = CameraTampered(tampering=name, camera="cong", what="covered", started_at=at, ended_at=at)
    # No time: where the clock went back meanwhile, the hub dates the end by the beginning and the length.
    return Said(over, [(f"{name}/ended", "over")])


SPEECH: dict[str, Callable[[int, datetime, bytes], Said]] = {
    "board": _readings,
    "kiosk": _feedback,
    "speaker": _receipt,
    "camera": _alarm,
}


def signed(picture: bytes, text: str) -> bytes:
    """A JPEG with a comment of its own, so that no two have the same hash."""
    comment = text.encode()
    return picture[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + picture[2:]


def digest(data: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


# -- the service


class Speaking:
    """The one thing this service does."""

    def __init__(self, settings: Settings, session: Session, chosen: argparse.Namespace) -> None:
        self._session = session
        self._service = session.who.service
        self._chosen = chosen
        self._ledger = Ledger(chosen.ledger)
        self._picture = chosen.picture.read_bytes()
        self._began_s = session.clock.monotonic()
        self._crowd = chosen.burst
        self._box = sqlite3.connect(
            f"file:{settings.data_dir}/outbox/{self._service}.db?mode=ro",
            uri=True,
            check_same_thread=False,
            timeout=5,
        )
        if chosen.quota:  # no setting of a machine: a schedule cannot fill what every machine has
            session.outbox._quota[Lane.TELE] = chosen.quota
        self._ledger.write("start", epoch=session.outbox.epoch)

    def speak(self, stop: threading.Event, beat: Beat) -> None:
        """Worker: say one thing after another until it is to be quiet; then say so in the ledger, and live on."""
        every_s = self._chosen.threads / self._chosen.rate
        while not stop.is_set() and not self._chosen.quiet.exists():
            beat()
            self._say()
            while self._crowd and self._session.clock.monotonic() - self._began_s > self._chosen.burst_at:
                self._crowd -= 1
                beat()
                self._say()
            stop.wait(every_s)
        self._ledger.write("quiet")
        while not stop.wait(0.5):
            beat()

    def _say(self) -> None:
        n = self._ledger.next()
        said = SPEECH[self._service](n, self._session.clock.now(), self._picture)
        self._ledger.write("try", n=n, items=said.items)
        try:
            self._session.send(said.message)
        except OutboxFull:
            self._ledger.write("refused", n=n)
        else:
            self._ledger.write("kept", n=n, seq=self._seq())

    def _seq(self) -> int | None:
        """The position of what was just sent; unknown where several threads send."""
        if self._chosen.threads > 1:
            return None
        row = self._box.execute(
            "SELECT last FROM lanes WHERE lane = ?", (LANES[self._service].value,)
        ).fetchone()
        return int(row[0])


def main() -> int:
    """Run one source until SIGTERM."""
    parser = argparse.ArgumentParser()
    for name in ("--config", "--clock", "--ledger", "--quiet", "--picture"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--service", required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--burst", type=int, default=0)
    parser.add_argument("--burst-at", type=float, default=0.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--quota", type=int, default=0)
    chosen = parser.parse_args()
    settings = load(chosen.config)
    log_as(f"{settings.machine.name}.{chosen.service}", "INFO")
    try:
        session = Session(settings, chosen.service, BentClock(chosen.clock))
        speaking = Speaking(settings, session, chosen)
    except (OSError, sqlite3.Error) as why:
        sys.stderr.write(f"langso: not now: {why}\n")
        return 75
    return run([Worker(f"speak-{n}", speaking.speak) for n in range(chosen.threads)], session)


if __name__ == "__main__":
    sys.exit(main())
