"""Who judges the clips beside each other: ours as a person types it, Debian's motion, OpenCV's MOG2 and KNN."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.bench.cameras import motion
from tests.bench.cameras.children import Ran, run

ROOT = Path(__file__).resolve().parents[3]
OURS, MOTION = "ours", "motion"
AT_ONCE = 6
"""Runs of `motion` beside each other: it judges in real time and needs a tenth of a core."""

Judged = Mapping[Path, Ran]


@dataclass(frozen=True)
class Peer:
    """A program and how it is run on one clip; `at_once` of them may run beside each other."""

    name: str
    judge: Callable[[Path], Ran]
    at_once: int = 1


def ours(clip: Path) -> Ran:
    """`langso watch FILE`, without the shell script that finds the environment."""
    return run([sys.executable, "-m", "deploy.cli", "watch", str(clip)], {"PYTHONPATH": str(ROOT)})


def opencv(name: str) -> Callable[[Path], Ran]:
    """plain.py with MOG2 or KNN."""
    program = str(Path(__file__).with_name("plain.py"))
    return lambda clip: run([sys.executable, program, name, str(clip)])


def peers() -> list[Peer]:
    """Ours first, then those that are here."""
    found = [Peer(OURS, ours), Peer("MOG2", opencv("MOG2")), Peer("KNN", opencv("KNN"))]
    if program := find_motion():
        found.append(Peer(MOTION, lambda clip: motion.judge(program, clip), AT_ONCE))
    return found


def find_motion() -> str:
    """Debian's program; empty where it is not installed."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/bin", "/usr/local/bin"])
    return shutil.which("motion", path=path) or ""


def judge_all(who: Sequence[Peer], clips: Sequence[Path]) -> dict[str, Judged]:
    """Every clip by everybody. What runs in real time runs beside the others, which take turns."""
    found: dict[str, dict[Path, Ran]] = {each.name: {} for each in who}
    lock = threading.Lock()

    def one(peer: Peer, clip: Path) -> None:
        ran = peer.judge(clip)
        with lock:
            found[peer.name][clip] = ran

    live = [each for each in who if each.at_once > 1]
    with ThreadPoolExecutor(AT_ONCE) as hands:
        waiting = [hands.submit(one, peer, clip) for peer in live for clip in clips]
        for clip in clips:
            for peer in who:
                if peer.at_once == 1:
                    one(peer, clip)
        for each in waiting:
            each.result()
    return dict(found)
