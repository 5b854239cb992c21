"""What drawn areas would have told of the alerts that are stored: tried before they are saved. Pure.

By the node's rule (broker/trust/areas.py): a thing counts where it stands. What was never told, since the zones of that
time kept it back, cannot be tried.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from broker.hub.camera_areas import Areas
from broker.hub.quiet_proposal import Past
from broker.trust.areas import stands_in

SPANS: Final = (
    (timedelta(hours=1), "1 giờ qua"),
    (timedelta(hours=24), "24 giờ qua"),
    (timedelta(days=30), "30 ngày qua"),
)


@dataclass(frozen=True)
class Line:
    """The alerts of one span."""

    span: str
    told: int
    kept_back: int
    true: int
    """Of what would be kept back: true alerts, and those nobody has closed."""


def try_areas(areas: Areas, past: Sequence[Past], now: datetime) -> list[Line]:
    """How many of the stored alerts of each span these zones and ignored areas would tell."""
    found = []
    for span, said in SPANS:
        within = [each for each in past if each.at > now - span]
        back = [each for each in within if not is_told(areas, each)]
        true = sum(each.outcome != "false" for each in back)
        found.append(Line(said, len(within) - len(back), len(back), true))
    return found


def is_told(areas: Areas, past: Past) -> bool:
    """Whether anything of it stood where movement counts. What has no place counts everywhere."""
    if not past.boxes:
        return True
    zones = [each["corners"] for each in areas.zones]
    blind = [each["corners"] for each in (*areas.ignored, *areas.masks)]
    return any(
        (not zones or any(stands_in(zone, *box) for zone in zones))
        and not any(stands_in(area, *box) for area in blind)
        for box in past.boxes
    )
