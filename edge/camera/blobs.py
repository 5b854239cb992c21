"""Connected unusual pixels of one picture: candidates for things. Pure; pixels of the 256 x 144 picture."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from edge.camera.backdrop import Seen
from edge.camera.picture import Grey

JOIN = np.ones((5, 3), np.uint8)
LEAST_PX = 5
MOST = 30
"""More things than this at once are weather; the largest are kept."""
STRONG = 1.5
"""A thing has some pixels this many times beyond their limit; chance rarely has three together."""
LIGHT_PX = 40
"""Smaller blobs have too few pixels to compare their texture."""


@dataclass(frozen=True)
class Blob:
    """Connected unusual pixels: box, area in pixels, how far beyond the limit on average (1 = just).

    clear: some of its pixels lie far beyond the limit; what is not clear may be chance.
    """

    x: int
    y: int
    w: int
    h: int
    area: int
    strength: float
    clear: bool = True
    fresh: float = 1.0
    """Share of its pixels that changed beyond their limit since the picture before."""
    glow: float = 0.0
    """Share of its pixels that are lighter than what lies behind them."""

    @property
    def length(self) -> float:
        """Its longer side without the margin by which parts are joined."""
        return max(1.0, self.w - 2.0, self.h - 4.0)

    @property
    def centre(self) -> tuple[float, float]:
        """Middle of the box."""
        return self.x + self.w / 2.0, self.y + self.h / 2.0

    @property
    def size(self) -> float:
        """Side of a square of the same area."""
        return math.sqrt(self.area)


def find_blobs(seen: Seen) -> list[Blob]:
    """Connected unusual pixels, parts of one thing joined; specks and mere light left out."""
    spots = np.flatnonzero(seen.unusual)
    if spots.size < LEAST_PX:
        return []
    joined = cv2.dilate(seen.unusual, JOIN)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8, ltype=cv2.CV_16U)
    owner = labels.ravel()[spots]
    beyond = seen.apart.ravel()[spots] / np.maximum(seen.limit.ravel()[spots], 1)
    area = np.bincount(owner, minlength=count)
    strength = np.bincount(owner, beyond, minlength=count) / np.maximum(area, 1)
    changed = seen.fresh.ravel()[spots] > seen.limit.ravel()[spots]
    fresh = np.bincount(owner, changed, minlength=count) / np.maximum(area, 1)
    lighter = seen.now.ravel()[spots] > seen.before.ravel()[spots]
    glow = np.bincount(owner, lighter, minlength=count) / np.maximum(area, 1)
    clear = np.bincount(owner, beyond > STRONG, minlength=count) >= 3
    large = np.flatnonzero(area >= LEAST_PX)
    blobs = []
    for label in large[np.argsort(-area[large])][:MOST]:
        x, y, w, h = (int(v) for v in stats[label, :4])
        if area[label] > LIGHT_PX:
            cut = (slice(y, y + h), slice(x, x + w))
            here = (labels[cut] == label) & (seen.unusual[cut] > 0)
            if is_light(seen.now[cut][here], seen.before[cut][here]):
                continue
        blobs.append(
            Blob(
                x,
                y,
                w,
                h,
                int(area[label]),
                float(strength[label]),
                bool(clear[label]),
                float(fresh[label]),
                float(glow[label]),
            )
        )
    return blobs


def is_light(now: Grey, before: Grey) -> bool:
    """True when the same texture only became lighter or darker: sun, cloud, lamp, shadow."""
    a, b = now.astype(np.float32), before.astype(np.float32)
    a -= a.mean()
    b -= b.mean()
    spread = float(np.dot(b, b))
    if spread < 25.0 * b.size:
        return False
    return float(np.dot(a, b)) > 0.9 * math.sqrt(spread * max(1e-6, float(np.dot(a, a))))


def near(a: Blob, b: Blob) -> bool:
    """True when the boxes touch."""
    return a.x - 2 <= b.x + b.w and b.x - 2 <= a.x + a.w and a.y - 2 <= b.y + b.h and b.y - 2 <= a.y + a.h
