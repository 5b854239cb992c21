"""Fixed lights that burn out the picture: what grows and sways about one is its own light. Pure.

A flame, or a lamp behind waving leaves, lights more or less of what is beside it. What it lights is burnt white too,
and one with a light that was burnt in the background at the same place. Where it swayed away from it is darker, but
then it shines as much elsewhere: who stands before a window makes it smaller and nothing else lighter. A torch or a
vehicle's lamp brings its light along; who passes a lamp leaves it again, and is dated back.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.camera.backdrop import Seen
from edge.camera.picture import Grey, Mask
from edge.camera.view import WHITE

FIXED = 1 / 3
"""A light is fixed when this share of it was burnt in the background: a flame may grow to three times what stays."""
GLOW = 0.9
"""From this share of lighter pixels on a thing is lighter than what lies behind it, but for its edge."""
LIT = 1 / 8
"""What it lights is burnt itself in this share; round that lies the halo."""


class Glare:
    """The fixed lights in a part of one picture, looked for only when something burnt is unusual."""

    def __init__(self, seen: Seen, rows: slice, columns: slice) -> None:
        self._seen, self._part = seen, (rows, columns)
        self._is_any: bool | None = None
        """Something was burnt and is; most views have nothing that is, and need no more than this."""
        self._lights: tuple[Mask, Mask] | None = None

    def holds(self, spots: NDArray[np.intp], now: Grey, before: Grey) -> bool:
        """True when what is lighter of these pixels is a fixed light's, and what is darker is where it shone before.

        spots: their numbers within the part.
        """
        if self._is_any is None:
            stays = cv2.min(self._seen.now, self._seen.before)
            self._is_any = cv2.minMaxLoc(stays)[1] >= WHITE
        if not self._is_any:
            return False
        is_lighter = now > before
        lighter = int(np.count_nonzero(is_lighter)) / spots.size
        if lighter > 1.0 - GLOW and not self._holds(0, spots[is_lighter], now[is_lighter]):
            return False
        is_darker = ~is_lighter
        return lighter >= GLOW or self._holds(1, spots[is_darker], before[is_darker])

    def _holds(self, which: int, spots: NDArray[np.intp], levels: Grey) -> bool:
        """which: as `lights_of` gives them. levels: how light these pixels are, or were."""
        least = LIT * spots.size
        if np.count_nonzero(levels >= WHITE) < least:
            return False
        if self._lights is None:
            shine, left = lights_of(self._seen)
            self._lights = shine[self._part].ravel(), left[self._part].ravel()
        return bool(np.count_nonzero(self._lights[which][spots]) >= least)


def lights_of(seen: Seen) -> tuple[Mask, Mask]:
    """1 where fixed lights shine now; 1 where one no longer shines that shines at least as much elsewhere."""
    now, before = seen.now >= WHITE, seen.before >= WHITE
    count, labels = cv2.connectedComponents((now | before).view(np.uint8), connectivity=8, ltype=cv2.CV_16U)
    shining, shone, stayed = (
        np.bincount(labels[each], minlength=count) for each in (now, before, now & before)
    )
    fixed = (stayed > 0) & (stayed >= FIXED * shining)
    swayed = fixed & (shining >= shone)
    return np.asarray((now & fixed[labels]).view(np.uint8)), np.asarray(
        (before & ~now & swayed[labels]).view(np.uint8)
    )
