"""Is somebody keeping this camera from seeing? Pure: pictures and times in, tamperings begun and over out.

A reference of the healthy view is learnt slowly (mean picture, where its edges are and how sharp, how much it
usually flickers) and only while nothing is suspected. Each kind is a departure from that reference that lasts:

- covered: the picture has lost nearly all of its contrast and texture (a cloth, paint, or total darkness);
- blinded: much of it is burnt white that was not;
- defocused: the large shapes are the same, the known edges have gone soft;
- moved: as rich in texture as ever, but not the known view;
- frozen: the sensor's own noise, learnt per camera, has vanished although pictures still arrive.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from edge.camera.picture import Field, Grey, shrink

What = Literal["covered", "blinded", "defocused", "moved", "frozen"]

LEARN_S = 4.0
"""A view is looked at this long before anything is said about it."""
REFERENCE_S = 40.0
"""The reference follows the healthy view within this time."""
PERSIST_S: dict[What, float] = {
    "covered": 3.0,
    "blinded": 2.5,
    "defocused": 3.0,
    "moved": 3.0,
    "frozen": 4.0,
}
OVER_S = 2.0
"""The view must be healthy this long before a tampering is over."""
ADOPT_S = 120.0
"""A view that is sharp and lively but new becomes the known view after this long."""
WHITE = 228
"""Burnt white from here on: 235 is the top of the limited range that most cameras send."""
LEAST_FLICKER = 0.03
"""Below this learnt flicker (grey levels) a camera's still picture cannot be told from a frozen one."""


@dataclass(frozen=True)
class TamperStep:
    """A tampering began, or is over. Seconds on the camera's time line."""

    phase: Literal["began", "ended"]
    what: What
    start_s: float
    end_s: float


@dataclass(frozen=True)
class _Features:
    """One picture in numbers."""

    small: Field
    edges: Field
    contrast: float
    burnt: float


