"""How many messages a minute each lane of each source brings, from how far they were stored when pages looked."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta

Mark = tuple[str, str, str]
"""Source, epoch, lane."""

KEPT = timedelta(minutes=10)
LEAST = timedelta(seconds=20)
"""Two looks nearer together than this say too little."""


class Pace:
    """Remembers what the last pages saw, for ten minutes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._looks: deque[tuple[datetime, Mapping[Mark, int]]] = deque()

    def look(self, uptos: Mapping[Mark, int], at: datetime) -> dict[Mark, float]:
        """Note how far each lane is stored; messages a minute of those that were there at the earliest look."""
        with self._lock:
            while self._looks and not timedelta() <= at - self._looks[0][0] <= KEPT:
                self._looks.popleft()
            if not self._looks or at - self._looks[-1][0] >= LEAST:
                self._looks.append((at, dict(uptos)))
            begun, before = self._looks[0]
        minutes = (at - begun) / timedelta(minutes=1)
        if at - begun < LEAST:
            return {}
        return {
            mark: (upto - before[mark]) / minutes
            for mark, upto in uptos.items()
            if upto >= before.get(mark, upto + 1)
        }
