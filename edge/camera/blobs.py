"""Connected unusual pixels of one picture: candidates for things. Pure; pixels of the 256 x 144 picture."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from edge.camera.backdrop import Seen
from edge.camera.glare import Glare
from edge.camera.picture import Grey

JOIN = np.ones((5, 3), np.uint8)
MARGIN_PX = 2
"""Joining reaches no further."""
LEAST_PX = 5
MOST = 30
"""More things than this at once are weather; the largest are kept."""
STRONG = 1.5
CLEAR_PX = 3
"""A thing has some pixels so many times beyond their limit; chance rarely has three together."""
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
    left, top, wide, high = cv2.boundingRect(seen.unusual)
    rows = slice(max(0, top - MARGIN_PX), top + high + MARGIN_PX)
    columns = slice(max(0, left - MARGIN_PX), left + wide + MARGIN_PX)
    unusual = seen.unusual[rows, columns]
    spots = unusual.view(np.bool_).ravel().nonzero()[0]
    if spots.size < LEAST_PX:
        return []
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        cv2.dilate(unusual, JOIN), connectivity=8, ltype=cv2.CV_16U
    )
    owner = labels.ravel()[spots].astype(np.intp)
    area = np.bincount(owner, minlength=count)
    large = np.flatnonzero(area >= LEAST_PX)
    if not large.size:
        return []
    now, before, apart, limit, fresh = (
        each[rows, columns].ravel()[spots]
        for each in (seen.now, seen.before, seen.apart, seen.limit, seen.fresh)
    )
    beyond = apart / np.maximum(limit, 1)
    strength = np.bincount(owner, beyond, minlength=count)
    changed = np.bincount(owner, fresh > limit, minlength=count)
    lighter = np.bincount(owner, now > before, minlength=count)
    clear = np.bincount(owner, beyond > STRONG, minlength=count) >= CLEAR_PX
    blobs = []
    glare = Glare(seen, rows, columns)
    for label in large[np.argsort(-area[large])][:MOST]:
        size = int(area[label])
        if size > LIGHT_PX:
            own = owner == label
            if is_light(now[own], before[own]) or glare.holds(spots[own], now[own], before[own]):
                continue
        x, y, w, h = stats[label, :4].tolist()
        blobs.append(
            Blob(
                x + columns.start,
                y + rows.start,
                w,
                h,
                size,
                float(strength[label]) / size,
                bool(clear[label]),
                float(changed[label]) / size,
                float(lighter[label]) / size,
            )
        )
    return blobs


def is_light(now: Grey, before: Grey) -> bool:
    """True when the same texture only became lighter or darker: sun, cloud, lamp, shadow."""
    b = before.astype(np.float32)
    b -= np.add.reduce(b) / b.size
    spread = float(np.dot(b, b))
    if spread < 25.0 * b.size:
        return False
    a = now.astype(np.float32)
    a -= np.add.reduce(a) / a.size
    return float(np.dot(a, b)) > 0.9 * math.sqrt(spread * max(1e-6, float(np.dot(a, a))))


def near(a: Blob, b: Blob) -> bool:
    """True when the boxes touch."""
    return a.x - 2 <= b.x + b.w and b.x - 2 <= a.x + a.w and a.y - 2 <= b.y + b.h and b.y - 2 <= a.y + a.h
