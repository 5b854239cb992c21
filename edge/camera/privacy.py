"""Privacy masks: what lies under them is gone before anything is judged, stored or sent. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from edge.camera.picture import Colour

Polygon = Sequence[tuple[float, float]]
"""Corners in fractions of the picture's width and height, at least three."""

COLOUR = (26, 26, 26)
"""Nearly black, so that an officer sees that something was masked and not that the picture is broken."""
MARGIN_PX = 3
"""The mask reaches this far beyond its outline: coding mixes neighbouring pixels."""


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
    """A copy of the picture in which the masked areas are gone; the picture itself without masks."""
    if not polygons:
        return picture
    masked = picture.copy()
    height, width = masked.shape[:2]
    for polygon in polygons:
        corners = np.array([[round(x * width), round(y * height)] for x, y in polygon], np.int32)
        cv2.fillPoly(masked, [corners], COLOUR)
        cv2.polylines(masked, [corners], True, COLOUR, 2 * MARGIN_PX)
    return masked
