"""The hub's clock as a line over this machine's monotonic clock, out of questions that crossed a network. Pure.

A question gives two bounds: the hub heard it after it was asked, and told its time before the answer came. What lies
between a bound and the truth is the time a packet was on its way, which varies; so only the fastest packets of each
direction say much. The line is laid between the lower edge of all ways there and the lower edge of all ways back
(the method of Moon, Skelly and Towsley, "Estimation and removal of clock skew from network delay measurements",
INFOCOM 1999, for both directions at once). What stays unknown is how much the fastest way there differs from the
fastest way back: half of that difference is the error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

MOST_DRIFT: Final = 200e-6
"""Seconds per second; a crystal that is worse is broken."""
USUAL_DRIFT: Final = 30e-6
"""How far two crystals differ usually: what is believed while few answers speak of it."""
LEAST_WAY_S: Final = 0.0002
"""Nothing on the way varies less than this on a computer that does something else besides."""
CONTRADICTS_S: Final = 0.025

_SLOPES: Final = np.arange(-MOST_DRIFT, MOST_DRIFT + 1e-9, 0.5e-6)


@dataclass(frozen=True)
class Answer:
    """One question and its answer: seconds of this machine's monotonic clock, and of the hub's (since 1970)."""

    asked_s: float
    came_s: float
    hub_heard_s: float
    hub_told_s: float

    @property
    def way_s(self) -> float:
        """There and back, without the hub's own time."""
        return (self.came_s - self.asked_s) - (self.hub_told_s - self.hub_heard_s)


@dataclass(frozen=True)
class Line:
    """At monotonic second `at_s` the hub's clock shows `hub_s`, and gains `drift` in every second."""

    at_s: float
    hub_s: float
    drift: float
    heard_s: float
    """Monotonic second of the newest answer it was laid through."""

    def hub_at(self, monotonic_s: float) -> float:
        """What the hub's clock shows at a monotonic second, in seconds since 1970."""
        passed_s = monotonic_s - self.at_s
        return self.hub_s + passed_s + self.drift * passed_s

    def contradicts(self, answer: Answer) -> bool:
        """Whether this answer cannot be true if the line is: one of the clocks was set, or somebody lies."""
        margin_s = CONTRADICTS_S + MOST_DRIFT / 2 * max(0.0, answer.came_s - self.heard_s)
        return (
            self.hub_at(answer.asked_s) > answer.hub_heard_s + margin_s
            or self.hub_at(answer.came_s) < answer.hub_told_s - margin_s
        )


def lay(answers: Sequence[Answer]) -> Line:
    """The line through at least one answer.

    Of all drifts the likeliest: packets take exponentially longer than the fastest did (mean from the answers
    themselves), crystals differ by USUAL_DRIFT.
    """
    last = answers[-1]
    rows: NDArray[np.float64] = np.array(
        [
            (each.asked_s - last.came_s, each.hub_heard_s - last.hub_told_s,
             each.came_s - last.came_s, each.hub_told_s - last.hub_told_s)
            for each in answers
        ]
    )  # fmt: skip
    asked, heard, came, told = rows.T
    there = (heard - asked)[None, :] - _SLOPES[:, None] * asked
    back = (came - told)[None, :] + _SLOPES[:, None] * came
    edge_there, edge_back = there.min(axis=1), back.min(axis=1)
    spread = (there.mean(axis=1) - edge_there + back.mean(axis=1) - edge_back) / 2 + LEAST_WAY_S
    likely = -2 * len(answers) * np.log(spread) - _SLOPES**2 / (2 * USUAL_DRIFT**2)
    weight = np.exp(likely - likely.max())
    weight /= weight.sum()
    lead_s = float(weight @ (edge_there - edge_back)) / 2
    return Line(last.came_s, last.hub_told_s + lead_s, float(weight @ _SLOPES), last.came_s)
