"""One instant as a node knows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from broker.contract.camera import ClockState


@dataclass(frozen=True)
class Moment:
    """One instant by both clocks of the node."""

    at: datetime
    mono_ms: int
    """By the clock that nobody sets, since the machine started."""
    clock: ClockState
    """How far `at` may be believed."""
