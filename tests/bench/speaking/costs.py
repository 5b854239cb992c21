"""What a piece of work costs: CPU of this process and all its children, and how much memory a child holds."""

from __future__ import annotations

import os
import resource
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tests.bench.link.processes import cpu_s

T = TypeVar("T")


@dataclass(frozen=True)
class Cost:
    """Seconds of one go."""

    cpu_s: float
    wall_s: float


def total_cpu_s() -> float:
    """CPU seconds of this process, of its children that ended, and of those that live."""
    spent = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        used = resource.getrusage(who)
        spent += used.ru_utime + used.ru_stime
    for pid in _children():
        try:
            spent += cpu_s(pid)
        except OSError:
            continue  # it has ended since
    return spent


def cost_of(act: Callable[[], T]) -> tuple[T, Cost]:
    """What a call returns and what it cost."""
    before_s, began_s = total_cpu_s(), time.monotonic()
    found = act()
    return found, Cost(total_cpu_s() - before_s, time.monotonic() - began_s)


def least_of(goes: int, act: Callable[[int], T]) -> tuple[T, Cost]:
    """The last result and the least costs of several goes: other work on the machine only ever adds."""
    found, least = cost_of(lambda: act(0))
    for go in range(1, goes):
        found, cost = cost_of(lambda go=go: act(go))
        least = Cost(min(least.cpu_s, cost.cpu_s), min(least.wall_s, cost.wall_s))
    return found, least


@contextmanager
def highest_mib() -> Iterator[list[float]]:
    """Resident memory of the largest child while the block runs, asked every millisecond; in the list after it."""
    found: list[float] = []
    is_over = threading.Event()
    own = Path("/proc/self/cmdline").read_bytes()
    highest_kib = 0

    def watch() -> None:
        nonlocal highest_kib
        while not is_over.wait(0.001):
            for pid in _children():
                highest_kib = max(highest_kib, _peak_kib(pid, own))

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield found
    finally:
        is_over.set()
        watching.join()
        found.append(highest_kib / 1024)


def _peak_kib(pid: int, own: bytes) -> int:
    """VmHWM of a process; 0 once it has ended, and while it is still a copy of this one."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return 0
    return (
        int(status.partition("VmHWM:")[2].split()[0]) if "VmHWM" in status and line not in (own, b"") else 0
    )


def _children() -> list[int]:
    found: list[int] = []
    for thread in Path("/proc/self/task").iterdir():
        try:
            found += map(int, (thread / "children").read_text().split())
        except OSError:
            continue  # the thread has ended since
    return [pid for pid in found if pid != os.getpid()]
