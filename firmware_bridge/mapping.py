"""From registers to a Reading that can be believed, or to a counted reason why not. Pure.

Series are named `<quantity>.<device>`: `water_level_m.song-van`, `air_celsius.nha-van-hoa`.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from broker.contract.board import Quality, Reading
from firmware_bridge.profile import Quantity, counts_of

AGREEING = 3
"""A jump that so many readings in a row confirm is the new truth, not a fault."""


def series_of(quantity: str, device: str) -> str:
    """Name of the series of one quantity of one device."""
    return f"{quantity}.{device}"


@dataclass
class _Seen:
    """A value and when it was measured, on the monotonic clock."""

    value: float
    at_s: float
    times: int = 1


class Channel:
    """One series at its source: remembers just enough to judge the next value."""

    def __init__(self, quantity: Quantity, device: str, datum_m: float = 0.0) -> None:
        """datum_m: for quantities measured downwards, height of the sensor above the zero mark, metres."""
        self.quantity = quantity
        self.series = series_of(quantity.name, device)
        self.refused: Counter[str] = Counter()
        """How many values were not published, by reason: not-a-number, blind, out-of-range."""
        self._datum_m = datum_m
        self._trusted: _Seen | None = None
        self._doubted: _Seen | None = None
        self._words: tuple[int, ...] = ()
        self._words_since_s = 0.0

    def take(self, words: tuple[int, ...], at: datetime, monotonic_s: float) -> Reading | None:
        """Judge what the registers say. None: refused and counted.

        Quality: `good`; `suspect` for a jump not yet confirmed; `stale` when a sensor that always moves a
        little has said the very same for too long.
        """
        value = self._value(words)
        if value is None:
            return None
        if words != self._words:
            self._words, self._words_since_s = words, monotonic_s
        quality = self._quality(value, monotonic_s)
        return Reading(series=self.series, at=at, value=value, unit=self.quantity.unit, quality=quality)

    def _value(self, words: tuple[int, ...]) -> float | None:
        """The value in units, rounded to what the scale can tell; None when it cannot be one."""
        quantity = self.quantity
        counts = counts_of(quantity, words)
        if not math.isfinite(counts):
            self.refused["not-a-number"] += 1
            return None
        measured = counts * quantity.scale
        beyond = (quantity.nearest is not None and measured < quantity.nearest) or (
            quantity.farthest is not None and measured > quantity.farthest
        )
        if beyond or counts in quantity.blind:
            self.refused["blind"] += 1
            return None
        value = round(self._datum_m - measured if quantity.from_datum else measured, 6)
        if not quantity.low <= value <= quantity.high:
            self.refused["out-of-range"] += 1
            return None
        return value

    def _quality(self, value: float, now_s: float) -> Quality:
        if self._trusted is not None and not self._follows(self._trusted, value, now_s):
            if self._doubted is not None and self._follows(self._doubted, value, now_s):
                times = self._doubted.times + 1
            else:
                times = 1
            self._doubted = _Seen(value, now_s, times)
            if times < AGREEING:
                return "suspect"
        self._trusted, self._doubted = _Seen(value, now_s), None
        stuck_s = self.quantity.stuck_after_s
        return "stale" if stuck_s and now_s - self._words_since_s > stuck_s else "good"

    def _follows(self, last: _Seen, value: float, now_s: float) -> bool:
        """Can the quantity have changed so much since?"""
        passed_min = max(0.0, now_s - last.at_s) / 60
        return abs(value - last.value) <= self.quantity.jitter + self.quantity.rate_per_min * passed_min
