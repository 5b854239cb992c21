"""Measuring loudness with numpy: ITU-R BS.1770-4 loudness and true peak, of a whole signal or piece by piece."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Signal = NDArray[np.float32]

SILENCE_LUFS = -70.0
"""Absolute gate of BS.1770; also what a silent signal measures."""

_BLOCK = 8192


def filtered(signal: Signal, taps: NDArray[np.float64]) -> Signal:
    """Convolve with an FIR, same length, delay of a symmetric FIR not removed. Overlap-save in blocks."""
    overlap = len(taps) - 1
    size = max(_BLOCK, 1 << int(np.ceil(np.log2(4 * len(taps)))))
    step = size - overlap
    count = -(-len(signal) // step)
    padded = np.zeros(overlap + count * step, dtype=np.float32)
    padded[overlap : overlap + len(signal)] = signal
    response = np.fft.rfft(taps, size).astype(np.complex64)
    out = np.empty(count * step, dtype=np.float32)
    for index in range(count):  # a block at a time: three minutes at once would take hundreds of megabytes
        block = padded[index * step : index * step + size]
        spectrum = np.fft.rfft(block)
        out[index * step : (index + 1) * step] = np.fft.irfft(spectrum * response, size)[overlap:]
    return out[: len(signal)]


def _biquad(b: tuple[float, ...], a: tuple[float, ...], w: NDArray[np.float64]) -> NDArray[np.complex128]:
    z1, z2 = np.exp(-1j * w), np.exp(-2j * w)
    top = b[0] + b[1] * z1 + b[2] * z2
    return np.asarray(top / (1 + a[0] * z1 + a[1] * z2))


@cache
def _k_weighting(rate_hz: int) -> NDArray[np.float64]:
    """Impulse response of the K filter at any rate.

    Coefficients from the analogue prototype behind BS.1770-4 (shelf 1681.97 Hz +4 dB, high pass 38.14 Hz).
    """
    size = 1 << int(np.ceil(np.log2(rate_hz / 12)))  # 80 ms: the slow edge has died away by 160 dB
    w = np.linspace(0, np.pi, size // 2 + 1)
    f, gain_db, q = 1681.974450955533, 3.999843853973347, 0.7071752369554196
    k = np.tan(np.pi * f / rate_hz)
    vh = 10 ** (gain_db / 20)
    vb = vh**0.4996667741545416
    a0 = 1 + k / q + k * k
    shelf = _biquad(
        ((vh + vb * k / q + k * k) / a0, 2 * (k * k - vh) / a0, (vh - vb * k / q + k * k) / a0),
        (2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0),
        w,
    )
    k = np.tan(np.pi * 38.13547087602444 / rate_hz)
    q = 0.5003270373238773
    a0 = 1 + k / q + k * k
    high_pass = _biquad((1.0, -2.0, 1.0), (2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0), w)
    return np.asarray(np.fft.irfft(shelf * high_pass, size))


def gated_lufs(energy: NDArray[np.float64]) -> float:
    """Integrated loudness from the mean squares of each K-weighted 0.1 s, gated at −70 LUFS and −10 LU."""
    blocks = _blocks(energy)
    loud = blocks[blocks > 10 ** ((SILENCE_LUFS + 0.691) / 10)]
    if not len(loud):
        return SILENCE_LUFS
    loud = loud[loud > loud.mean() / 10]
    return float(-0.691 + 10 * np.log10(loud.mean()))


def levels_db(energy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Momentary loudness of each 0.4 s, a new one each 0.1 s, from the mean squares of each 0.1 s."""
    return np.asarray(-0.691 + 10 * np.log10(np.maximum(_blocks(energy), 1e-12)))


