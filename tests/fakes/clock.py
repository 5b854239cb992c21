"""A clock that a test moves by hand: wall time can jump either way, monotonic time only runs on."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Literal

State = Literal["trusted", "estimated", "unknown"]


class FakeClock:
    """The interface of broker.link.clock.Clock. With `running`, real time passes too."""

    def __init__(
        self,
        now: datetime = datetime(2026, 11, 21, 2, 0, tzinfo=UTC),
        state: State = "trusted",
        *,
        running: bool = False,
        speed: float = 1.0,
    ) -> None:
        """speed: seconds of this clock in one real second, where it is running."""
        self._start = now
        self._state: State = state
        self._speed = speed if running else 0.0
        self._zero_s = time.monotonic()
        self._moved_s = 0.0
        self._stepped_s = 0.0
        self._error_ms: int | None = None
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """The time it is, aware, UTC."""
        with self._lock:
            return self._start + timedelta(seconds=self._elapsed_s() + self._stepped_s)

    def state(self) -> State:
        """How far this clock can be believed."""
        with self._lock:
            return self._state

    def monotonic(self) -> float:
        """Seconds that never go back."""
        with self._lock:
            return self._elapsed_s()

    def error_ms(self) -> int | None:
        """What a test said."""
        with self._lock:
            return self._error_ms

    def err(self, error_ms: int | None) -> None:
        """Change how wrong this clock says it may be."""
        with self._lock:
            self._error_ms = error_ms

    def advance(self, seconds: float) -> None:
        """Let time pass: both clocks move."""
        with self._lock:
            self._moved_s += seconds

    def step(self, seconds: float) -> None:
        """Set the wall clock forward or back; monotonic time does not notice."""
        with self._lock:
            self._stepped_s += seconds

    def believe(self, state: State) -> None:
        """Change how far the clock can be believed."""
        with self._lock:
            self._state = state

    def _elapsed_s(self) -> float:
        return self._moved_s + (time.monotonic() - self._zero_s) * self._speed
