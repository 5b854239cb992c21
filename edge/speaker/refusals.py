"""Which refused commands are worth a receipt: each reason once for a play, and never so many that a flood of forged
commands fills the disk and the line."""

from __future__ import annotations

from collections import deque
from typing import Final

from broker.link.clock import Clock

HOUR_S: Final = 3600.0
MOST_AN_HOUR: Final = 200


class Refusals:
    """What was told of late. For one thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._told: deque[tuple[float, tuple[str, str]]] = deque()

    def may_tell(self, occurrence: str, code: str) -> bool:
        """Whether a receipt is to be written of this refusal; it then counts as told."""
        now_s = self._clock.monotonic()
        while self._told and now_s - self._told[0][0] >= HOUR_S:
            self._told.popleft()
        what = (occurrence[:200], code)
        if len(self._told) >= MOST_AN_HOUR or any(each == what for _, each in self._told):
            return False
        self._told.append((now_s, what))
        return True
