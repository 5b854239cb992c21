"""Blobs followed from picture to picture: what goes somewhere, against what only trembles. Pure.

Positions are pixels of the 256 x 144 picture, times are seconds of the camera's time line.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from edge.camera.picture import SMALL_HEIGHT_PX, SMALL_WIDTH_PX

LOST_S = 0.9
"""A track not seen for this long is over."""
STILL_HOLD_S = 20.0
"""A thing that came and then stands is held out of the background for this long."""
COHERENT = 0.55
"""Least share of the way walked that must remain as distance from the start."""
RECENT = 20
"""Positions remembered a track; about four seconds."""
LEAST_WAY_PX = 6.0
"""A thing must go at least this far; 1/43 of the picture's width."""


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

    @property
    def centre(self) -> tuple[float, float]:
        """Middle of the box."""
        return self.x + self.w / 2.0, self.y + self.h / 2.0

    @property
    def size(self) -> float:
        """Side of a square of the same area."""
        return math.sqrt(self.area)


@dataclass
class Track:
    """One thing through time."""

    blob: Blob
    since_s: float
    seen_s: float
    moved_s: float
    spots: deque[Blob] = field(default_factory=lambda: deque(maxlen=RECENT))
    hits: int = 1
    first_size: float = 0.0
    speed: tuple[float, float] = (0.0, 0.0)
    confirmed: bool = False

    def expected(self, now_s: float) -> tuple[float, float]:
        """Where its middle should be now if it keeps its speed."""
        ahead_s = now_s - self.seen_s
        cx, cy = self.blob.centre
        return cx + self.speed[0] * ahead_s, cy + self.speed[1] * ahead_s

    def take(self, blob: Blob, now_s: float) -> None:
        """Continue with `blob`."""
        gap_s = max(0.01, now_s - self.seen_s)
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

    def net(self) -> float:
        """Distance between the oldest and the newest remembered position."""
        return math.dist(self.spots[0].centre, self.spots[-1].centre)

    def path(self) -> float:
        """Way walked over the remembered positions."""
        spots = list(self.spots)
        return sum(math.dist(a.centre, b.centre) for a, b in pairwise(spots))

    def travels(self, needed_hits: int) -> bool:
        """True when it has gone somewhere as a whole, or steadily grown, over enough pictures."""
        if self.hits < needed_hits or self.seen_s - self.since_s < 0.35:
            return False
        net = self.net()
        if net >= max(LEAST_WAY_PX, 0.3 * min(self.blob.size, self.first_size)):
            return net >= COHERENT * self.path() and self._goes_whole()
        grown = self.blob.size > 1.6 * self.first_size + 4.0 and self.blob.strength > 1.5
        return grown and self.hits >= needed_hits + 2

    def _goes_whole(self) -> bool:
        """Both ends went the same way. A patch of light that spreads moves one end only."""
        first, last = self.spots[0], self.spots[-1]
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


class Clutter:
    """What usually flickers in this view: how many blobs a picture and how large, learnt over about a minute."""

    def __init__(self) -> None:
        self.count = 0.0
        self._seen = 0
        self._log_mean = math.log(6.0)
        self._log_spread = 0.5

    def learn(self, blobs: Sequence[Blob]) -> None:
        """Take the blobs of one picture that belong to no confirmed track."""
        self._seen += 1
        self.count += max(0.05, 1.0 / self._seen) * (len(blobs) - self.count)
        for blob in blobs:
            weight = max(0.1, 1.0 / self._seen) / max(1, len(blobs))
            gap = math.log(blob.area) - self._log_mean
            self._log_mean += weight * gap
            self._log_spread += weight * (abs(gap) - self._log_spread)

    @property
    def least_area(self) -> float:
        """Blobs below this many pixels are clutter as usual."""
        if self.count < 1.0:
            return 5.0
        return max(5.0, math.exp(self._log_mean + (1.0 + min(2.0, self.count / 3.0)) * self._log_spread))

    def needed_hits(self) -> int:
        """Pictures a track must last: chance alignments grow with the number of blobs about."""
        return 3 + min(5, int(self.count / 1.5))


class Tracks:
    """All tracks of one camera."""

    def __init__(self) -> None:
        self.clutter = Clutter()
        self._tracks: list[Track] = []

    def follow(self, blobs: Sequence[Blob], now_s: float) -> list[Track]:
        """Match the blobs of one picture to the tracks; returns the confirmed ones seen in it."""
        free = self._match([b for b in blobs if b.clear], now_s)
        self.clutter.learn([b for b in blobs if not self._belongs(b)])
        least = self.clutter.least_area
        for blob in free:
            if blob.area >= least:
                track = Track(blob, now_s, now_s, now_s, first_size=blob.size)
                track.spots.append(blob)
                self._tracks.append(track)
        self._tracks = [t for t in self._tracks if now_s - t.seen_s <= LOST_S]
        needed = self.clutter.needed_hits()
        for track in self._tracks:
            if not track.confirmed and track.blob.area >= least:
                track.confirmed = track.travels(needed)
        self._tracks = [t for t in self._tracks if now_s - t.moved_s <= STILL_HOLD_S]
        return [t for t in self._tracks if t.confirmed and t.seen_s == now_s]

    def warm(self, blobs: Sequence[Blob]) -> None:
        """Only learn what flickers here: the background is still being learnt."""
        self.clutter.learn(blobs)

    def held(self) -> list[Blob]:
        """Boxes that must not be learnt into the background."""
        return [t.blob for t in self._tracks if t.confirmed]

    def forget(self) -> None:
        """The view changed: nothing that was followed is there any more."""
        self._tracks.clear()

    def _belongs(self, blob: Blob) -> bool:
        return any(t.confirmed and _near(t.blob, blob) for t in self._tracks)

    def _match(self, free: list[Blob], now_s: float) -> list[Blob]:
        """Give each track its nearest fitting blob, oldest tracks first; returns the blobs nobody took."""
        for track in sorted(self._tracks, key=lambda t: (not t.confirmed, -t.hits)):
            best = min(free, key=lambda b: _misfit(track, b, now_s), default=None)
            if best is not None and _misfit(track, best, now_s) <= 1.0:
                free.remove(best)
                track.take(best, now_s)
        return free


def _misfit(track: Track, blob: Blob, now_s: float) -> float:
    """0 for a perfect continuation, above 1 for none."""
    gap_s = now_s - track.seen_s
    away = math.dist(track.expected(now_s), blob.centre)
    slow = math.dist(track.blob.centre, blob.centre)
    pace = math.hypot(*track.speed) * gap_s
    reach = 4.0 + 0.5 * max(track.blob.size, blob.size) + (0.4 * pace if track.hits > 1 else 60.0 * gap_s)
    ratio = max(track.blob.area, blob.area) / min(track.blob.area, blob.area)
    if ratio > (6.0 if not track.confirmed else 30.0):
        return 9.0
    return min(away, slow if track.confirmed else away) / reach


def _near(a: Blob, b: Blob) -> bool:
    """True when the boxes touch."""
    return a.x - 2 <= b.x + b.w and b.x - 2 <= a.x + a.w and a.y - 2 <= b.y + b.h and b.y - 2 <= a.y + a.h
