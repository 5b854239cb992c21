"""Areas of a camera's picture as people write them, and hours of the week: read, judged, written back. Pure.

Corners are written in percent of the picture from its upper left corner, "12.5,30; 40,30; 40,80", and kept as fractions
to a thousandth.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from broker.hub.declined import Declined

Kind = Literal["zone", "ignored", "mask"]
Point = tuple[float, float]

KINDS: Final[dict[str, str]] = {"zone": "Vùng canh", "ignored": "Vùng bỏ qua", "mask": "Vùng che kín"}
MOST_AREAS: Final = 12
"""Of each kind; the plan's own limit."""
MOST_OF_ONE: Final = 40
MOST_CORNERS: Final = 160
"""Of all areas of one camera: so the plan of the fullest node still fits one packet."""
LEAST_PART: Final = 0.0005
"""Smallest area as a share of the picture; less is a slip of the finger."""
LONGEST_NAME: Final = 40
LONGEST_TEXT: Final = 1200
_NUMBER: Final = re.compile(r"-?[0-9]{1,6}(?:\.[0-9]{1,12})?")


@dataclass(frozen=True)
class Areas:
    """What is drawn on one camera's picture, as the records keep it."""

    zones: list[dict[str, Any]] = field(default_factory=list)
    ignored: list[dict[str, Any]] = field(default_factory=list)
    masks: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Row:
    """One area as the page shows it and gets it back."""

    kind: str
    name: str
    corners: str


def rows_of(areas: Areas) -> list[Row]:
    """The areas as rows of the page."""
    by_kind = (("zone", areas.zones), ("ignored", areas.ignored), ("mask", areas.masks))
    return [
        Row(kind, str(each.get("name", "")), write(each["corners"]))
        for kind, found in by_kind
        for each in found
    ]


def read(rows: Sequence[Row]) -> Areas:
    """The areas of a form; rows without corners are left out. Raises Declined with the sentence of the first fault."""
    found: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    filled = [row for row in rows if row.corners.strip()]
    for row in filled:
        if row.kind not in KINDS:
            raise Declined("bad-area", "Xin chọn loại vùng: vùng canh, vùng bỏ qua hoặc vùng che kín.")
        kept = found[row.kind]
        if len(kept) == MOST_AREAS:
            raise Declined("many-areas", f"{KINDS[row.kind]}: mỗi camera có nhiều nhất {MOST_AREAS} vùng.")
        if row.kind == "zone":
            name = _name(row.name, len(kept) + 1, [str(each["name"]) for each in kept])
            kept.append({"name": name, "corners": _polygon(row.corners, f"Vùng canh “{name}”")})
        else:
            kept.append({"corners": _polygon(row.corners, f"{KINDS[row.kind]} thứ {len(kept) + 1}")})
    total = sum(len(each["corners"]) for kept in found.values() for each in kept)
    if total > MOST_CORNERS:
        raise Declined(
            "many-corners", f"Các vùng có cả thảy {total} góc, nhiều nhất là {MOST_CORNERS}; xin bớt góc."
        )
    return Areas(found["zone"], found["ignored"], found["mask"])


def write(corners: Sequence[Sequence[float]]) -> str:
    """Corners as people read them: "12.5,30; 40,30"."""
    return "; ".join(f"{x * 100:.4g},{y * 100:.4g}" for x, y in corners)


def _name(typed: str, number: int, taken: Sequence[str]) -> str:
    name = unicodedata.normalize("NFC", " ".join(typed.split())) or f"Vùng {number}"
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise Declined("bad-zone-name", f"Tên vùng canh dài nhất {LONGEST_NAME} chữ cái.")
    if name in taken:
        raise Declined("twice-named", f"Có hai vùng canh cùng tên “{name}”, xin đặt tên khác nhau.")
    return name


def _polygon(text: str, said: str) -> list[Point]:
    """The corners of one area. Raises Declined; the sentence begins with which area it is."""
    if len(text) > LONGEST_TEXT:
        raise Declined("long-area", f"{said} dài quá, mỗi vùng nhiều nhất {MOST_OF_ONE} góc.")
    points: list[Point] = []
    for part in re.split(r"[;\n]", text):
        if part.strip():
            point = _point(part, said)
            if not points or point != points[-1]:
                points.append(point)
    if len(points) > 1 and points[0] == points[-1]:
        points.pop()
    if len(points) < 3:
        raise Declined("few-corners", f"{said} cần ít nhất ba góc.")
    if len(points) > MOST_OF_ONE:
        raise Declined("many-corners", f"{said} có {len(points)} góc, nhiều nhất là {MOST_OF_ONE}.")
    if crosses_itself(points):
        raise Declined(
            "crossed", f"{said} có cạnh cắt nhau, xin kéo các góc theo đúng thứ tự vòng quanh vùng."
        )
    if abs(_area(points)) < LEAST_PART:
        raise Declined("small-area", f"{said} nhỏ quá, xin kéo rộng ra hoặc xoá vùng này.")
    return points


def _point(text: str, said: str) -> Point:
    """One corner: "12.5,30", or "12,5 30" as Vietnamese write decimals."""
    parts = text.split()
    values = (
        [each.rstrip(",").replace(",", ".") for each in parts] if len(parts) == 2 else text.strip().split(",")
    )
    if len(values) != 2 or not all(_NUMBER.fullmatch(each.strip()) for each in values):
        raise Declined(
            "bad-corner", f"{said}: không đọc được góc “{text.strip()[:24]}”, xin ghi như 12.5,30."
        )
    x, y = (round(float(each) / 100, 3) for each in values)
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise Declined("outside", f"{said} có góc ra ngoài hình, mỗi số phải từ 0 đến 100.")
    return x, y


def crosses_itself(points: Sequence[Point]) -> bool:
    """Whether two sides that are no neighbours touch."""
    count = len(points)
    sides = [(points[n], points[(n + 1) % count]) for n in range(count)]
    for one in range(count):
        for other in range(one + 2, count):
            if (one, other) != (0, count - 1) and _touch(*sides[one], *sides[other]):
                return True
    return False


def _touch(a: Point, b: Point, c: Point, d: Point) -> bool:
    turns = (_turn(a, b, c), _turn(a, b, d), _turn(c, d, a), _turn(c, d, b))
    if turns[0] * turns[1] < 0 and turns[2] * turns[3] < 0:
        return True
    ends = ((a, b, c), (a, b, d), (c, d, a), (c, d, b))
    return any(turn == 0 and _between(*each) for turn, each in zip(turns, ends, strict=True))


def _turn(a: Point, b: Point, c: Point) -> float:
    """Above 0 when c lies to one side of the line from a to b, below for the other."""
    return round((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]), 9)


def _between(a: Point, b: Point, c: Point) -> bool:
    return min(a[0], b[0]) <= c[0] <= max(a[0], b[0]) and min(a[1], b[1]) <= c[1] <= max(a[1], b[1])


def _area(points: Sequence[Point]) -> float:
    """Signed area of a polygon (the shoelace formula)."""
    pairs = zip(points, [*points[1:], points[0]], strict=True)
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in pairs) / 2
