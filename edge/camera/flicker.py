"""Does a picture still live? What it differs by from the one before, against what is usual for the camera. Pure."""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np

from edge.camera.picture import Grey

QUIET = 0.08
"""A picture that differs from the one before by less than this share of the usual flicker repeats it."""
STILL_SHARE = 0.7
"""Share of pictures that must repeat: a frozen picture is refreshed at every key picture."""
FROZEN_S = 2.4
REPEATED = 0.35
"""And by less than this share of what the most alike of healthy ones do."""
LEAST_APART = 0.008
KNOWN = 10
"""From so many pictures on the usual is known: a camera of few pictures a second soon rests and shows no more."""
LEAST_FLICKER = 0.03
"""Below this learnt flicker (grey levels) a camera's still picture cannot be told from a frozen one."""


class Flicker:
    """How much a picture differs from the one before, and how much it usually does."""

    def __init__(self) -> None:
        self._before: Grey | None = None
        self._before_s = 0.0
        self._amounts: deque[float] = deque(maxlen=300)
        self._recent: deque[tuple[float, float]] = deque(maxlen=40)
        self._counted = 0
        self._usual = 0.0
        self._least = 0.0
        """By what even the most alike of healthy pictures differ: a good encoder says little of a still view."""
        self.lively_s = 0.0
        """When pictures last differed as they should."""

    @property
    def usual(self) -> float:
        """By how many grey levels two healthy pictures differ; 0 while that is not known."""
        return self._usual

    def forget(self) -> None:
        """The picture before belongs to another connection."""
        self._before = None
        self._recent.clear()

    def unlearn(self) -> None:
        """Another light: what was usual is not any more."""
        self._amounts.clear()
        self._counted, self._usual, self._least = 0, 0.0, 0.0

    def note(self, luma: Grey, now_s: float, *, learn: bool) -> None:
        """Take the next picture. learn: nothing is wrong, so that this is what is usual."""
        grid = np.ascontiguousarray(luma[::4, ::4])
        before, gap_s = self._before, now_s - self._before_s
        self._before, self._before_s = grid, now_s
        if before is None or before.shape != grid.shape or gap_s > 1.0:
            return
        amount = float(cv2.mean(cv2.absdiff(grid, before))[0])
        if amount > 0.5 * self._usual:
            self.lively_s = now_s
        if learn and not (self._counted >= KNOWN and amount < REPEATED * self._least):
            self._amounts.append(amount)
            self._counted += 1
            if len(self._amounts) >= KNOWN and (self._counted < 50 or self._counted % 10 == 0):
                healthy = sorted(self._amounts)
                self._usual, self._least = healthy[len(healthy) // 2], healthy[len(healthy) // 10]
        self._recent.append((now_s, amount))

    def is_still(self, now_s: float, *, collapsed: bool) -> bool:
        """No sensor noise for as long as we ask, where there always was some."""
        if self._usual < LEAST_FLICKER or self._least < LEAST_APART:
            return False
        recent = [amount for at_s, amount in self._recent if at_s > now_s - FROZEN_S]
        if len(recent) < 5 or now_s - self._recent[0][0] < FROZEN_S:
            return False
        limit = min(QUIET * self._usual, REPEATED * self._least)
        share = sum(amount < limit for amount in recent) / len(recent)
        return share >= (STILL_SHARE if collapsed else 0.85)
