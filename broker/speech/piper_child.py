"""A running piper program: a line of text in, a WAV file in a folder of its own out. Ends when it is not needed."""

from __future__ import annotations

import contextlib
import os
import queue
import resource
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

LOAD_S = 60.0
"""A voice of 63 MB took 5 s of CPU on a server's core; a small computer is several times slower."""

_IDLE_S = 30.0
_END_S = 2.0
_MEMORY = 4 * 1024**3
"""Bytes of address space. It takes 1.2 GB of it, 0.4 GB in memory; the limit is against a voice gone wild."""


class PiperStopped(Exception):
    """The program ended, or did not answer in time (`is_late`)."""

    def __init__(self, said: str, *, is_late: bool = False) -> None:
        super().__init__(said)
        self.is_late = is_late


class PiperChild:
    """One process. Not safe for several threads at once, but for its own idle timer."""

    def __init__(self, command: Sequence[str], load_s: float = LOAD_S, idle_s: float = _IDLE_S) -> None:
        """Start it. Raises OSError."""
        self._spare_s = load_s  # the first answer waits until the voice is loaded
        self._idle_s = idle_s
        self._folder = tempfile.TemporaryDirectory(prefix="langso-piper-")
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._heard = ""
        try:
            self._process = subprocess.Popen(
                [*command, "--output_dir", self._folder.name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=self._folder.name,
                env={**os.environ, "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"},
            )
        except OSError:
            self._folder.cleanup()
            raise
        with contextlib.suppress(OSError, ValueError):  # a stricter limit may be set already
            resource.prlimit(self._process.pid, resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        threading.Thread(target=self._listen, name="piper-listen", daemon=True).start()

    @property
    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def say(self, line: str, within_s: float) -> bytes:
        """The WAV file of one line. Raises PiperStopped, OSError."""
        with self._lock:
            self._set_idle(None)
            until_s = time.monotonic() + within_s + self._spare_s
            self._send(line)
            raw = self._answer(until_s)
            self._spare_s = 0.0
            self._set_idle(self._idle_s)
            return raw

    def close(self) -> None:
        """End the process and remove its folder."""
        with self._lock:
            self._set_idle(None)
            self._end()

    def _end(self) -> None:
        with contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        self._process.terminate()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()

    def _set_idle(self, after_s: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if after_s is not None:
            self._timer = threading.Timer(after_s, self._end_idle)
            self._timer.daemon = True
            self._timer.start()

    def _end_idle(self) -> None:
        with self._lock:
            if self._timer is threading.current_thread():  # nothing was said meanwhile
                self._timer = None
                self._end()

    def _send(self, line: str) -> None:
        if self._process.stdin is None or self._process.stdin.closed:
            raise PiperStopped("piper was ended for want of work")
        try:
            self._process.stdin.write(line.encode(errors="replace") + b"\n")
            self._process.stdin.flush()
        except OSError as why:
            raise PiperStopped(f"piper ended: {self._last_words()}") from why

    def _answer(self, until_s: float) -> bytes:
        """Wait until it names a finished file."""
        while True:
            try:
                line = self._lines.get(timeout=max(until_s - time.monotonic(), 0.001))
            except queue.Empty:
                raise PiperStopped("piper did not answer in time", is_late=True) from None
            if line is None:
                raise PiperStopped(f"piper ended: {self._heard[:200] or 'no message'}")
            if ".wav" in line:
                return self._take()
            self._heard = line

    def _take(self) -> bytes:
        files = sorted(Path(self._folder.name).glob("*.wav"))
        if len(files) != 1:
            raise PiperStopped(f"piper left {len(files)} files of one line")
        raw = files[0].read_bytes()
        files[0].unlink()
        return raw

    def _last_words(self) -> str:
        """What it printed last before it ended."""
        with contextlib.suppress(queue.Empty):
            while (line := self._lines.get(timeout=_END_S)) is not None:
                self._heard = line or self._heard
        return self._heard[:200] or "no message"

    def _listen(self) -> None:
        """Put what it prints into the queue, and None at its end."""
        if self._process.stdout is not None:
            with self._process.stdout as said:
                for raw in said:
                    self._lines.put(raw.decode(errors="replace").strip())
        self._lines.put(None)
