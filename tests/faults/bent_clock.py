"""A clock that jumps when a test says so: the machine's own time plus the seconds that stand in a file."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from broker.link.clock import ClockState


class BentClock:
    """The interface of broker.link.clock.Clock; wall time jumps either way, monotonic time does not notice."""

    def __init__(self, file: Path) -> None:
        """file: seconds to add, as `bend` writes them; none while it does not exist."""
        self._file = file

    def now(self) -> datetime:
        """Wall time, aware, UTC."""
        return datetime.now(UTC) + timedelta(seconds=self._offset_s())

    def state(self) -> ClockState:
        """Believed whatever it shows: that is what makes a wrong clock a fault."""
        return "trusted"

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def error_ms(self) -> int | None:
        """Nothing is known of how wrong it is."""
        return None

    def _offset_s(self) -> float:
        try:
            return float(self._file.read_text(encoding="ascii"))
        except OSError:
            return 0.0


def bend(file: Path, seconds: float) -> None:
    """Let every BentClock of this file jump."""
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    part.write_text(f"{seconds}", encoding="ascii")
    part.replace(file)
