"""The panel heals itself: a browser gone, frozen or on its own error page is replaced. How soon: bench kiosk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from broker.link.clock import MachineClock
from kiosk.app import create_app
from kiosk.screen import MEMORY_AT_ONCE_MB, MEMORY_MB, Screen, Seen, memory_of, why_restart
from tests.browser.conftest import CHROMIUM, FLAGS
from tests.fakes.house import changed, set_stage
from tests.faults.commune import is_alive
from tests.until import until

STARTS_S = 80.0
HEADLESS = ["--headless=new", *FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]

WELL = Seen(
    running=True,
    up_s=600.0,
    beat_s=1.0,
    idle=True,
    memory_mb=300.0,
    now=datetime(2026, 11, 23, 10, 0).astimezone(),
    nightly_on=None,
)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, ""),
        ({"running": False}, "gone"),
        ({"beat_s": 5.5}, "silent"),
        ({"beat_s": float("inf")}, "silent"),
        ({"beat_s": float("inf"), "up_s": 10.0}, ""),
        ({"beat_s": 300.0, "up_s": 3.0}, ""),
        ({"beat_s": None}, ""),
        ({"memory_mb": MEMORY_MB + 1}, "memory"),
        ({"memory_mb": MEMORY_MB + 1, "idle": False}, ""),
        ({"memory_mb": MEMORY_AT_ONCE_MB + 1, "idle": False}, "memory"),
        ({"now": datetime(2026, 11, 23, 3, 5).astimezone(), "up_s": 80_000.0}, "night"),
        ({"now": datetime(2026, 11, 23, 3, 5).astimezone(), "up_s": 80_000.0, "idle": False}, ""),
        (
            {
                "now": datetime(2026, 11, 23, 3, 5).astimezone(),
                "up_s": 80_000.0,
                "nightly_on": date(2026, 11, 23),
            },
            "",
        ),
    ],
)
def test_when_the_browser_is_changed(change: dict[str, Any], reason: str) -> None:
    assert why_restart(replace(WELL, **change)) == reason


class Panel:
    """The kiosk's server on a port, with a note of every beat of a page."""

    def __init__(self, folder: Path) -> None:
        # The real clock: ages of beats are measured by it.
        app = create_app(changed(set_stage(), clock=MachineClock(folder / "floor", "system")).house)
        self._beaten = threading.Condition()
        self._beats = 0

        def heard(environ: Any, start: Any) -> Any:
            if environ["REQUEST_METHOD"] == "POST" and environ["PATH_INFO"] == "/nhip":
                with self._beaten:
                    self._beats += 1
                    self._beaten.notify_all()
            return app(environ, start)

        self._app = heard
        self._server = make_server("127.0.0.1", 0, heard, threaded=True)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def wait_for_beats(self, more: int, within_s: float) -> float:
        """Seconds until `more` further beats have come."""
        began = time.monotonic()
        with self._beaten:
            goal = self._beats + more
            assert self._beaten.wait_for(lambda: self._beats >= goal, within_s), "no page says that it lives"
        return time.monotonic() - began

    def end(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def begin_again(self) -> None:
        self._server = make_server("127.0.0.1", self.port, self._app, threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()


@contextmanager
def shown(panel: Panel, profiles: Path) -> Iterator[Screen]:
    screen = Screen(CHROMIUM, f"http://127.0.0.1:{panel.port}/", profiles, HEADLESS)
    stop = threading.Event()
    thread = threading.Thread(target=screen.run, args=(stop,))
    thread.start()
    try:
        panel.wait_for_beats(2, STARTS_S)
        yield screen
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()


@pytest.fixture
def panel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Panel]:
    if not Path(CHROMIUM).exists():
        pytest.skip("chromium is not installed")
    made = Panel(tmp_path_factory.mktemp("panel"))
    yield made
    made.end()


def test_a_killed_browser_is_replaced(panel: Panel, tmp_path: Path) -> None:
    with shown(panel, tmp_path) as screen:
        first = screen.pid
        os.killpg(first, signal.SIGKILL)
        panel.wait_for_beats(2, STARTS_S)
        assert screen.pid != first
    assert list(tmp_path.iterdir()) == []


def test_a_frozen_browser_is_replaced(panel: Panel, tmp_path: Path) -> None:
    with shown(panel, tmp_path) as screen:
        first = screen.pid
        os.killpg(first, signal.SIGSTOP)
        panel.wait_for_beats(3, STARTS_S)
        assert screen.pid != first


def test_a_server_that_was_away_leaves_no_error_page(panel: Panel, tmp_path: Path) -> None:
    with shown(panel, tmp_path):
        panel.end()
        panel.begin_again()
        panel.wait_for_beats(2, STARTS_S)


def test_memory_of_a_session_is_that_of_all_its_processes(panel: Panel, tmp_path: Path) -> None:
    with shown(panel, tmp_path) as screen:
        assert 30 < memory_of(screen.pid) < 1500
    assert memory_of(2**22 + 1) == 0


def test_a_browser_that_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    screen = Screen("/khong/co/trinh-duyet", "http://127.0.0.1:9/", tmp_path)
    with pytest.raises(FileNotFoundError):
        screen.run(threading.Event())
    assert list(tmp_path.iterdir()) == []


def a_program(folder: Path, text: str) -> Path:
    """Something that is started instead of the browser."""
    file = folder / "browser"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return file


def test_a_browser_that_is_away_for_a_while_is_started_when_it_is_back(tmp_path: Path) -> None:
    program = a_program(tmp_path, f"echo once >> {tmp_path}/starts\nexec true")
    screen = Screen(str(program), "http://127.0.0.1:9/", tmp_path / "profiles")
    stop = threading.Event()
    thread = threading.Thread(target=screen.run, args=(stop,))
    thread.start()
    try:
        until(lambda: (tmp_path / "starts").exists(), 10)
        away = program.rename(tmp_path / "away")
        until(lambda: screen.pid == 0 and not list((tmp_path / "profiles").iterdir()), 20)
        before = (tmp_path / "starts").read_text().count("once")
        until(lambda: screen._failed >= before + 1, 20)
        away.rename(program)
        until(lambda: (tmp_path / "starts").read_text().count("once") > before, 20)
        assert thread.is_alive()
    finally:
        stop.set()
        thread.join(20)


def test_the_command_starts_a_browser_and_ends_it_when_it_is_told_to(tmp_path: Path) -> None:
    program = a_program(tmp_path, f'echo "$@" > {tmp_path}/told\nexec sleep 300')
    command = [sys.executable, "-m", "deploy.cli", "screen", "--url", "http://127.0.0.1:9/", "--browser"]
    started = subprocess.Popen([*command, str(program)], stderr=subprocess.PIPE, text=True)
    until(lambda: (tmp_path / "told").exists() or started.poll() is not None, 30)
    started.send_signal(signal.SIGTERM)
    _, said = started.communicate(timeout=30)
    assert started.returncode == 0, said
    assert "http://127.0.0.1:9/" in (tmp_path / "told").read_text()


def test_what_the_browser_started_itself_ends_with_it_even_if_it_does_not_want_to(tmp_path: Path) -> None:
    child = f"(trap '' TERM; sh -c 'echo $PPID' > {tmp_path}/child; while :; do sleep 1; done) &"
    program = a_program(tmp_path, f"{child}\nexec sleep 300")
    screen = Screen(str(program), "http://127.0.0.1:9/", tmp_path / "profiles")
    screen._start()
    until(lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text().strip(), 10)
    pid = int((tmp_path / "child").read_text())
    screen._end()
    until(lambda: not is_alive(pid), 10)
