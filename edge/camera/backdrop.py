"""What a camera's view looks like when nothing happens, and how restless each spot of it is. Pure.

All at 256 x 144. Every threshold is learnt from the camera's own picture: the noise of the whole picture sets the
least difference that means anything, the restlessness of each spot (rain, leaves, screens) raises it there.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from edge.camera.picture import Field, Grey, Mask

BACKGROUND_S = 8.0
"""The background follows slow change within this time."""
HELD_S = 90.0
"""... and where something is followed, within this."""
RESTLESS_S = 12.0
BOX = np.ones((3, 3), np.uint8)
LEAST_LEVELS, MOST_LEVELS = 5.0, 12.0
"""Bounds of the least difference in grey levels that means anything, at sensitivity 0.5."""
TIMES_NOISE = 3.0
"""A difference counts from this many times the usual one on."""


@dataclass(frozen=True)
class Seen:
    """One picture against the background."""

    now: Grey
    before: Grey
    """The background in the light of now."""
    apart: Mask
    """Grey levels beyond what the spot's neighbourhood in the background explains."""
    limit: Mask
    unusual: Mask
    """1 where apart is beyond its limit."""
    fresh: Mask
    """Grey levels of change since the picture before."""


class Backdrop:
    """Background and restlessness of one camera."""

    def __init__(self, now: Grey) -> None:
        self._mean: Field = now.astype(np.float32)
        self._restless: Field = np.full(now.shape, 4.0, np.float32)  # squared grey levels
        self._noise = 1.0
        self._last = now
        self.age_s = 0.0

    def compare(self, now: Grey, ease: float, watched: Mask | None) -> Seen:
        """Where `now` leaves the background. ease: above 1 asks for more difference, below 1 for less."""
        gain = gain_of(self._mean, now)
        if abs(gain - 1.0) > 0.004:
            self._mean *= np.float32(gain)
        before = _levels(cv2.convertScaleAbs(self._mean))
        above = cv2.subtract(now, cv2.dilate(before, BOX))
        apart = _levels(cv2.max(above, cv2.subtract(cv2.erode(before, BOX), now)))
        floor = min(MOST_LEVELS, max(LEAST_LEVELS, 3.0 + 4.0 * self._noise)) * ease
        limit = _levels(cv2.convertScaleAbs(cv2.sqrt(self._restless), alpha=TIMES_NOISE * ease))
        limit = _levels(cv2.max(limit, np.full(limit.shape, round(floor), np.uint8)))
        unusual = (apart > limit).view(np.uint8)
        if watched is not None:
            unusual &= watched
        fresh, self._last = _levels(cv2.absdiff(now, self._last)), now
        return Seen(now, before, apart, limit, unusual, fresh)

    @property
    def brightness(self) -> float:
        """Mean grey level of the view."""
        return float(cv2.mean(self._mean)[0])

    def learn(self, seen: Seen, gap_s: float, held: Mask | None) -> None:
        """Move towards this picture; slowly where `held` is 1."""
        self.age_s += gap_s
        rate = min(0.5, gap_s / min(BACKGROUND_S, 0.5 + self.age_s))
        drift = min(0.5, gap_s / min(RESTLESS_S, 0.5 + self.age_s))
        capped = _levels(cv2.min(seen.apart, cv2.add(seen.limit, seen.limit)))
        spread = cv2.boxFilter(np.square(capped, dtype=np.uint16), cv2.CV_32F, (5, 5))
        free = None if held is None else np.bitwise_xor(held, 1)
        cv2.accumulateWeighted(seen.now, self._mean, rate, free)
        cv2.accumulateWeighted(spread, self._restless, drift, free)
        if held is not None:
            cv2.accumulateWeighted(seen.now, self._mean, rate * BACKGROUND_S / HELD_S, held)
        off = cv2.threshold(cv2.absdiff(seen.now, seen.before), 10, 0, cv2.THRESH_TRUNC)[1]
        quiet = float(cv2.mean(off)[0])
        self._noise += drift * (quiet - self._noise)


def _levels(picture: object) -> Grey:
    """What OpenCV returned, as the grey levels it is."""
    return np.asarray(picture, np.uint8)


def gain_of(mean: Field, now: Grey) -> float:
    """How much lighter the whole picture is than the background; safe up to half a picture of strangers."""
    old, new = mean[2::6, 2::6], now[2::6, 2::6]
    usable = old > 6.0
    count = int(np.count_nonzero(usable))
    if count < 0.2 * old.size:
        return 1.0
    ratios = (new / old).ravel() if count == old.size else new[usable] / old[usable]
    low, high = (count - 1) // 2, count // 2
    ratios.partition(high if low == high else (low, high))
    return min(4.0, max(0.25, float(ratios[low] + ratios[high]) / 2.0))
