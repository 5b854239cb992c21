"""Does something move that could be a person or a vehicle? Pure: pictures and their times in, verdicts out.

Method (every threshold is learnt from the camera's own picture, none belongs to a scene):
1. brightness of the whole picture is matched to the background (exposure, flicker);
2. a pixel is unusual when it leaves what its neighbourhood in the background can explain by more than the
   pixel's own learnt restlessness (noise, rain, leaves raise it);
3. what only grew lighter or darker while its texture stayed is light, not a thing;
4. a thing must go somewhere, grow, or be large and last, as one track whose continuations are together unlikely
   by chance, given how many blobs of that size this view shows anyway: rain, insects and leaves are the chance;
5. when the whole view changes at once the background is learnt anew and nothing is said.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import cv2
import numpy as np

from edge.camera.areas import Areas
from edge.camera.backdrop import Backdrop, Seen
from edge.camera.blobs import Blob, find_blobs
from edge.camera.mass import Mass, alive
from edge.camera.picture import SMALL_HEIGHT_PX, SMALL_WIDTH_PX, Grey, Mask
from edge.camera.track import Track
from edge.camera.tracks import Tracks

Reason = Literal[
    "travels", "grows", "stays", "small", "large", "strong", "weak", "near-edge", "night", "after-light"
]
"""Why a movement is believed, and what speaks against it."""


@dataclass(frozen=True)
class Verdict:
    """What a detector says about one picture. Boxes are (x, y, w, h) in fractions of the picture."""

    moving_since_s: float | None = None
    moving_until_s: float | None = None
    """When what moves or rests at present last stirred; None when that is now."""
    boxes: Sequence[tuple[float, float, float, float]] = ()
    confidence: float = 0.0
    zone: str = ""
    reasons: tuple[Reason, ...] = ()
    scene_changed: bool = False
    """The whole view changed at once: light, exposure, or the camera itself."""
    whole: Verdict | None = None
    """What it would be without quiet areas, if that is another: what comes before the lens there is still a thing."""


class Detector(Protocol):
    """Anything that can judge small grey pictures in order."""

    sensitivity: float
    """0 to 1; may be set between pictures."""

    @property
    def busy(self) -> bool:
        """Something is followed or being learnt: every due picture is needed."""

    def look(self, small: Grey, now_s: float) -> Verdict:
        """Judge the picture taken at `now_s`; pictures come in order, about five a second."""

    def rest(self, small: Grey, now_s: float) -> None:
        """Take a picture of an idle camera in which nothing happens, one every second or two."""

    def resume(self, now_s: float) -> None:
        """The source is back after a gap: learn the view anew."""


LEARN_S = 1.6
"""A background is learnt for this long before anything is said; what moved meanwhile is dated back."""
RELEARN_S = 1.2
CHANGED_SHARE = 0.45
"""More of the picture than this changing at once is no movement in it."""
CHANGED_JUMP = 0.25
"""At once: at least this much more than in the picture before. What comes nearer grows more slowly."""
FEW_PX = 1600
"""So few unusual pixels cannot reach CHANGED_SHARE, wherever they lie: a field needs 26 of its 256."""
REST_GAP_S = 2.5
"""A longer gap between pictures counts as this much learning."""
AFTER_LIGHT_S = 6.0
DARK_LEVELS = 60.0
"""A picture darker than this on average is one of the night."""
MASS_CONFIDENCE = 0.6
STIRS_S = 1.0
"""What last stirred longer ago than this beside something that stirs is resting."""
SMALL_PX, LARGE_PX = 40, 1500


class MotionDetector:
    """The product's detector. sensitivity 0 to 1; 0.5 suits an ordinary camera."""

    def __init__(self, sensitivity: float = 0.5, areas: Areas | None = None) -> None:
        self.sensitivity = sensitivity
        self._areas = areas or Areas()
        self._backdrop: Backdrop | None = None
        self._learn_until_s = 0.0
        self._changed_s = -math.inf
        self._is_first = True
        self._last_s = 0.0
        self._unusual: Mask | None = None
        """What was unusual in the picture before."""
        self._tracks = Tracks()
        self._mass = Mass()

    @property
    def busy(self) -> bool:
        """Something is followed, may be about to be, or the view is being learnt."""
        return self._backdrop is None or self._last_s < self._learn_until_s or self._tracks.busy

    def look(self, small: Grey, now_s: float) -> Verdict:
        """Judge one picture; see the module for the method."""
        backdrop, seen = self._compare(small, now_s)
        if seen is None:
            return Verdict(scene_changed=self._changed_s == now_s)
        gap_s = self._gap(now_s, 1.0)
        learning = now_s < self._learn_until_s
        blobs = find_blobs(seen)
        pieces = alive(blobs)
        told = [b for b in pieces if not self._is_quiet(b)]
        near = self._mass.see(pieces, told, seen, now_s, learning=learning and self._is_first)
        crowded = near.since_s is not None
        moving = self._tracks.follow(blobs, now_s, gap_s, learning=learning, crowded=crowded)
        backdrop.learn(seen, gap_s, _held(self._tracks.held() + (pieces if crowded else [])))
        if self._areas.quiet:
            self._tracks.hush(self._is_quiet, now_s)
        loud = [(t, since_s) for t in moving if (since_s := t.counts_from_s) is not None]
        verdict = self._with_mass(self._verdict(loud, backdrop), near.told_since_s, told)
        every = [(t, t.since_s) for t in moving]
        if loud == every and told == pieces and near.told_since_s == near.since_s:
            return verdict
        whole = self._with_mass(self._verdict(every, backdrop), near.since_s, pieces)
        return replace(verdict, whole=whole)

    def rest(self, small: Grey, now_s: float) -> None:
        """Keep background, restlessness and clutter fresh with a picture in which nothing happens."""
        backdrop, seen = self._compare(small, now_s)
        if seen is not None:
            gap_s = self._gap(now_s, REST_GAP_S)
            self._tracks.rest(find_blobs(seen), gap_s)
            backdrop.learn(seen, gap_s, None)

    def resume(self, now_s: float) -> None:
        """Learn the view anew; clutter is still what it was."""
        self._backdrop, self._last_s = None, now_s
        self._tracks.forget()

    def _compare(self, small: Grey, now_s: float) -> tuple[Backdrop, Seen | None]:
        """The picture against the background; None when this picture begins a new one."""
        now: Grey = np.asarray(cv2.GaussianBlur(small, (3, 3), 0), np.uint8)
        if self._backdrop is None:
            return self._start(now, now_s, LEARN_S), None
        ease = 2.0 ** (1.0 - 2.0 * min(1.0, max(0.0, self.sensitivity)))
        seen = self._backdrop.compare(now, ease, self._areas.watched)
        was, self._unusual = self._unusual, seen.unusual
        if is_much_at_once(seen.unusual, was):
            self._changed_s = now_s
            return self._start(now, now_s, RELEARN_S), None
        return self._backdrop, seen

    def _start(self, now: Grey, now_s: float, learn_s: float) -> Backdrop:
        """Begin a new background with this picture."""
        self._is_first = learn_s == LEARN_S
        self._backdrop = Backdrop(now)
        self._learn_until_s = now_s + learn_s
        self._last_s = now_s
        self._tracks.forget()
        self._mass.forget()
        return self._backdrop

    def _gap(self, now_s: float, most_s: float) -> float:
        gap_s = min(most_s, max(0.01, now_s - self._last_s))
        self._last_s = now_s
        return gap_s

    def _is_quiet(self, blob: Blob) -> bool:
        return self._areas.is_quiet(blob.x, blob.y, blob.w, blob.h)

    def _verdict(self, moving: Sequence[tuple[Track, float]], backdrop: Backdrop) -> Verdict:
        """Put the confirmed tracks of one picture, and since when each counts, into words."""
        zoned = [
            (t, begun_s, self._areas.zone_of(t.blob.x, t.blob.y, t.blob.w, t.blob.h)) for t, begun_s in moving
        ]
        counted = [(t, begun_s, zone) for t, begun_s, zone in zoned if zone is not None]
        if not counted:
            return Verdict()
        after_light = self._last_s - self._changed_s < AFTER_LIGHT_S
        sure, zone, best = max(
            ((self._confidence(t, after_light=after_light), zone, t) for t, _, zone in counted),
            key=lambda each: each[0],
        )
        boxes = [_fractions(t.blob) for t, _, _ in counted]
        reasons = _reasons(best, after_light=after_light, dark=backdrop.brightness < DARK_LEVELS)
        until_s = max(t.alive_s for t, _, _ in counted)
        since_s = min(begun_s for t, begun_s, _ in counted if t.alive_s >= until_s - STIRS_S)
        return Verdict(since_s, until_s, boxes, sure, zone, reasons)

    def _with_mass(self, verdict: Verdict, since_s: float | None, pieces: Sequence[Blob]) -> Verdict:
        """Add what is too large and too near to be followed; since_s: None without any."""
        if since_s is None:
            return verdict
        zoned = [(b, self._areas.zone_of(b.x, b.y, b.w, b.h)) for b in pieces]
        counted = [(b, zone) for b, zone in zoned if zone is not None]
        if verdict.moving_since_s is not None:
            return replace(verdict, moving_since_s=min(since_s, verdict.moving_since_s), moving_until_s=None)
        if not counted:
            return verdict
        boxes = [_fractions(b) for b, _ in counted]
        return Verdict(since_s, None, boxes, MASS_CONFIDENCE, counted[0][1], ("large",))

    def _confidence(self, track: Track, *, after_light: bool) -> float:
        """0 to 1: how far beyond what was needed the evidence lies, less for what speaks against it."""
        surplus = track.evidence / track.needed(self._tracks.clutter) - 1.0
        sure = 1.0 - 0.6 * math.exp(-surplus)
        sure *= min(1.0, 0.4 + 0.3 * track.blob.strength)
        if track.why == "stays":
            sure *= 0.7
        return sure * (0.8 if after_light else 1.0)


