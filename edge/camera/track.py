"""One thing through time: where it was, and whether that is a thing that goes somewhere. Pure.

Positions are pixels of the 256 x 144 picture, times are seconds of the camera's time line.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from edge.camera.blobs import Blob
from edge.camera.clutter import Clutter
from edge.camera.glare import GLOW
from edge.camera.picture import SMALL_HEIGHT_PX, SMALL_WIDTH_PX

Why = Literal["travels", "grows", "stays"]

ALIVE_S, ALIVE_PX = 5.0, 2.0
"""A standing person stirs by this many pixels at least this often; a chair that was moved does not."""
COVERS = 0.5
"""What goes somewhere changes what it comes upon: this share of the ground it went over, picture by picture.

A shimmer on water or in leaves only seems to go: its outline wanders while hardly a pixel changes.
"""
COHERENT = 0.55
"""Least share of the way walked that must remain as distance from the start."""
RECENT = 20
"""Positions remembered a track; about four seconds."""
LATELY = 8
"""Positions within which a slow thing must have gone on; a second and a half."""
LEAST_WAY_PX = 4.0
"""A thing must go at least this far; 1/64 of the picture's width."""
FAST_LENGTHS_S = 2.0
FAST_HITS = 8
GLOW_PX = 700
GLOW_HITS = 12
FLIES_LENGTHS_S, STREAK_LENGTHS_S = 1.2, 3.0
WINDS = 1.07
"""What glows and flies is believed to be a lamp on wheels when it goes all but straight for two seconds."""
LARGE_PX = 150
"""0.4 % of the picture: what is as large and lasts needs not travel."""
LIVELY = 0.1
"""... but must change from picture to picture in this share of it: a lamp or an open door does not."""


