"""A finished sound file: what stands around the speech in it, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from broker.speech.chime import ChimeName


class Timing(msgspec.Struct, frozen=True):
    """When one sentence is heard: code points of its track's text, milliseconds of the clip's first playing."""

    start: int
    end: int
    since_ms: int
    until_ms: int


class Facts(msgspec.Struct, frozen=True):
    """What is known of a finished clip; kept beside it in the cache."""

    duration_ms: int
    lufs: float
    peak_dbtp: float
    engine: str
    timings: tuple[Timing, ...] = ()


@dataclass(frozen=True)
class Clip:
    """A finished sound file."""

    path: Path
    sha256: str
    size: int
    """Bytes."""
    duration_ms: int
    lufs: float
    """Loudness of the speech in it, without chime."""
    peak_dbtp: float
    engine: str
    """Engine that spoke it, as "id version"; empty where all of it was recorded."""
    timings: tuple[Timing, ...]
    """Of the sentences an engine spoke; a recording has none."""


@dataclass(frozen=True)
class Frame:
    """What stands around the speech in a clip."""

    chime: ChimeName | None = None
    repeat: int = 1
    gap_s: float = 3.0


PLAIN = Frame()
