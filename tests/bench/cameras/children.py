"""One program on one clip: the JSON lines it said, the CPU of it and all it waited for, and its memory."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

LONGEST_S = 900.0
LOOK_S = 0.02


@dataclass(frozen=True)
class Ran:
    """What one run brought."""

    events: Sequence[Mapping[str, Any]]
    cpu_s: float
    peak_mib: float
    """Of the process itself, to the last hundredth of a second or two before its end."""
    status: int
    behind_s: float = 0.0
    """How much longer than its clip a run in real time took: on a busy machine its times are not to be trusted."""


def run(argv: Sequence[str], env: Mapping[str, str] | None = None, longest_s: float = LONGEST_S) -> Ran:
    """Run to its end; one that takes longer than `longest_s` is killed and has a status of its own."""
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen(
            argv, stdout=out, stderr=subprocess.DEVNULL, env={**os.environ, **(env or {})}
        )
        axe = threading.Timer(longest_s, child.kill)
        axe.start()
        ran = reap(child)
        axe.cancel()
        out.seek(0)
        return replace(ran, events=list(events_of(out.read().decode("utf-8", "replace"))))


def reap(child: subprocess.Popen[bytes]) -> Ran:
    """Wait for a child's end; what it cost, user and system.

    Its memory is read while it lives: the kernel's own sum begins with what this process held when it forked.
    """
    pause, peak_mib = threading.Event(), 0.0
    while True:
        peak_mib = max(peak_mib, peak_of(child.pid))
        ended, status, usage = os.wait4(child.pid, os.WNOHANG)
        if ended:
            child.returncode = os.waitstatus_to_exitcode(status)
            return Ran((), usage.ru_utime + usage.ru_stime, peak_mib, child.returncode)
        pause.wait(LOOK_S)


def peak_of(pid: int) -> float:
    """The most resident memory a living process has had, MiB; 0 when it is gone."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0


def events_of(text: str) -> Iterator[Mapping[str, Any]]:
    """The lines that are JSON objects with a "start"; the rest is talk."""
    for line in text.splitlines():
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict) and "start" in found:
            yield found