@dataclass
class Track:
    """One thing through time."""

    blob: Blob
    since_s: float
    seen_s: float
    moved_s: float
    first_size: float
    alive_s: float
    spots: deque[Blob] = field(default_factory=lambda: deque(maxlen=RECENT))
    hits: int = 1
    evidence: float = 0.0
    sure: float = 2.0
    speed: tuple[float, float] = (0.0, 0.0)
    why: Why | None = None
    hushed_s: float = -math.inf
    """When it stood in a quiet area last."""

    @classmethod
    def of(cls, blob: Blob, now_s: float) -> Track:
        """A new track."""
        return cls(blob, now_s, now_s, now_s, blob.size, now_s, deque([blob], RECENT))

    def expected(self, now_s: float) -> tuple[float, float]:
        """Where its middle should be now if it keeps its speed."""
        ahead_s = now_s - self.seen_s
        cx, cy = self.blob.centre
        return cx + self.speed[0] * ahead_s, cy + self.speed[1] * ahead_s

    def take(self, blob: Blob, now_s: float, evidence: float) -> None:
        """Continue with `blob`, which says this much."""
        gap_s = max(0.01, now_s - self.seen_s)
        self.evidence += evidence
        self.sure += 0.25 * (evidence - self.sure)
        (ox, oy), (nx, ny) = self.blob.centre, blob.centre
        fresh = 0.6 if self.hits > 1 else 1.0
        self.speed = (
            (1 - fresh) * self.speed[0] + fresh * (nx - ox) / gap_s,
            (1 - fresh) * self.speed[1] + fresh * (ny - oy) / gap_s,
        )
        self.blob, self.seen_s, self.hits = blob, now_s, self.hits + 1
        self.spots.append(blob)
        if self.net() > max(3.0, 0.15 * blob.size):
            self.moved_s = now_s
        lately = self.spots[max(0, len(self.spots) - LATELY)]
        goes_on = math.dist(lately.centre, blob.centre) >= 2.0 and moved_whole(lately, blob)
        goes_on = goes_on and (blob.area < LARGE_PX or any(b.fresh > 0.0 for b in list(self.spots)[-3:]))
        if goes_on or blob.fresh * blob.area >= ALIVE_PX:
            self._live(now_s)

    def _live(self, now_s: float) -> None:
        """It changed or went on; after a long rest it begins anew."""
        if now_s - self.alive_s > ALIVE_S:
            self.since_s = now_s
        self.alive_s = now_s

    def state(self, now_s: float) -> tuple[float, float, bool, bool]:
        """Seconds since it was seen, its pace in pixels a second, whether that is known, whether it is a thing."""
        return now_s - self.seen_s, math.hypot(*self.speed), self.hits > 1, self.why is not None

    @property
    def counts_from_s(self) -> float | None:
        """Since when it is there for all to know; None until it stirs outside quiet areas."""
        return max(self.since_s, self.hushed_s) if self.alive_s > self.hushed_s else None

    def net(self) -> float:
        """Distance between the oldest and the newest remembered position."""
        return math.dist(self.spots[0].centre, self.spots[-1].centre)

    def path(self) -> float:
        """Way walked over the remembered positions; the jitter of single pictures is left out."""
        spots = list(self.spots)
        some = [*spots[:-1:3], spots[-1]] if len(spots) > 6 else spots
        return sum(math.dist(a.centre, b.centre) for a, b in pairwise(some))

    def needed(self, clutter: Clutter) -> float:
        """Evidence without which it may be chance, by its usual size so far."""
        areas = sorted(b.area for b in self.spots)
        return clutter.needed(areas[len(areas) // 2])

    def judge(self, clutter: Clutter) -> Why | None:
        """Why it is believed to be a thing, or None as yet."""
        if self.hits < 3 or self.seen_s - self.since_s < 0.35 or self.evidence < self.needed(clutter):
            return None
        net, size = self.net(), min(self.blob.size, self.first_size)
        if net >= max(LEAST_WAY_PX, 0.3 * size) and (net >= 1.5 * LEAST_WAY_PX or self.hits >= 8):
            goes = net >= self._straight() * self.path() and self._covers()
            return "travels" if goes and moved_whole(self.spots[0], self.spots[-1]) else None
        if self.hits < 5:
            return None
        if self.blob.size > 1.6 * self.first_size + 4.0 and self.blob.strength > 1.5:
            return "grows"
        return "stays" if self._is_large() and clutter.usual_from(self.blob.area) < 0.1 else None

    def falls(self) -> bool:
        """A flake or a drop by the look of it. A lamp that nears looks the same, but comes with few others."""
        if self.hits <= 3 or not self.is_flake(GLOW_PX) or self.net() < LEAST_WAY_PX:
            return False
        lengths = sorted(b.length for b in self.spots)
        return self._flies(lengths[len(lengths) // 2])

    def is_flake(self, most_px: float) -> bool:
        """Lighter than the view, at most as large as this and on its way down, at whatever pace."""
        (ox, oy), (nx, ny) = self.spots[0].centre, self.spots[-1].centre
        return self.blob.glow >= GLOW and self.blob.area <= most_px and ny - oy >= abs(nx - ox)

    def _straight(self) -> float:
        """Share of the way walked that must remain as distance: what is small and fast must go straight, and long.

        A vehicle far away does; an insect near the lens seldom flies straight for a second and a half.
        """
        lengths = sorted(b.length for b in self.spots)
        pace = self.path() / max(0.2, self.seen_s - self.since_s) / lengths[len(lengths) // 2]
        if self._flies(lengths[len(lengths) // 2]):
            return 0.0 if self.hits >= GLOW_HITS and self._flown() < WINDS * self.net() else math.inf
        if pace < FAST_LENGTHS_S or self.blob.area >= LARGE_PX:
            return COHERENT
        return 0.85 if self.hits >= FAST_HITS else math.inf

    def _flies(self, length_px: float) -> bool:
        """Lighter than the view throughout, not large, fast, and round or a streak: an insect in the lens's light."""
        recent = list(self.spots)[-LATELY:]
        if min(b.glow for b in recent) < GLOW or max(b.area for b in recent) >= GLOW_PX:
            return False
        lasted_s = max(0.2, (self.seen_s - self.since_s) * len(self.spots) / self.hits)
        pace = self._flown() / lasted_s / length_px
        return pace >= (FLIES_LENGTHS_S if is_round(recent) else STREAK_LENGTHS_S)

    def _covers(self) -> bool:
        """Enough changed where it came to for it to have gone there."""
        ground_px = sum(math.dist(a.centre, b.centre) * b.size for a, b in pairwise(self.spots))
        return sum(b.fresh * b.area for b in list(self.spots)[1:]) >= COVERS * ground_px

    def _flown(self) -> float:
        """Way between all remembered positions, with every turn."""
        return sum(math.dist(a.centre, b.centre) for a, b in pairwise(self.spots))

    def _is_large(self) -> bool:
        recent = list(self.spots)[-5:]
        lively = sorted(b.fresh for b in recent)[len(recent) // 2] > LIVELY
        return lively and min(b.area for b in recent) >= LARGE_PX and min(b.strength for b in recent) > 2.0


def is_round(spots: Sequence[Blob]) -> bool:
    """Most of these are about as high as wide."""
    shapes = sorted(max(b.w - 2, b.h - 4) / max(1, min(b.w - 2, b.h - 4)) for b in spots)
    return shapes[len(shapes) // 2] < 1.8


def moved_whole(first: Blob, last: Blob) -> bool:
    """Both ends went the same way. A patch of light that spreads moves one end only."""
    (ox, oy), (nx, ny) = first.centre, last.centre
    if abs(nx - ox) >= abs(ny - oy):
        starts, ends = (first.x, first.x + first.w), (last.x, last.x + last.w)
        way, edge = nx - ox, SMALL_WIDTH_PX
    else:
        starts, ends = (first.y, first.y + first.h), (last.y, last.y + last.h)
        way, edge = ny - oy, SMALL_HEIGHT_PX
    at_edge = min(starts[0], ends[0]) <= 2 or max(starts[1], ends[1]) >= edge - 2
    shares = [(end - start) / way for start, end in zip(starts, ends, strict=True)]
    return min(shares) > (-0.5 if at_edge else 0.3)
