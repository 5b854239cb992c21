"""Is somebody keeping this camera from seeing? Pure: pictures and times in, tamperings begun and over out.

A reference of the healthy view is learnt slowly (its shapes, where its edges are and how sharp, how much it usually
flickers) and only while nothing is suspected. Each kind is a departure from that reference that lasts:

- covered: the known view is gone and there is little in its place (a cloth, paint, a leaf, total darkness);
- blinded: much of it is burnt white that was not, and not because all of it became lighter;
- defocused: the shapes are the same, most of the known edges have gone soft, wherever a trembling camera shows them;
- moved: the known view is gone, or elsewhere in the picture, and another, as rich in texture, is there and stands;
- frozen: the sensor's own noise, learnt per camera, has vanished although pictures still arrive.

How well a healthy picture agrees with the reference is learnt too, so that a view of little texture is not judged by
what a rich one could show. In a light that has just changed (an infra-red lamp) edges are learnt anew. What is open
stays open, under the kind it began as, until the known view is back; only a view that moved and then stayed the same
for an hour becomes the known one, which is told as the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from edge.camera.flicker import FROZEN_S, Flicker
from edge.camera.known import Known
from edge.camera.picture import Grey, shrink
from edge.camera.view import Look, look_at, relit

What = Literal["covered", "blinded", "defocused", "moved", "frozen"]

LEARN_S = 4.0
"""A view is looked at this long before anything is said about it."""
LOOK_EVERY_S, MOVING_EVERY_S = 0.45, 0.9
"""Rarer while something moves and all is well: what begins then is dated half a second later at most."""
BUSY = 0.2
"""While things move the reference follows at this share of its pace: a pasture is never empty."""
REFERENCE_S = 40.0
"""The reference follows the healthy view within this time."""
PERSIST_S: dict[What, float] = {
    "covered": 2.5,
    "blinded": 2.5,
    "defocused": 3.0,
    "moved": 3.0,
    "frozen": 2.0,
}
PASSING_S = 3.5
"""What something that was there before explains, a lorry in front of the lens, must last this long."""
EXPLAINED = frozenset({"covered", "moved"})
CAME_BEFORE_S = 1.5
OVER_S = 2.0
"""The view must be healthy this long before a tampering is over."""
ADOPT_S = 3600.0
"""A view that moved becomes the known one when it has stayed for this long."""
GRACE_S = 5.0
"""After the light changed at once (an infra-red lamp, a switch) edges are not compared for this long."""
LOST = 0.4
"""Less than this share of the usual agreement: not the known view."""
FLAT, DARK = 0.35, 0.13
"""So little contrast and texture is left of the known view: a cover if its edges are gone too, or total darkness."""
KEPT = 0.3
"""While so many places of the view are as they were, much passes in front of a camera that was not moved."""
TURNED = 0.85
"""Less than this: perhaps the known view, but elsewhere in the picture."""
RELIT_SHARE, STIRRED_SHARE = 0.4, 0.3
"""Lighter or darker in so much of the view from one look to the next: another light; something large still moves."""
STANDING_S = 2.3
"""What covers the view, or another view, must stand for so long: a lorry drives on."""
GLARE, GLARED, ALL_BURNT = 0.15, 0.7, 0.9
"""A lamp in the lens: so much more of the view is burnt, and no more than so much of it is left, or all of it is burnt,
or places are that the rest of the view does not explain."""
RELIT_S = 1.5
"""How sharp edges are in another light is learnt within this time, while the light has just changed."""
SOFT, SOFT_SHARE, LEAST_SOFT = 0.5, 0.75, 0.12
"""Less than this is left of an edge, beyond what less light takes from it: soft. Of a soft lens so many are soft; of a
view that only became dark fewer than the least."""
GONE, GONE_SHARE = 0.3, 0.75
"""So little left of so many edges is no other light: a cover that lets light through, or a very soft lens."""


@dataclass(frozen=True)
class TamperStep:
    """A tampering began, or is over. Seconds on the camera's time line."""

    phase: Literal["began", "ended"]
    what: What
    start_s: float
    end_s: float
    healthy_s: float = 0.0
    """When the view was last seen healthy."""
    confidence: float = 0.0
    """How far the view departs from the known one, 0 to 1."""


