"""What to do about a false alarm that comes again: an area, perhaps with hours, or a lower sensitivity. Pure.

Every proposal is tried on the stored alerts of its camera by the node's own rule (broker/trust/areas.py) before anybody
sees it; of several the first that hides no true alert is taken, else the one that hides fewest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from broker.link.clock import LOCAL
from broker.trust.areas import stands_in

Box = tuple[float, float, float, float]
Point = tuple[float, float]
Outcome = Literal["false", "true", "open"]

PAD: Final = 0.02
"""Around what moved, as a share of the picture: leaves reach further tomorrow."""
NEAR: Final = 0.06
"""False alarms this near to what moved belong to it."""
LARGEST: Final = 0.4
"""A larger area would blind the camera: then a lower sensitivity is proposed."""
FEW: Final = 2
LARGEST_OF_FEW: Final = 0.2
"""What one or two false alarms may take: something large that moved once, as a lorry that turned, says little about the
place, and half the yard would be given away for it. A third one in the same place bears it out up to LARGEST. Nor do
one or two without such a place lower what the whole camera tells."""
FEWEST_FOR_HOURS: Final = 4
LONGEST_H: Final = 10
"""False alarms that all fall into so many hours of the day are told of outside these hours."""
MOST_CORNERS: Final = 8
"""Of an area: the areas of all cameras of a node travel in one packet."""
STEP: Final = 0.2
LOWEST: Final = 0.1


@dataclass(frozen=True)
class Past:
    """A stored alert: when, where it moved, and what officers said it was. `open` may turn out to be true."""

    id: int
    at: datetime
    boxes: tuple[Box, ...]
    outcome: Outcome


@dataclass(frozen=True)
class Proposal:
    """What a camera would not tell any more. One of corners and sensitivity."""

    corners: tuple[Point, ...] | None = None
    hours: tuple[int, int] | None = None
    """Minutes of the local day, since and until; over midnight when until is not later. None: always."""
    sensitivity: float | None = None


@dataclass(frozen=True)
class Trial:
    """A proposal tried on stored alerts."""

    hidden: tuple[Past, ...]
    told: tuple[Past, ...]

    def count(self, *outcomes: Outcome) -> int:
        """How many of these would not have been told."""
        return sum(each.outcome in outcomes for each in self.hidden)


def propose(alert: Past, others: Sequence[Past], sensitivity: float) -> Proposal | None:
    """The best answer to a false alert; None when it has no place and is one of FEW or nothing lower can be set.

    others: what else the camera told in the last weeks. sensitivity: what was in force at the time of the alert.
    How large an area may be depends on how many false alarms speak for it (LARGEST_OF_FEW, LARGEST).
    """
    alike = [each for each in others if each.outcome == "false" and _is_near(each, alert)]
    hours = _hours_of([alert, *alike])
    wanted = []
    for group in ([alert, *alike], [alert]):
        largest = LARGEST_OF_FEW if len(group) <= FEW else LARGEST
        corners = _around((box for each in group for box in each.boxes), largest)
        if corners is not None:
            wanted += [Proposal(corners), *([Proposal(corners, hours)] if hours else [])]
    if not wanted:
        lower = max(LOWEST, round(sensitivity - STEP, 2))
        false = [each for each in [alert, *others] if each.outcome == "false"]
        if lower >= sensitivity or len(false) <= FEW:
            return None
        return Proposal(hours=_hours_of(false), sensitivity=lower)
    harm = [try_on(each, others).count("true", "open") for each in wanted]
    return wanted[harm.index(min(harm))]


def try_on(proposal: Proposal, past: Iterable[Past]) -> Trial:
    """What would have been told and what not. A sensitivity cannot be tried on boxes: nothing counts as hidden."""
    hidden: list[Past] = []
    told: list[Past] = []
    for each in past:
        (hidden if _hides(proposal, each) else told).append(each)
    return Trial(tuple(hidden), tuple(told))


def _hides(proposal: Proposal, past: Past) -> bool:
    corners = proposal.corners
    if corners is None or not past.boxes or not holds(proposal.hours, past.at):
        return False
    return all(stands_in(corners, *box) for box in past.boxes)


def holds(hours: tuple[int, int] | None, at: datetime) -> bool:
    """Whether a moment falls into these minutes of the local day; None is always."""
    if hours is None:
        return True
    local = at.astimezone(LOCAL)
    minute, (since, until) = local.hour * 60 + local.minute, hours
    return since <= minute < until if until > since else minute >= since or minute < until


def _is_near(one: Past, other: Past) -> bool:
    """Whether all that moved there moved where the other did."""
    frame = _frame(other.boxes, NEAR)
    return bool(one.boxes) and frame is not None and all(_is_within(box, frame) for box in one.boxes)


def _frame(boxes: Sequence[Box], pad: float) -> Box | None:
    """Left, top, right, bottom of all boxes with a margin, within the picture."""
    if not boxes:
        return None
    return (
        max(0.0, min(x for x, _, _, _ in boxes) - pad),
        max(0.0, min(y for _, y, _, _ in boxes) - pad),
        min(1.0, max(x + w for x, _, w, _ in boxes) + pad),
        min(1.0, max(y + h for _, y, _, h in boxes) + pad),
    )


def _is_within(box: Box, frame: Box) -> bool:
    x, y, w, h = box
    left, top, right, bottom = frame
    return left <= x and top <= y and x + w <= right and y + h <= bottom


def _around(boxes: Iterable[Box], largest: float) -> tuple[Point, ...] | None:
    """The convex hull of the boxes with a margin, or their rectangle; None for what is larger than `largest`."""
    corners = set()
    for box in boxes:
        frame = _frame([box], PAD)
        assert frame is not None  # noqa: S101  # one box
        left, top, right, bottom = (round(each, 3) for each in frame)
        corners |= {(left, top), (right, top), (right, bottom), (left, bottom)}
    hull = _hull(sorted(corners))
    if len(hull) > MOST_CORNERS:
        (left, *_, right), (top, *_, bottom) = (sorted(each) for each in zip(*hull, strict=True))
        hull = ((left, top), (right, top), (right, bottom), (left, bottom))
    return hull if hull and _size(hull) <= largest else None


def _hull(points: Sequence[Point]) -> tuple[Point, ...]:
    """Andrew's monotone chain."""
    if len(points) < 3:
        return ()

    def half(ordered: Iterable[Point]) -> list[Point]:
        chain: list[Point] = []
        for point in ordered:
            while len(chain) > 1 and _turn(chain[-2], chain[-1], point) <= 0:
                chain.pop()
            chain.append(point)
        return chain[:-1]

    return (*half(points), *half(reversed(points)))


def _turn(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _size(corners: Sequence[Point]) -> float:
    pairs = zip(corners, [*corners[1:], corners[0]], strict=True)
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in pairs)) / 2


def _hours_of(past: Sequence[Past]) -> tuple[int, int] | None:
    """The shortest span of whole hours in which all of them fell; None when they are few or spread over the day."""
    taken = sorted({each.at.astimezone(LOCAL).hour for each in past})
    if len(past) < FEWEST_FOR_HOURS:
        return None
    gaps = [((taken[(n + 1) % len(taken)] - hour - 1) % 24, n) for n, hour in enumerate(taken)]
    widest, n = max(gaps)
    if 24 - widest > LONGEST_H:
        return None
    since, until = taken[(n + 1) % len(taken)], (taken[n] + 1) % 24
    return since * 60, until * 60


def boxes_of(found: Iterable[dict[str, Any]]) -> list[Box]:
    """Boxes as the records keep them; what is none is left out."""
    kept = []
    for each in found:
        try:
            kept.append((float(each["x"]), float(each["y"]), float(each["w"]), float(each["h"])))
        except (KeyError, TypeError, ValueError):
            continue
    return kept
