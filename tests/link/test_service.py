"""The life of a service: stops within a second, ends when a worker fails or falls silent."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAM = """
import sys, threading
from broker.link.service import Worker, log_as, run
class Alone:
    def workers(self): return []
    def open(self): pass
    def ready(self): pass
    def close(self): pass
def good(stop, beat):
    while not stop.wait(0.05): beat()
def failing(stop, beat):
    stop.wait(0.3)
    raise RuntimeError("a wire broke")
def silent(stop, beat):
    beat()
    stop.wait(60)
def deaf(stop, beat):
    forever = threading.Event()
    while True:
        beat()
        forever.wait(0.05)
log_as("thon-01.test", "INFO")
seen = threading.Event()
def late(stop, beat):
    sys.stdin.readline()
    seen.set()
    good(stop, beat)
kind = {"good": good, "failing": failing, "silent": silent, "deaf": deaf, "late": late}[sys.argv[1]]
patience_s = 60.0 if kind is late else 0.5
is_ready = seen.is_set if kind is late else lambda: True
sys.exit(run([Worker("other", good), Worker("w", kind, patience_s, is_ready)], Alone()))
"""


def start(kind: str, notify: Path | None = None) -> subprocess.Popen[str]:
    env = {**os.environ, "NOTIFY_SOCKET": str(notify) if notify else ""}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, kind],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=env,
        text=True,
        cwd=Path.cwd(),
    )


@pytest.fixture
def notify(tmp_path: Path) -> socket.socket:
    door = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    door.bind(str(tmp_path / "n"))
    door.settimeout(20)
    return door


def test_it_says_ready_then_beats_and_stops_within_a_second(notify: socket.socket) -> None:
    child = start("good", Path(notify.getsockname()))
    assert notify.recv(99) == b"READY=1"
    assert notify.recv(99) == b"WATCHDOG=1"
    asked = time.monotonic()
    child.send_signal(signal.SIGTERM)
    assert child.wait(10) == 0
    assert time.monotonic() - asked < 2.0
    child.communicate()


def test_it_is_ready_only_when_all_its_workers_are_and_asks_for_patience_until_then(
    notify: socket.socket,
) -> None:
    child = start("late", Path(notify.getsockname()))
    for _ in range(2):
        said = notify.recv(199)
        assert b"EXTEND_TIMEOUT_USEC=60000000" in said
        assert b"READY" not in said
    assert child.stdin is not None
    child.stdin.write("now\n")
    child.stdin.flush()
    while (said := notify.recv(199)) != b"READY=1":
        assert b"EXTEND_TIMEOUT_USEC" in said
    child.send_signal(signal.SIGTERM)
    child.communicate(timeout=20)


def test_a_failed_worker_ends_the_process_with_its_trace() -> None:
    child = start("failing")
    text = child.communicate(timeout=20)[1]
    assert child.returncode == 1
    assert "a wire broke" in text
    assert '"event": "worker-failed"' in text


def test_a_silent_worker_ends_the_process() -> None:
    child = start("silent")
    text = child.communicate(timeout=20)[1]
    assert child.returncode == 1
    assert "has not beaten" in text


def test_a_deaf_worker_cannot_hold_the_stop(notify: socket.socket) -> None:
    child = start("deaf", Path(notify.getsockname()))
    assert notify.recv(99) == b"READY=1"
    child.send_signal(signal.SIGTERM)
    assert child.wait(10) == 2
    child.communicate()
