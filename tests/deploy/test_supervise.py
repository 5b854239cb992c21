"""The supervisor: starts again what died or hangs, stops everything in time, leaves nothing."""

from __future__ import annotations

import os
import signal
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.supervise import Child, Supervisor
from tests.until import until

READY = """
import os, socket
out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
tell = lambda text: out.sendto(text.encode(), os.environ["NOTIFY_SOCKET"])
tell("READY=1")
"""
WAITS = "import signal; signal.pause()"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pause(); signal.pause()"


def program(text: str) -> list[str]:
    """A Python program as a command."""
    return [sys.executable, "-c", textwrap.dedent(text)]


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[tuple[Supervisor, list[str], threading.Event]]:
    events: list[str] = []
    stop = threading.Event()
    supervisor = Supervisor(tmp_path / "logs", events.append)
    keeper = threading.Thread(target=supervisor.run, args=(stop,))
    keeper.start()
    yield supervisor, events, stop
    stop.set()
    keeper.join(10)
    assert not keeper.is_alive()


def test_a_child_is_ready_when_it_says_so(watched):
    supervisor, _, _ = watched
    supervisor.add(Child("quiet", program(WAITS)))
    supervisor.add(Child("ready", program(READY + WAITS)))
    assert supervisor.wait_ready(["ready"], 10) == []
    assert supervisor.wait_ready(["quiet"], 0.3) == ["quiet"]


def test_a_killed_child_comes_back(watched):
    supervisor, events, _ = watched
    supervisor.add(Child("one", program(READY + WAITS)))
    assert supervisor.wait_ready(["one"], 10) == []
    os.kill(supervisor.pid("one"), signal.SIGKILL)
    assert supervisor.wait_restarted("one", 1, 10)
    assert any("one was ended by SIGKILL" in line for line in events)


def test_a_child_that_hangs_is_killed_and_comes_back(watched):
    supervisor, events, _ = watched
    supervisor.add(Child("hung", program(READY + WAITS), watchdog_s=0.5))
    assert supervisor.wait_ready(["hung"], 10) == []
    assert supervisor.wait_restarted("hung", 1, 10)
    assert any("hung was silent" in line for line in events)


def test_a_child_that_beats_is_left_alone(watched):
    supervisor, events, _ = watched
    beats = READY + "import threading\nstop = threading.Event()\nwhile not stop.wait(0.1): tell('WATCHDOG=1')"
    supervisor.add(Child("alive", program(beats), watchdog_s=1.0))
    assert supervisor.wait_ready(["alive"], 10) == []
    threading.Event().wait(2.5)
    assert supervisor.starts("alive") == 1
    assert events == []


def test_a_child_that_keeps_failing_waits_longer_each_time(watched):
    supervisor, events, _ = watched
    supervisor.add(Child("broken", program("raise SystemExit(3)")))
    until(lambda: len(events) >= 3, 15)
    assert events[0] == "broken ended with 3; starting again in 0.5 s"
    assert events[1] == "broken ended with 3; starting again in 1 s"


def test_a_program_that_is_not_there_is_told_and_stops_nobody(watched):
    supervisor, events, _ = watched
    supervisor.add(Child("nowhere", ["/nowhere/program"]))
    supervisor.add(Child("one", program(READY + WAITS)))
    assert supervisor.wait_ready(["one"], 10) == []
    assert any("nowhere cannot be started" in line for line in events)


def test_a_held_child_stays_dead_until_it_is_released(watched):
    supervisor, _, _ = watched
    supervisor.add(Child("one", program(READY + WAITS)))
    assert supervisor.wait_ready(["one"], 10) == []
    supervisor.hold("one")
    threading.Event().wait(1.0)
    assert supervisor.pid("one") is None
    supervisor.release("one")
    assert supervisor.wait_restarted("one", 1, 10)


def test_deaf_children_and_their_own_children_are_gone_within_three_seconds(watched, tmp_path):
    supervisor, _, stop = watched
    grandchild = (
        "import subprocess, sys\n"
        f"subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()', {str(tmp_path)!r}])\n"
    )
    for number in range(3):
        supervisor.add(Child(f"deaf-{number}", program(grandchild + READY + DEAF)))
    supervisor.add(Child("last", program(READY + DEAF), is_last=True))
    assert supervisor.wait_ready(["deaf-0", "deaf-1", "deaf-2", "last"], 15) == []
    began = time.monotonic()
    stop.set()
    until(lambda: all(supervisor.pid(name) is None for name in ("deaf-0", "deaf-1", "deaf-2", "last")), 3)
    assert time.monotonic() - began <= 3
    until(lambda: not _named(tmp_path), 2)


def test_the_last_is_stopped_after_the_others(watched, tmp_path):
    supervisor, _, stop = watched
    note = tmp_path / "order"
    # The handler stands before the child says it is ready: a stop may come in the very next instant.
    says = (
        "import signal, sys, threading\nover = threading.Event()\n"
        "signal.signal(signal.SIGTERM, lambda *_: over.set())\n"
        + READY
        + f"over.wait()\nopen({str(note)!r}, 'a').write(sys.argv[1])"
    )
    supervisor.add(Child("last", [*program(says), "b"], is_last=True))
    supervisor.add(Child("first", [*program(says), "a"]))
    assert supervisor.wait_ready(["first", "last"], 10) == []
    stop.set()
    until(lambda: note.is_file() and len(note.read_text()) == 2, 20)
    assert note.read_text() == "ab"


def test_what_a_child_says_goes_to_its_log(watched, tmp_path):
    supervisor, _, _ = watched
    supervisor.add(Child("talker", program("print('hello'); " + WAITS), {"PYTHONUNBUFFERED": "1"}))
    log = tmp_path / "logs" / "talker.log"
    until(lambda: log.is_file() and "hello" in log.read_text(), 10)


def test_a_name_is_given_once(watched):
    supervisor, _, _ = watched
    supervisor.add(Child("one", program(WAITS)))
    with pytest.raises(ValueError, match="one is there already"):
        supervisor.add(Child("one", program(WAITS)))


def _named(folder: Path) -> list[str]:
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if str(folder) in words:
            found.append(str(file))
    return found
