"""Does something move that could be a person or a vehicle? Pure: pictures and their times in, verdicts out.

Method (every threshold is learnt from the camera's own picture, none belongs to a scene):
1. brightness of the whole picture and of each band of rows is matched to the background (exposure, flicker);
2. a pixel is unusual when it leaves what its neighbourhood in the background can explain by more than the
   pixel's own learnt restlessness (noise, rain, leaves raise it);
3. what only grew lighter or darker while its texture stayed is light, not a thing;
4. a thing must go somewhere: a track of several pictures that travels or grows; what trembles in place does not;
5. when the whole view changes at once the background is learnt anew and nothing is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import cv2
import numpy as np

from edge.camera.picture import SMALL_HEIGHT_PX, SMALL_WIDTH_PX, Field, Grey, Mask
from edge.camera.tracks import Blob, Tracks


@dataclass(frozen=True)
class Verdict:
    """What a detector says about one picture. Boxes are (x, y, w, h) in fractions of the picture."""

    moving_since_s: float | None = None
    boxes: Sequence[tuple[float, float, float, float]] = ()
    confidence: float = 0.0
    scene_changed: bool = False
    """The whole view changed at once: light, exposure, or the camera itself."""
    unusual: Mask | None = field(default=None, repr=False)
    """Pixels that differ from the background, 256 x 144."""


class Detector(Protocol):
    """Anything that can judge small grey pictures in order."""

    def look(self, small: Grey, now_s: float) -> Verdict:
        """Judge the picture taken at `now_s`; pictures come in order, about five a second."""


LEARN_S = 1.6
"""A background is learnt for this long before anything is said."""
RELEARN_S = 1.2
CHANGED_SHARE = 0.45
"""More of the picture than this changing at once is no movement in it."""
CHANGED_JUMP = 0.25
"""At once: at least this much more than in the picture before. What comes nearer grows more slowly."""
BACKGROUND_S = 8.0
"""The background follows slow change within this time."""
HELD_S = 90.0
RESTLESS_S = 12.0
STRONG = 1.5
"""A thing has some pixels this many times beyond their limit; chance rarely has three together."""
FLOOR_LEVELS = 7.0
"""Least difference in grey levels that means anything, at full sensitivity 0.5."""


class MotionDetector:
    """The product's detector. sensitivity 0 to 1; 0.5 suits an ordinary camera."""

    def __init__(self, sensitivity: float = 0.5) -> None:
        self._ease = 2.0 ** (1.0 - 2.0 * min(1.0, max(0.0, sensitivity)))
        self._background: Field | None = None
        self._restless: Field | None = None
        self._learn_until_s = 0.0
        self._last_s = 0.0
        self._share = 0.0
        self._tracks = Tracks()

    def look(self, small: Grey, now_s: float) -> Verdict:
        """Judge one picture; see the module for the method."""
        now = cv2.GaussianBlur(small, (3, 3), 0).astype(np.float32)
        if self._background is None or self._restless is None:
            self._start(now, now_s, LEARN_S)
            return Verdict()
        gap_s = min(1.0, max(0.01, now_s - self._last_s))
        self._last_s = now_s
        self._background = match_light(self._background, now)
        apart = outside(now, self._background)
        limit = np.maximum(FLOOR_LEVELS * self._ease, self._restless * (3.0 * self._ease))
        unusual = (apart > limit).astype(np.uint8)
        share, before = spread_of(unusual), self._share
        self._share = share
        if share > CHANGED_SHARE and share - before > CHANGED_JUMP:
            self._start(now, now_s, RELEARN_S)
            return Verdict(scene_changed=True)
        blobs = find_blobs(unusual, apart / limit, now, self._background)
        if now_s < self._learn_until_s:
            self._tracks.warm(blobs)
            self._learn(now, apart, None, gap_s * 5.0)
            return Verdict()
        moving = self._tracks.follow(blobs, now_s)
        self._learn(now, apart, self._tracks.held(), gap_s)
        boxes = [
            (b.x / SMALL_WIDTH_PX, b.y / SMALL_HEIGHT_PX, b.w / SMALL_WIDTH_PX, b.h / SMALL_HEIGHT_PX)
            for b in (t.blob for t in moving)
        ]
        since = min((t.since_s for t in moving), default=None)
        confidence = min(1.0, max((t.blob.strength for t in moving), default=0.0) / 4.0)
        return Verdict(since, boxes, confidence, False, unusual)

    def _start(self, now: Field, now_s: float, learn_s: float) -> None:
        """Begin a new background with this picture."""
        self._background = now.copy()
        self._restless = np.full_like(now, 3.0)
        self._learn_until_s = now_s + learn_s
        self._last_s = now_s
        self._tracks.forget()

    def _learn(self, now: Field, apart: Field, held: Sequence[Blob] | None, gap_s: float) -> None:
        """Move the background towards this picture, slowly where something is being followed."""
        if self._background is None or self._restless is None:
            return
        rate = np.full(now.shape, min(0.5, gap_s / BACKGROUND_S), np.float32)
        for blob in held or ():
            rate[blob.y : blob.y + blob.h, blob.x : blob.x + blob.w] = gap_s / HELD_S
        self._background += rate * (now - self._background)
        spread = cv2.boxFilter(np.minimum(apart, 60.0) ** 2, -1, (5, 5))
        step = rate * (BACKGROUND_S / RESTLESS_S)
        self._restless = np.sqrt(self._restless**2 + step * (spread - self._restless**2))


