"""Child process: looks at one recording, and says what it is as JSON. A file that breaks decoders breaks only this.

Its arguments are the file, what it was called, and the longest it may last in seconds.
"""

from __future__ import annotations

import contextlib
import resource
import sys
from pathlib import Path

import msgspec

from broker.speech.examined import Recording, RecordingRefused

MEMORY = 512 * 1024**2
"""Bytes of address space. Ten minutes of sound took 263 MB of it, 92 MB in memory."""
CPU_S = 60


class Answer(msgspec.Struct, frozen=True):
    """What the child says: a recording, or why it is refused."""

    recording: Recording | None = None
    code: str = ""
    sentence: str = ""


def main(argv: list[str]) -> int:
    """Look at the file. Returns the exit code."""
    data, said_type, longest_s = argv
    _limit_itself()
    from broker.speech.recording import examine  # numpy and PyAV: within the limits

    try:
        answer = Answer(examine(Path(data), said_type, float(longest_s)))
    except RecordingRefused as why:
        answer = Answer(code=why.code, sentence=why.sentence)
    sys.stdout.buffer.write(msgspec.json.encode(answer))
    return 0


def _limit_itself() -> None:
    limits = {
        resource.RLIMIT_AS: MEMORY,
        resource.RLIMIT_CPU: CPU_S,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
    }
    for what, most in limits.items():
        with contextlib.suppress(OSError, ValueError):  # a service may not be let; its own limits stand then
            resource.setrlimit(what, (most, most))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