class TamperWatch:
    """Follows one camera's health."""

    def __init__(self) -> None:
        self.collapsed = False
        """Whether the camera's packets are far smaller than ever: set by whoever sees them."""
        self._known: Known | None = None
        self._first_s: float | None = None
        self._looked_s = -1e9
        self._healthy_s = 0.0
        self._before: Look | None = None
        self._stirred_s = -1e9
        self._grace_until_s = -1e9
        self._flicker = Flicker()
        self._suspect: tuple[What, float] | None = None
        self._healthy_since_s: float | None = None
        self._open: tuple[What, float] | None = None
        self._apart = 0.0

    @property
    def suspected_since_s(self) -> float | None:
        """When what is open, or what may be beginning, began; movement that starts later means little."""
        now = self._open or self._suspect
        return now[1] if now else None

    def look(
        self, luma: Grey, now_s: float, moving_since_s: float | None = None, small: Grey | None = None
    ) -> list[TamperStep]:
        """Take one picture in the camera's own resolution; `small` is the same at 256 x 144 where it is at hand.

        moving_since_s: since when a thing is known to pass. What came into view before the view looked wrong
        explains it: a lorry in front of the lens is not a moved camera.
        """
        self._flicker.note(luma, now_s, learn=self.suspected_since_s is None)
        if self._first_s is None:  # what is remembered is not learnt over in the first seconds
            self._first_s = now_s if self._known is None else now_s - REFERENCE_S
        if now_s - self._looked_s < self._every_s(now_s, moving=moving_since_s is not None):
            return []
        gap_s = min(5.0, now_s - self._looked_s)
        self._looked_s = now_s
        seen = look_at(luma, shrink(luma) if small is None else small)
        self._note_light(seen, now_s)
        moving, suspected_s = moving_since_s is not None, self.suspected_since_s
        passing = moving_since_s is not None and moving_since_s < (suspected_s or now_s) - CAME_BEFORE_S
        what = self._judge(seen, now_s)
        learning = now_s - self._first_s <= LEARN_S
        if what is None and self._open is None:
            self._healthy_s = now_s
            self._learn_light(seen, now_s, gap_s)
            still = not moving or learning
            self._learn(seen, now_s, gap_s if still else gap_s * BUSY)
        return self._settle(what, now_s, passing=passing)

    def _every_s(self, now_s: float, *, moving: bool) -> float:
        """How long after the last look the next one is due."""
        known = self._first_s is not None and now_s - self._first_s > LEARN_S
        calm = self.suspected_since_s is None and now_s >= self._grace_until_s
        return MOVING_EVERY_S if moving and known and calm else LOOK_EVERY_S

    def memory(self) -> bytes | None:
        """The known view, for a later life of this program; None while nothing is known or something is wrong."""
        known = self._known
        learning = self._healthy_s <= (self._first_s or 0.0) + LEARN_S
        return None if known is None or learning or self.suspected_since_s is not None else known.memory()

    def recall(self, memory: bytes) -> None:
        """Know the view of an earlier life. Raises ValueError for bytes that are no such memory."""
        self._known = Known.recall(memory)

    def resume(self, now_s: float) -> None:
        """The source is back after a gap. The known view is remembered: a camera that was turned meanwhile is found."""
        self._flicker.forget()
        self._suspect, self._healthy_since_s, self._before = None, None, None
        self._looked_s = -1e9
        self._grace_until_s = now_s + GRACE_S  # day may have become night

    def close(self, now_s: float) -> list[TamperStep]:
        """The source is over or gone: so is what was open."""
        self._suspect = None
        if self._open is None:
            return []
        what, since_s = self._open
        self._open = None
        return [TamperStep("ended", what, since_s, now_s)]

    def _judge(self, seen: Look, now_s: float) -> What | None:
        """The kind this one picture looks like, if any."""
        known = self._known
        if known is None or self._first_s is None or now_s - self._first_s < LEARN_S:
            return None
        shapes, edges = known.agreements(seen)
        alike = max([each for each in (shapes, edges) if each is not None], default=1.0)
        self._apart = min(1.0, max(0.0, 1.0 - alike))
        if _is_blinded(seen, known, alike):
            return "blinded"
        sharp = known.sharpness(seen, self._flicker.usual)
        left = max(seen.contrast / max(1.0, known.contrast), seen.texture / max(0.5, known.texture))
        blurred = sharp is None or _share(sharp < SOFT) > LEAST_SOFT
        if left < DARK or (left < FLAT and blurred and (0.4 * alike if edges is None else edges) < LOST):
            return "covered"
        gone = sharp is not None and _share(sharp < GONE) > GONE_SHARE
        if alike < LOST and seen.texture < 0.5 * known.texture:
            return "covered"
        if alike < LOST and known.places(seen) < KEPT:
            return "moved"
        if alike < TURNED and known.shifted(seen):
            return "moved"
        if gone and alike < GLARED:
            return "covered"
        soft = sharp is not None and now_s >= self._grace_until_s and _share(sharp < SOFT) > SOFT_SHARE
        if gone or soft:
            return "defocused"
        still = alike > 0.6 and self._flicker.is_still(now_s, collapsed=self.collapsed)
        return "frozen" if still else None

    def _note_light(self, seen: Look, now_s: float) -> None:
        """Most of the picture became lighter or darker at once, or another view stands still since when."""
        before, self._before = self._before, seen
        if before is None:
            return
        share = relit(seen.lights, before.lights)
        if share > RELIT_SHARE:
            self._grace_until_s = now_s + GRACE_S
            self._flicker.unlearn()  # an infra-red picture has another noise
        if share > STIRRED_SHARE:
            self._stirred_s = now_s

    def _learn(self, seen: Look, now_s: float, gap_s: float) -> None:
        """Move the reference towards this healthy picture; quickly while the view is new."""
        known = self._known
        if known is None or self._first_s is None or not known.fits(seen):
            self._known = Known.of(seen)
            return
        rate = min(1.0, gap_s / max(gap_s, min(REFERENCE_S, now_s - self._first_s)))
        known.learn(seen, rate)

    def _learn_light(self, seen: Look, now_s: float, gap_s: float) -> None:
        """In a light that has just changed the same edges look otherwise."""
        known = self._known
        if known is None or now_s >= self._grace_until_s or not known.fits(seen):
            return
        if self._apart > 1.0 - GLARED:  # not another light: something large is in front
            return
        if relit(seen.lights, known.lights) > RELIT_SHARE:
            known.learn_edges(seen, min(1.0, gap_s / RELIT_S))

    def _settle(self, what: What | None, now_s: float, *, passing: bool) -> list[TamperStep]:
        """Only what lasts counts, both ways."""
        if self._open is not None:
            return self._maybe_over(what, now_s)
        if what is None:
            self._suspect = None
            return []
        if self._suspect is None or self._suspect[0] != what:
            self._suspect = (what, self._suspect[1] if self._suspect and what != "frozen" else now_s)
        since_s = self._suspect[1]
        if what in EXPLAINED and now_s - self._stirred_s < STANDING_S:
            return []
        if now_s - since_s < (PASSING_S if passing and what in EXPLAINED else PERSIST_S[what]):
            return []
        if what == "frozen":
            since_s = max(self._flicker.lively_s, since_s - FROZEN_S + 1.8)
        self._open, self._suspect, self._healthy_since_s = (what, since_s), None, None
        confidence = 0.9 if what in ("frozen", "blinded") else max(0.5, self._apart)
        return [TamperStep("began", what, since_s, now_s, min(self._healthy_s, since_s), confidence)]

    def _maybe_over(self, what: What | None, now_s: float) -> list[TamperStep]:
        """End the open tampering when the view is healthy again, or when it is a new view by now."""
        assert self._open is not None  # noqa: S101
        kind, since_s = self._open
        if kind == "moved" and what == "moved" and now_s - since_s > ADOPT_S:
            self._known, self._first_s = None, now_s
            return self.close(now_s)
        if what is not None:
            self._healthy_since_s = None
            return []
        if self._healthy_since_s is None:
            self._healthy_since_s = now_s
        if now_s - self._healthy_since_s < OVER_S:
            return []
        return self.close(self._healthy_since_s)


def _is_blinded(seen: Look, known: Known, alike: float) -> bool:
    """Much is burnt white that was not, and not because all of the view became lighter."""
    more = seen.burnt - known.burnt
    if more < GLARE:
        return False
    if seen.burnt > ALL_BURNT or alike < GLARED:
        return True
    rest = seen.lights < 200.0
    gain = float(np.median(seen.lights[rest] / np.maximum(4.0, known.lights[rest]))) if rest.any() else 9.0
    lamp = (seen.lights > 215.0) & (known.lights * max(1.0, gain) < 190.0)
    return _share(lamp) > 0.6 * GLARE


def _share(of: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> float:
    """How much of it is true."""
    return float(np.count_nonzero(of)) / max(1, of.size)
