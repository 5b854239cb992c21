"""Sound files as people bring them: something like a voice, made of numbers, so that no engine is needed."""

from __future__ import annotations

import io
import wave

import av
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


def tone_mp3(seconds: float, peak: int = 8000) -> bytes:
    """MP3, mono, 24 kHz: a tone of 300 Hz, as an online voice answers in."""
    box = io.BytesIO()
    t = np.arange(int(24_000 * seconds)) / 24_000
    samples = (peak * np.sin(2 * np.pi * 300 * t)).astype(np.int16)
    with av.open(box, "w", format="mp3") as file:
        stream = file.add_stream("libmp3lame", rate=24_000)
        stream.codec_context.layout = "mono"
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16p", layout="mono")
        frame.sample_rate = 24_000
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return box.getvalue()