def _blocks(energy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean square of each 0.4 s; less than that counts as one block."""
    if len(energy) < 4:
        return energy.mean(keepdims=True) if len(energy) else energy
    return np.convolve(energy, np.ones(4) / 4, "valid")


class Meter:
    """K-weighted energy of a mono signal that comes in pieces, in little memory."""

    def __init__(self, rate_hz: int) -> None:
        """rate_hz: 8000 or more."""
        self._step = rate_hz // 10
        self._taps = _k_weighting(rate_hz)
        self._past = np.zeros(len(self._taps) - 1, dtype=np.float32)
        self._waiting = [self._past[:0]]
        self._energies: list[NDArray[np.float64]] = []

    def take(self, signal: Signal) -> None:
        """The next samples, full scale 1."""
        self._waiting.append(signal)
        if sum(map(len, self._waiting)) >= 300 * self._step:
            self._weigh()

    def energy(self) -> NDArray[np.float64]:
        """Mean square of each whole 0.1 s after weighting; of all there is when that is less."""
        self._weigh()
        if not self._energies and len(self._waiting[0]):
            return np.asarray([np.square(self._weighted(self._waiting[0])).mean()], dtype=np.float64)
        return np.concatenate([*self._energies, np.zeros(0)])

    def _weigh(self) -> None:
        waiting = np.concatenate(self._waiting)
        whole = len(waiting) // self._step * self._step
        self._waiting = [waiting[whole:]]
        if whole:
            power = np.square(self._weighted(waiting[:whole])).reshape(-1, self._step)
            self._energies.append(power.mean(axis=1, dtype=np.float64))
            self._past = np.concatenate([self._past, waiting[:whole]])[-len(self._past) :]

    def _weighted(self, piece: Signal) -> Signal:
        return filtered(np.concatenate([self._past, piece]), self._taps)[len(self._past) :]


def energy_of(signal: Signal, rate_hz: int) -> NDArray[np.float64]:
    """Mean squares of each K-weighted 0.1 s of a whole mono signal."""
    meter = Meter(rate_hz)
    for at in range(0, len(signal), rate_hz * 30):
        meter.take(signal[at : at + rate_hz * 30])
    return meter.energy()


def loudness_lufs(signal: Signal, rate_hz: int) -> float:
    """Integrated loudness of a mono signal, gated at −70 LUFS and −10 LU (BS.1770-4)."""
    return gated_lufs(energy_of(signal, rate_hz))


@cache
def _phases() -> NDArray[np.float32]:
    """Four phases of 16 taps each that put four samples between any two (Kaiser-windowed sinc); shape (16, 4)."""
    n = np.arange(64) - 31.5
    taps = np.sinc(n / 4) * np.kaiser(64, 7.0)
    return np.stack([phase / phase.sum() for phase in taps.reshape(16, 4).T], axis=1).astype(np.float32)


def peaks_between(signal: Signal, floor: float = 0.0) -> Signal:
    """Largest size between a sample and its neighbours, for each sample (BS.1770-4 annex 2).

    Where nothing near is above 0.7 of `floor` the samples themselves are given: such places are only asked
    whether they pass `floor`.
    """
    peak = np.abs(signal)
    for start, end in _loud_runs(peak, 0.7 * floor):
        around = np.zeros(end - start + 15, dtype=np.float32)
        low, high = max(start - 8, 0), min(end + 7, len(signal))
        around[low - start + 8 : high - start + 8] = signal[low:high]
        between = np.abs(sliding_window_view(around, 16) @ _phases()).max(axis=1)
        np.maximum(peak[start:end], between, out=peak[start:end])
    return peak


def _loud_runs(peak: Signal, above: float) -> list[tuple[int, int]]:
    """Stretches of 256 to 16384 samples in which something is above a level, or everything for a level of 0."""
    starts = np.arange(0, len(peak), 256)
    is_loud = np.maximum.reduceat(peak, starts) >= above if len(peak) else np.zeros(0, dtype=bool)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], is_loud.astype(np.int8), [0]])))
    runs = [(int(a) * 256, min(int(b) * 256, len(peak))) for a, b in edges.reshape(-1, 2)]
    return [(at, min(at + 16384, end)) for start, end in runs for at in range(start, end, 16384)]


def true_peak_db(signal: Signal) -> float:
    """True peak in dBTP from fourfold oversampling (BS.1770-4 annex 2); −120 for silence."""
    if not len(signal):
        return -120.0
    highest = peaks_between(signal, float(np.abs(signal).max())).max()
    return float(20 * np.log10(max(highest, 1e-6)))
