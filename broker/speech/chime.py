"""Sounds made by code, so that they need no file and no licence: the chime before an announcement."""

from __future__ import annotations

from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

ChimeName = Literal["notice", "emergency", "drill"]

_NOTES: dict[ChimeName, tuple[tuple[float, float], ...]] = {
    # (Hz, start in seconds): three falling notes are a notice, two rising pairs a warning. A drill is nobody's alarm:
    # two knocks on one low note and a higher one, slower than the warning and half as high.
    "notice": ((783.99, 0.0), (659.26, 0.45), (523.25, 0.9)),
    "emergency": ((659.26, 0.0), (987.77, 0.3), (659.26, 0.75), (987.77, 1.05)),
    "drill": ((329.63, 0.0), (329.63, 0.6), (440.0, 1.2)),
}
_RING_S = 1.1


@cache
def chime(name: ChimeName, rate_hz: int) -> NDArray[np.float32]:
    """A chime as floats with a peak of about 0.5."""
    notes = _NOTES[name]
    out = np.zeros(int((notes[-1][1] + _RING_S) * rate_hz), dtype=np.float32)
    t = np.arange(int(_RING_S * rate_hz)) / rate_hz
    fade = np.exp(-4 * t) * np.minimum(1, t / 0.005) * np.clip((_RING_S - t) / 0.05, 0, 1)
    for hertz, start_s in notes:
        ring = sum(share * np.sin(2 * np.pi * hertz * n * t) for n, share in ((1, 1.0), (2, 0.35), (3, 0.1)))
        at = int(start_s * rate_hz)
        out[at : at + len(t)] += (ring * fade).astype(np.float32)
    return np.asarray(out * (0.5 / np.abs(out).max()), dtype=np.float32)
