"""The optional detector's network in a process of its own: started when needed, ended when it fails or is late.

A broken file, a runtime that crashes or memory that is not given back end with that process; the cameras go on.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import stat
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge.camera.model_child import HEAD, LARGEST, NUMBERS, REFUSED, SHAPES
from edge.camera.nanodet import Form, ModelRefused, Output, Piece, form_of, sightings

log = logging.getLogger(__name__)

LOAD_S = 45.0
"""A server's core takes 0.5 s; a small computer with a slow card many times that."""
PICTURE_S = 20.0
_SLICE_S = 0.2
_LARGEST_ANSWER = 32 * 1024**2
_ROOT = Path(__file__).resolve().parents[2]
_CHILD = (sys.executable, "-B", "-m", "edge.camera.model_child")

Going = Callable[[], bool]
"""Asked several times a second while somebody waits; False: wait no longer."""
Why = Literal["missing", "runtime", "refused", "ended", "late", "stopped"]


class ModelFailed(Exception):
    """The network gave no answer. `why` for programs, the text for an operator: file, found, needed."""

    def __init__(self, why: Why, said: str) -> None:
        super().__init__(said)
        self.why = why


class ModelProcess:
    """One running network. For one thread."""

    def __init__(
        self, file: Path, threads: int, going: Going, command: Sequence[str] = _CHILD, load_s: float = LOAD_S
    ) -> None:
        """Start it and learn its form. Raises ModelFailed."""
        self._file = file
        self._told_size = False
        _check(file)
        self._line, theirs = socket.socketpair()
        try:
            with theirs:
                self._process = subprocess.Popen(
                    [*command, str(file.resolve()), str(threads)],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd=_ROOT,
                    env={
                        **os.environ,
                        "OPENBLAS_NUM_THREADS": "1",
                        "OMP_NUM_THREADS": "1",
                        "PYTHONUTF8": "1",
                    },
                )
        except OSError as why:
            self._line.close()
            raise ModelFailed("ended", f"no process can be started: {why}") from why
        try:
            self.form = self._form(going, load_s)
        except BaseException:
            self.close()
            raise

    def compute(self, picture: NDArray[np.float32], going: Going, within_s: float = PICTURE_S) -> Output:
        """The network's numbers for a picture 1 x 3 x S x S. Raises ModelFailed; it is ended then."""
        raw = picture.tobytes()
        if not self._told_size:
            raw, self._told_size = struct.pack("<Q", len(raw)) + raw, True
        until_s = time.monotonic() + within_s
        try:
            self._send(raw, going, until_s)
            answer = self._answer(NUMBERS, going, until_s)
            row = 80 + 4 * self.form.bins
            if len(answer) != 4 * self.form.cells * row:
                raise ModelFailed("refused", f"{self._file}: {len(answer)} bytes came, not what it declared")
        except BaseException:
            self.close()
            raise
        return np.frombuffer(answer, np.float32).reshape(1, self.form.cells, row)

    def close(self) -> None:
        """End it now."""
        self._line.close()
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def _form(self, going: Going, load_s: float) -> Form:
        said = self._answer(SHAPES, going, time.monotonic() + load_s)
        try:
            shapes = json.loads(said)
            return form_of(shapes["inputs"], shapes["outputs"])
        except (ModelRefused, ValueError, KeyError, TypeError) as why:
            raise ModelFailed("refused", f"{self._file}: {why}") from why

    def _send(self, raw: bytes, going: Going, until_s: float) -> None:
        left = memoryview(raw)
        while left:
            self._line.settimeout(_SLICE_S)
            try:
                left = left[self._line.send(left) :]
            except TimeoutError:
                self._may_wait(going, until_s)
            except OSError as why:
                raise self._gone() from why

    def _answer(self, wanted: bytes, going: Going, until_s: float) -> bytes:
        what, length = HEAD.unpack(self._receive(HEAD.size, going, until_s))
        if length > _LARGEST_ANSWER:
            raise ModelFailed("refused", f"{self._file}: an answer of {length} bytes")
        body = self._receive(length, going, until_s)
        if what == REFUSED:
            said = body.decode(errors="replace")
            if said.startswith(("ModuleNotFoundError", "ImportError")):
                raise ModelFailed(
                    "runtime", f"onnxruntime cannot be used here ({said}): langso[detect] has it"
                )
            raise ModelFailed("refused", f"{self._file}: {said}")
        if what != wanted:
            raise ModelFailed("refused", f"{self._file}: an answer that was not asked for")
        return body

    def _receive(self, length: int, going: Going, until_s: float) -> bytes:
        parts, missing = [], length
        while missing:
            self._line.settimeout(_SLICE_S)
            try:
                part = self._line.recv(min(missing, 1 << 20))
            except TimeoutError:
                self._may_wait(going, until_s)
                continue
            except OSError as why:
                raise self._gone() from why
            if not part:
                raise self._gone()
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def _may_wait(self, going: Going, until_s: float) -> None:
        """Raises ModelFailed when nobody waits any more or it took too long."""
        if not going():
            raise ModelFailed("stopped", "nobody waits for it any more")
        if time.monotonic() > until_s:
            raise ModelFailed("late", f"{self._file}: no answer in time")

    def _gone(self) -> ModelFailed:
        try:
            code = self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        if code == -signal.SIGALRM:
            return ModelFailed("late", f"{self._file}: no answer in time")
        how = f"signal {-code}" if code < 0 else f"exit {code}"
        return ModelFailed("ended", f"{self._file}: its process ended with {how}")


def examine(file: Path, threads: int = 1) -> tuple[Form, float]:
    """Try a network on grey pictures: its form, and milliseconds of the second. Raises ModelFailed."""
    process = ModelProcess(file, threads, lambda: True)
    try:
        side_px = process.form.side_px
        grey = np.zeros((1, 3, side_px, side_px), np.float32)
        for _ in range(2):
            since_s = time.monotonic()
            numbers = process.compute(grey, lambda: True)
            took_ms = (time.monotonic() - since_s) * 1000
        sightings(numbers, process.form, Piece(0, 0, side_px, side_px))
    except ModelRefused as why:
        raise ModelFailed("refused", f"{file}: {why}") from why
    finally:
        process.close()
    return process.form, took_ms


def _check(file: Path) -> None:
    """Raises ModelFailed for a file that need not be tried."""
    try:
        found = file.stat()
        if not stat.S_ISREG(found.st_mode):
            raise ModelFailed("missing", f"{file}: not a file")
        with file.open("rb"):
            pass
    except OSError as why:
        raise ModelFailed("missing", f"{file}: {why.strerror or why}") from why
    if not 0 < found.st_size <= LARGEST:
        raise ModelFailed("refused", f"{file}: {found.st_size} bytes; needed 1 to {LARGEST}")
