"""The demo as a person runs it: Ctrl-C leaves nothing behind, and neither does kill -9 of the demo itself."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from broker.contract import HUB_SERVICES, NODE_SERVICES
from deploy.stage import ROOT
from tests.faults.commune import is_alive, is_open, need_mosquitto, processes_under
from tests.until import until

pytestmark = [pytest.mark.xdist_group("demo-ends"), pytest.mark.timeout(240)]

SERVICES = len(HUB_SERVICES) + len(NODE_SERVICES)
LEAVE_S = 3.0
READY = "runs on this machine (ready in "


class Demo:
    """`langso demo` in a folder, with what it said."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._said = folder.with_name("said.txt")
        order = [sys.executable, "-m", "deploy.cli", "demo", "--data", str(folder), "--broker", "mosquitto"]
        with self._said.open("wb") as out:
            self.process = subprocess.Popen(
                order, cwd=ROOT, stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True
            )

    def said(self) -> str:
        """All that stood on the terminal."""
        return self._said.read_text(encoding="utf-8")

    def ready(self) -> None:
        """Wait until it says where to look."""
        until(lambda: READY in self.said() or self.process.poll() is not None, 90, self.said)
        assert "not ready yet" not in self.said(), self.said()

    def ports(self) -> list[int]:
        """Every port of this commune."""
        found = set()
        for file in self._folder.rglob("langso.toml"):
            table = tomllib.loads(file.read_text(encoding="utf-8"))
            keys = ("broker", "device_port", "console") if table["machine"]["role"] == "hub" else ("kiosk",)
            found |= {int(table[key]["port"]) for key in keys}
        return sorted(found)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    """A demo that runs; ended the hard way when a test left it."""
    need_mosquitto()
    found = Demo(tmp_path / "demo-data")
    try:
        found.ready()
        yield found
    finally:
        if found.process.poll() is None:
            found.process.kill()
            found.process.wait()


def gone(pids: list[int], ports: list[int]) -> bool:
    """No process and no port left."""
    return not any(map(is_alive, pids)) and not any(map(is_open, ports))


def test_ctrl_c_after_a_massacre_leaves_no_process_and_no_port_within_three_seconds(demo: Demo) -> None:
    children, ports = processes_under(demo.process.pid), demo.ports()
    services = [pid for pid, line in children.items() if re.search(r"deploy\.cli run ", line)]
    assert len(services) == SERVICES, children
    assert len(ports) == 4
    assert all(map(is_open, ports))
    for pid in children:
        with suppress(ProcessLookupError):  # a helper of a service may have finished meanwhile
            os.kill(pid, signal.SIGKILL)
    until(lambda: all(map(is_open, ports)), 60, demo.said)
    pids = [*children, *processes_under(demo.process.pid)]
    began = time.monotonic()
    os.kill(demo.process.pid, signal.SIGINT)
    assert demo.process.wait(20) == 0, demo.said()
    took_s = time.monotonic() - began
    assert gone(pids, ports), [line for pid, line in processes_under(1).items() if pid in pids]
    print(f"Ctrl-C to the end: {took_s:.2f} s")  # noqa: T201
    assert took_s <= LEAVE_S * (1.0 + os.getloadavg()[0] / (os.cpu_count() or 1)), took_s
    assert "Traceback" not in demo.said()


def test_kill_9_of_the_demo_itself_ends_all_its_processes_and_it_starts_again(
    demo: Demo, tmp_path: Path
) -> None:
    children, ports = list(processes_under(demo.process.pid)), demo.ports()
    assert len(children) >= SERVICES + 2
    demo.process.kill()
    demo.process.wait()
    until(lambda: gone(children, ports), 5, lambda: [pid for pid in children if is_alive(pid)])
    again = Demo(tmp_path / "demo-data")
    try:
        again.ready()
    finally:
        os.kill(again.process.pid, signal.SIGINT)
        assert again.process.wait(20) == 0, again.said()
