"""Starts the services of the demo as child processes, starts dead and hung ones again, stops all within 3 s.

What systemd does on a real machine (Type=notify, WatchdogSec, Restart), for one terminal: each child gets its
own notify socket, its own process group, and dies with this process even when that is killed.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import selectors
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

STOP_SERVICES_S = 1.1
STOP_LAST_S = 0.4
TICK_S = 0.1
BACKOFF_S = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
STEADY_S = 30.0
"""A child that lived this long starts again without a wait when it dies."""
LOG_LIMIT = 5_000_000
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Child:
    """One program to keep alive.

    watchdog_s: silence after READY that counts as hung, None for programs that do not beat. ready_s: time to
    say READY, None for programs that never say it. is_last: stopped after all others, as the broker is, so that
    services can still say goodbye.
    """

    name: str
    command: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    watchdog_s: float | None = 30.0
    is_last: bool = False
    ready_s: float | None = 60.0


@dataclass
class _Kept:
    """A child as it runs now."""

    child: Child
    socket: socket.socket
    address: str
    process: subprocess.Popen[bytes] | None = None
    is_ready: bool = False
    started_at: float = 0.0
    heard_at: float = 0.0
    fails: int = 0
    due_at: float = 0.0
    starts: int = 0
    is_held: bool = False


def _die_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Supervisor:
    """Keeps children alive from one thread; `run` is that thread's work (the kernel ties children to it)."""

    def __init__(self, logs: Path, on_event: Callable[[str], None] | None = None) -> None:
        """logs: folder for one log file per child. on_event: told in one line when a child dies or hangs."""
        self._logs = logs
        self._on_event = on_event or (lambda _: None)
        self._folder = Path(tempfile.mkdtemp(prefix="langso-notify-"))
        self._selector = selectors.DefaultSelector()
        self._kept: dict[str, _Kept] = {}
        self._changed = threading.Condition()
        logs.mkdir(parents=True, exist_ok=True)

    def add(self, child: Child) -> None:
        """Keep this child alive from the next tick on. Raises ValueError for a name that is taken."""
        with self._changed:
            if child.name in self._kept:
                raise ValueError(f"child {child.name} is there already")
            address = str(self._folder / f"{len(self._kept)}")
            inbox = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            inbox.setblocking(False)
            inbox.bind(address)
            self._kept[child.name] = _Kept(child, inbox, address)
            self._selector.register(inbox, selectors.EVENT_READ, child.name)

    def wait_ready(self, names: Sequence[str], timeout_s: float) -> list[str]:
        """Wait until all of these said READY; returns those that have not."""

        def missing() -> list[str]:
            return [name for name in names if not self._kept[name].is_ready]

        with self._changed:
            self._changed.wait_for(lambda: not missing(), timeout_s)
            return missing()

    def wait_restarted(self, name: str, starts: int, timeout_s: float) -> bool:
        """Wait until a child is ready in a start after the `starts`-th."""

        def is_back() -> bool:
            return self._kept[name].starts > starts and self._kept[name].is_ready

        with self._changed:
            return self._changed.wait_for(is_back, timeout_s)

    def hold(self, name: str) -> None:
        """Kill a child, as a power cut would, and leave it dead until `release`."""
        with self._changed:
            kept = self._kept[name]
            kept.is_held = True
            process = kept.process
        if process is not None:
            _signal_group(process, signal.SIGKILL)
            process.wait()

    def release(self, name: str) -> None:
        """Let a held child start again at once."""
        with self._changed:
            kept = self._kept[name]
            kept.is_held, kept.due_at = False, 0.0

    def starts(self, name: str) -> int:
        """How often a child was started."""
        return self._kept[name].starts

    def pid(self, name: str) -> int | None:
        """Process id of a child, None while it is down."""
        process = self._kept[name].process
        return process.pid if process is not None and process.poll() is None else None

    def run(self, stop: threading.Event) -> None:
        """Start what is due and watch over it until `stop` is set, then stop everything. Call from one thread."""
        try:
            while not stop.is_set():
                with self._changed:
                    kept = list(self._kept.values())
                for each in kept:
                    self._tend(each)
                self._listen(TICK_S)
        finally:
            self._stop_all()

    def _tend(self, kept: _Kept) -> None:
        now = time.monotonic()
        if kept.process is None:
            if now >= kept.due_at and not kept.is_held:
                self._start(kept, now)
            return
        status = kept.process.poll()
        if status is not None:
            self._bury(kept, now, _how_it_ended(status))
            return
        limit_s = kept.child.watchdog_s if kept.is_ready else kept.child.ready_s
        if limit_s is not None and now - kept.heard_at > limit_s:
            _signal_group(kept.process, signal.SIGKILL)
            kept.process.wait()
            self._bury(kept, now, f"was silent for {limit_s:.0f} s")

    def _start(self, kept: _Kept, now: float) -> None:
        log = self._logs / f"{kept.child.name}.log"
        if log.exists() and log.stat().st_size > LOG_LIMIT:
            log.replace(log.with_suffix(".log.1"))
        env = {**os.environ, **kept.child.env, "NOTIFY_SOCKET": kept.address}
        kept.starts += 1
        kept.started_at = kept.heard_at = now
        kept.is_ready = False
        with log.open("ab") as out:
            try:
                kept.process = subprocess.Popen(  # preexec_fn: one system call, no lock
                    list(kept.child.command),
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                    env=env,
                    start_new_session=True,
                    preexec_fn=_die_with_parent,
                )
            except OSError as why:
                self._bury(kept, now, f"cannot be started: {why}")

    def _bury(self, kept: _Kept, now: float, how: str) -> None:
        if kept.process is not None:
            _signal_group(kept.process, signal.SIGKILL)  # what it may have started itself
        kept.process, kept.is_ready = None, False
        kept.fails = 0 if now - kept.started_at > STEADY_S else kept.fails + 1
        wait_s = BACKOFF_S[min(kept.fails, len(BACKOFF_S) - 1)]
        kept.due_at = now + wait_s
        if not kept.is_held:
            self._on_event(f"{kept.child.name} {how}; starting again in {wait_s:g} s")

    def _listen(self, timeout_s: float) -> None:
        for key, _ in self._selector.select(timeout_s):
            kept = self._kept[key.data]
            with contextlib.suppress(BlockingIOError):
                while True:
                    text = kept.socket.recv(4096).decode("utf-8", "replace")
                    kept.heard_at = time.monotonic()
                    if "READY=1" in text.splitlines():
                        with self._changed:
                            kept.is_ready = True
                            self._changed.notify_all()

    def _stop_all(self) -> None:
        everyone = [kept for kept in self._kept.values() if kept.process is not None]
        _end([kept for kept in everyone if not kept.child.is_last], STOP_SERVICES_S)
        _end([kept for kept in everyone if kept.child.is_last], STOP_LAST_S)
        self._selector.close()
        for kept in self._kept.values():
            kept.socket.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _how_it_ended(status: int) -> str:
    return f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with {status}"


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _end(kept: Sequence[_Kept], patience_s: float) -> None:
    """SIGTERM to all, then SIGKILL to whatever is left of each group after `patience_s`."""
    processes = [each.process for each in kept if each.process is not None]
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
    deadline = time.monotonic() + patience_s
    for process in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, deadline - time.monotonic()))
        _signal_group(process, signal.SIGKILL)
    for process in processes:
        process.wait()
