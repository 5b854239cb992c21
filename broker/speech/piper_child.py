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
_LARGEST_WAV = 16 * 1024**2
"""Bytes. A line of 160 letters at 48 kHz, spoken as slowly as is believed, takes 6 MB."""
_LONGEST_OUT = 4096
"""Bytes of one line it prints; what is longer names no file of ours."""
_MOST_OUT = 16
"""Files it may have named that nobody asked for yet; older ones are forgotten."""


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
        self._named: queue.Queue[str | None] = queue.Queue(_MOST_OUT)
        """Lines that name a file, and None at the end of all."""
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._heard = ""
        """What it printed last beside that."""
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
        for limit, most in ((resource.RLIMIT_AS, _MEMORY), (resource.RLIMIT_FSIZE, 2 * _LARGEST_WAV)):
            with contextlib.suppress(OSError, ValueError):  # a stricter limit may be set already
                resource.prlimit(self._process.pid, limit, (most, most))
        threading.Thread(target=self._listen, name="piper-listen", daemon=True).start()

    @property
    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    @property
    def is_loaded(self) -> bool:
        """Whether it has answered before and still runs: the next answer takes it no loading."""
        return self._spare_s == 0.0 and self.is_alive

    def say(self, line: str, within_s: float) -> bytes:
        """The WAV file of one line. Raises PiperStopped, OSError."""
        until_s = time.monotonic() + within_s + self._spare_s
        if not self._lock.acquire(timeout=within_s):
            raise PiperStopped("piper is being ended", is_late=True)
        try:
            self._set_idle(None)
            self._send(line)
            raw = self._answer(until_s)
            self._spare_s = 0.0
            self._set_idle(self._idle_s)
            return raw
        finally:
            self._lock.release()

    def close(self, *, at_once: bool = False) -> None:
        """End the process and remove its folder. at_once: without the two seconds it has to end by itself."""
        if at_once:
            self._process.kill()
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
        try:
            line = self._named.get(timeout=max(until_s - time.monotonic(), 0.001))
        except queue.Empty:
            raise PiperStopped("piper did not answer in time", is_late=True) from None
        if line is None:
            raise PiperStopped(f"piper ended: {self._heard[:200] or 'no message'}")
        return self._take()

    def _take(self) -> bytes:
        files = sorted(Path(self._folder.name).glob("*.wav"))
        if len(files) != 1:
            raise PiperStopped(f"piper left {len(files)} files of one line")
        with files[0].open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > _LARGEST_WAV:
                raise PiperStopped(f"piper left {size} bytes of one line")
            raw = file.read(size)
        files[0].unlink()
        return raw

    def _last_words(self) -> str:
        """What it printed last before it ended."""
        with contextlib.suppress(queue.Empty):
            while self._named.get(timeout=_END_S) is not None:
                pass
        return self._heard[:200] or "no message"

    def _listen(self) -> None:
        """Keep the files it names, what it printed last, and None at its end; never more than a few lines."""
        is_rest = False
        if self._process.stdout is not None:
            with self._process.stdout as said:
                while raw := said.readline(_LONGEST_OUT):
                    if not is_rest:
                        self._note(raw.decode(errors="replace").strip())
                    is_rest = not raw.endswith(b"\n")
        self._keep(None)

    def _note(self, line: str) -> None:
        if ".wav" in line:
            self._keep(line)
        elif line:
            self._heard = line

    def _keep(self, line: str | None) -> None:
        """Into the queue, in the place of the oldest where it is full; nothing else puts into it."""
        if self._named.full():
            with contextlib.suppress(queue.Empty):
                self._named.get_nowait()
        self._named.put_nowait(line)
