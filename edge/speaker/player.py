"""Play one score into a sink: its first sample on the wanted moment by the sink's clock, in step at every pause."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from edge.speaker.score import LiveScore, Score, chime_alone, chime_of, score_of
from edge.speaker.sinks import Samples, Sink, SinkError

__all__ = ["LiveScore", "Outcome", "Score", "chime_alone", "chime_of", "play", "score_of"]

CHUNK_S: Final = 0.1
"""`heed` is asked at least as often."""

LEAD_S: Final = 0.5
"""The sink is kept filled so far ahead of what sounds."""

PLACE_S: Final = 0.3
"""So long before it sounds frame 0 gets its place: longer than a card's buffer, and no longer than needed."""

FADES_S: Final = {"preempted": 0.1}
FADE_S: Final = 0.02
"""Whatever ends a play does not end it with a crack."""

OFF_S: Final = 0.003
"""Less than this is not mended at a pause."""

LATE_S: Final = 0.002
"""Less than this is not late."""


class Wake(Protocol):
    """What a play waits on: a threading.Event, or a stand-in that moves a simulated clock."""

    def wait(self, timeout: float | None = None) -> bool:
        """As of threading.Event."""
        ...

    def clear(self) -> None:
        """As of threading.Event."""
        ...


@dataclass(frozen=True)
class Outcome:
    """How a play ended. `reason` is empty when all of it sounded."""

    reason: str
    detail: str
    played_ms: int
    """How far into the score it came."""
    repeats: int
    """Complete repeats of the speech."""
    frames: int = 0
    """Frames the sink consumed for it, with silence added and without silence left out."""
    underruns: int = 0
    started_s: float | None = None
    """Monotonic second at which frame 0 sounded by the sink's clock; None when it never did."""
    skew_ms: float = 0.0
    """How late it ran against the wanted time when it was last compared; negative: early."""


def play(
    score: Score | LiveScore,
    sink: Sink,
    elapsed: Callable[[float], float],
    heed: Callable[[], str],
    changed: Wake,
    *,
    gain: float = 1.0,
    resync: bool = True,
    monotonic: Callable[[], float] = time.monotonic,
) -> Outcome:
    """Play all of `score` into an open sink, in real time. Returns; never raises SinkError.

    elapsed: seconds since the wanted first sample, at a monotonic second; negative before it. Frame 0 sounds when it
    is 0, or as soon as possible after that. heed: asked ten times a second; a reason code ends the play at once.
    changed: set when the answer of `heed` may have changed. gain: factor of all samples, 0 to 1. resync: mend at the
    pauses of the speech what a card that runs fast or slow has put out of step.
    """
    turn = _Turn(score, sink, elapsed, heed, changed, gain, monotonic)
    detail = ""
    try:
        reason = turn.begin() or (
            turn.stream(score) if isinstance(score, LiveScore) else turn.perform(score, resync)
        )
        if not reason:
            sink.finish()
    except SinkError as why:
        reason, detail = "sound-failed", str(why)
    return turn.end(reason, detail)


