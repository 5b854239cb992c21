"""Steady seconds out of whatever time stamps a camera sends: missing, jumping, starting over. Pure."""

from __future__ import annotations

JUMP_S = 10.0
"""A step larger than this is the camera's clock being set, not time passing."""
USUAL_STEP_S = 1 / 15


class Timeline:
    """Maps time stamps to seconds from the first picture; never falls, never leaps."""

    def __init__(self) -> None:
        self._offset_s: float | None = None
        self._last_s = 0.0
        self._step_s = USUAL_STEP_S

    def map(self, shown_s: float | None, order_s: float | None) -> tuple[float, float]:
        """Steady (shown, order) of one packet. `order_s` must rise from packet to packet; shown may not."""
        if order_s is None:
            order_s = shown_s
        if order_s is None:
            steady = self._last_s + self._step_s if self._offset_s is not None else 0.0
            self._offset_s = self._offset_s or 0.0
            self._last_s = steady
            return steady, steady
        if self._offset_s is None:
            self._offset_s = -order_s
            self._last_s = 0.0
            return max(0.0, self._shown(shown_s, order_s, 0.0)), 0.0
        steady = order_s + self._offset_s
        step = steady - self._last_s
        if step <= 0 or step > JUMP_S:
            steady = self._last_s + self._step_s
            self._offset_s = steady - order_s
        else:
            self._step_s = 0.9 * self._step_s + 0.1 * min(step, 1.0)
        self._last_s = steady
        return self._shown(shown_s, order_s, steady), steady

    def _shown(self, shown_s: float | None, order_s: float, steady: float) -> float:
        """The presentation time beside its steady decoding time; reordering is at most a second or two."""
        if shown_s is None or not 0.0 <= shown_s - order_s <= 2.0:
            return steady
        return steady + shown_s - order_s
