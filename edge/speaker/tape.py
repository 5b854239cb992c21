"""The frames of one opening of a sound device: what stands where, and silence wherever nothing stands."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]


class SinkError(Exception):
    """The sound device does not take samples; the text says why."""


class Tape:
    """Frames numbered from the opening on, put in at one end and taken off at the other. Not thread-safe."""

    def __init__(self) -> None:
        self.taken = 0
        """The next frame that `take` gives."""
        self.end = 0
        """The frame after the last one put in."""
        self.underruns = 0
        """How often frames came after the ones before them were used up."""
        self._parts: deque[tuple[int, Samples]] = deque()

    def put(self, samples: Samples, at: int | None = None) -> int:
        """Put samples behind all others, not before frame `at`; returns the frame where the first of them stands."""
        start = max(self.end, at or 0, self.taken)
        if self.end and start == self.taken > self.end:
            self.underruns += 1
        if len(samples):
            self._parts.append((start, samples))
            self.end = start + len(samples)
        return start

    def take(self, count: int) -> Samples:
        """The next `count` frames."""
        found = np.zeros(count, dtype=np.int16)
        until = self.taken + count
        while self._parts and self._parts[0][0] < until:
            start, samples = self._parts.popleft()
            fits = until - start
            if len(samples) > fits:
                self._parts.appendleft((until, samples[fits:]))
                samples = samples[:fits]
            found[start - self.taken : start - self.taken + len(samples)] = samples
        self.taken = until
        return found

    def fade(self, count: int) -> int:
        """Let what is left die away over `count` frames from the next one on; returns the first silent frame."""
        start = self.taken
        dying = self.take(min(count, max(0, self.end - start)))
        ramp = np.linspace(1.0, 0.0, count, dtype=np.float32)[: len(dying)]
        self.taken = start
        self._parts = deque([(start, (dying * ramp).astype(np.int16))] if len(dying) else [])
        self.end = start + len(dying)
        return self.end
