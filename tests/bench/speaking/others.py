"""Public readers of written Vietnamese, installed once into an environment of the bench's own, never the product's."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
LOCK = HERE / "readers.lock"
INTO = HERE.parents[2] / ".venv" / "readers"
INSTALL_S = 600
READ_S = 600


class AbsentError(Exception):
    """A reader is not here; the text says why."""


@dataclass(frozen=True)
class Reading:
    """What a reader said and what it cost."""

    said: list[str]
    ms: float
    """CPU a sentence."""
    mib: float
    """Resident memory at its highest."""
    version: str


def environment() -> Path:
    """Python of the environment that holds the public readers. Raises AbsentError."""
    python = INTO / "bin" / "python"
    stamp = INTO / "lock"
    if python.is_file() and stamp.is_file() and stamp.read_bytes() == LOCK.read_bytes():
        return python
    sys.stderr.write("langso bench: installing sea-g2p and vietnormalizer, once, for comparison only\n")
    venv.create(INTO, with_pip=True, clear=True)
    order = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    order += ["--require-hashes", "--only-binary=:all:", "-r", LOCK]
    try:
        done = subprocess.run(order, capture_output=True, text=True, timeout=INSTALL_S, check=False)
    except subprocess.TimeoutExpired as why:
        raise AbsentError(f"pip did not finish within {INSTALL_S} s") from why
    if done.returncode != 0:
        raise AbsentError((done.stderr.strip().splitlines() or ["pip failed"])[-1])
    stamp.write_bytes(LOCK.read_bytes())
    return python


def read(name: str, python: Path, texts: Sequence[str]) -> Reading:
    """Let one reader read texts in a process of its own. Raises AbsentError."""
    order = [python, HERE / "reader.py", name]
    done = subprocess.run(
        order, input=json.dumps(texts), capture_output=True, text=True, timeout=READ_S, check=False
    )
    if done.returncode != 0:
        raise AbsentError((done.stderr.strip().splitlines() or ["it ended"])[-1])
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return Reading(**found)
