"""The demo as a person meets it: starts, says where to look, heals, ends, starts again, refuses a second one."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from deploy.stage import Stage, Wishes
from deploy.supervise import Supervisor
from tests.until import until

ROOT = Path(__file__).parents[2]
ENDS_S = 3.0
SLACK_S = 4.0
"""Other tests share these cores; the demo itself promises ENDS_S on a machine of its own."""

pytestmark = [pytest.mark.xdist_group("demo"), pytest.mark.timeout(240)]


class Demo:
    """The command as a child process, with what it has said so far."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.said: list[str] = []
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-u",
                "-m",
                "deploy.cli",
                "demo",
                "--data",
                str(folder),
                "--broker",
                "embedded",
                *options,
            ],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line.rstrip("\n"))

    def wait_running(self) -> str:
        """Wait until it says that it runs; returns all it has said."""
        until(
            lambda: any("runs on this machine" in line for line in self.said) or self._ended(), 120, self.text
        )
        until(lambda: any("logs  " in line for line in self.said) or self._ended(), 5, self.text)
        assert not self._ended(), self.text()
        return self.text()

    def _ended(self) -> bool:
        return self.process.poll() is not None

    def text(self) -> str:
        return "\n".join(self.said)

    def interrupt(self) -> float:
        """Ctrl-C; returns the seconds until it had ended."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        self.process.wait(20)
        self._reader.join()
        return time.monotonic() - began

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[object]:
    demos: list[Demo] = []

    def begin(*options: str) -> Demo:
        demos.append(Demo(tmp_path / "commune", *options))
        return demos[-1]

    yield begin
    for each in demos:
        each.kill()


def processes_of(folder: Path) -> list[str]:
    """Command lines that name this folder."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line:
            found.append(line)
    return found


def is_listening(url: str) -> bool:
    host, port = url.removeprefix("http://").rstrip("/").split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def test_it_says_where_to_look_ends_without_a_trace_and_starts_again_as_it_was(start, tmp_path):
    demo = start()
    said = demo.wait_running()
    urls = re.findall(r"http://(?:127\.0\.0\.1|localhost):\d+/", said)
    assert len(urls) == 2
    for url in urls:
        assert requests.get(url, timeout=10).status_code == 200
    passwords = re.findall(r"^  (\w+) +((?:\w{5}-){3}\w{5}) ", said, re.MULTILINE)
    assert [name for name, _ in passwords] == ["lan", "hung", "hanh", "dung", "ha", "minh"]
    assert re.search(r"PIN \d{8}", said)
    second = start()
    assert second.process.wait(30) == 1
    until(lambda: second.said, 5)
    assert "another demo already runs" in second.text()
    assert len(second.said) == 1
    took_s = demo.interrupt()
    assert demo.process.returncode == 0
    assert took_s <= ENDS_S + SLACK_S
    assert processes_of(tmp_path) == []
    assert not any(map(is_listening, urls))
    again = start().wait_running()
    assert "shown at the first start" in again
    assert not re.search(r"(?:\w{5}-){3}\w{5}", again)


def test_its_children_die_with_it_even_when_it_is_killed(start, tmp_path):
    demo = start()
    demo.wait_running()
    assert processes_of(tmp_path)
    demo.process.kill()
    demo.process.wait()
    until(
        lambda: not [line for line in processes_of(tmp_path) if "deploy." in line],
        5,
        lambda: processes_of(tmp_path),
    )


def test_every_killed_process_comes_back(tmp_path):
    stop = threading.Event()
    with Stage(Wishes(tmp_path / "commune", free_ports=True, broker="embedded")) as stage:
        stage.prepare(lambda _: None)
        supervisor = Supervisor(stage.logs)
        children = stage.children()
        for child in children:
            supervisor.add(child)
        keeper = threading.Thread(target=supervisor.run, args=(stop,))
        keeper.start()
        try:
            assert supervisor.wait_ready(stage.service_names(), 90) == []
            before = {name: supervisor.starts(name) for name in stage.service_names()}
            for name in before:
                pid = supervisor.pid(name)
                assert pid is not None
                os.kill(pid, signal.SIGKILL)
            for name, starts in before.items():
                assert supervisor.wait_restarted(name, starts, 60), name
            console = requests.get(stage.console_url + "/healthz", timeout=10)
            assert console.json()["ok"]
        finally:
            stop.set()
            keeper.join()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--camera", "/nowhere/film.mp4"], "/nowhere/film.mp4 is not there"),
        (["--serial", "/dev/nowhere"], "/dev/nowhere is not there"),
        (["--nodes", "0"], "1 to 24"),
        (["--nodes", "many"], "1 to 24"),
    ],
)
def test_a_wrong_wish_is_one_clear_sentence(start, options, says):
    demo = start(*options)
    assert demo.process.wait(30) in (2, 64)
    until(lambda: says in demo.text(), 5, demo.text)
    assert "Traceback" not in demo.text()


def test_a_folder_that_cannot_be_written_is_one_clear_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    demo = Demo(tmp_path / "file" / "commune")
    assert demo.process.wait(30) == 1
    demo.kill()
    assert "choose another folder with --data" in demo.text()
