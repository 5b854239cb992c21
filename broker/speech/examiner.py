"""Recordings are looked at in a process of their own: what breaks a decoder or fills the memory ends only that."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec

from broker.speech.examine_child import Answer
from broker.speech.examined import LONGEST_S, Recording, RecordingRefused, refused

log = logging.getLogger(__name__)

AT_ONCE = 2
PATIENCE_S = 60.0
"""For one: ten minutes of sound took 2 to 5 s of a server's core; small computers are several times slower."""
_WAIT_S = 20.0
"""For a turn."""
_ROOT = Path(__file__).resolve().parents[2]
_CHILD = (sys.executable, "-B", "-m", "broker.speech.examine_child")


class Examiner:
    """Looks at recordings, two at once. One per process; safe for several threads."""

    def __init__(
        self, command: Sequence[str] = _CHILD, patience_s: float = PATIENCE_S, wait_s: float = _WAIT_S
    ) -> None:
        """command: the child, which is given the file, its name and the longest length in seconds."""
        self._command = command
        self._patience_s = patience_s
        self._wait_s = wait_s
        self._turns = threading.BoundedSemaphore(AT_ONCE)

    def examine(self, data: Path, said_type: str = "", longest_s: float = LONGEST_S) -> Recording:
        """As recording.examine(), apart from this process. Raises RecordingRefused, also `busy`, and OSError."""
        if not self._turns.acquire(timeout=self._wait_s):
            raise refused("busy")
        try:
            answer = self._asked([*self._command, str(data.resolve()), _plain(said_type), f"{longest_s:g}"])
        finally:
            self._turns.release()
        if answer.recording is not None:
            return answer.recording
        raise RecordingRefused(answer.code, answer.sentence)

    def _asked(self, command: Sequence[str]) -> Answer:
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=_ROOT,
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONUTF8": "1"},
                timeout=self._patience_s,
                check=False,
            )
            return msgspec.json.decode(done.stdout, type=Answer)
        except subprocess.TimeoutExpired as why:
            log.warning("looking at a recording took too long", extra={"event": "recording-unreadable"})
            raise refused("unreadable") from why
        except msgspec.DecodeError as why:
            log.warning(
                "looking at a recording ended with %s",
                done.returncode,
                extra={"event": "recording-unreadable"},
            )
            raise refused("unreadable") from why


def _plain(said_type: str) -> str:
    """What a program's argument may be; of a long name its end counts."""
    return said_type.encode("utf-8", "replace").decode().replace("\0", "")[-100:]
