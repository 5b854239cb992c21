"""Processes of the wire bench: children that answer a line of JSON to a line of JSON, and what they cost."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from broker.contract import Identity
from broker.link.config import Settings
from tests.brokers import PLACE, RunningBroker
from tests.settings import give_passwords, hub_settings
from tests.until import until

ROOT = Path(__file__).parents[3]
FILTER = f"ls/{PLACE.province}/{PLACE.commune}/+/board/tele/readings"
ANSWER_S = 120.0


def figure(
    name: str, value: float | None, unit: str, baseline: str = "", ratio: float | None = None
) -> dict[str, Any]:
    """One line of the bench."""
    return {"name": name, "value": value, "unit": unit, "baseline": baseline or None, "ratio": ratio}


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return sorted(values)[len(values) // 2]


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all do not exceed."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def cpu_s(pid: int) -> float:
    """CPU seconds of a process so far, user and system, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Child:
    """A module of the bench in its own process."""

    def __init__(self, module: str, *arguments: object) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"tests.bench.link.{module}", *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        self.pid = self._process.pid

    def tell(self, order: object) -> None:
        """Write a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()

    def answer(self, seconds: float = ANSWER_S) -> dict[str, Any]:
        """The next line. Raises TimeoutError, or EOFError when the process ended."""
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as wires:
            wires.register(self._process.stdout, selectors.EVENT_READ)
            if not wires.select(seconds):
                raise TimeoutError(f"{self._process.args} said nothing for {seconds:.0f} s")
        line = self._process.stdout.readline()
        if not line:
            raise EOFError(f"{self._process.args} ended")
        found: dict[str, Any] = json.loads(line)
        return found

    def ask(self, order: object, seconds: float = ANSWER_S) -> dict[str, Any]:
        """Write a line and wait for the answer."""
        self.tell(order)
        return self.answer(seconds)

    def last_words(self, *, by_signal: bool = False) -> dict[str, Any]:
        """End it (its stdin closes, or SIGTERM) and hear what it says then."""
        if by_signal:
            self._process.send_signal(signal.SIGTERM)
        elif self._process.stdin is not None:
            self._process.stdin.close()
        return self.answer(20)

    def end(self) -> None:
        """However it is."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()


@contextmanager
def child(module: str, *arguments: object) -> Iterator[Child]:
    """A child that is ended with the block."""
    made = Child(module, *arguments)
    try:
        yield made
    finally:
        made.end()


@contextmanager
def publisher(
    broker: RunningBroker,
    who: Sequence[Identity],
    *,
    hop: bool,
    window: int = 150,
    step: timedelta = timedelta(seconds=1),
) -> Iterator[Child]:
    """Raw connections of these sources, ready to publish; hop: they heed the hub's acknowledgements."""
    with child("publisher") as made:
        passwords: Mapping[str, str] = {str(each): broker.passwords[str(each)] for each in who}
        place = [PLACE.province, PLACE.commune]
        step_ms = step / timedelta(milliseconds=1)
        made.ask(
            {
                "port": broker.port,
                "place": place,
                "passwords": passwords,
                "hop": hop,
                "window": window,
                "step_ms": step_ms,
            }
        )
        yield made


@contextmanager
def ingest(broker: RunningBroker, folder: Path) -> Iterator[tuple[int, Settings]]:
    """The hub's ingest as it runs in a commune, on a new database: its process id and settings."""
    settings = hub_settings(folder, port=broker.port)
    give_passwords(settings, broker.passwords)
    config = folder / "hub" / "langso.toml"
    log = folder / "ingest.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.cli", "run", "ingest", "--config", str(config)],
            stdout=out,
            stderr=out,
            cwd=ROOT,
        )
    try:
        until(lambda: b'"event": "connected"' in log.read_bytes(), 30, lambda: log.read_text()[-2000:])
        yield process.pid, settings
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
