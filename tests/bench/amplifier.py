"""`langso bench amplifier`: from a turned key to an open relay, from unasked current to its alarm, and its CPU."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from broker.contract import Identity
from broker.contract.board import AmplifierAlarm
from broker.contract.speaker import AmplifierLease
from firmware_bridge.service import build
from firmware_bridge.simulator import SimulatedAmplifier, SimulatedBoard
from tests.fakes.session import FakeClock, FakeSession
from tests.firmware_bridge.test_amplifier import settings_at
from tests.until import until

TURNS = 40
ALARMS = 6
CPU_S = 10.0
BOARD, SPEAKER = Identity("thon-01", "board"), Identity("thon-01", "speaker")


def figures() -> Iterator[dict[str, Any]]:
    """A healthy line, then one whose current sensor is dead."""
    with _line() as line:
        opened_ms = line.turns()
        yield _figure("mute key to open relay, p95", _p95(opened_ms), "ms", "bound 250 ms", 250)
        yield _figure("mute key to open relay, longest", max(opened_ms), "ms", "bound 250 ms", 250)
        alarmed_s = [line.bridged_s() for _ in range(ALARMS)]
        yield _figure("unasked current to its alarm, longest", max(alarmed_s), "s", "bound 3 s", 3)
        yield _figure("CPU of the amplifier's line", line.cpu_percent(), "% of a core", "", None)
    with _line(has_sensor=False) as line:
        yield _figure(
            "the same key with a dead sensor, longest", max(line.turns()), "ms", "bound 250 ms", 250
        )


def _figure(name: str, value: float, unit: str, baseline: str, bound: float | None) -> dict[str, Any]:
    ratio = None if bound is None else round(value / bound, 3)
    return {"name": name, "value": round(value, 3), "unit": unit, "baseline": baseline, "ratio": ratio}


def _p95(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.95)]


class _Line:
    """The service of one amplifier's line against a simulated board."""

    def __init__(self, folder: Path, port: str, amplifier: SimulatedAmplifier) -> None:
        settings = settings_at(folder, port)
        self.amplifier = amplifier
        self.session = FakeSession(BOARD, settings, FakeClock(datetime.now(UTC), running=True))
        (self.worker,) = build(settings, cast(Any, self.session))
        self.cpu_s = 0.0
        self._dice = random.Random(6)

    def beat(self) -> None:
        """Called by the worker in its own thread."""
        self.cpu_s = time.thread_time()

    def turns(self) -> list[float]:
        """Milliseconds from each turn of the key to the open relay."""
        pause, found = threading.Event(), []
        for _ in range(TURNS):
            self.session.deliver(AmplifierLease(lease_ms=10_000), SPEAKER)
            until(lambda: self.amplifier.is_on, 10)
            pause.wait(self._dice.uniform(0.1, 0.4))
            began_s = time.monotonic()
            self.amplifier.turn(SimulatedAmplifier.MUTE, True)
            while self.amplifier.is_on:
                pause.wait(0.001)
            found.append((time.monotonic() - began_s) * 1000)
            self.amplifier.turn(SimulatedAmplifier.MUTE, False)
        self.session.deliver(AmplifierLease(lease_ms=0), SPEAKER)
        until(lambda: not self.amplifier.is_on, 10)
        return found

    def bridged_s(self) -> float:
        """Seconds from current that nobody asked for to its alarm."""
        before = len(self.session.messages(AmplifierAlarm))
        began_s = time.monotonic()
        self.amplifier.is_bridged = True
        until(lambda: len(self.session.messages(AmplifierAlarm)) > before, 10)
        passed_s = time.monotonic() - began_s
        self.amplifier.is_bridged = False
        until(lambda: len(self.session.messages(AmplifierAlarm)) > before + 1, 10)
        return passed_s

    def cpu_percent(self) -> float:
        """Of one core, with keys, relay and current read as always."""
        before_s, began_s = self.cpu_s, time.monotonic()
        threading.Event().wait(CPU_S)
        return (self.cpu_s - before_s) / (time.monotonic() - began_s) * 100


@contextmanager
def _line(*, has_sensor: bool = True) -> Iterator[_Line]:
    amplifier, stop = SimulatedAmplifier(), threading.Event()
    devices = amplifier.devices if has_sensor else amplifier.devices[:1]
    with (
        TemporaryDirectory(prefix="langso-") as folder,
        SimulatedBoard(devices, values=amplifier.values) as board,
    ):
        line = _Line(Path(folder), board.path, amplifier)
        thread = threading.Thread(target=line.worker.run, args=(stop, line.beat))
        thread.start()
        try:
            yield line
        finally:
            stop.set()
            thread.join()
