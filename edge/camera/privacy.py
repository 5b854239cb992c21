"""Privacy masks: what lies under them is gone before anything is judged, stored or sent. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.camera.picture import Colour, Grey, Mask

Polygon = Sequence[tuple[float, float]]
"""Corners in fractions of the picture's width and height, at least three."""

COLOUR = (26, 26, 26)
"""Nearly black, so that an officer sees that something was masked and not that the picture is broken."""
MARGIN_PX = 3
"""The mask reaches this far beyond its outline: coding mixes neighbouring pixels."""
SHRUNK_MARGIN_PX = MARGIN_PX + 2
"""Of a picture that was made smaller before: a pixel of it is mixed from those around, and both outlines are rounded.
So all that MARGIN_PX would have hidden before stays hidden."""


class MaskError(ValueError):
    """A polygon cannot be a mask; the text says which and why."""


def check(polygons: Sequence[Polygon]) -> None:
    """Raises MaskError for a polygon with fewer than three corners or a corner outside the picture."""
    for number, polygon in enumerate(polygons, 1):
        if len(polygon) < 3:
            raise MaskError(f"mask {number} has {len(polygon)} corners, at least 3 are needed")
        for x, y in polygon:
            if not (0.0 <= x <= 1.0 and 0.0 <= y <= 1.0):
                raise MaskError(f"mask {number}: corner ({x}, {y}) lies outside 0 to 1")


def burn(picture: Colour, polygons: Sequence[Polygon]) -> Colour:
    """A copy of the picture, colour or grey, in which the masked areas are gone; itself without masks."""
    return Veil(polygons).over(picture)


class Veil:
    """The masks of one camera over picture after picture; drawn once for each size."""

    def __init__(self, polygons: Sequence[Polygon], margin_px: int = MARGIN_PX) -> None:
        """margin_px: how far they reach beyond their outlines; SHRUNK_MARGIN_PX for what was made smaller."""
        self._polygons, self._margin_px = polygons, margin_px
        self._covered: NDArray[np.bool_] = np.zeros((0, 0), np.bool_)

    def over(self, picture: Grey | Colour) -> Grey | Colour:
        """A copy, colour or grey, in which the masked areas are gone; the picture itself without masks."""
        if not self._polygons:
            return picture
        height_px, width_px = picture.shape[:2]
        if self._covered.shape != (height_px, width_px):
            self._covered = cover(height_px, width_px, self._polygons, self._margin_px) > 0
        veiled = picture.copy()
        veiled[self._covered] = COLOUR if veiled.ndim == 3 else COLOUR[0]
        return veiled


def cover(height_px: int, width_px: int, polygons: Sequence[Polygon], margin_px: int = MARGIN_PX) -> Mask:
    """255 where a mask lies. Of an outline that crosses itself all that it encloses, not every second part."""
    covered = np.zeros((height_px, width_px), np.uint8)
    for polygon in polygons:
        outline = np.zeros(
            (height_px + 2, width_px + 2), np.uint8
        )  # a rim, so that the picture's edge encloses
        corners = np.array([_corner(x, y, width_px, height_px) for x, y in polygon], np.int32)
        cv2.fillPoly(outline, [corners], 255)
        cv2.polylines(outline, [corners], True, 255, 2 * margin_px)
        around, _ = cv2.findContours(outline, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        cv2.drawContours(outline, around, -1, 255, cv2.FILLED)
        covered |= outline[1:-1, 1:-1]
    return covered


def _corner(x: float, y: float, width_px: int, height_px: int) -> tuple[int, int]:
    """In pixels of a picture with a rim of one; what is far outside stays just outside."""
    return (
        round(min(2.0, max(-1.0, x)) * width_px) + 1,
        round(min(2.0, max(-1.0, y)) * height_px) + 1,
    )
