"""Wait for something to become true, with a deadline; the tests' only way to wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


def until(check: Callable[[], object], seconds: float, why: Callable[[], object] = lambda: "") -> None:
    """Look every 20 ms until `check` is true. Raises AssertionError with `why()` after `seconds`."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not check():
        if time.monotonic() > deadline:
            raise AssertionError(f"not true within {seconds} s; {why()}")
        pause.wait(0.02)
