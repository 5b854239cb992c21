"""Is a closer look needed? Packet sizes and single key pictures against what this camera usually shows. Pure.

It errs on the side of looking: a closer look that finds nothing costs a few seconds of decoding, one that is not
taken may miss somebody. All limits are learnt per camera, from pictures in which the analyst found nothing.
"""

from __future__ import annotations

import math
from collections import deque
from statistics import median

import cv2
import numpy as np

from edge.camera.chunk import Chunk
from edge.camera.picture import Field, Grey

RECENT_S = 0.6
"""Packet sizes are compared over this long: single pictures differ by their place in the group."""
COLLAPSE_S = 1.8
SIZE_S = 20.0
"""The usual packet size follows within this time, and ten times slower while the present one is unusual."""
READY = 12
"""Packets needed before their sizes say anything."""
LARGER = 0.3
"""Least natural logarithm by which packets must grow to mean something: a third."""
COLLAPSED = 0.2
LEAST_USUAL_BYTES = 120.0
"""A picture that holds nothing new takes about 50 bytes; a camera that sends little more cannot collapse."""
FLOOR_LEVELS = 6.0
"""Least difference in grey levels that means anything."""
SPREADS = 4.0
CLUSTER = 0.4
"""Share of a 5 x 5 px neighbourhood that must be unusual together; scattered pixels are noise."""
LEAST_PX = 6.0
"""Fewer clustered pixels than this, 0.16 thousandths of the picture, wake nobody."""
USUAL_MOST_PX = 300.0
"""However restless a view is, more than twice this always wakes."""


class Gate:
    """What is usual for one camera, and what is not."""

    def __init__(self) -> None:
        self.frozen_hint = False
        """Packets have become far smaller than this camera's ever were: pictures may repeat."""
        self._gops: deque[float] = deque(maxlen=4)
        self._key_s: float | None = None
        self._recent: deque[tuple[float, int]] = deque()
        self._counted = 0
        self._level = 0.0
        self._spread = 0.3
        self._now = 0.0
        self._quiet: Field | None = None
        self._restless: Field | None = None
        self._usual_px = 0.0
        self._rests = 0
        self._seen: tuple[Field, Field, float] | None = None

    @property
    def gop_s(self) -> float | None:
        """The longest of the last distances between key pictures, seconds; None before the second key picture."""
        return max(self._gops) if self._gops else None

    @property
    def knows(self) -> bool:
        """There is a picture that others are compared with."""
        return self._quiet is not None

    @property
    def anomaly(self) -> bool:
        """Packets are larger than this camera's usually are."""
        return self._counted >= READY and self._now - self._level > max(LARGER, 3.0 * self._spread)

    def packet(self, chunk: Chunk, *, quiet: bool = True) -> None:
        """Take the next packet. quiet: nothing is known to move, so that this is what is usual."""
        if chunk.key:
            if self._key_s is not None and chunk.at_s > self._key_s:
                self._gops.append(chunk.at_s - self._key_s)
            self._key_s = chunk.at_s
            return
        self._recent.append((chunk.at_s, len(chunk.data)))
        while len(self._recent) > 4 and self._recent[0][0] < chunk.at_s - COLLAPSE_S:
            self._recent.popleft()
        sizes = [size for at_s, size in self._recent if at_s > chunk.at_s - RECENT_S]
        self._now = math.log(max(1.0, sum(sizes) / max(1, len(sizes))))
        if quiet:
            self._learn_size(chunk.at_s)
        usual = math.exp(self._level)
        few = usual < LEAST_USUAL_BYTES or self._counted < READY or len(self._recent) < 4
        # The median: an encoder that has nothing to do now and then polishes what it sent.
        most = COLLAPSED * usual
        lately = [size for _, size in self._recent]
        self.frozen_hint = not few and min(lately) < most and median(lately) < most

    def key(self, small: Grey) -> bool:
        """True when this key picture (256 x 144) differs from the last quiet one, or nothing is known yet.

        Call `rested` when the analyst finds nothing in it: that makes it the quiet one.
        """
        now = cv2.GaussianBlur(small, (3, 3), 0).astype(np.float32)
        if self._quiet is None or self._restless is None:
            self._quiet, self._restless = now, np.full_like(now, 1.5)
            return True
        apart = np.abs(now - _in_light_of(now, self._quiet))
        unusual = (apart > np.maximum(FLOOR_LEVELS, SPREADS * self._restless)).astype(np.float32)
        clustered = cv2.boxFilter(unusual, -1, (5, 5)) >= CLUSTER
        count_px = float(np.count_nonzero(clustered))
        self._seen = (now, np.asarray(np.minimum(apart, 20.0), np.float32), count_px)
        return count_px > LEAST_PX + 2.0 * self._usual_px

    def rested(self) -> None:
        """Nothing happened in the key picture given last: it is what this camera usually shows."""
        if self._seen is None or self._restless is None:
            return
        now, apart, count_px = self._seen
        self._quiet, self._seen = now, None
        self._rests += 1
        rate = 1.0 / (1.0 + self._rests)
        cv2.accumulateWeighted(cv2.boxFilter(apart, -1, (5, 5)), self._restless, max(0.15, rate))
        self._usual_px += max(0.2, rate) * (min(count_px, USUAL_MOST_PX) - self._usual_px)

    def _learn_size(self, at_s: float) -> None:
        """Follow the usual size; much faster while little is known, slower while it looks unusual."""
        self._counted += 1
        first_s = self._recent[0][0]
        step_s = (at_s - first_s) / max(1, len(self._recent) - 1)
        slow = 10.0 if self.frozen_hint or self.anomaly else 1.0
        rate = max(1.0 / (self._counted + 1), min(0.5, step_s / (SIZE_S * slow)))
        if self._counted == 1:
            self._level = self._now
        gap = self._now - self._level
        self._level += rate * gap
        self._spread += rate * (abs(gap) - self._spread)


def _in_light_of(now: Field, before: Field) -> Field:
    """`before` in the exposure of `now`: scaled by the median ratio, safe up to half a picture of strangers."""
    new, old = now[::3, ::3], before[::3, ::3]
    usable = old > 8.0
    if np.count_nonzero(usable) < 0.2 * usable.size:
        return before
    gain = float(np.median(new[usable] / old[usable]))
    return before * min(1.5, max(0.67, gain))
