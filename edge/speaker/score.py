"""What one play consists of: chime, rest, the speech as often as asked; or a head and then what a station sends."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from broker.speech.chime import ChimeName, chime
from broker.speech.sound import Pcm
from edge.speaker.firewall import CHIME_REST_S
from edge.speaker.tape import Samples

PAUSE_S: Final = 0.15
"""Shorter quietness is part of a word."""

KEPT_S: Final = 0.05
"""So much of a pause always stays."""

QUIET: Final = 0.006
"""Of the loudest moment: 44 dB below it nothing is said."""

_HOP_S: Final = 0.01


@dataclass(frozen=True)
class Pause:
    """Where the speech pauses: `room` quiet frames follow frame `at` that may be left out, or heard twice."""

    at: int
    room: int


@dataclass(frozen=True)
class Score:
    """All samples of one play in order: chime, then the speech as often as asked."""

    parts: tuple[Samples, ...]
    rate_hz: int
    repeat_ends: tuple[int, ...]
    """Sample positions at which one more repeat is complete."""

    @cached_property
    def frames(self) -> int:
        """How many samples it has."""
        return sum(map(len, self.parts))

    @property
    def total_ms(self) -> int:
        """How long it lasts."""
        return round(1000 * self.frames / self.rate_hz)

    @cached_property
    def pauses(self) -> tuple[Pause, ...]:
        """Its pauses, in order; found once."""
        return tuple(_pauses(self.parts, self.rate_hz))

    def cut(self, start: int, until: int) -> Samples:
        """Samples from `start` up to `until`, as many of them as lie in one part."""
        for part in self.parts:
            if start < len(part):
                return part[start:until]
            start -= len(part)
            until -= len(part)
        return np.zeros(0, dtype=np.int16)


@dataclass(frozen=True)
class LiveScore:
    """A head of samples, then what comes in while it sounds."""

    head: Samples
    rate_hz: int
    longest_s: float
    """Hard end of all of it, counted from the first sample of the head."""
    pull: Callable[[int], Samples | None]
    """At most so many frames of what is there, maybe none; None when nothing will come any more."""
    ends: Callable[[], tuple[int, ...]] = tuple
    """Sample positions at which one more repeat is complete, as far as they are known yet."""

    @property
    def total_ms(self) -> int:
        """How long it lasts at most."""
        return round(1000 * self.longest_s)


def score_of(speech: Pcm, chime_name: ChimeName, repeat: int, gap_s: float) -> Score:
    """Chime, a rest, and the speech `repeat` times with `gap_s` seconds between."""
    rate = speech.rate_hz
    bell = chime_of(chime_name, rate)
    gap = np.zeros(round(gap_s * rate), dtype=np.int16)
    parts = [bell, np.zeros(round(CHIME_REST_S * rate), dtype=np.int16)]
    ends: list[int] = []
    at = sum(map(len, parts))
    for turn in range(repeat):
        if turn:
            parts.append(gap)
            at += len(gap)
        parts.append(speech.samples)
        at += len(speech.samples)
        ends.append(at)
    return Score(tuple(parts), rate, tuple(ends))


def chime_alone(name: ChimeName, rate_hz: int = 16_000) -> Score:
    """A chime without words."""
    bell = chime_of(name, rate_hz)
    return Score((bell,), rate_hz, (len(bell),))


def chime_of(name: ChimeName, rate_hz: int) -> Samples:
    """A chime as 16-bit samples."""
    return np.clip(chime(name, rate_hz) * 32767, -32768, 32767).astype(np.int16)


def led_in(score: Score, warm_s: float) -> Score:
    """An emergency does not wait for a cold amplifier: its chime sounds again until the words will be heard."""
    if warm_s <= 0 or len(score.parts) < 2:
        return score
    bell, rest = score.parts[:2]
    missing = warm_s * score.rate_hz - len(bell) - len(rest)
    times = max(0, math.ceil(missing / max(1, len(bell))))
    ends = tuple(end + times * len(bell) for end in score.repeat_ends)
    return replace(score, parts=(*(bell,) * times, *score.parts), repeat_ends=ends)


def _pauses(parts: tuple[Samples, ...], rate_hz: int) -> list[Pause]:
    hop = max(1, round(_HOP_S * rate_hz))
    quiet, starts = _quiet_hops(parts, hop)
    found: list[Pause] = []
    edges = np.flatnonzero(np.diff(np.concatenate(([False], quiet, [False])).astype(np.int8)))
    kept = round(KEPT_S * rate_hz)
    for first, after in zip(edges[::2], edges[1::2], strict=True):
        begins = int(starts[first])
        ends = int(starts[after])
        if ends - begins >= PAUSE_S * rate_hz:
            found.append(Pause(begins + kept // 2, ends - begins - kept))
    return found


def _quiet_hops(parts: tuple[Samples, ...], hop: int) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which stretches of about a hundredth of a second are quiet, and where each begins (with the end of the last)."""
    known: dict[int, NDArray[np.int64]] = {}
    peaks, starts, at = [], [], 0
    for part in parts:
        if not len(part):
            continue
        if id(part) not in known:
            edges = np.arange(0, len(part), hop)
            high, low = np.maximum.reduceat(part, edges), np.minimum.reduceat(part, edges)
            known[id(part)] = np.maximum(high.astype(np.int64), -low.astype(np.int64))
        peaks.append(known[id(part)])
        starts.append(at + hop * np.arange(len(known[id(part)]), dtype=np.int64))
        at += len(part)
    if not peaks:
        return np.zeros(0, dtype=np.bool_), np.zeros(1, dtype=np.int64)
    loud = np.concatenate(peaks)
    return loud <= QUIET * loud.max(), np.concatenate([*starts, np.array([at], dtype=np.int64)])
