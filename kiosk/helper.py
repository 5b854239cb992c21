"""Calling a person: one call at a time, however often an anxious hand presses."""

from __future__ import annotations

import re
import secrets
import threading

from broker.contract.kiosk import HelperCalled
from kiosk.house import House

AGAIN_AFTER_S = 30.0
"""A second press within this time is the same call."""

_PATH = re.compile(r"/[a-z0-9./-]{0,80}", re.ASCII)


class Bell:
    """Sends `HelperCalled`: the house loudspeaker hears it at once, the commune when there is a network."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._last_s: float | None = None
        self._lock = threading.Lock()

    def ring(self, page: str) -> bool:
        """Call. Returns False when the last call was moments ago and still stands. Raises OutboxFull.

        page: path of the page the person was on; anything typed never stands in a path.
        """
        with self._lock:
            now_s = self._house.clock.monotonic()
            if self._last_s is not None and now_s - self._last_s < AGAIN_AFTER_S:
                return False
            where = page if _PATH.fullmatch(page) else "/"
            self._house.post.send(
                HelperCalled(call=secrets.token_hex(8), at=self._house.clock.now(), page=where)
            )
            self._last_s = now_s
            return True
