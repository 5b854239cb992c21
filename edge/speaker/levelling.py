"""Brings what comes from elsewhere to the loudness of our own announcements while it comes: never louder than speech.

The gain follows the loudness of the last ten seconds slowly, pauses leave it where it is, and a limiter catches what
passes the ceiling: nothing is heard to pump. Pure.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

from broker.speech.loudness import SILENCE_LUFS, Signal, energy_of, gated_lufs, peaks_between
from broker.speech.shaping import curve

TARGET_LUFS: Final = -17.0
"""A little under the −16 LUFS of announcements, for loudness moves while the gain follows it."""
CEILING_DB: Final = -1.5

SILENT: Final = 3
"""Of 32768: a tenth of a second that stays below is no sound, whatever a decoder makes of nothing."""

_MOST_UP_DB, _MOST_DOWN_DB = 12.0, -30.0
_UP_DB_A_S, _DOWN_DB_A_S = 1.0, 6.0
_FROM_DB, _TO_DB = 1.0, 0.2
"""The gain begins to move when it is so far off, and moves until it is so near."""
_BURST_OVER_DB, _BURST_DB_A_S = 7.0, 20.0
"""What is so much louder than the target for 0.4 s is turned down at once: an advertisement after soft music."""
_WINDOW, _SHORT, _SHORT_OVER_DB = 100, 30, 2.0
"""Tenths of a second that count; the last three seconds count alone when they are so much louder than that."""


class Leveller:
    """Levels one stream of mono 16-bit samples."""

    def __init__(self, rate_hz: int) -> None:
        """rate_hz: 8000 or more."""
        self._rate_hz = rate_hz
        self._step = rate_hz // 10
        self._look = max(rate_hz // 100, 64)
        self._ceiling = float(10 ** (CEILING_DB / 20))
        self._raw = np.zeros(0, dtype=np.float32)
        self._second: list[Signal] = []
        self._waiting: list[Signal] = []
        """The first second, until it is known how loud it is."""
        self._pending = np.zeros(self._look, dtype=np.float32)
        """Already turned up or down: what was given out last, then what waits for the limiter to look ahead."""
        self._energies: deque[float] = deque(maxlen=_WINDOW)
        self._powers: deque[float] = deque(maxlen=4)
        self._gain_db: float | None = None
        self._wanted_db = 0.0
        self._is_moving = False

    def take(self, samples: NDArray[np.int16]) -> NDArray[np.int16]:
        """The next samples; returns those that are ready: the first second waits, then all but 0.1 s comes at once."""
        self._raw = np.concatenate([self._raw, samples.astype(np.float32) / np.float32(32768)])
        turned: list[Signal] = []
        while len(self._raw) >= self._step:
            block, self._raw = self._raw[: self._step], self._raw[self._step :]
            if np.abs(block).max() <= SILENT / 32768:
                block = np.zeros_like(block)
            self._second.append(block)
            self._waiting.append(block)
            if len(self._second) == 10:
                self._measure()
            if self._gain_db is not None:
                turned += [one * self._gain_over(one) for one in self._waiting]
                self._waiting = []
        return self._limited(turned) if turned else np.zeros(0, dtype=np.int16)

    def _measure(self) -> None:
        """Once a second: the gain that is wanted."""
        self._energies.extend(energy_of(np.concatenate(self._second), self._rate_hz))
        self._second = []
        energies = np.asarray(self._energies)
        level = gated_lufs(energies)
        if level > SILENCE_LUFS:
            level = max(level, gated_lufs(energies[-_SHORT:]) - _SHORT_OVER_DB)
            self._wanted_db = min(max(TARGET_LUFS - level, _MOST_DOWN_DB), _MOST_UP_DB)
        if self._gain_db is None:
            self._gain_db = self._wanted_db

    def _gain_over(self, block: Signal) -> Signal:
        """The gain over a tenth of a second, as a factor for each sample."""
        before = self._gain_db or 0.0
        self._powers.append(float(np.square(block).mean()))
        over = 10 * np.log10(np.mean(self._powers) + 1e-12) + before - TARGET_LUFS
        off = self._wanted_db - before
        self._is_moving = abs(off) > (_TO_DB if self._is_moving else _FROM_DB)
        if over > _BURST_OVER_DB:
            self._gain_db = max(before - _BURST_DB_A_S / 10, _MOST_DOWN_DB)
            self._wanted_db = min(self._wanted_db, self._gain_db)
        elif self._is_moving:
            self._gain_db = before + min(max(off, -_DOWN_DB_A_S / 10), _UP_DB_A_S / 10)
        gains_db = np.linspace(before, self._gain_db or 0.0, self._step, dtype=np.float32)
        return np.asarray(10 ** (gains_db / 20), dtype=np.float32)

    def _limited(self, turned: list[Signal]) -> NDArray[np.int16]:
        """What can be given out now: all but the last hundredth of a second."""
        whole = np.concatenate([self._pending, *turned])
        gains = curve(peaks_between(whole, self._ceiling), self._ceiling, self._rate_hz)
        safe = whole if gains is None else whole * gains
        self._pending = whole[-2 * self._look :]
        out = np.rint(safe[self._look : -self._look] * 32767)
        return np.asarray(np.clip(out, -32768, 32767), dtype=np.int16)
