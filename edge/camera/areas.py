"""Where movement counts: zones people drew, areas that are not looked at, and areas that tell nothing. Pure.

Polygons are corners in fractions of the picture; they are drawn once onto the 256 x 144 picture that is judged.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from broker.trust.areas import stands_in
from edge.camera.picture import SMALL_HEIGHT_PX, SMALL_WIDTH_PX, Mask

Polygon = Sequence[tuple[float, float]]
"""Corners (x, y) from 0 to 1."""
PARTS = 16
"""Corners are drawn to a sixteenth of a pixel."""


class Areas:
    """The zones and ignored areas of one camera. Without zones the whole picture counts."""

    def __init__(self, zones: Sequence[tuple[str, Polygon]] = (), ignored: Sequence[Polygon] = ()) -> None:
        """zones: name and corners; where two overlap the first counts. A polygon under three corners is void."""
        self._zones = [(name, _drawn([corners])) for name, corners in zones if len(corners) >= 3]
        hidden = [corners for corners in ignored if len(corners) >= 3]
        self.watched: Mask | None = np.asarray(1 - _drawn(hidden), np.uint8) if hidden else None
        """1 where unusual pixels are looked at, 0 where not; None: everywhere. 256 x 144."""
        self.quiet: Sequence[Polygon] = ()
        """What stands in one of these is followed like anything else and counts for nothing; may be set between
        pictures."""

    def zone_of(self, x_px: float, y_px: float, w_px: float, h_px: float) -> str | None:
        """The zone in which a thing of this box stands, by the middle of its lower edge; None: in no zone."""
        if not self._zones:
            return ""
        column = min(SMALL_WIDTH_PX - 1, max(0, int(x_px + w_px / 2)))
        row = min(SMALL_HEIGHT_PX - 1, max(0, int(y_px + h_px - 1)))
        return next((name for name, inside in self._zones if inside[row, column]), None)

    def is_quiet(self, x_px: float, y_px: float, w_px: float, h_px: float) -> bool:
        """Whether a thing of this box stands in a quiet area."""
        box = (x_px / SMALL_WIDTH_PX, y_px / SMALL_HEIGHT_PX, w_px / SMALL_WIDTH_PX, h_px / SMALL_HEIGHT_PX)
        return any(stands_in(corners, *box) for corners in self.quiet)


def _drawn(polygons: Sequence[Polygon]) -> Mask:
    """1 inside any of the polygons."""
    mask: Mask = np.zeros((SMALL_HEIGHT_PX, SMALL_WIDTH_PX), np.uint8)
    for polygon in polygons:
        corners = np.array(polygon, np.float64) * (SMALL_WIDTH_PX, SMALL_HEIGHT_PX) - 0.5
        cv2.fillPoly(mask, [np.round(corners * PARTS).astype(np.int32)], 1, shift=4)
    return mask
