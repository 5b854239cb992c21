"""Play one score in real time into a sink, and stop within half a second when told to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from broker.speech.chime import ChimeName, chime
from broker.speech.sound import Pcm
from edge.speaker.firewall import CHIME_REST_S
from edge.speaker.sinks import Samples, Sink, SinkError

CHUNK_S: Final = 0.1
LEAD_S: Final = 0.2
"""The sink is kept this far ahead of the moment that sounds; also how long a stopped card may still sound."""


@dataclass(frozen=True)
class Score:
    """All samples of one play in order: chime, then the speech as often as asked."""

    parts: tuple[Samples, ...]
    rate_hz: int
    repeat_ends: tuple[int, ...]
    """Sample positions at which one more repeat is complete."""

    @property
    def total_ms(self) -> int:
        """How long it lasts."""
        return round(1000 * sum(map(len, self.parts)) / self.rate_hz)


@dataclass(frozen=True)
class Outcome:
    """How a play ended. `reason` is empty when all of it sounded."""

    reason: str
    detail: str
    played_ms: int
    repeats: int
    """Complete repeats of the speech."""


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


def play(
    score: Score,
    sink: Sink,
    halted: Callable[[], str],
    changed: threading.Event,
    monotonic: Callable[[], float] = time.monotonic,
) -> Outcome:
    """Play all of `score` into an open sink, in real time. Returns; never raises SinkError.

    halted: asked ten times a second; a reason code ends the play at once. changed: set when the answer of
    `halted` may have changed, so that a stop is heard without delay.
    """
    began = monotonic()
    written = 0
    reason = detail = ""
    try:
        for chunk in _chunks(score):
            reason = halted() or _wait_until(
                began + written / score.rate_hz - LEAD_S, halted, changed, monotonic
            )
            if reason:
                break
            sink.write(chunk)
            written += len(chunk)
        else:
            reason = halted() or _wait_until(began + written / score.rate_hz, halted, changed, monotonic)
            if not reason:
                sink.finish()
    except SinkError as why:
        reason, detail = "sound-failed", str(why)
    if reason:
        sink.drop()
        written = min(written, max(0, int((monotonic() - began) * score.rate_hz)))
    repeats = sum(1 for end in score.repeat_ends if end <= written)
    return Outcome(reason, detail, round(1000 * written / score.rate_hz), repeats)


def _chunks(score: Score) -> Iterator[Samples]:
    step = max(1, round(CHUNK_S * score.rate_hz))
    for part in score.parts:
        for at in range(0, len(part), step):
            yield part[at : at + step]


def _wait_until(
    moment: float, halted: Callable[[], str], changed: threading.Event, monotonic: Callable[[], float]
) -> str:
    """Wait for a moment on the monotonic clock; a reason to stop ends the wait."""
    while (left := moment - monotonic()) > 0:
        changed.wait(min(left, CHUNK_S))
        changed.clear()
        reason = halted()
        if reason:
            return reason
    return ""
