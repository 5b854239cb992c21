"""Where received messages wait for the worker that wants them."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Inbox(Generic[T]):
    """A bounded queue. When it is full the oldest entry gives way and is counted in `dropped`.

    For the durable lanes nothing is lost by that: what was not acknowledged is sent again.
    """

    def __init__(self, limit: int) -> None:
        self._entries: deque[T] = deque()
        self._limit = limit
        self._ready = threading.Condition()
        self.dropped = 0

    def put(self, entry: T) -> None:
        """Add without waiting."""
        with self._ready:
            if len(self._entries) >= self._limit:
                self._entries.popleft()
                self.dropped += 1
            self._entries.append(entry)
            self._ready.notify()

    def get(self, timeout_s: float) -> T | None:
        """The next entry, or None after `timeout_s` seconds without one."""
        deadline = time.monotonic() + timeout_s
        with self._ready:
            while not self._entries:
                left = deadline - time.monotonic()
                if left <= 0 or not self._ready.wait(left):
                    return None
            return self._entries.popleft()

    def __len__(self) -> int:
        with self._ready:
            return len(self._entries)
