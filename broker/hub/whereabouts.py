"""Where the loudspeakers of a node stand: coordinates as people type them, checked against the commune's others."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.hub.announcing.turns import Point, distance_m
from broker.hub.declined import Declined
from broker.hub.records import Account, NodeRecord, note_change, write_audit
from broker.hub.roles import require_role

NORTH: Final = (6.0, 24.0)
EAST: Final = (101.0, 118.0)
"""Degrees between which all of Viet Nam lies, Trường Sa included."""
FARTHEST_M: Final = 150_000
"""No two points of one commune are farther apart; beyond it somebody mistyped."""
_NUMBER = re.compile(r"[0-9]{1,3}(?:[.,][0-9]{1,10})?", re.ASCII)
_PAIR = re.compile(
    r"\s*\(?\s*([0-9]{1,3}\.[0-9]{1,10})\s*°?\s*[,; ]\s*([0-9]{1,3}\.[0-9]{1,10})\s*°?\s*\)?\s*", re.ASCII
)


def point_from(north: str, east: str) -> Point | None:
    """Coordinates as typed: two numbers, or a pair as maps copy it in the first field; None where both are empty.

    Raises Declined with a sentence for what is no place in Viet Nam.
    """
    pair = _PAIR.fullmatch(north)
    if pair is not None and not east.strip():
        north, east = pair[1], pair[2]
    north, east = north.strip().rstrip("°").strip(), east.strip().rstrip("°").strip()
    if not north and not east:
        return None
    if not (_NUMBER.fullmatch(north) and _NUMBER.fullmatch(east)):
        raise Declined("bad-place", "Xin ghi đủ vĩ độ và kinh độ bằng số, ví dụ 20,43215 và 106,12345.")
    latitude, longitude = (float(each.replace(",", ".")) for each in (north, east))
    if _is_within(longitude, NORTH) and _is_within(latitude, EAST):
        raise Declined("swapped-place", "Hình như vĩ độ và kinh độ bị đổi chỗ, xin xem lại.")
    if not (_is_within(latitude, NORTH) and _is_within(longitude, EAST)):
        raise Declined("far-place", "Toạ độ này không ở Việt Nam: vĩ độ từ 6 đến 24, kinh độ từ 101 đến 118.")
    return Point(round(latitude, 6), round(longitude, 6))


def place_node(db: Session, account: Account, node: NodeRecord, point: Point | None, now: datetime) -> None:
    """Keep where a node's loudspeakers stand; None takes it away. Declined: no right, far from all the others."""
    require_role(db, account, now, "admin")
    if point is not None:
        away = [(distance_m(point, its), label) for its, label in _others(db, node)]
        metres, label = min(away, default=(0.0, ""))
        if metres > FARTHEST_M:
            raise Declined(
                "far-place", f"Toạ độ này cách {label} tới {round(metres / 1000)} km, xin xem lại."
            )
    wanted = (point.latitude, point.longitude) if point is not None else (None, None)
    if (node.latitude, node.longitude) == wanted:
        return
    node.latitude, node.longitude = wanted
    told = {"at": f"{point.latitude:.6f}, {point.longitude:.6f}"} if point is not None else {}
    write_audit(db, now, account.username, "node.placed", node.name, told)
    note_change(db, "node", node.name, now)
    note_change(db, "plan", "*", now)


def nearest(db: Session, node: NodeRecord, most: int = 3) -> list[tuple[str, float]]:
    """The points nearest to a node: label and metres; empty while nobody has entered where it stands."""
    if node.latitude is None or node.longitude is None:
        return []
    here = Point(node.latitude, node.longitude)
    found = [(label, distance_m(here, its)) for its, label in _others(db, node)]
    return sorted(found, key=lambda each: (each[1], each[0]))[:most]


def _others(db: Session, node: NodeRecord) -> list[tuple[Point, str]]:
    rows = db.scalars(select(NodeRecord).where(NodeRecord.retired_at.is_(None), NodeRecord.name != node.name))
    return [
        (Point(row.latitude, row.longitude), row.label)
        for row in rows
        if row.latitude is not None and row.longitude is not None
    ]


def _is_within(value: float, bounds: tuple[float, float]) -> bool:
    return bounds[0] <= value <= bounds[1]
