"""What drawn areas would have told of the alerts that are stored: tried before they are saved. Pure.

By the node's rule (edge/camera/areas.py): an ignored area and a mask cut out of the picture what they cover, a zone
counts what stands in it. So the share of a box that is left uncovered judges: nothing left is kept back, all of it
left is told where it stands in a zone. Of a part nobody can say beforehand whether it is still large enough and where
it would stand: that is unsure. What was never told, since the zones of that time kept it back, cannot be tried.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from broker.hub.camera_areas import Areas
from broker.hub.quiet_proposal import Box, Past
from broker.trust.areas import Corners, is_inside, stands_in

Fate = Literal["told", "unsure", "kept back"]

SPANS: Final = (
    (timedelta(hours=1), "1 giờ qua"),
    (timedelta(hours=24), "24 giờ qua"),
    (timedelta(days=30), "30 ngày qua"),
)
POINTS: Final = 9
"""A box is looked at in so many points across and as many down, its edges among them."""
HALF_X, HALF_Y = 0.5 / 256, 0.5 / 144
"""Half of what the node sees as one point: its edges are no sharper than that."""


@dataclass(frozen=True)
class Line:
    """The alerts of one span."""

    span: str
    told: int
    unsure: int
    kept_back: int
    true: int
    """Of what would be kept back or is unsure: true alerts, and those nobody has closed."""


def try_areas(areas: Areas, past: Sequence[Past], now: datetime) -> list[Line]:
    """How many of the stored alerts of each span these zones and ignored areas would tell."""
    fates = [(each, fate_of(areas, each)) for each in past]
    found = []
    for span, said in SPANS:
        within = [(each, fate) for each, fate in fates if each.at > now - span]
        counted = [fate for _, fate in within]
        true = sum(fate != "told" and each.outcome != "false" for each, fate in within)
        found.append(
            Line(said, counted.count("told"), counted.count("unsure"), counted.count("kept back"), true)
        )
    return found


def fate_of(areas: Areas, past: Past) -> Fate:
    """What would become of it: the best of what becomes of its boxes. What has no place counts everywhere."""
    if not past.boxes:
        return "told"
    zones = [each["corners"] for each in areas.zones]
    blind = [each["corners"] for each in (*areas.ignored, *areas.masks)]
    found = {_fate(zones, blind, box) for box in past.boxes}
    return "told" if "told" in found else "unsure" if "unsure" in found else "kept back"


def uncovered(blind: Sequence[Corners], box: Box) -> float:
    """The share of a box that no area covers, 0 to 1."""
    near = [corners for corners in blind if _meets(corners, box)]
    x, y, w, h = box
    left, top, wide, high = x + HALF_X, y + HALF_Y, max(0.0, w - 2 * HALF_X), max(0.0, h - 2 * HALF_Y)
    points = [
        (left + wide * column / (POINTS - 1), top + high * row / (POINTS - 1))
        for column in range(POINTS)
        for row in range(POINTS)
    ]
    free = sum(not any(is_inside(corners, *point) for corners in near) for point in points)
    return free / len(points)


def _fate(zones: Sequence[Corners], blind: Sequence[Corners], box: Box) -> Fate:
    left = uncovered(blind, box)
    if left == 0:
        return "kept back"
    if left == 1:
        return "told" if not zones or any(stands_in(zone, *box) for zone in zones) else "kept back"
    return "unsure" if not zones or any(_meets(zone, box) for zone in zones) else "kept back"


def _meets(corners: Corners, box: Box) -> bool:
    """Whether an area may reach into a box: their rectangles overlap."""
    x, y, w, h = box
    across, down = [each[0] for each in corners], [each[1] for each in corners]
    return min(across) < x + w and max(across) > x and min(down) < y + h and max(down) > y
