"""Processes that are killed and frozen on purpose, and started again as systemd would."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
AGAIN_S = 0.3
"""Seconds until a process that ended by itself is started again."""
LEAVE_S = 60.0
"""A disk that stalls keeps a process in its last fsync, whatever signal it gets."""


class Child:
    """One process, started again whenever it has ended."""

    def __init__(self, name: str, command: list[str], log: Path) -> None:
        self.name = name
        self.log = log
        self.exits: list[int] = []
        """Statuses with which it ended although nobody had killed it."""
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._due_s = 0.0
        self._killed = False

    @property
    def is_alive(self) -> bool:
        """Whether it runs now (frozen counts)."""
        return self._process is not None and self._process.poll() is None

    def keep(self) -> None:
        """Start it when it is due, and note how it ended."""
        if self.is_alive:
            return
        if self._process is not None:
            if not self._killed:
                self.exits.append(self._process.returncode)
                self._due_s = time.monotonic() + AGAIN_S
            self._process, self._killed = None, False
        if time.monotonic() >= self._due_s:
            with self.log.open("ab") as out:
                self._process = subprocess.Popen(
                    self._command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, cwd=ROOT
                )

    def kill(self, away_s: float) -> None:
        """kill -9; it stays away so long."""
        if self.is_alive and self._process is not None:
            self._killed = True
            self._process.kill()
            self._process.wait()
            self._due_s = time.monotonic() + away_s

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it, if it runs."""
        if self.is_alive and self._process is not None:
            self._process.send_signal(number)

    def leave(self) -> None:
        """Ask it to end; its status counts like any other, 0 and "a thread hung at the very end" excepted."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)

    def wait(self) -> None:
        """Wait for an end that was asked for."""
        if self._process is None:
            return
        try:
            status = self._process.wait(LEAVE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        if not self._killed and status not in (0, 2):
            self.exits.append(status)
        self._process = None

    def end(self) -> None:
        """kill -9 for good."""
        if self.is_alive and self._process is not None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._process = None