class _Turn:
    """One play while it lasts."""

    def __init__(
        self,
        score: Score | LiveScore,
        sink: Sink,
        elapsed: Callable[[float], float],
        heed: Callable[[], str],
        changed: Wake,
        gain: float,
        monotonic: Callable[[], float],
    ) -> None:
        self._score = score
        self._rate = score.rate_hz
        self._sink = sink
        self._elapsed = elapsed
        self._heed = heed
        self._changed = changed
        self._gain = gain
        self._monotonic = monotonic
        self._begins: int | None = None
        """The sink's frame on which frame 0 of the score stands; the first one asked for until it is known."""
        self._started_s: float | None = None
        self._zero_s = 0.0
        """The wanted time at which frame 0 really sounded: 0 unless it was late."""
        self._at = 0
        """Frames of the score that were written."""
        self._ends = 0
        """The sink's frame behind the last one written."""
        self._skew_s = 0.0
        self._known = (0, monotonic())
        """What the sink's clock said last."""

    # -- the three ways through

    def begin(self) -> str:
        """Wait until the first samples are to be queued."""
        while True:
            reason = self._heed()
            left_s = -self._elapsed(self._monotonic()) - PLACE_S
            if reason or left_s <= 0:
                return reason
            self._pause(left_s)

    def perform(self, score: Score, resync: bool) -> str:
        """Write all of a score in time; returns why it ended early."""
        pauses = iter(score.pauses if resync else ())
        pause = next(pauses, None)
        while self._at < score.frames:
            if pause is not None and self._at >= pause.at:
                self._mend(score, pause.room)
                pause = next(pauses, None)
            until = min(score.frames, self._at + max(1, round(CHUNK_S * self._rate)))
            self._write(
                score.cut(self._at, until if pause is None else min(until, max(pause.at, self._at + 1)))
            )
            reason = self._until_near(LEAD_S)
            if reason:
                return reason
        self._compare()
        return self._until_near(0.0)

    def stream(self, score: LiveScore) -> str:
        """Write the head, then what comes for as long as it may last."""
        step = max(1, round(CHUNK_S * self._rate))
        last = round(score.longest_s * self._rate)
        head = score.head[:last]
        while self._at < last:
            if self._at < len(head):
                chunk: Samples | None = head[self._at : self._at + step]
            else:
                chunk = score.pull(min(step, last - self._at))
            if chunk is None:
                break
            if len(chunk):
                self._write(_cut_softly(chunk[: last - self._at], last - self._at, self._rate))
            elif self._left_s() < 2 * CHUNK_S:
                self._write(np.zeros(step, dtype=np.int16)[: last - self._at])
            reason = self._until_near(LEAD_S if len(chunk) else self._left_s() - CHUNK_S)
            if reason:
                return reason
        return self._until_near(0.0)

    def end(self, reason: str, detail: str) -> Outcome:
        """Silence, and what came of it."""
        frames, at = self._ends - (self._begins or 0), self._at
        if reason:
            unheard = self._unheard()
            self._sink.drop(0.0 if reason == "sound-failed" else FADES_S.get(reason, FADE_S))
            frames, at = max(0, frames - unheard), max(0, at - unheard)
        score = self._score
        ends = score.repeat_ends if isinstance(score, Score) else score.ends()
        return Outcome(
            reason,
            detail,
            round(1000 * at / self._rate),
            sum(1 for end in ends if end <= at),
            frames,
            self._sink.underruns,
            self._started_s,
            1000 * self._skew_s,
        )

    def _unheard(self) -> int:
        """Frames that were written and have not sounded; all that lie ahead of a card that is gone."""
        try:
            now = self._sink.clock()
        except SinkError:
            now = self._known
        sounded = now[0] + round((self._monotonic() - now[1]) * self._rate)
        return max(0, self._ends - sounded)

    # -- writing in time

    def _write(self, samples: Samples) -> None:
        if self._gain != 1.0:
            samples = np.clip(samples * np.float32(self._gain), -32768, 32767).astype(np.int16)
        if self._begins is None:
            self._place(samples)
        else:
            self._ends = self._sink.write(samples) + len(samples)
        self._at += len(samples)

    def _place(self, samples: Samples) -> None:
        """Frame 0, on the sink's frame that sounds when `elapsed` is 0."""
        wanted_s = self._monotonic()
        for _ in range(2):  # once more, as the elapsed time may run a little faster or slower than ours
            wanted_s -= self._elapsed(wanted_s)
        frame, at_s = self._sink.clock()
        wanted = frame + round((wanted_s - at_s) * self._rate)
        self._begins = self._sink.write(samples, max(0, wanted))
        self._ends = self._begins + len(samples)
        late_s = self._elapsed(self._time_of(self._begins))
        if late_s > LATE_S:
            self._zero_s = late_s

    def _mend(self, score: Score, room: int) -> None:
        """Leave out or repeat up to `room` quiet frames here, so that what follows sounds when it should."""
        self._compare()
        if abs(self._skew_s) < OFF_S:
            return
        count = min(round(abs(self._skew_s) * self._rate), room)
        if self._skew_s > 0:
            self._at += count
        else:
            again = score.cut(self._at, self._at + count)
            self._write(again)
            self._at -= len(again)

    def _compare(self) -> None:
        self._skew_s = self._elapsed(self._time_of(self._ends)) - self._zero_s - self._at / self._rate

    def _time_of(self, frame: int) -> float:
        self._known = self._sink.clock()
        return self._known[1] + (frame - self._known[0]) / self._rate

    def _left_s(self) -> float:
        """How long what was written still lasts."""
        return self._time_of(self._ends) - self._monotonic()

    def _until_near(self, lead_s: float) -> str:
        """Wait until the last frame written is `lead_s` away; a reason to stop ends the wait."""
        while True:
            reason = self._heed()
            self._note_start()
            left_s = self._left_s() - lead_s
            if reason or left_s <= 0:
                return reason
            self._pause(left_s)

    def _note_start(self) -> None:
        """Take down when frame 0 sounded as soon as it has: later the card's own pace would blur it."""
        if self._begins is None or self._started_s is not None:
            return
        at_s = self._time_of(self._begins)
        if at_s <= self._monotonic():
            self._started_s = at_s

    def _pause(self, left_s: float) -> None:
        self._changed.wait(min(left_s, CHUNK_S))
        self._changed.clear()


def _cut_softly(chunk: Samples, left: int, rate_hz: int) -> Samples:
    """The chunk; if it reaches the hard end of a live programme, dying away before it."""
    if len(chunk) < left:
        return chunk
    fade = min(len(chunk), round(0.05 * rate_hz))
    soft = chunk.astype(np.float32)
    soft[len(soft) - fade :] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
    return soft.astype(np.int16)
