"""Leaving alone an engine that fails, so that nobody waits for it again and again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

_FIRST_REST_S, _LONGEST_REST_S = 15 * 60.0, 24 * 3600.0
_FORGIVEN = 2
"""Failures in a row."""


@dataclass
class Breaker:
    """Stops asking an engine that fails: 15 minutes after a refusal or three failures, then twice as long."""

    monotonic: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _failures: int = 0
    _rest_s: float = _FIRST_REST_S
    _until_s: float = float("-inf")

    def rest_s(self) -> float:
        """Seconds until it may be asked again; 0 when it may now."""
        with self._lock:
            return max(self._until_s - self.monotonic(), 0.0)

    def note_failure(self, *, is_refusal: bool = False) -> None:
        """Count a failure; a refusal (429 and its like) opens at once."""
        with self._lock:
            self._failures += 1
            if is_refusal or self._failures > _FORGIVEN:
                self._until_s = self.monotonic() + self._rest_s
                self._rest_s = min(self._rest_s * 2, _LONGEST_REST_S)
                self._failures = 0

    def note_success(self) -> None:
        """Forget what failed before."""
        with self._lock:
            self._failures, self._rest_s = 0, _FIRST_REST_S
