"""Neighbouring loudspeakers that speak in turns: who is near whom, and who speaks in which turn. Pure.

Two clusters a few hundred metres apart are heard together outdoors, the farther one up to a second later, and neither
is understood. Japanese communes let groups speak one after another for that, by hand; here the groups come from the
coordinates. Emergencies and "Phát ngay" never wait: everybody must hear those at once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from math import asin, cos, radians, sin, sqrt
from typing import Final

NEAR_M: Final = 600.0
"""So near, two clusters of 50–120 W are heard together (research: 449 ms apart at 300 m, 601 ms at 400 m)."""
REST_S: Final = 10.0
"""Silence between one turn and the next."""
SPARE_S: Final = 30.0
"""The last turn is planned so much inside the signed tolerance, for a loudspeaker that is a little late."""
MOST_OFFSET_S: Final = 870.0
"""No turn begins later than this after its hour: nobody calls an hour kept that is a quarter of an hour off."""
_EARTH_M: Final = 6_371_000.0
_DEGREE_M: Final = 111_000.0


@dataclass(frozen=True)
class Point:
    """Where a node's loudspeakers stand, degrees (WGS 84), and its village."""

    latitude: float
    longitude: float
    village: str = ""


@dataclass(frozen=True)
class Turns:
    """Who is near whom in a commune, and the turns that follow. Empty where nobody speaks in turns."""

    points: Mapping[str, Point] = field(default_factory=dict)
    """By node; a node without coordinates is in no turn and speaks with the first."""
    _known: dict[frozenset[str], Mapping[str, int]] = field(default_factory=dict, compare=False, repr=False)

    def groups(self, villages: Collection[str]) -> Mapping[str, int]:
        """The turn of every node of some villages, from 0; only those that hear it together are kept apart."""
        asked = frozenset(villages)
        if asked not in self._known:
            here = {name: point for name, point in self.points.items() if point.village in asked}
            self._known[asked] = colour(neighbours(here))
        return self._known[asked]

    def spread_s(self, villages: Collection[str], length_s: float, tolerance_s: float) -> float:
        """How much after the first turn the last one begins; 0 where all speak at once.

        All at once too where the turns would not fit what was signed: half a turn helps nobody.
        """
        if not self.points:
            return 0.0
        last = max(self.groups(villages).values(), default=0)
        spread = last * (length_s + REST_S)
        return spread if spread + SPARE_S <= tolerance_s and spread <= MOST_OFFSET_S else 0.0

    def needs_s(self, villages: Collection[str], length_s: float) -> float:
        """The tolerance that has to be signed for the turns to fit; 0 where there are none, or too many."""
        spread = self.spread_s(villages, length_s, MOST_OFFSET_S + SPARE_S)
        return spread + SPARE_S if spread else 0.0

    def offset_s(self, node: str, villages: Collection[str], length_s: float, tolerance_s: float) -> float:
        """How much after the first turn this node begins."""
        if not self.spread_s(villages, length_s, tolerance_s):
            return 0.0
        return self.groups(villages).get(node, 0) * (length_s + REST_S)


NO_TURNS: Final = Turns()


def distance_m(one: Point, other: Point) -> float:
    """Metres between two points over the ground (haversine on a sphere, right to half a percent)."""
    south, north = radians(one.latitude), radians(other.latitude)
    east = radians(other.longitude - one.longitude)
    half = sin((north - south) / 2) ** 2 + cos(south) * cos(north) * sin(east / 2) ** 2
    return 2 * _EARTH_M * asin(min(1.0, sqrt(half)))


def neighbours(points: Mapping[str, Point], near_m: float = NEAR_M) -> dict[str, frozenset[str]]:
    """Which nodes are nearer than `near_m` to each."""
    rows = sorted(points.items(), key=lambda each: (each[1].latitude, each[0]))
    found: dict[str, set[str]] = {name: set() for name in points}
    for n, (name, point) in enumerate(rows):
        for other, its in rows[n + 1 :]:
            if (its.latitude - point.latitude) * _DEGREE_M > near_m:
                break
            if distance_m(point, its) < near_m:
                found[name].add(other)
                found[other].add(name)
    return {name: frozenset(near) for name, near in found.items()}


def colour(near: Mapping[str, frozenset[str]]) -> dict[str, int]:
    """A turn for every node, so that no two neighbours share one; few turns, and the same every time.

    DSATUR (Brélaz 1979): the node whose neighbours already hold most turns is next; ties by degree, then by name.
    """
    turn: dict[str, int] = {}
    taken: dict[str, set[int]] = {name: set() for name in near}
    left = set(near)
    while left:
        name = min(left, key=lambda one: (-len(taken[one]), -len(near[one]), one))
        left.remove(name)
        turn[name] = next(n for n in range(len(near)) if n not in taken[name])
        for other in near[name]:
            taken[other].add(turn[name])
    return turn
