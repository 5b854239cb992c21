"""Is a camera there? From packets and silence to connecting, live, offline. Pure."""

from __future__ import annotations

from typing import Literal

State = Literal["connecting", "live", "offline"]

OFFLINE_S = 10.0
"""No picture for this long: the camera is offline. The last picture is never shown as if it were live."""


class Presence:
    """Follows one camera. Times are monotonic seconds."""

    def __init__(self, now_s: float) -> None:
        self.state: State = "connecting"
        self.since_s = now_s
        self._last_s = now_s
        self._recent: list[float] = []

    def picture(self, now_s: float) -> bool:
        """A picture came. True when the state changed."""
        self._last_s = now_s
        self._recent.append(now_s)
        if now_s - self._recent[0] > 10.0:
            self._recent = [t for t in self._recent if now_s - t <= 5.0]
        return self._enter("live", now_s)

    def look(self, now_s: float) -> bool:
        """Nothing came just now. True when the state changed; silence counts from the last picture."""
        if now_s - self._last_s > OFFLINE_S:
            self._recent.clear()
            return self._enter("offline", now_s)
        return False

    @property
    def pictures_per_s(self) -> float:
        """Rate over the last seconds, 0 when there is none."""
        if self.state != "live" or len(self._recent) < 2:
            return 0.0
        return (len(self._recent) - 1) / max(0.1, self._recent[-1] - self._recent[0])

    def _enter(self, state: State, now_s: float) -> bool:
        if state == self.state:
            return False
        self.state, self.since_s = state, now_s
        return True
