"""Measuring and shaping loudness with numpy: ITU-R BS.1770-4 loudness, true peak, filters, limiter."""

from __future__ import annotations

from functools import cache

import numpy as np
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
    size = 1 << int(np.ceil(np.log2(rate_hz / 4)))
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


class Meter:
    """Loudness of a mono signal that comes in pieces (BS.1770-4), in little memory."""

    def __init__(self, rate_hz: int) -> None:
        """rate_hz: 8000 or more."""
        self._step = rate_hz // 10
        self._taps = _k_weighting(rate_hz)
        self._past = np.zeros(len(self._taps) - 1, dtype=np.float32)
        self._waiting: list[Signal] = []
        self._waits = 0
        self._energies: list[NDArray[np.float64]] = []

    def take(self, signal: Signal) -> None:
        """The next samples, full scale 1."""
        self._waiting.append(signal)
        self._waits += len(signal)
        if self._waits >= 20 * self._step:
            self._weigh(self._waits // self._step * self._step)

    def lufs(self) -> float:
        """Integrated loudness of all that came, gated at −70 LUFS and −10 LU; SILENCE_LUFS for silence."""
        blocks = self._blocks()
        loud = blocks[blocks > 10 ** ((SILENCE_LUFS + 0.691) / 10)]
        if not len(loud):
            return SILENCE_LUFS
        loud = loud[loud > loud.mean() / 10]
        return float(-0.691 + 10 * np.log10(loud.mean()))

    def levels_db(self) -> NDArray[np.float64]:
        """Momentary loudness of each 0.4 s, a new one each 0.1 s."""
        return np.asarray(-0.691 + 10 * np.log10(np.maximum(self._blocks(), 1e-12)))

    def _blocks(self) -> NDArray[np.float64]:
        """Mean square of each 0.4 s; less than that is measured as if it filled them."""
        rest = self._waits
        if rest:
            self._weigh(rest // self._step * self._step)
        energy = np.concatenate([*self._energies, np.zeros(0)]) / self._step
        if len(energy) >= 4:
            return np.convolve(energy, np.ones(4) / 4, "valid")
        tail = self._squares(np.concatenate([*self._waiting, np.zeros(0, dtype=np.float32)]))
        count = len(energy) * self._step + len(tail)
        return np.asarray([(energy.sum() * self._step + tail.sum()) / count]) if count else np.zeros(0)

    def _weigh(self, count: int) -> None:
        """Take `count` waiting samples, whole steps of them, into the energies."""
        waiting = np.concatenate(self._waiting)
        piece, rest = waiting[:count], waiting[count:]
        if len(piece):
            self._energies.append(self._squares(piece).reshape(-1, self._step).sum(axis=1, dtype=np.float64))
            self._past = np.concatenate([self._past, piece])[-len(self._past) :]
        self._waiting, self._waits = [rest], len(rest)

    def _squares(self, piece: Signal) -> Signal:
        weighted = filtered(np.concatenate([self._past, piece]), self._taps)[len(self._past) :]
        return np.square(weighted)


def loudness_lufs(signal: Signal, rate_hz: int) -> float:
    """Integrated loudness of a mono signal, gated at −70 LUFS and −10 LU (BS.1770-4)."""
    meter = Meter(rate_hz)
    for at in range(0, len(signal), rate_hz * 30):
        meter.take(signal[at : at + rate_hz * 30])
    return meter.lufs()


@cache
def _phases() -> NDArray[np.float64]:
    """Four phases of 16 taps each that put three samples between any two (Kaiser-windowed sinc)."""
    n = np.arange(64) - 31.5
    taps = np.sinc(n / 4) * np.kaiser(64, 7.0)
    return np.stack([phase / phase.sum() for phase in taps.reshape(16, 4).T])


def _between(signal: Signal, floor: float = 0.0) -> Signal:
    """Largest value between a sample and its neighbours, for each sample.

    Where nothing near is above half of `floor` the samples themselves are given: such places are only asked
    whether they pass `floor`, and four times oversampled speech never doubles its neighbours.
    """
    peak = np.abs(signal)
    for start, end in _loud_runs(peak, floor / 2):
        low, high = max(start - 16, 0), min(end + 16, len(signal))
        piece = signal[low:high]
        if len(piece) < 16:
            piece = np.pad(piece, (0, 16 - len(piece)))
        for phase in _phases():
            between = np.abs(np.convolve(piece, phase, "same"))[start - low : end - low]
            np.maximum(peak[start:end], between, out=peak[start:end])
    return np.asarray(peak, dtype=np.float32)


def _loud_runs(peak: Signal, above: float) -> list[tuple[int, int]]:
    """Stretches of 512 samples or more in which something is above a level."""
    if above <= 0:
        return [(0, len(peak))] if len(peak) else []
    starts = np.arange(0, len(peak), 512)
    is_loud = np.maximum.reduceat(peak, starts) > above if len(peak) else np.zeros(0, dtype=bool)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], is_loud.astype(np.int8), [0]])))
    return [(int(a) * 512, min(int(b) * 512, len(peak))) for a, b in edges.reshape(-1, 2)]


def true_peak_db(signal: Signal) -> float:
    """True peak in dBTP from fourfold oversampling (BS.1770-4 annex 2); −120 for silence."""
    if not len(signal):
        return -120.0
    return float(20 * np.log10(max(_between(signal, float(np.abs(signal).max())).max(), 1e-6)))


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
    """Turn down what would pass the ceiling, 5 ms ahead of it; the rest is left as it is."""
    ceiling = 10 ** (ceiling_db / 20)
    reach = max(rate_hz // 200, 8)
    need = np.minimum(1.0, ceiling / np.maximum(_between(signal, ceiling), 1e-9)).astype(np.float32)
    if need.min() >= 1.0:
        return signal
    # The lowest need over 2·reach around a sample, averaged over reach, never lies above the sample's own need.
    low = _lowest_around(np.pad(need, (reach, 0), constant_values=1.0), 2 * reach)[: len(need) + reach]
    total = np.concatenate([np.zeros(1), np.cumsum(low, dtype=np.float64)])
    smooth = (total[reach:] - total[:-reach]) / reach
    return np.asarray(signal * smooth[: len(signal)], dtype=np.float32)


def band(signal: Signal, rate_hz: int, low_hz: float, high_hz: float, presence_db: float) -> Signal:
    """Keep what the loudspeaker can carry, lift the consonants around 2.5 kHz, keep the timing."""
    taps = _band_taps(rate_hz, low_hz, high_hz, presence_db)
    half = len(taps) // 2
    padded = np.concatenate([signal, np.zeros(half, dtype=np.float32)])
    return filtered(padded, taps)[half:]


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
    power = np.square(padded, dtype=np.float64).reshape(hops, step).mean(axis=1)
    level_db = 10 * np.log10(np.maximum(power, 1e-12))
    highest = np.max([np.roll(level_db, shift) for shift in (-1, 0, 1)], axis=0)
    over_db = np.maximum(highest - threshold_db, 0)
    gain_db = np.convolve(
        np.pad(-over_db * (1 - 1 / ratio), 4, mode="edge"), np.hanning(11)[1:-1] / 5, "valid"
    )
    centres = (np.arange(hops) + 0.5) * step
    gain = 10 ** (np.interp(np.arange(len(signal)), centres, gain_db) / 20)
    return np.asarray(signal * gain, dtype=np.float32)