def is_much_at_once(unusual: Mask, before: Mask | None) -> bool:
    """Most of the picture is unusual, and much less of the one before was. before: None for the first one."""
    if cv2.countNonZero(unusual) <= FEW_PX:
        return False
    share = spread_of(unusual)
    return share > CHANGED_SHARE and share - (0.0 if before is None else spread_of(before)) > CHANGED_JUMP


def spread_of(unusual: Mask) -> float:
    """Share of the picture's 16 x 16 px fields in which something is unusual."""
    fields = cv2.resize(unusual * np.uint8(255), (16, 9), interpolation=cv2.INTER_AREA)
    return float(np.count_nonzero(fields > 25)) / fields.size


def _held(blobs: Sequence[Blob]) -> Mask | None:
    """1 in the boxes of these; None without any."""
    if not blobs:
        return None
    held: Mask = np.zeros((SMALL_HEIGHT_PX, SMALL_WIDTH_PX), np.uint8)
    for blob in blobs:
        held[blob.y : blob.y + blob.h, blob.x : blob.x + blob.w] = 1
    return held


def _fractions(blob: Blob) -> tuple[float, float, float, float]:
    return (
        blob.x / SMALL_WIDTH_PX,
        blob.y / SMALL_HEIGHT_PX,
        blob.w / SMALL_WIDTH_PX,
        blob.h / SMALL_HEIGHT_PX,
    )


def _reasons(track: Track, *, after_light: bool, dark: bool) -> tuple[Reason, ...]:
    """What stands behind one track, the main reason first."""
    blob = track.blob
    at_edge = (
        min(blob.x, blob.y) <= 1
        or blob.x + blob.w >= SMALL_WIDTH_PX - 1
        or blob.y + blob.h >= SMALL_HEIGHT_PX - 1
    )
    told: list[tuple[Reason, bool]] = [
        ("small", blob.area < SMALL_PX),
        ("large", blob.area > LARGE_PX),
        ("strong", blob.strength > 3.0),
        ("weak", blob.strength < 1.5),
        ("near-edge", at_edge),
        ("night", dark),
        ("after-light", after_light),
    ]
    first: tuple[Reason, ...] = (track.why,) if track.why else ()
    return first + tuple(reason for reason, holds in told if holds)