class TamperWatch:
    """Follows one camera's health."""

    def __init__(self) -> None:
        self._known: _Features | None = None
        self._edge_spots: np.ndarray[tuple[int, ...], np.dtype[np.bool_]] | None = None
        self._likeness = 1.0
        self._first_s: float | None = None
        self._looked_s = -1e9
        self._before: Field | None = None
        self._flicker: deque[tuple[float, float]] = deque()
        self._usual_flicker = 0.0
        self._suspect: tuple[What, float] | None = None
        self._healthy_since_s: float | None = None
        self._open: tuple[What, float] | None = None

    @property
    def suspected_since_s(self) -> float | None:
        """When what is open, or what may be beginning, began; movement that starts later means little."""
        now = self._open or self._suspect
        return now[1] if now else None

    def look(self, luma: Grey, now_s: float, moving_since_s: float | None = None) -> list[TamperStep]:
        """Take one picture in the camera's own resolution.

        moving_since_s: since when a thing is known to pass. What came into view before the view looked wrong
        explains it: a lorry in front of the lens is not a moved camera.
        """
        self._note_flicker(luma, now_s)
        if self._first_s is None:
            self._first_s = now_s
        if now_s - self._looked_s < 0.45:
            return []
        gap_s = min(2.0, now_s - self._looked_s)
        self._looked_s = now_s
        seen = _features(luma)
        moving, suspected_s = moving_since_s is not None, self.suspected_since_s
        passing = moving_since_s is not None and (suspected_s is None or moving_since_s <= suspected_s)
        what = self._judge(seen, now_s, passing=passing and self._open is None)
        if what is None and self._open is None and not (moving and now_s - self._first_s > LEARN_S):
            self._learn(seen, now_s, gap_s)
        return self._settle(what, now_s)

    def close(self, now_s: float) -> list[TamperStep]:
        """The source is over or gone: so is what was open."""
        if self._open is None:
            return []
        what, since_s = self._open
        self._open = None
        return [TamperStep("ended", what, since_s, now_s)]

    def _judge(self, seen: _Features, now_s: float, *, passing: bool) -> What | None:
        """The kind this one picture looks like, if any. `passing`: a thing in front explains a changed view."""
        known = self._known
        if known is None or self._first_s is None or now_s - self._first_s < LEARN_S:
            return None
        if seen.burnt > 0.4 and seen.burnt > known.burnt + 0.25:
            return "blinded"
        if seen.contrast < 0.25 * known.contrast and _texture(seen) < 0.25 * _texture(known):
            return "covered"
        if self._is_frozen(now_s):
            return "frozen"
        if passing:
            return None
        if self._is_soft(seen, known):
            return "defocused"
        likeness = _likeness(seen.small, known.small)
        if (
            self._likeness > 0.5
            and likeness < 0.4 * self._likeness
            and _texture(seen) > 0.5 * _texture(known)
        ):
            return "moved"
        return None

    def _is_soft(self, seen: _Features, known: _Features) -> bool:
        """The edges the view had are gone while its large shapes, in any light, are there."""
        if self._edge_spots is None:
            return False
        old, new = float(known.edges[self._edge_spots].mean()), float(seen.edges[self._edge_spots].mean())
        if old < 2.5 * float(np.median(known.edges)) or old < 12.0:
            return False
        large_new, large_old = _large(seen.small), _large(known.small)
        light = float(large_new.std()) / max(1.0, float(large_old.std()))
        return new < 0.35 * old * min(1.0, light) and _correlation(large_new, large_old) > 0.85

    def _is_frozen(self, now_s: float) -> bool:
        """No sensor noise for as long as we ask, where there always was some."""
        if self._usual_flicker < LEAST_FLICKER or not self._flicker:
            return False
        recent = [amount for at_s, amount in self._flicker if at_s > now_s - 2.0]
        return len(recent) >= 3 and max(recent) < 0.05 * self._usual_flicker

    def _note_flicker(self, luma: Grey, now_s: float) -> None:
        """Remember how much this picture differs from the one before, and learn what is usual."""
        grid = luma[::4, ::4].astype(np.float32)
        if self._before is not None and self._before.shape == grid.shape:
            amount = float(np.abs(grid - self._before).mean())
            self._flicker.append((now_s, amount))
            while self._flicker and self._flicker[0][0] < now_s - 30.0:
                self._flicker.popleft()
            if len(self._flicker) >= 10 and self.suspected_since_s is None:
                self._usual_flicker = float(np.median([a for _, a in self._flicker]))
        self._before = grid

    def _learn(self, seen: _Features, now_s: float, gap_s: float) -> None:
        """Move the reference towards this healthy picture; quickly while the view is new."""
        known = self._known
        if known is None or self._first_s is None:
            self._known = seen
            return
        age_s = max(gap_s, min(REFERENCE_S, now_s - self._first_s))
        rate = min(1.0, gap_s / age_s)
        likeness = _likeness(seen.small, known.small)
        self._likeness += rate * (likeness - self._likeness)
        gain = min(4.0, max(0.25, float(seen.small.mean()) / max(1.0, float(known.small.mean()))))
        kept = gain * (1 - rate)
        self._known = _Features(
            known.small * kept + rate * seen.small,
            known.edges * kept + rate * seen.edges,
            known.contrast * kept + rate * seen.contrast,
            known.burnt * (1 - rate) + rate * seen.burnt,
        )
        self._edge_spots = self._known.edges >= np.quantile(self._known.edges, 0.97)

    def _settle(self, what: What | None, now_s: float) -> list[TamperStep]:
        """Only what lasts counts, both ways."""
        if self._open is not None:
            return self._maybe_over(what, now_s)
        if what is None:
            self._suspect = None
            return []
        if self._suspect is None or self._suspect[0] != what:
            began_s = self._suspect[1] if self._suspect else now_s
            self._suspect = (what, now_s if now_s - began_s > 3.0 else began_s)
        since_s = self._suspect[1] - (2.0 if what == "frozen" else 0.0)
        if now_s - since_s < PERSIST_S[what]:
            return []
        self._open, self._suspect, self._healthy_since_s = (what, since_s), None, None
        return [TamperStep("began", what, since_s, now_s)]

    def _maybe_over(self, what: What | None, now_s: float) -> list[TamperStep]:
        """End the open tampering when the view is healthy again, or when it is a new view by now."""
        assert self._open is not None  # noqa: S101
        kind, since_s = self._open
        if kind == "moved" and what == "moved" and now_s - since_s > ADOPT_S:
            self._known, self._edge_spots, self._first_s = None, None, now_s
            return self.close(now_s)
        if what is not None:
            self._healthy_since_s = None
            return []
        if self._healthy_since_s is None:
            self._healthy_since_s = now_s
        if now_s - self._healthy_since_s < OVER_S:
            return []
        return self.close(self._healthy_since_s)


def _features(luma: Grey) -> _Features:
    """Numbers of one picture: a small copy, edge strength at 640 x 360, contrast, share burnt white."""
    middle = cv2.resize(luma, (640, 360), interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(middle, (3, 3), 0).astype(np.float32)
    edges = cv2.magnitude(cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1))
    small = shrink(luma)
    field = small.astype(np.float32)
    return _Features(field, np.asarray(edges), float(_large(field).std()), float((small >= WHITE).mean()))


def _large(field: Field) -> Field:
    """Only the large shapes of a small picture."""
    return np.asarray(cv2.GaussianBlur(field, (0, 0), 6.0))


def _middle(field: Field) -> Field:
    """Shapes between noise and shading: what makes a view this view."""
    fine = cv2.GaussianBlur(field, (0, 0), 2.0)
    return np.asarray(fine - cv2.GaussianBlur(field, (0, 0), 10.0))


def _texture(seen: _Features) -> float:
    return float(_middle(seen.small).std())


def _likeness(a: Field, b: Field) -> float:
    """How far two small pictures show the same view, whatever the light: 1 the same, 0 unrelated."""
    return _correlation(_middle(a), _middle(b))


def _correlation(a: Field, b: Field) -> float:
    """Pearson's correlation of two pictures; 0 when either is flat."""
    spread = float(a.std()) * float(b.std())
    if spread < 1e-3:
        return 0.0
    return float(((a - a.mean()) * (b - b.mean())).mean()) / spread
