"""What usually flickers in a view, so that chance can be told from things. Pure.

Rain, leaves, insects and noise make blobs that belong to nothing. From how many of which size there are, follows how
likely one of them lies by chance where a thing was expected; that is all a track's evidence is made of.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from edge.camera.blobs import Blob
from edge.camera.picture import SMALL_HEIGHT_PX, SMALL_WIDTH_PX

CLUTTER_S = 20.0
"""Clutter is what was seen within about this time."""
SLOPE, WAYS = 2.5, 1.0
"""More clutter is more chances to begin wrongly; as much of the same size is more ways to go on so."""
SIZES = 13
"""Classes of size, each twice the one before."""
LEAST_RATE = 0.03
"""Blobs a picture that must always be reckoned with."""
MOST_EVIDENCE = 3.0
"""One picture never says more than this."""


class Clutter:
    """Blobs a picture that belong to nothing that goes anywhere, by size."""

    def __init__(self) -> None:
        self._usual = np.zeros(SIZES)
        self._present = np.zeros(SIZES)
        self._pictures = 0

    @property
    def count(self) -> float:
        """Blobs a picture that a track may be made of by chance."""
        return float(max(self._usual.sum(), 0.5 * self._present.sum()))

    def see(self, blobs: Iterable[Blob]) -> None:
        """Note what this picture holds apart from known things: each is a chance to be wrong."""
        self._present = _by_size(blobs)

    def learn(self, blobs: Iterable[Blob], gap_s: float) -> None:
        """Take the clutter that became known as such with one picture."""
        self._pictures += 1
        weight = max(min(0.5, gap_s / CLUTTER_S), 1.0 / (4 + self._pictures))
        self._usual += weight * (_by_size(blobs) - self._usual)

    def usual_from(self, area_px: float) -> float:
        """Usual blobs a picture about as large as this or larger."""
        return LEAST_RATE + float(self._usual[max(0, _size(area_px) - 1) :].sum())

    def evidence(self, blob: Blob, off_px: float) -> float:
        """How unlikely it is that clutter of this size lies within `off_px` of a place by chance; 0 is likely."""
        larger = slice(max(0, _size(blob.area) - 1), SIZES)
        count = LEAST_RATE + max(float(self._usual[larger].sum()), float(self._present[larger].sum()))
        reach_px = off_px + 2.0 + 0.1 * blob.size
        expected = count * math.pi * reach_px**2 / (SMALL_WIDTH_PX * SMALL_HEIGHT_PX)
        plain = min(1.0, max(0.5, blob.strength / 2.0))
        return plain * min(MOST_EVIDENCE, -math.log(max(1e-9, -math.expm1(-expected))))

    def needed(self, area_px: float) -> float:
        """Evidence that a track of this size needs: the more clutter, the more chances to be wrong."""
        larger = slice(max(0, _size(area_px) - 1), SIZES)
        as_large = max(float(self._usual[larger].sum()), 0.5 * float(self._present[larger].sum()))
        return 5.0 + SLOPE * math.log1p(2.0 * self.count) + WAYS * as_large


def _size(area_px: float) -> int:
    return min(SIZES - 1, int(math.log2(max(1.0, area_px))))


def _by_size(blobs: Iterable[Blob]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    counts = np.zeros(SIZES)
    for blob in blobs:
        counts[_size(blob.area)] += 1.0
    return counts
