"""The touch panel: how many pixels make a millimetre, and which layout fits its shape."""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot
from typing import Literal

INCH_MM = 25.4
WIDE_FROM_MM = 300.0
"""Below this width (13.3″ and less) the page shows one thing less at a time."""

LOOKUP_BELOW_MM = 180.0
"""Below this width (8″ and less) no keyboard fits: the panel only looks up."""

Layout = Literal["wide", "tall", "small", "lookup"]


@dataclass(frozen=True)
class Panel:
    """A panel by its diagonal in inches and its resolution in pixels."""

    diagonal_in: float
    width_px: int
    height_px: int

    @property
    def px_per_mm(self) -> float:
        """Pixels per millimetre; panels have square pixels."""
        return hypot(self.width_px, self.height_px) / (self.diagonal_in * INCH_MM)

    @property
    def layout(self) -> Layout:
        """tall: portrait; lookup: 8″ and less; small: 13.3″ and less; wide: everything else."""
        if self.height_px > self.width_px:
            return "tall"
        width_mm = self.width_px / self.px_per_mm
        if width_mm < LOOKUP_BELOW_MM:
            return "lookup"
        return "small" if width_mm < WIDE_FROM_MM else "wide"

    def css(self) -> str:
        """The style sheet that makes 1rem one millimetre on this panel."""
        return f":root {{ --mm: {self.px_per_mm:.4f}px; }}\n"
