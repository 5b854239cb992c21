"""Steady seconds out of whatever time stamps a camera sends: missing, jumping, starting over. Pure."""

from __future__ import annotations

JUMP_S = 10.0
"""A step larger than this is the camera's clock being set, not time passing."""
USUAL_STEP_S = 1 / 15
REORDER_S = 0.2
"""Where only the time of showing is known, a picture that refers forward may come this much before it is shown."""
LEAST_STEP_S = 0.001


class Timeline:
    """Maps time stamps to seconds from the first picture; never falls, never leaps."""

    def __init__(self) -> None:
        self._offset_s: float | None = None
        self._began = self._falls = False
        self._last_s = self._newest_s = 0.0
        self._step_s = USUAL_STEP_S
        self._arrived_s: float | None = None

    def map(
        self, shown_s: float | None, order_s: float | None, arrived_s: float | None = None
    ) -> tuple[float, float]:
        """Steady (shown, order) of one packet. `order_s` must rise from packet to packet; shown may not.

        arrived_s: when it came from a live source; where its times say nothing, the distance of arrivals does.
        """
        usual_s = self._usual_step(arrived_s)
        if order_s is None and shown_s is not None and self._offset_s is not None:
            known = self._by_showing(shown_s + self._offset_s)
            if known is not None:
                return known
        if order_s is None:
            order_s = shown_s
        if order_s is None:
            steady = self._last_s + usual_s if self._began else 0.0
            self._began, self._last_s = True, steady
            return steady, steady
        if self._offset_s is None:
            steady = self._last_s + usual_s if self._began else 0.0
            self._offset_s = steady - order_s
            self._began, self._last_s = True, steady
            return max(steady, self._shown(shown_s, order_s, steady)), steady
        steady = order_s + self._offset_s
        step = steady - self._last_s
        if step <= 0 or step > JUMP_S:
            steady = max(self._last_s, self._newest_s) + usual_s
            self._offset_s = steady - order_s
        else:
            self._step_s = 0.9 * self._step_s + 0.1 * min(step, 1.0)
        self._last_s = steady
        return self._shown(shown_s, order_s, steady), steady

    def _usual_step(self, arrived_s: float | None) -> float:
        """How far a packet without a usable time lies from the one before."""
        before_s, self._arrived_s = self._arrived_s, arrived_s
        if before_s is None or arrived_s is None:
            return self._step_s
        return min(JUMP_S, max(LEAST_STEP_S, arrived_s - before_s))

    def _by_showing(self, steady: float) -> tuple[float, float] | None:
        """Times of a packet that says only when it is shown, which falls and rises; None when it leapt."""
        if not -2.0 < steady - self._last_s <= JUMP_S:
            return None
        self._falls = self._falls or steady <= self._last_s
        order = max(self._last_s + LEAST_STEP_S, steady - REORDER_S if self._falls else steady)
        self._last_s, self._newest_s = order, max(self._newest_s, steady, order)
        return max(steady, order), order

    def _shown(self, shown_s: float | None, order_s: float, steady: float) -> float:
        """The presentation time beside its steady decoding time; reordering is at most a second or two."""
        if shown_s is None or not 0.0 <= shown_s - order_s <= 2.0:
            return steady
        return steady + shown_s - order_s
