"""Sound files as people bring them: something like a voice, made of numbers, so that no engine is needed."""

from __future__ import annotations

import io
import wave

import numpy as np

RATE_HZ = 16_000


def voice_wav(seconds: float = 2.0, peak: float = 0.4) -> bytes:
    """WAV, mono, 16 bit: harmonics of 140 Hz that rise and fall four times a second, with a rest every second."""
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    tone = sum(np.sin(2 * np.pi * 140 * n * t) / n for n in range(1, 12))
    syllables = np.clip(np.sin(2 * np.pi * 4 * t), 0, 1) * (t % 1.0 < 0.75)
    sound = tone * syllables
    return as_wav(peak * sound / np.abs(sound).max())


def silence_wav(seconds: float = 2.0) -> bytes:
    """WAV without any sound in it."""
    return as_wav(np.zeros(int(seconds * RATE_HZ)))


def as_wav(signal: np.ndarray[tuple[int], np.dtype[np.float64]]) -> bytes:
    """Samples in [-1, 1] as a WAV."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes((signal * 32767).astype("<i2").tobytes())
    return out.getvalue()
