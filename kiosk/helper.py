"""Calling a person: one call at a time, however often an anxious hand presses."""

from __future__ import annotations

import re
import secrets
import threading
from typing import Literal

from broker.contract.kiosk import HelperCalled
from kiosk.house import House

AGAIN_AFTER_S = 180.0
"""A second press within this time is the same call: one line for who answers, not ten."""

State = Literal["there", "sending", "waiting"]
"""there: the hub has acknowledged it; sending: on its way; waiting: no network."""

_PATH = re.compile(r"/[a-z0-9./-]{0,80}", re.ASCII)


class Bell:
    """Sends `HelperCalled`, and knows of each call no more than the hub has acknowledged."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._last: tuple[str, float, str] | None = None
        """Name of the newest call, when (monotonic), and the page it told of."""
        self._lock = threading.Lock()

    def ring(self, page: str) -> tuple[str, bool]:
        """Call. Returns the call's name, and False when it is one of minutes ago that still stands. Raises OutboxFull.

        page: path of the page the person was on; anything typed never stands in a path.
        """
        with self._lock:
            now_s = self._house.clock.monotonic()
            if self._last is not None and now_s - self._last[1] < AGAIN_AFTER_S:
                return self._last[0], False
            where = page if _PATH.fullmatch(page) else "/"
            call = secrets.token_hex(8)
            self._house.post.send(HelperCalled(call=call, at=self._house.clock.now(), page=where))
            self._last = call, now_s, where
            return call, True

    def page_of(self, call: str) -> str | None:
        """The page that the newest call told of; None for any other name."""
        with self._lock:
            return self._last[2] if self._last is not None and self._last[0] == call else None

    def state(self, call: str) -> State:
        """What is known of a call."""
        if not self._house.post.is_waiting(call):
            return "there"
        return "sending" if self._house.post.connected else "waiting"
