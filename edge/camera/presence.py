"""Is a camera there? From packets, pictures and silence to connecting, live, offline. Pure."""

from __future__ import annotations

from collections import deque
from typing import Literal

State = Literal["connecting", "live", "offline"]

OFFLINE_S = 8.0
"""No packet for this long: the camera is offline. The last picture is never shown as if it were live."""
BLIND_S = 30.0
"""Packets of which no picture can be made for this long are as good as none."""


class Presence:
    """Follows one camera. Times are monotonic seconds."""

    def __init__(self, now_s: float) -> None:
        self.state: State = "connecting"
        self.since_s = now_s
        self.last_s: float | None = None
        """When the last packet of a stream came that could be seen; None before the first."""
        self._began_s = now_s
        self._seen_s: float | None = None
        self._recent: deque[float] = deque(maxlen=240)

    def packet(self, came_s: float, newest_s: float | None = None) -> bool:
        """A packet came. True when the state changed: a stream that could be seen before is live with it.

        newest_s: when the newest packet came, if some still wait to be looked at.
        """
        self._recent.append(came_s)
        heard_s = came_s if newest_s is None else newest_s
        if self._seen_s is None or heard_s - self._seen_s > BLIND_S:
            return False
        return self._heard(heard_s)

    def picture(self, heard_s: float) -> bool:
        """A picture could be made; `heard_s` is when the newest packet came. True when the state changed."""
        self._seen_s = heard_s
        return self._heard(heard_s)

    def _heard(self, heard_s: float) -> bool:
        """What is only looked at late makes nothing live again."""
        if self.last_s is not None and heard_s <= self.last_s:
            return False
        self.last_s = heard_s
        return self._enter("live", heard_s)

    def broken(self) -> None:
        """The connection ended: what comes next must show that it can be seen."""
        self._seen_s = None
        self._recent.clear()

    @property
    def silent_since_s(self) -> float:
        """The last packet that could be seen, or when this began to wait for one."""
        return self._began_s if self.last_s is None else self.last_s

    def look(self, now_s: float) -> bool:
        """Time went on. True when the state changed; silence counts from the last packet that could be seen."""
        if now_s - self.silent_since_s > OFFLINE_S:
            return self._enter("offline", now_s)
        return False

    @property
    def pictures_per_s(self) -> float:
        """Rate over the last packets, 0 when there is none."""
        if self.state != "live" or len(self._recent) < 2:
            return 0.0
        return (len(self._recent) - 1) / max(0.1, self._recent[-1] - self._recent[0])

    def _enter(self, state: State, now_s: float) -> bool:
        if state == self.state:
            return False
        self.state, self.since_s = state, now_s
        return True