def match_light(background: Field, now: Field) -> Field:
    """The background in the exposure of `now`: scaled by the median ratio, safe up to half a picture of strangers."""
    old, new = background[::3, ::3], now[::3, ::3]
    usable = old > 6.0
    if usable.mean() < 0.2:
        return background
    gain = float(np.median(new[usable] / old[usable]))
    return background * min(4.0, max(0.25, gain))


def outside(now: Field, background: Field) -> Field:
    """How far each pixel lies beyond the darkest and brightest of its 3 x 3 neighbourhood in the background.

    A view that trembles by a pixel explains itself; a thing that was not there does not.
    """
    kernel = np.ones((3, 3), np.uint8)
    above = now - cv2.dilate(background, kernel)
    below = cv2.erode(background, kernel) - now
    return np.asarray(np.maximum(np.maximum(above, below), 0.0))


def spread_of(unusual: Mask) -> float:
    """Share of the picture's 16 x 16 px fields in which something is unusual."""
    fields = cv2.resize(unusual.astype(np.float32), (16, 9), interpolation=cv2.INTER_AREA)
    return float((fields > 0.1).mean())


def find_blobs(unusual: Mask, strength: Field, now: Field, background: Field) -> list[Blob]:
    """Connected unusual pixels, parts of one thing joined; specks and mere light left out."""
    joined = cv2.dilate(unusual, np.ones((5, 3), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    blobs = []
    for label in range(1, min(count, 200)):
        x, y, w, h = (int(v) for v in stats[label, :4])
        here = (labels[y : y + h, x : x + w] == label) & (unusual[y : y + h, x : x + w] > 0)
        area = int(here.sum())
        cut = (slice(y, y + h), slice(x, x + w))
        if area < 5:
            continue
        if area > 40 and is_light(now[cut][here], background[cut][here]):
            continue
        how = strength[cut][here]
        blobs.append(Blob(x, y, w, h, area, float(how.mean()), int((how > STRONG).sum()) >= 3))
    return blobs


def is_light(now: Field, background: Field) -> bool:
    """True when the same texture only became lighter or darker: sun, cloud, lamp, shadow."""
    if float(background.std()) < 5.0:
        return False
    return float(np.corrcoef(now, background)[0, 1]) > 0.9
