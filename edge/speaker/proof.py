"""How sure it is that sound came out, as far as somebody measured it. Pure.

Level 0: not at all. 1: the sound device took every frame. 2: the amplifier drew current, or its line brought this
sound back. 3: a microphone in this house heard this very sound, at the moment it was played.

What was played and what was heard are compared by how the energy of some bands goes up and down.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from broker.contract.speaker import Proof

Samples = NDArray[np.int16]
Envelopes = NDArray[np.float32]
"""Shape (bands, steps): the energy of each band, compressed, without what changes slowly; silence is 0."""

STEP_S: Final = 0.02
WINDOW_S: Final = 0.04
BANDS_HZ: Final = tuple(float(hertz) for hertz in np.geomspace(300, 3600, 9))
SLOW_S: Final = 1.0
"""What changes more slowly than this is wind, a motorbike or a microphone that sets its own level."""

ENOUGH_S: Final = 20.0
"""Less sound than this proves nothing, unless it is overwhelming."""
HEARD: Final = 0.30
HEARD_SHORT: Final = 0.55

OWN_LAG_S: Final = (-0.1, 0.25)
"""A microphone at this house: up to 60 m of air, and a tenth of a second that two devices disagree about time.
The same programme from a loudspeaker 200 m away comes 0.58 s late."""
FAR_LAG_S: Final = 2.0
"""So far around it is looked for the same sound from elsewhere."""


@dataclass(frozen=True, eq=False)
class Track:
    """What one capture device took."""

    samples: Samples = field(repr=False)
    rate_hz: float
    started_s: float
    """Monotonic second of the first sample."""


@dataclass(frozen=True, eq=False)
class Heard:
    """What an ear took while something was played; None where there is no such device or nothing came."""

    microphone: Track | None = None
    loop_back: Track | None = None


@dataclass(frozen=True)
class Verdict:
    """All that is kept and sent of it."""

    level: int
    proof: Proof
    score: float | None = None
    """0 to 1; None when nothing listened."""


@dataclass(frozen=True)
class Likeness:
    """How well a track matches what was played."""

    score: float
    lag_s: float
    length_s: float


def judge(
    played: Samples,
    rate_hz: int,
    started_s: float,
    heard: Heard | None,
    drawn: bool | None,
    sound: Literal["card", "file", "none"],
    is_complete: bool,
) -> Verdict:
    """The verdict on one play.

    played: the samples that sounded, in order. started_s: monotonic second at which the first one did. drawn: whether
    the amplifier drew current meanwhile, None without a sensor. is_complete: the device took every frame.
    """
    if sound != "card":
        return Verdict(0, "")
    scores: list[float] = []
    for track, level, proof in _tracks(heard):
        like = liken(played, rate_hz, started_s, track)
        scores.append(max(0.0, round(like.score, 3)))
        if is_heard(like):
            return Verdict(level, proof, scores[-1])
    score = scores[0] if scores else None
    if drawn:
        return Verdict(2, "current", score)
    level = 1 if is_complete else 0
    if scores:
        return Verdict(level, "inconclusive", score)
    return Verdict(level, "consumed" if is_complete else "")


def _tracks(heard: Heard | None) -> list[tuple[Track, int, Proof]]:
    """What was heard, with the level it can prove, best first."""
    found: list[tuple[Track, int, Proof]] = []
    if heard is not None and heard.microphone is not None:
        found.append((heard.microphone, 3, "heard"))
    if heard is not None and heard.loop_back is not None:
        found.append((heard.loop_back, 2, "loop-back"))
    return found


def is_heard(like: Likeness) -> bool:
    """Whether it is this very sound, from this very house."""
    is_own = OWN_LAG_S[0] <= like.lag_s <= OWN_LAG_S[1]
    return is_own and like.score >= (HEARD if like.length_s >= ENOUGH_S else HEARD_SHORT)


def liken(played: Samples, rate_hz: float, started_s: float, track: Track) -> Likeness:
    """Look for what was played in what was heard, at every lag that sound or clocks could bring about."""
    there, here = envelopes(played, rate_hz), envelopes(track.samples, track.rate_hz)
    offset = (started_s - track.started_s) / STEP_S
    lags = np.arange(round(-FAR_LAG_S / STEP_S), round(FAR_LAG_S / STEP_S) + 1)
    scores = np.array([_match(there, here, round(offset) + int(lag)) for lag in lags])
    best = int(scores.argmax())
    lag_s = (lags[best] + round(offset) - offset) * STEP_S
    length_s = min(there.shape[1], here.shape[1]) * STEP_S
    return Likeness(float(scores[best]), float(lag_s), length_s)


def _match(there: Envelopes, here: Envelopes, shift: int) -> float:
    """Normalised correlation where they overlap, when `there` begins `shift` steps into `here`."""
    since, until = max(0, shift), min(here.shape[1], shift + there.shape[1])
    if until - since < 1 / STEP_S:
        return 0.0
    one, other = there[:, since - shift : until - shift], here[:, since:until]
    power = float(np.vdot(one, one)) * float(np.vdot(other, other))
    return float(np.vdot(one, other)) / power**0.5 if power > 0 else 0.0


def envelopes(samples: Samples, rate_hz: float) -> Envelopes:
    """How the energy of each band goes up and down."""
    thin = max(1, int(rate_hz // 8000))
    usable = samples[: len(samples) // thin * thin].astype(np.float32)
    signal = usable.reshape(-1, thin).mean(axis=1) if thin > 1 else usable
    rate_hz = rate_hz / thin
    step, window = rate_hz * STEP_S, round(rate_hz * WINDOW_S)
    count = int((len(signal) - window) / step) + 1
    if count < 1:
        return np.zeros((len(BANDS_HZ) - 1, 0), dtype=np.float32)
    at = np.rint(np.arange(count) * step).astype(np.intp)
    frames = np.lib.stride_tricks.sliding_window_view(signal, window)[at] * np.hanning(window).astype(
        np.float32
    )
    power = np.square(np.abs(np.fft.rfft(frames, axis=1))).astype(np.float32)
    edges = np.rint(np.array(BANDS_HZ) * window / rate_hz).astype(np.intp)
    bands = np.add.reduceat(power[:, : edges[-1]], edges[:-1], axis=1).T
    levels = np.log(bands + 1.0)
    return np.asarray(levels - _slow(levels), dtype=np.float32)


def _slow(levels: NDArray[np.float32]) -> NDArray[np.float32]:
    """The running mean of each band."""
    reach = round(SLOW_S / STEP_S / 2)
    padded = np.pad(levels, ((0, 0), (reach + 1, reach)), mode="edge")
    total = np.cumsum(padded, axis=1, dtype=np.float64)
    width = 2 * reach + 1
    return np.asarray((total[:, width:] - total[:, :-width]) / width, dtype=np.float32)


def level_of(sound: Literal["card", "file"], is_complete: bool) -> int:
    """Proof level of one play. A file is heard by nobody, so it proves nothing."""
    return 1 if sound == "card" and is_complete else 0
