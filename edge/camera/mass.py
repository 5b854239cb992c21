"""Large things close to the lens, which fall to pieces as tracks: how much of a picture is alive. Pure.

Someone near a camera, or a crowd, makes many large blobs that merge and part from picture to picture. What counts is
their whole: far more changing pixels than this view usually has, in most of the pictures of a second.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from edge.camera.backdrop import Seen
from edge.camera.blobs import Blob
from edge.camera.picture import SMALL_HEIGHT_PX, SMALL_WIDTH_PX, Field

USUAL = 150
"""Pictures over which the usual is the middle one; half a minute."""
LEAST_PX = 550.0
"""1.5 % of the picture: below that tracks are the better judges."""
TIMES_USUAL = 3.0
HALF = (SMALL_WIDTH_PX // 2, SMALL_HEIGHT_PX // 2)
EXPLAINED = 0.7
"""A shift of the view must leave less than this share of the difference."""
PIECE_PX = 75
FRESH = 0.3
"""A piece is alive when this share of it changed since the picture before."""
RECENT, NEEDED = 5, 3
"""Of the last five pictures three."""


@dataclass(frozen=True)
class Near:
    """Since when more than usual is alive: of everything, and of what does not stand in a quiet area."""

    since_s: float | None
    told_since_s: float | None


class Mass:
    """Changing pixels in large pieces, against what is usual here."""

    def __init__(self) -> None:
        self._past: deque[float] = deque(maxlen=USUAL)
        self._all, self._told = _Lately(), _Lately()

    def see(
        self, pieces: Sequence[Blob], told: Sequence[Blob], seen: Seen, now_s: float, *, learning: bool
    ) -> Near:
        """Take one picture. pieces: as `alive` gives them; told: those of them outside quiet areas."""
        mass_px = _sum(pieces)
        self._past.append(mass_px)
        is_much, much_px = False, LEAST_PX
        if mass_px > LEAST_PX and not learning:
            much_px = max(LEAST_PX, TIMES_USUAL * sorted(self._past)[len(self._past) // 2])
            is_much = mass_px > much_px and not is_shaken(seen)
        return Near(self._all.see(now_s, is_much), self._told.see(now_s, is_much and _sum(told) > much_px))

    def forget(self) -> None:
        """The view changed at once: what came before says nothing about what is seen now."""
        self._all.forget()
        self._told.forget()


class _Lately:
    """Whether something holds in most of the last pictures, and since when."""

    def __init__(self) -> None:
        self._recent: deque[tuple[float, bool]] = deque(maxlen=RECENT)
        self._since_s: float | None = None

    def see(self, now_s: float, is_much: bool) -> float | None:
        self._recent.append((now_s, is_much))
        much = [at_s for at_s, is_much in self._recent if is_much]
        if len(much) < NEEDED:
            self._since_s = None
        elif self._since_s is None:
            self._since_s = much[0]
        return self._since_s

    def forget(self) -> None:
        self._recent.clear()


def _sum(pieces: Sequence[Blob]) -> float:
    return float(sum(b.area for b in pieces))


def is_shaken(seen: Seen) -> bool:
    """True when the whole view, moved by a few pixels, explains what changed: a pole in the wind."""
    now, before = (cv2.resize(p, HALF, interpolation=cv2.INTER_AREA) for p in (seen.now, seen.before))
    shift, _ = cv2.phaseCorrelate(before.astype(np.float32), now.astype(np.float32), _window())
    if not 0.15 < abs(shift[0]) + abs(shift[1]) < 12.0:
        return False
    back = np.array([[1.0, 0.0, shift[0]], [0.0, 1.0, shift[1]]])
    moved = cv2.warpAffine(before, back, HALF, borderMode=cv2.BORDER_REPLICATE)
    return float(cv2.absdiff(now, moved).mean()) < EXPLAINED * float(cv2.absdiff(now, before).mean())


@cache
def _window() -> Field:
    return np.asarray(cv2.createHanningWindow(HALF, cv2.CV_32F), np.float32)


def alive(blobs: Sequence[Blob]) -> list[Blob]:
    """The large blobs that change from picture to picture."""
    return [b for b in blobs if b.area >= PIECE_PX and b.fresh > FRESH and b.strength > 1.3]
