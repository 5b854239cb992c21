"""How sure it is that sound came out, as far as somebody measured it. Pure.

Level 0: not at all. 1: the sound device took every frame. 2: the amplifier drew current, or its line brought this
sound back. 3: a microphone in this house heard this very sound, at the moment it was played.

What was played is cut into short stretches, and each is looked for in what was heard: the lag at which their
whitened waveforms match best is its vote. Noise, other words and other voices vote at random; the very sound votes
for one lag again and again, even far below the noise, and that lag tells a horn here from one across the fields
(generalised cross-correlation: Knapp and Carter, 1976).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from broker.contract.speaker import Proof

Samples = NDArray[np.int16]
Signal = NDArray[np.float32]

STRETCH_S: Final = 1.5
"""Short enough that two sound cards' clocks do not part in it, long enough to be found in a storm."""
EARLY_S: Final = 0.3
LATE_S: Final = 0.7
"""Each stretch is looked for so much before and after the moment it was played."""

OWN_LAG_S: Final = (-0.1, 0.25)
"""A microphone at this house: up to 50 m of air, and a tenth of a second that two devices disagree about time.
The same programme from a horn 200 m away comes 0.58 s late."""

SAME_LAG_S: Final = 0.006
"""Votes as close as this are for the same lag."""

TOGETHER: Final = 16
"""So many votes in a row agree on one lag; later ones may agree on another, since clocks part."""

WHITENING: Final = 0.7
"""1 would count every frequency alike, also those that hold nothing but noise; 0 only the loudest."""

BAND_HZ: Final = (300, 3400)
RATE_HZ: Final = 8000
LOUD: Final = 0.1
"""Stretches below this part of the whole's level are pauses."""

ENOUGH_S: Final = 19.5
"""13 stretches: what fits into 20 s."""
HEARD: Final = 0.5
"""Of so much sound, more than half of all stretches at one lag in this house are beyond chance."""
ENOUGH_SHORT_S: Final = 12.0
HEARD_SHORT: Final = 0.85
"""Less sound must be overwhelming, or a common beginning would do: chime and greeting of another programme that
happens to begin at the same moment are half of 15 s. Below 12 s nothing is proved."""


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
    """All that is left of it. Level, proof and score are sent; the lag helps whoever installs a microphone."""

    level: int
    proof: Proof
    score: float | None = None
    """Share of the sound that was found again at one lag, 0 to 1; None when nothing listened."""
    lag_ms: int | None = None


@dataclass(frozen=True)
class Likeness:
    """How much of what was played is found in a track, at one lag that belongs to this house."""

    score: float
    lag_s: float
    length_s: float
    """Sound that was compared, pauses not counted."""

    @property
    def is_heard(self) -> bool:
        """Whether that is beyond chance."""
        if self.length_s >= ENOUGH_S:
            return self.score > HEARD
        return self.length_s >= ENOUGH_SHORT_S and self.score >= HEARD_SHORT


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
    best: Likeness | None = None
    for track, level, proof in _tracks(heard):
        like = liken(played, rate_hz, started_s, track)
        if like.is_heard:
            return Verdict(level, proof, round(like.score, 2), round(like.lag_s * 1000))
        best = best or like
    score = None if best is None else round(best.score, 2)
    if drawn:
        return Verdict(2, "current", score)
    level = 1 if is_complete else 0
    if best is not None:
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


def liken(played: Samples, rate_hz: int, started_s: float, track: Track) -> Likeness:
    """Look for what was played in what was heard."""
    votes = lags(played, rate_hz, started_s, track)
    if not len(votes):
        return Likeness(0.0, 0.0, 0.0)
    agreed: list[int] = []
    found: list[float] = []
    for run in np.array_split(votes, -(-len(votes) // TOGETHER)):
        own = run[(run >= OWN_LAG_S[0]) & (run <= OWN_LAG_S[1])]
        near = np.abs(own[:, None] - own[None, :]) <= SAME_LAG_S
        if len(own):
            most = near[int(near.sum(axis=1).argmax())]
            agreed.append(int(most.sum()))
            found.append(float(np.median(own[most])))
    return Likeness(
        sum(agreed) / len(votes), float(np.median(found)) if found else 0.0, len(votes) * STRETCH_S
    )


def lags(played: Samples, rate_hz: int, started_s: float, track: Track) -> NDArray[np.float64]:
    """By how much each stretch of `played` that is no pause was heard late, in seconds; nan: not at all.

    Shape (stretches,); those of which nothing was recorded are left out.
    """
    ends_s = track.started_s + len(track.samples) / track.rate_hz
    first = max(0, round((track.started_s - LATE_S - started_s) * rate_hz))
    last = max(0, round((ends_s - started_s) * rate_hz))
    sound, sound_hz = _thinned(played[first:last], float(rate_hz))  # an hour's programme is not unpacked
    around, around_hz = _thinned(track.samples, track.rate_hz)
    started_s += first / rate_hz
    step = round(STRETCH_S * sound_hz)
    loud = LOUD * float(np.std(sound)) if len(sound) else 0.0
    votes: list[float] = []
    for begin in range(0, len(sound) - step + 1, step):
        stretch = sound[begin : begin + step]
        at_s = started_s + begin / sound_hz - EARLY_S - track.started_s
        since, until = round(at_s * around_hz), round((at_s + _SPAN_S) * around_hz)
        piece = around[max(0, since) : max(0, until)]
        if len(piece) < STRETCH_S * around_hz or float(np.std(stretch)) <= loud:
            continue
        if since < 0:
            piece = np.concatenate([np.zeros(-since, dtype=np.float32), piece])
        votes.append(_lag_s(_bins(stretch, sound_hz), _bins(piece, around_hz)))
    return np.array(votes)


_SPAN_S: Final = STRETCH_S + EARLY_S + LATE_S
_LENGTH: Final = round(_SPAN_S * RATE_HZ)
_LOW, _HIGH = (round(hertz * _SPAN_S) for hertz in BAND_HZ)


def _bins(signal: Signal, rate_hz: float) -> NDArray[np.complex64]:
    """The band's spectrum in steps of 1 / _SPAN_S hertz, whatever the rate."""
    return np.asarray(np.fft.rfft(signal, round(_SPAN_S * rate_hz))[_LOW:_HIGH], dtype=np.complex64)


def _lag_s(stretch: NDArray[np.complex64], piece: NDArray[np.complex64]) -> float:
    """Where in the piece the stretch fits best; nan when there is nothing at all."""
    cross = piece * np.conj(stretch)
    size = np.abs(cross)
    if not size.any():
        return float("nan")
    whole = np.zeros(_LENGTH // 2 + 1, dtype=np.complex64)
    whole[_LOW:_HIGH] = cross / (size**WHITENING + np.float32(1e-9))
    match = np.abs(np.fft.irfft(whole, _LENGTH)[: round((EARLY_S + LATE_S) * RATE_HZ)])
    return int(match.argmax()) / RATE_HZ - EARLY_S


def _thinned(samples: Samples, rate_hz: float) -> tuple[Signal, float]:
    """As floats at the lowest rate from RATE_HZ up that a whole number of samples gives, and that rate."""
    thin = max(1, int(rate_hz // RATE_HZ))
    usable = samples[: len(samples) // thin * thin].astype(np.float32)
    return (usable.reshape(-1, thin).mean(axis=1), rate_hz / thin) if thin > 1 else (usable, rate_hz)
