"""Which villages a warning is for: by codes, by polygons and circles on the map, by words alone. Pure.

Coordinates are WGS 84, degrees, latitude first, as CAP writes them. Within a commune the earth is flat enough for
polygons; circles are measured on the sphere.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from broker.hub.declined import Declined

Point = tuple[float, float]

MOST_AREAS: Final = 2000
MOST_POINTS: Final = 100_000
"""Of all polygons together; the outline of a country has 40,000."""
NEAR_KM: Final = 20.0
"""A village nobody has put on the map counts as reached when a warning comes so near to one that is: the two are of
one commune."""
EARTH_KM: Final = 6371.0


@dataclass(frozen=True)
class Circle:
    """All points within `radius_km` of `centre`."""

    centre: Point
    radius_km: float


@dataclass(frozen=True)
class Area:
    """One place of a warning: any of its shapes and codes is enough."""

    description: str
    polygons: Sequence[Sequence[Point]] = ()
    circles: Sequence[Circle] = ()
    geocodes: Sequence[tuple[str, str]] = ()
    is_open: bool = False
    """A polygon did not end where it began; it was closed."""

    @property
    def is_words(self) -> bool:
        """Whether only words say where it is."""
        return not (self.polygons or self.circles or self.geocodes)


@dataclass(frozen=True)
class Place:
    """A village and where its loudspeakers stand; none known: nobody has entered it."""

    village: str
    points: Sequence[Point] = ()


@dataclass(frozen=True)
class Reach:
    """For whom a warning is. Villages by code, in the order they were given."""

    villages: Sequence[str] = ()
    guessed: Sequence[str] = ()
    """Those among them nobody has put on the map."""
    by_words: Sequence[str] = ()
    """Descriptions that no machine can place, when nothing else said where: a person decides."""


def area(
    description: str, polygons: Iterable[str], circles: Iterable[str], geocodes: Sequence[tuple[str, str]]
) -> Area:
    """An area out of the words of a message. Raises Declined for coordinates that are none."""
    rings = [[_point(pair) for pair in text.split()] for text in polygons if text]
    is_open = any(len(ring) < 4 or ring[0] != ring[-1] for ring in rings)
    return Area(
        description,
        [[*ring, ring[0]] if ring[0] != ring[-1] else ring for ring in rings],
        [_circle(each) for each in circles if each],
        [(name, value) for name, value in geocodes if value],
        is_open,
    )


def reach(found: Sequence[Area], places: Sequence[Place], codes: Iterable[str]) -> Reach:
    """Which of the places the areas mean.

    codes: those the commune goes by, `code` or `name=code`; one of them means all its villages, as does no area at
    all. Raises Declined for more areas or points than any warning needs.
    """
    if len(found) > MOST_AREAS or sum(len(ring) for one in found for ring in one.polygons) > MOST_POINTS:
        raise Declined("cap-areas", f"Tin kể quá nhiều nơi (nhiều nhất {MOST_AREAS}); xin hỏi lại nơi gửi.")
    every = [place.village for place in places]
    if not found or _is_named(found, codes):
        return Reach(every)
    on_map = [place for place in places if place.points]
    inside = {
        place.village for place in on_map if any(_holds(one, at) for at in place.points for one in found)
    }
    unknown = [place.village for place in places if not place.points]
    guessed = (
        unknown if unknown and _may_reach(found, [at for place in on_map for at in place.points]) else []
    )
    villages = [code for code in every if code in inside or code in guessed]
    words = [one.description for one in found if one.is_words and one.description]
    if not villages and words:
        return Reach(every, every, words)
    return Reach(villages, guessed)


def _may_reach(found: Sequence[Area], known: Sequence[Point]) -> bool:
    """Whether villages nobody has put on the map may be meant: a shape is near the middle of those on it, or none is
    on it."""
    shaped = [one for one in found if one.polygons or one.circles]
    if not known:
        return bool(shaped)
    middle = (sum(at[0] for at in known) / len(known), sum(at[1] for at in known) / len(known))
    return any(_is_near(one, middle) for one in shaped)


def _is_named(found: Sequence[Area], codes: Iterable[str]) -> bool:
    wanted = {_plain(code) for code in codes if code.strip()}
    return any(
        _plain(value) in wanted or f"{_plain(name)}={_plain(value)}" in wanted
        for one in found
        for name, value in one.geocodes
    )


def _plain(text: str) -> str:
    name, mark, value = text.partition("=")
    return f"{name.strip()}{mark}{value.strip()}".casefold()


def _circle(text: str) -> Circle:
    try:
        centre, radius = text.split()
        radius_km = float(radius)
    except ValueError as why:
        raise _bad("circle") from why
    if not 0 <= radius_km <= 2 * math.pi * EARTH_KM:
        raise _bad("circle")
    return Circle(_point(centre), radius_km)


def _point(text: str) -> Point:
    try:
        latitude, longitude = (float(part) for part in text.split(","))
    except ValueError as why:
        raise _bad("polygon") from why
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise _bad("polygon")
    return latitude, longitude


def _bad(name: str) -> Declined:
    return Declined(
        "cap-rule", f"Tin trái quy tắc của chuẩn CAP 1.2: phần <{name}> có toạ độ không đọc được."
    )


def _holds(one: Area, at: Point) -> bool:
    return any(_is_inside(at, ring) for ring in one.polygons) or any(
        distance_km(at, circle.centre) <= circle.radius_km for circle in one.circles
    )


def _is_near(one: Area, at: Point) -> bool:
    """Whether the area comes within NEAR_KM of a point; of a polygon its corners and inside are asked."""
    if _holds(one, at):
        return True
    if any(distance_km(at, circle.centre) <= circle.radius_km + NEAR_KM for circle in one.circles):
        return True
    return any(_edge_km(at, ring) <= NEAR_KM for ring in one.polygons)


def _is_inside(at: Point, ring: Sequence[Point]) -> bool:
    """Even-odd rule (ray to the east); a point on an edge may count either way."""
    y, x = at
    if all(north > y for north, _ in ring) or all(north < y for north, _ in ring):
        return False
    inside = False
    for (y1, x1), (y2, x2) in pairwise(ring):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            inside = not inside
    return inside


def _edge_km(at: Point, ring: Sequence[Point]) -> float:
    """Distance to the nearest edge, on a plane laid at the point."""
    per_y = math.radians(1) * EARTH_KM
    per_x = per_y * math.cos(math.radians(at[0]))
    flat = [((x - at[1]) * per_x, (y - at[0]) * per_y) for y, x in ring]
    return min(_segment_km(a, b) for a, b in pairwise(flat))


def _segment_km(a: Point, b: Point) -> float:
    """Distance from the origin to a segment."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = dx * dx + dy * dy
    along = 0.0 if length == 0 else max(0.0, min(1.0, -(a[0] * dx + a[1] * dy) / length))
    return math.hypot(a[0] + along * dx, a[1] + along * dy)


def distance_km(a: Point, b: Point) -> float:
    """Between two points on the sphere (haversine)."""
    phi1, phi2 = math.radians(a[0]), math.radians(b[0])
    half = math.sin((phi2 - phi1) / 2) ** 2
    half += math.cos(phi1) * math.cos(phi2) * math.sin(math.radians(b[1] - a[1]) / 2) ** 2
    return 2 * EARTH_KM * math.asin(min(1.0, math.sqrt(half)))
