"""A loudspeaker tests itself: a chime of its own, on request and once a week, judged like any play. Pure."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from broker.link.clock import LOCAL, ClockState
from broker.trust.envelope import Quiet, Tuning
from broker.trust.quiet import is_quiet

Samples = NDArray[np.int16]

REST_BETWEEN: Final = timedelta(minutes=10)
"""Between two tests, so that nobody makes a village listen to chimes."""

WEEKLY_LATEST: Final = timedelta(hours=2)
"""A node that was off at its hour still tests within this; then not before next week."""

SPREAD_S: Final = 900
"""Neighbours' weekly tests lie apart by up to this: two chimes at once prove nothing."""

PEAK: Final = 0.7
LASTS_S: Final = 22.5
RING_S: Final = 1.2
RESTS_S: Final = (0.24, 0.36, 0.36, 0.48, 0.72)
"""Between two notes, at a middling speed."""
SCALE_HZ: Final = (392.00, 440.00, 523.25, 587.33, 659.26, 783.99, 880.00, 1046.50, 1174.66, 1318.51)
"""A scale of five notes in two octaves: any order of them is a tune."""

WhyNot = Literal[
    "", "clock-unknown", "quiet-hours", "silenced", "muted-here", "local-use", "busy", "tested-lately"
]


def chime_for_tests(rate_hz: int, house: str = "") -> Samples:
    """22.5 s of soft bells. house: each has notes, rhythm and speed of its own, lest a neighbour's be taken for it."""
    chance = np.random.default_rng(int.from_bytes(hashlib.sha256(house.encode()).digest()[:8], "big"))
    t = np.arange(round(RING_S * rate_hz)) / rate_hz
    out = np.zeros(round(LASTS_S * rate_hz))
    speed = chance.uniform(0.85, 1.15)
    at_s, note = 0.05, 4
    while at_s < LASTS_S - RING_S:
        step = int(chance.choice((-3, -2, -1, 1, 2, 3)))
        note = note + step if 0 <= note + step < len(SCALE_HZ) else note - step
        at = round(at_s * rate_hz)
        out[at : at + len(t)] += _bell(SCALE_HZ[note], t) * chance.uniform(0.6, 1.0)
        at_s += float(chance.choice(RESTS_S)) / speed
    return np.asarray(out * (PEAK * 32767 / np.abs(out).max()), dtype=np.int16)


def _bell(hertz: float, t: NDArray[np.float64]) -> NDArray[np.float64]:
    """One note: a soft knock and overtones, since a horn gives little below 400 Hz."""
    fade = np.minimum(1, t / 0.004) * np.clip((RING_S - t) / 0.03, 0, 1)
    rings = sum(
        share * np.exp(-4 * n**0.5 * t) * np.sin(2 * np.pi * hertz * part * t)
        for n, (part, share) in enumerate(((1, 1.0), (2, 0.6), (2.76, 0.4), (4.07, 0.2)), 1)
    )
    return np.asarray(rings * fade)


def weekly_due(tuning: Tuning, last: datetime | None, now: datetime, house: str = "") -> bool:
    """Whether the weekly test is to be done now. last: when this loudspeaker last tested itself, for any reason."""
    if tuning.test_weekday is None:
        return False
    local = now.astimezone(LOCAL)
    hours, minutes = tuning.test_at.split(":")
    due = local.replace(hour=int(hours), minute=int(minutes), second=0, microsecond=0)
    due += timedelta(days=tuning.test_weekday - local.weekday(), seconds=_spread_s(house))
    is_done = last is not None and due <= last <= now  # one that lies ahead was noted by a wrong clock
    return due <= now <= due + WEEKLY_LATEST and not is_done


def may_test(
    *,
    quiet: Quiet,
    clock: ClockState,
    now: datetime,
    last: datetime | None,
    silenced: str = "",
    is_microphone_on: bool = False,
    is_busy: bool = False,
    lasts: timedelta = timedelta(seconds=30),
) -> WhyNot:
    """Why a test may not sound now; empty when it may.

    silenced: `silenced` or `muted-here`, as the desk says. is_busy: something plays, or begins before a test would
    be over. last: when a test last began; one that lies ahead, by a clock put right since, holds nothing up.
    """
    if silenced == "silenced" or silenced == "muted-here":
        return "silenced" if silenced == "silenced" else "muted-here"
    if clock == "unknown":
        return "clock-unknown"
    if is_quiet(quiet, now, now + lasts):
        return "quiet-hours"
    if is_microphone_on:
        return "local-use"
    if is_busy:
        return "busy"
    if last is not None and timedelta(0) <= now - last < REST_BETWEEN:
        return "tested-lately"
    return ""


def _spread_s(house: str) -> int:
    return int.from_bytes(hashlib.sha256(house.encode()).digest()[8:12], "big") % SPREAD_S if house else 0
