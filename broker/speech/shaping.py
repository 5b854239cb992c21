"""Shaping speech with numpy: the band a loudspeaker carries, a compressor, and gain with a limiter."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from broker.speech import loudness
from broker.speech.loudness import Signal

_BLOCK = 1 << 20
"""Samples that are shaped at once."""
_HEADROOM_DB = 12.0
"""So much more gain than asked at first a limiter may come to need, for a voice of sharp pulses."""


def _lowest_around(values: Signal, reach: int) -> Signal:
    """Minimum over the window of `reach` samples that starts at each sample, by doubling."""
    low = np.pad(values, (0, reach), constant_values=1.0)
    width = 1
    while width < reach:
        shift = min(width, reach - width)
        low[:-shift] = np.minimum(low[:-shift], low[shift:])
        width += shift
    return low[: len(values)]


def limited(signal: Signal, rate_hz: int, ceiling_db: float) -> Signal:
    """Turn down what would pass the ceiling, 2 ms ahead of it; the rest is left as it is."""
    ceiling = float(10 ** (ceiling_db / 20))
    gains = curve(loudness.peaks_between(signal, ceiling), ceiling, rate_hz)
    return signal if gains is None else signal * gains


def curve(peaks: Signal, ceiling: float, rate_hz: int) -> Signal | None:
    """Gain of a limiter for each sample, at most 1; None where nothing passes the ceiling."""
    if not len(peaks) or peaks.max() <= ceiling:
        return None
    reach = max(rate_hz // 500, 8)  # shorter than the time between two pulses of a voice, or it never lets go
    gains = np.ones(len(peaks), dtype=np.float32)
    for start in range(
        0, len(peaks), _BLOCK
    ):  # a block at a time: the sums of a long clip would fill the memory
        first, behind = max(start - 3 * reach, 0), min(start + _BLOCK + 3 * reach, len(peaks))
        if peaks[first:behind].max() > ceiling:
            block = _curve_of(peaks[first:behind], ceiling, reach)
            gains[start : start + _BLOCK] = block[start - first : start - first + _BLOCK]
    return gains


def _curve_of(peaks: Signal, ceiling: float, reach: int) -> Signal:
    need = np.float32(ceiling) / np.maximum(peaks, np.float32(ceiling))
    # The lowest need over 2·reach around a sample, averaged over reach, never lies above the sample's own need.
    low = _lowest_around(np.pad(need, (reach, 0), constant_values=1.0), 2 * reach)[: len(need) + reach]
    total = np.concatenate([np.zeros(1), np.cumsum(low, dtype=np.float64)])
    return np.asarray((total[reach:] - total[:-reach])[: len(need)] / reach, dtype=np.float32)


def levelled(signal: Signal, rate_hz: int, target_lufs: float, ceiling_db: float) -> Signal:
    """Gain and limiter, so that what comes out has the target's loudness and passes the ceiling nowhere.

    The limiter takes some loudness: the gain is set again until what comes out is right. What it takes is reckoned
    for each 0.1 s from its curve, so that the signal is weighted and looked at between its samples only once.
    """
    energy = loudness.energy_of(signal, rate_hz)
    level = loudness.gated_lufs(energy)
    if level <= loudness.SILENCE_LUFS:
        return signal
    gain_db, ceiling = target_lufs - level, float(10 ** (ceiling_db / 20))
    peaks = loudness.peaks_between(signal, ceiling / 10 ** ((gain_db + _HEADROOM_DB) / 20))
    most_db = gain_db + _HEADROOM_DB
    step = rate_hz // 10
    own = _power(signal, step)
    gains: Signal | None = None
    for _ in range(12):
        gain = np.float32(10 ** (gain_db / 20))
        gains = curve(peaks, ceiling / float(gain), rate_hz)
        if gains is None:
            break
        kept = _power(signal * gains, step)[: len(energy)] / np.maximum(own[: len(energy)], 1e-20)
        off_db = target_lufs - loudness.gated_lufs(energy * kept * float(gain) ** 2)
        if abs(off_db) <= 0.1 or gain_db >= most_db:
            break
        # The harder it limits, the less a decibel brings.
        gain_db = min(gain_db + (2.0 if off_db > 1 else 1.4) * off_db, most_db)
    out = signal if gains is None else signal * gains
    return np.asarray(out * np.float32(10 ** (gain_db / 20)))


def _power(signal: Signal, step: int) -> NDArray[np.float64]:
    """Mean square of each `step` samples; of all there are when that is less."""
    step = min(step, len(signal))
    hops = len(signal) // step
    return np.asarray(np.square(signal[: hops * step]).reshape(hops, step).mean(axis=1, dtype=np.float64))


def band(signal: Signal, rate_hz: int, low_hz: float, high_hz: float, presence_db: float) -> Signal:
    """Keep what the loudspeaker can carry, lift the consonants around 2.5 kHz, keep the timing."""
    taps = _band_taps(rate_hz, low_hz, high_hz, presence_db)
    half = len(taps) // 2
    padded = np.concatenate([signal, np.zeros(half, dtype=np.float32)])
    return loudness.filtered(padded, taps)[half:]


@cache
def _band_taps(rate_hz: int, low_hz: float, high_hz: float, presence_db: float) -> NDArray[np.float64]:
    """Linear-phase FIR drawn in the frequency domain: 12 dB per octave-like edges, one gentle bell."""
    size = 1 << int(np.ceil(np.log2(rate_hz / 20)))
    f = np.fft.rfftfreq(size, 1 / rate_hz)
    low = 1 / (1 + (low_hz / np.maximum(f, 1e-3)) ** 4)
    high = 1 / (1 + (f / high_hz) ** 8)
    bell = 10 ** (presence_db / 20 * np.exp(-(np.log2(np.maximum(f, 1) / 2500) ** 2)))
    impulse = np.roll(np.fft.irfft(low * high * bell, size), size // 2)[1:]
    return impulse * np.hanning(size + 1)[1:-1]


def compressed(signal: Signal, rate_hz: int, threshold_db: float, ratio: float) -> Signal:
    """Bring loud syllables nearer to quiet ones; gain moves slower than 50 ms so that nothing pumps."""
    step = max(rate_hz // 100, 1)
    hops = -(-len(signal) // step)
    padded = np.zeros(hops * step, dtype=np.float32)
    padded[: len(signal)] = signal
    power = np.square(padded).reshape(hops, step).mean(axis=1, dtype=np.float64)
    level_db = 10 * np.log10(np.maximum(power, 1e-12))
    highest = np.max([np.roll(level_db, shift) for shift in (-1, 0, 1)], axis=0)
    over_db = np.maximum(highest - threshold_db, 0)
    gain_db = np.convolve(
        np.pad(-over_db * (1 - 1 / ratio), 4, mode="edge"), np.hanning(11)[1:-1] / 5, "valid"
    )
    centres = (np.arange(hops) + 0.5) * step
    gains = 10 ** (gain_db / 20)
    out = np.empty(len(signal), dtype=np.float32)
    for start in range(0, len(signal), _BLOCK):
        block = signal[start : start + _BLOCK]
        gain = np.interp(np.arange(start, start + len(block)), centres, gains)
        out[start : start + len(block)] = block * gain.astype(np.float32)
    return out
