"""Sentences to sound, in a process of its own: what speech needs is in memory only while somebody listens."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from broker.link.config import SpeechOf
from broker.speech.engine import VOICES
from kiosk.house import Silent

PATIENCE_S = 30.0
"""For one sentence, with the start of the process: a small computer takes 2 s for that."""
RESTS_S = 60.0
"""A process that was asked nothing for so long ends by itself: by then the visitor's screen has been wiped."""
HEAD = struct.Struct("<BI")
"""Of an answer: SAID or UNSAID, and how many bytes follow."""
SAID, UNSAID = 1, 2
LARGEST = 8 << 20
_ROOT = Path(__file__).resolve().parents[1]
_CHILD = (sys.executable, "-B", "-m", "kiosk.aloud_child")


class Start(msgspec.Struct):
    """The first line that the process reads."""

    clips: str
    speech: SpeechOf
    rests_s: float


class ReadAloud:
    """The voice of this machine; nothing leaves it, whatever the settings say. One at a time, safe for any thread.

    What is to be read goes through a socket: arguments and environment of a process can be read by others.
    """

    def __init__(
        self,
        clips: Path,
        speech: SpeechOf,
        *,
        command: Sequence[str] = _CHILD,
        patience_s: float = PATIENCE_S,
        rests_s: float = RESTS_S,
    ) -> None:
        """clips: where sentences that were read once are kept. command: the process, its line is its stdin."""
        self._start = msgspec.json.encode(Start(str(clips), speech, rests_s)) + b"\n"
        self._command, self._patience_s = command, patience_s
        self._turn = threading.Lock()
        self._running: tuple[subprocess.Popen[bytes], socket.socket] | None = None

    def __call__(self, text: str, language: str) -> bytes:
        """Ogg Opus of one sentence. Raises Silent, also for a language this machine has no voice for."""
        if not any(voice.split("-")[0] == language for voice in VOICES):
            raise Silent(f"no voice for language {language!r}")
        if not self._turn.acquire(timeout=self._patience_s):
            raise Silent("too many sentences wait")
        try:
            try:
                return self._asked(text)
            except (ConnectionError, EOFError):  # it went to rest in this very moment, or broke down
                self._end()
                return self._asked(text)
        except (OSError, EOFError) as why:
            self._end()
            raise Silent(f"the process that speaks: {why or 'ended'}") from why
        finally:
            self._turn.release()

    def close(self) -> None:
        """End the process now."""
        with self._turn:
            self._end()

    def _end(self) -> None:
        if self._running is None:
            return
        process, line = self._running
        self._running = None
        line.close()
        process.kill()
        process.wait()

    def _asked(self, text: str) -> bytes:
        """Raises Silent, EOFError when the process ends, TimeoutError, OSError."""
        if self._running is None:
            self._running = self._begun()
        _, line = self._running
        until_s = time.monotonic() + self._patience_s
        line.settimeout(self._patience_s)
        line.sendall(msgspec.json.encode(text) + b"\n")
        what, length = HEAD.unpack(_read(line, HEAD.size, until_s))
        if length > LARGEST:
            raise OSError(f"an answer of {length} bytes")
        body = _read(line, length, until_s)
        if what == UNSAID:
            raise Silent(body.decode("utf-8", "replace"))
        return body

    def _begun(self) -> tuple[subprocess.Popen[bytes], socket.socket]:
        line, theirs = socket.socketpair()
        with theirs:
            try:
                process = subprocess.Popen(
                    self._command,
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd=_ROOT,
                    env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONUTF8": "1"},
                )
            except OSError:
                line.close()
                raise
        line.sendall(self._start)
        return process, line


def _read(line: socket.socket, length: int, until_s: float) -> bytes:
    parts: list[bytes] = []
    while length:
        line.settimeout(max(0.001, until_s - time.monotonic()))
        part = line.recv(min(length, 1 << 16))
        if not part:
            raise EOFError
        parts.append(part)
        length -= len(part)
    return b"".join(parts)
