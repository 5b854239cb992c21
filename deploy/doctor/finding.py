"""What one check of the doctor found, and what it may look at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from broker.link.config import Settings

Level = Literal["ok", "warning", "error"]


@dataclass(frozen=True)
class Finding:
    """One sentence about this machine. `do`: what a person should do, empty when nothing."""

    check: str
    level: Level
    found: str
    do: str = ""


@dataclass(frozen=True)
class Patient:
    """The machine to look at. Without settings (a checkout, the demo) only what holds anywhere is checked."""

    config: Path | None
    settings: Settings | None
    root: Path
