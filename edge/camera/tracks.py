"""All that is followed in one camera's view: what goes somewhere, against what only trembles. Pure.

Positions are pixels of the 256 x 144 picture, times are seconds of the camera's time line.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from edge.camera.blobs import Blob, near
from edge.camera.clutter import Clutter
from edge.camera.track import ALIVE_S, Track

LOST_S = 0.9
"""A track not seen for this long is over; one of a single picture or two after half of it."""
STILL_HOLD_S = 20.0
"""A thing that came and then stands is held out of the background for this long."""
STAYS_S = 4.0
"""... and one that never went anywhere, or in which nothing stirs, for this long."""
YOUNG_S = 3.0
"""A track older than this that has gone nowhere is clutter."""
LENGTHS_S = 6.0
"""Who walks or drives goes at most this many of its own lengths a second; insects and chance do not keep to it."""
MISSED = 1.5
"""Evidence a picture takes away in which an expected thing is not seen."""
FLAKES = 5
"""So many that fall at once are snow or rain: more than the lamps of two vehicles."""
FALLS_S = 20.0
"""It snows on for this long after: single flakes come between."""
UNSURE = 1.0
"""Below this evidence a picture, lately, a confirmed track is chance again."""


class Tracks:
    """All tracks of one camera."""

    def __init__(self) -> None:
        self.clutter = Clutter()
        self._tracks: list[Track] = []
        self._fell_s = -math.inf
        self._flake_px = 0
        """The largest flake while it snows."""

    def follow(
        self, blobs: Sequence[Blob], now_s: float, gap_s: float, *, learning: bool, crowded: bool = False
    ) -> list[Track]:
        """Match the blobs of one picture to the tracks; returns the confirmed ones seen in it.

        learning: tracks are followed, and later dated back, but nothing is believed yet.
        crowded: something large falls to pieces, which are no clutter.
        """
        known = [t.blob for t in self._tracks if t.why]
        self.clutter.see(b for b in blobs if not any(near(b, one) for one in known))
        free = self._match([b for b in blobs if b.clear], now_s)
        self._tracks += [Track.of(blob, now_s) for blob in free]
        if not crowded:
            self.clutter.learn(self._turned_out(now_s), gap_s)
        self._tracks = [t for t in self._tracks if _lives(t, now_s)]
        seen = [t for t in self._tracks if t.seen_s == now_s]
        self._note_flakes(seen, now_s)
        if learning:
            return []
        for track in seen:
            if (track.why is None or track.why == "stays") and not track.is_flake(self._flake_px):
                track.why = track.judge(self.clutter) or track.why
        return [t for t in seen if t.why and now_s - t.alive_s <= ALIVE_S]

    def rest(self, blobs: Sequence[Blob], gap_s: float) -> None:
        """An idle camera's picture: nothing is followed, what is unusual in it is clutter."""
        self._tracks.clear()
        self.clutter.see(blobs)
        self.clutter.learn(blobs, gap_s)

    def hush(self, is_quiet: Callable[[Blob], bool], now_s: float) -> None:
        """Remember which of the things seen now stand in a quiet area, believed or not: one may be believed later."""
        for track in self._tracks:
            if track.seen_s == now_s and is_quiet(track.blob):
                track.hushed_s = now_s

    def held(self) -> list[Blob]:
        """Boxes that must not be learnt into the background: of things, and of what may soon be one."""
        return [t.blob for t in self._tracks if t.why or self._promises(t)]

    @property
    def busy(self) -> bool:
        """Something is followed or may be about to be."""
        return any(t.why or (t.hits > 1 and t.seen_s - t.since_s <= YOUNG_S) for t in self._tracks)

    def forget(self) -> None:
        """The view changed: nothing that was followed is there any more."""
        self._tracks.clear()

    def _note_flakes(self, seen: Sequence[Track], now_s: float) -> None:
        """Know whether it snows: one flake falls as straight as a lamp on wheels comes, but never alone."""
        if now_s - self._fell_s > FALLS_S:
            self._flake_px = 0
        falling = [t.blob.area for t in seen if t.falls()]
        if len(falling) >= FLAKES:
            self._fell_s, self._flake_px = now_s, max(self._flake_px, *falling)

    def _promises(self, t: Track) -> bool:
        young = t.hits > 2 and t.seen_s - t.since_s < YOUNG_S
        return young and t.net() > 3.0 and t.evidence > 0.6 * t.needed(self.clutter)

    def _turned_out(self, now_s: float) -> list[Blob]:
        """Blobs that by now turned out to be clutter: of tracks that ended early, or go nowhere."""
        clutter: list[Blob] = []
        for track in (t for t in self._tracks if not t.why):
            is_young = track.seen_s - track.since_s <= YOUNG_S
            if is_young and not _lives(track, now_s):
                clutter += track.spots
            elif not is_young and track.seen_s == now_s:
                clutter.append(track.blob)
        return clutter

    def _match(self, blobs: Sequence[Blob], now_s: float) -> list[Blob]:
        """Give each track its nearest fitting blob, oldest tracks first; returns the blobs nobody took."""
        if not self._tracks or not blobs:
            return list(blobs)
        ordered = sorted(self._tracks, key=lambda t: (t.why is None, -t.hits))
        misfits = _misfits(ordered, blobs, now_s)
        taken: set[int] = set()
        for track, row in zip(ordered, misfits, strict=True):
            number = int(row.argmin())
            if row[number] > 1.0:
                continue
            blob = blobs[number]
            taken.add(number)
            misfits[:, number] = np.inf
            missed = max(0, round((now_s - track.seen_s) / 0.2) - 1)
            off_px = math.dist(track.expected(now_s), blob.centre)
            track.take(blob, now_s, self.clutter.evidence(blob, off_px) - MISSED * missed)
        return [blob for number, blob in enumerate(blobs) if number not in taken]


def _lives(track: Track, now_s: float) -> bool:
    if now_s - track.seen_s > (LOST_S if track.hits > 2 else LOST_S / 2):
        return False
    if track.why is None:
        return True
    return track.sure >= UNSURE and now_s - track.moved_s <= (
        STAYS_S if track.why == "stays" else STILL_HOLD_S
    )


def _misfits(tracks: Sequence[Track], blobs: Sequence[Blob], now_s: float) -> NDArray[np.float64]:
    """Track by blob: 0 for a perfect continuation, above 1 for none."""
    was = np.array(
        [
            (*t.blob.centre, *t.expected(now_s), t.blob.area, t.blob.size, t.blob.length, *t.state(now_s))
            for t in tracks
        ]
    ).T[:, :, None]
    x, y, there_x, there_y, area, size, length, gap_s, pace, is_known, is_thing = was
    now = np.array([(*b.centre, b.area, b.size, b.length) for b in blobs]).T[:, None, :]
    slow, away = np.hypot(now[0] - x, now[1] - y), np.hypot(now[0] - there_x, now[1] - there_y)
    reach = 4.0 + 0.5 * np.maximum(size, now[3]) + gap_s * np.where(is_known, 0.4 * pace, 60.0)
    ratio = np.maximum(area / now[2], now[2] / area)
    misfit = np.where(is_thing, np.minimum(away, slow), away) / reach
    impossible = slow > 4.0 + LENGTHS_S * gap_s * np.maximum(length, now[4])
    misfit[impossible | (ratio > np.where(is_thing, 30.0, 6.0))] = np.inf
    return np.asarray(misfit)
