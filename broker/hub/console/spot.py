"""Where a node's loudspeakers stand, as its page shows it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from broker.hub.announcing.turns import NEAR_M
from broker.hub.console.wording import number
from broker.hub.records import NodeRecord
from broker.hub.whereabouts import nearest


@dataclass(frozen=True)
class Spot:
    """The form as it stands, and who is near."""

    north: str
    east: str
    near: list[str]
    trouble: str = ""


def spot_of(db: Session, node: NodeRecord) -> Spot:
    """Where a node stands, as the form shows it."""
    return Spot(
        _said(node.latitude),
        _said(node.longitude),
        [
            f"{label}: {_metres(away)}{', gần đến mức nghe lẫn nhau' if away < NEAR_M else ''}"
            for label, away in nearest(db, node)
        ],
    )


def _said(degrees: float | None) -> str:
    return "" if degrees is None else f"{degrees:.6f}".rstrip("0").rstrip(".").replace(".", ",")


def _metres(away: float) -> str:
    return f"{number(round(away / 10) * 10)} m" if away < 10_000 else f"{number(away / 1000)} km"
