"""Whether a thing stands in an area of a camera's picture: the node's rule, and the hub's when it tries one out. Pure.

All numbers are fractions of the picture. A thing stands where the middle of its lower edge is.
"""

from __future__ import annotations

from collections.abc import Sequence

Corners = Sequence[Sequence[float]]
"""[(x, y), …]; what crosses itself counts by the even-odd rule."""


def stands_in(corners: Corners, x: float, y: float, w: float, h: float) -> bool:
    """Whether a thing of this box stands in the area. The picture's lower edge belongs to an area that reaches it."""
    return is_inside(corners, x + w / 2, min(y + h, 1.0 - 1e-6))


def is_inside(corners: Corners, x: float, y: float) -> bool:
    """Whether a point lies in the area."""
    inside = False
    for (x1, y1), (x2, y2) in zip(corners, [*corners[1:], corners[0]], strict=True):
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1):
            inside = not inside
    return inside
