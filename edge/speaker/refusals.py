"""Which refused commands are worth a receipt: each reason once for a play, and never so many that a flood of forged
commands fills the disk and the line."""

from __future__ import annotations

from typing import Final

from broker.link.clock import Clock

DAY_S: Final = 86_400.0
MOST_A_DAY: Final = 20_000
"""About 14 MB of receipts: less than half of what the outbox may hold."""


class Refusals:
    """What was told in the last day. For one thread."""

    def __init__(self, clock: Clock, most: int = MOST_A_DAY) -> None:
        """most: receipts a day."""
        self._clock = clock
        self._most = most
        self._told: dict[tuple[str, str], float] = {}
        """Play and code, the oldest first; when it was told, in monotonic seconds."""

    def may_tell(self, occurrence: str, code: str) -> bool:
        """Whether a receipt is to be written of this refusal; it then counts as told."""
        now_s = self._clock.monotonic()
        while self._told and now_s - next(iter(self._told.values())) >= DAY_S:
            del self._told[next(iter(self._told))]
        what = (occurrence[:200], code)
        if len(self._told) >= self._most or what in self._told:
            return False
        self._told[what] = now_s
        return True
