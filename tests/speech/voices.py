"""Sounds that are like speech, and files of them as people bring them, for tests that need no engine."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from broker.speech.engine import EngineError
from broker.speech.sound import Pcm, from_float

MUXERS = {
    "mp3": ("mp3", "libmp3lame"),
    "m4a": ("mp4", "aac"),
    "wav": ("wav", "pcm_s16le"),
    "ogg": ("ogg", "libopus"),
    "webm": ("webm", "libopus"),
}


@dataclass
class ToneEngine:
    """Implements Engine: a syllable-like buzz for each word."""

    id: str = "tone"
    version: str = "1"
    online: bool = False
    fails_on: str = ""
    said: list[str] = field(default_factory=list)
    ways: list[tuple[float, float]] = field(default_factory=list)
    """Rate and pitch each was said at."""

    def synthesise(self, text: str, voice: str, rate: float = 1.0, pitch: float = 1.0) -> Pcm:
        """See Engine."""
        if self.fails_on and self.fails_on in text:
            raise EngineError("out of voice")
        self.said.append(text)
        self.ways.append((rate, pitch))
        return from_float(buzz([len(word) for word in text.split()], 22050), 22050)


def buzz(words: list[int], rate_hz: int) -> NDArray[np.float32]:
    """A harmonic sound with a rise and fall for each word, silence around; a word's length gives its pitch."""
    rng = np.random.default_rng(sum(words))
    count = rate_hz * 2 // 11
    t = np.arange(count) / rate_hz
    parts = [np.zeros(count // 2, dtype=np.float32)]
    for length in words:
        pitch_hz = 120 + 4 * length
        wave = sum(np.sin(2 * np.pi * pitch_hz * n * t + n * n) / n for n in range(1, 30))
        parts.append((wave * np.hanning(count) * (0.06 + 0.2 * rng.random())).astype(np.float32))
    return np.concatenate([*parts, parts[0]])


def talk(seconds: float, rate_hz: int = 48_000) -> NDArray[np.float32]:
    """Some seconds of it with pauses, peak 0.5."""
    rng = np.random.default_rng(7)
    parts = []
    while sum(map(len, parts)) < seconds * rate_hz:
        parts.append(buzz([int(n) for n in rng.integers(1, 7, 6)], rate_hz))
        parts.append(np.zeros(rate_hz // 4, dtype=np.float32))
    whole = np.concatenate(parts)[: int(seconds * rate_hz)]
    return np.asarray(whole * (0.5 / np.abs(whole).max()), dtype=np.float32)


def write_sound(path: Path, channels: NDArray[np.float32], rate_hz: int = 48_000, kind: str = "") -> Path:
    """A file as its ending says, or as `kind`. channels: shape (n,) or (channels, n), full scale 1."""
    muxer, codec = MUXERS[kind or path.suffix[1:]]
    sound = np.atleast_2d(channels)
    layout = "stereo" if len(sound) == 2 else "mono"
    with av.open(str(path), "w", format=muxer) as file:
        stream = file.add_stream(codec, rate=rate_hz)
        stream.codec_context.layout = layout
        bits = np.clip(np.rint(sound * 32767), -32768, 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(bits.T).reshape(1, -1), format="s16", layout=layout
        )
        frame.sample_rate = rate_hz
        sampler = av.AudioResampler(stream.codec_context.format.name, layout, rate_hz)
        for piece in [*sampler.resample(frame), *sampler.resample(None)]:
            file.mux(stream.encode(piece))
        file.mux(stream.encode(None))
    return path


def odd_wav(path: Path, channels: int, rate_hz: int) -> Path:
    """A WAV of 16 bit noise whose header says what is asked, however odd."""
    data = np.random.default_rng(5).bytes(channels * 32_000)
    kind = struct.pack("<HHIIHH", 1, channels, rate_hz, rate_hz * channels * 2 % 2**32, channels * 2, 16)
    body = b"WAVEfmt " + struct.pack("<I", len(kind)) + kind + b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


def index_bomb(path: Path, samples: int) -> Path:
    """An M4A of less than a kilobyte whose index says it has so many frames of sound; readers make room for each."""

    def box(name: bytes, *parts: bytes) -> bytes:
        body = b"".join(parts)
        return struct.pack(">I", 8 + len(body)) + name + body

    def full(name: bytes, *parts: bytes, flags: int = 0) -> bytes:
        return box(name, struct.pack(">I", flags), *parts)

    def moov(offset: int) -> bytes:
        decoder = bytes([3, 25, 0, 0, 0, 4, 17, 0x40, 0x15, 0, 0, 0]) + struct.pack(">II", 64000, 64000)
        sound = b"\0" * 6 + struct.pack(">H8xHHHHI", 1, 1, 16, 0, 0, 8000 << 16)
        mp4a = box(b"mp4a", sound, full(b"esds", decoder, bytes([5, 2, 0x15, 0x88, 6, 1, 2])))
        table = box(
            b"stbl",
            full(b"stsd", struct.pack(">I", 1), mp4a),
            full(b"stts", struct.pack(">III", 1, samples, 1024)),
            full(b"stsc", struct.pack(">IIII", 1, 1, samples, 1)),
            full(b"stsz", struct.pack(">II", 1, samples)),
            full(b"stco", struct.pack(">II", 1, offset)),
        )
        here = box(b"dinf", full(b"dref", struct.pack(">I", 1), full(b"url ", flags=1)))
        matrix = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
        media = box(
            b"mdia",
            full(b"mdhd", struct.pack(">4IHH", 0, 0, 8000, 80000, 0x55C4, 0)),
            full(b"hdlr", b"\0\0\0\0soun" + b"\0" * 12 + b"s\0"),
            box(b"minf", full(b"smhd", b"\0" * 4), here, table),
        )
        track = struct.pack(">5I8xHHHH", 0, 0, 1, 0, 10000, 0, 0, 0x100, 0) + matrix + bytes(8)
        movie = struct.pack(">4IIHHII", 0, 0, 1000, 10000, 0x10000, 0x100, 0, 0, 0) + matrix + bytes(24)
        head = full(b"mvhd", movie, struct.pack(">I", 2))
        return box(b"moov", head, box(b"trak", full(b"tkhd", track, flags=7), media))

    kind = box(b"ftyp", b"M4A \0\0\0\0M4A mp42isom")
    offset = len(kind) + len(moov(0)) + 8
    path.write_bytes(kind + moov(offset) + box(b"mdat", b"\x21\x10\x04\x60\x8c\x1c" * 40))
    return path
