"""How long the commune keeps this loudspeaker silent: by its plan, and from the moment somebody pressed stop."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Final

from broker.link.clock import Clock

STOP_HOLDS_S: Final = 15.0
"""After the order to stop everything nothing starts for so long: until the plan that says for how long is here."""


class Silence:
    """Whether silence holds. Safe for several threads; asked many times a second."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._stopped_at: datetime | None = None
        self._stop_until_s = clock.monotonic()
        self._until: datetime | None = None
        self._until_s = 0.0

    def stop(self, at: datetime) -> None:
        """Everything was stopped, at this time of the hub."""
        with self._lock:
            self._stopped_at = at if at.tzinfo is not None else None
            self._stop_until_s = self._clock.monotonic() + STOP_HOLDS_S

    def plan(self, made_at: datetime, until: datetime | None) -> None:
        """A new plan is in force; one that was made after the stop says all that is to be said of silence."""
        with self._lock:
            now_s = self._clock.monotonic()
            if self._stopped_at is not None and made_at >= self._stopped_at:
                self._stop_until_s = now_s
            if until != self._until:
                self._until = until
                self._until_s = now_s + ((until - made_at).total_seconds() if until is not None else 0.0)

    def holds(self) -> bool:
        """Whether nothing may sound now. A clock nobody can believe cannot prolong what a plan asked for: then the
        time that has passed since the plan came counts."""
        with self._lock:
            now_s = self._clock.monotonic()
            if now_s < self._stop_until_s:
                return True
            if self._until is None:
                return False
            if self._clock.state() == "unknown":
                return now_s < self._until_s
            return self._clock.now() < self._until
