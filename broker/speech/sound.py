"""Sound in memory, and in and out of files: decoding anything PyAV reads, WAV out."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

LONGEST_S = 3600
"""Nothing longer is decoded: a small file can otherwise unpack into all the memory of a Pi."""

OPUS_RATES_HZ = (8000, 12000, 16000, 24000, 48000)


MOST_CHANNELS = 2
RATES_HZ = range(8_000, 192_001)
"""What files may hold; nothing else is given to a decoder or a resampler, which break on some of the rest."""

_CODECS = (
    "aac,alac,amrnb,amrwb,libopencore_amrnb,libopencore_amrwb,mp2,mp2float,mp3,mp3float,opus,libopus,vorbis,flac,"
    "pcm_alaw,pcm_f32le,pcm_mulaw,pcm_s16be,pcm_s16le,pcm_s24be,pcm_s24le,pcm_s32le,pcm_u8,adpcm_ima_wav,adpcm_ms"
)
"""Decoders that may see a file: those of phones, recorders and browsers."""


class SoundError(Exception):
    """A file is not sound that can be used; the text says why."""


class UnusualSoundError(SoundError):
    """A file is of a kind we do not decode: another codec, more channels, an odd sample rate."""


@dataclass(frozen=True, eq=False)
class Pcm:
    """One channel of 16-bit samples."""

    samples: NDArray[np.int16]
    """Shape (n,)."""
    rate_hz: int

    @property
    def duration_ms(self) -> int:
        """Length, rounded to milliseconds."""
        return round(1000 * len(self.samples) / self.rate_hz)


def to_float(pcm: Pcm) -> NDArray[np.float32]:
    """Samples as floats in [-1, 1)."""
    return pcm.samples.astype(np.float32) / np.float32(32768)


def from_float(signal: NDArray[np.float32], rate_hz: int) -> Pcm:
    """Floats in [-1, 1] as 16-bit samples; what lies outside is cut."""
    return Pcm(np.clip(np.rint(signal * 32767), -32768, 32767).astype(np.int16), rate_hz)


_DEMUXERS = "mp3,mov,wav,ogg,matroska,webm,flac,aac"
"""Readers that may look at a file. A playlist would make others open further files and addresses."""


@dataclass(frozen=True)
class SoundFile:
    """A file with sound in it that is read block by block."""

    path: Path
    demuxer: str
    rate_hz: int
    channels: int
    promised_s: float
    """How long the file says it is; 0 when it does not say."""

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """Its samples in order, shape (channels, n), full scale 1. Raises SoundError."""
        import av

        with _opened(self.path, self.demuxer) as box:
            layout = "mono" if self.channels == 1 else "stereo"
            resampler = av.AudioResampler("fltp", layout, self.rate_hz, frame_size=self.rate_hz)
            for frame in chain(_frames(box), [None]):
                for piece in resampler.resample(frame):
                    yield piece.to_ndarray().astype(np.float32, copy=False)


def heard_in(path: Path, demuxer: str) -> SoundFile:
    """What a file says of itself, read by one of PyAV's demuxers. Raises SoundError when it holds no sound."""
    with _opened(path, demuxer) as box:
        stream = _stream(box)
        length_s = float(stream.duration * stream.time_base) if stream.duration else 0.0
        return SoundFile(path, demuxer, int(stream.rate), int(stream.channels), length_s)


def decode(
    source: Path | bytes,
    rate_hz: int | None = None,
    longest_s: float = LONGEST_S,
    demuxer: str | None = None,
) -> Pcm:
    """Read a sound file or its bytes as mono, at its own rate or at `rate_hz`.

    demuxer: PyAV's reader of what the file is known to be; else it is found by what is in it.
    Raises SoundError for what is no sound, is broken, is empty, unusual or lasts longer than `longest_s`.
    """
    import av

    with _opened(source, demuxer) as box:
        rate = rate_hz or int(_stream(box).rate)
        resampler = av.AudioResampler(format="s16", layout="mono", rate=rate)
        parts: list[NDArray[np.int16]] = []
        room = int(longest_s * rate)
        for frame in chain(_gathered(_frames(box)), [None]):
            for piece in resampler.resample(frame):
                parts.append(piece.to_ndarray()[0])
                room -= len(parts[-1])
            if room < 0:
                raise SoundError(f"the sound lasts longer than {longest_s:g} seconds")
    if not sum(map(len, parts)):
        raise SoundError("the file holds no samples")
    return Pcm(np.concatenate(parts).astype(np.int16, copy=False), rate)


@contextmanager
def _opened(source: Path | bytes, demuxer: str | None = None) -> Iterator[Any]:
    """PyAV's container. What goes wrong in it is a SoundError."""
    import av

    try:
        file = io.BytesIO(source) if isinstance(source, bytes) else str(source)
        options = {"format_whitelist": _DEMUXERS, "codec_whitelist": _CODECS}
        with av.open(file, "r", format=demuxer, options=options) as box:
            yield box
    except (av.FFmpegError, OSError, ValueError, UnicodeDecodeError) as why:
        raise SoundError(f"the file cannot be read as sound: {why}") from why


def _stream(box: Any) -> Any:
    if not box.streams.audio:
        raise SoundError("the file has no sound in it")
    stream = box.streams.audio[0]
    coder = stream.codec_context
    if coder is None or coder.name not in _CODECS.split(","):
        raise UnusualSoundError("the sound is coded in a way we do not take")
    _refuse_unusual(coder.sample_rate or 0, coder.channels)
    return stream


def _refuse_unusual(rate_hz: int, channels: int) -> None:
    if rate_hz not in RATES_HZ or not 1 <= channels <= MOST_CHANNELS:
        raise UnusualSoundError(f"{channels} channels at {rate_hz} Hz are not taken")


def _frames(box: Any) -> Iterator[Any]:
    """Decoded frames of the first sound; a few broken packets are passed over, as any player does."""
    import av

    good, broken, last = 0, 0, None
    for packet in box.demux(_stream(box)):
        try:
            frames = packet.decode()
        except av.error.InvalidDataError as why:
            broken, last = broken + 1, why
            continue
        good += bool(frames)
        for frame in frames:  # a file may change in its middle
            _refuse_unusual(frame.sample_rate, frame.layout.nb_channels)
            yield frame
    if last is not None and broken > 2 + good // 50:
        raise SoundError(f"{broken} of {broken + good} packets are broken: {last}")


def _gathered(frames: Iterator[Any]) -> Iterator[Any]:
    """The same sound in frames of about a second: each call of a resampler costs more than 20 ms of sound do."""
    import av

    def joined() -> Any:
        if len(waiting) == 1:
            return waiting[0]
        one = av.AudioFrame.from_ndarray(
            np.concatenate([each.to_ndarray() for each in waiting], axis=1), format=kind[0], layout=kind[1]
        )
        one.sample_rate = kind[2]
        return one

    waiting: list[Any] = []
    kind: tuple[str, str, int] = ("", "", 0)
    for frame in frames:
        is_alike = kind == (frame.format.name, frame.layout.name, frame.sample_rate)
        if waiting and (not is_alike or len(waiting) >= 50):
            yield joined()
            waiting = []
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        frame.pts = None
        waiting.append(frame)
    if waiting:
        yield joined()


def resample(pcm: Pcm, rate_hz: int) -> Pcm:
    """The same sound at another sample rate."""
    import av

    if pcm.rate_hz == rate_hz or not len(pcm.samples):
        return Pcm(pcm.samples, rate_hz)
    resampler = av.AudioResampler(format="s16", layout="mono", rate=rate_hz)
    frame = frame_of(pcm.samples, pcm.rate_hz)
    pieces = [*resampler.resample(frame), *resampler.resample(None)]
    return Pcm(np.concatenate([piece.to_ndarray()[0] for piece in pieces]).astype(np.int16), rate_hz)


def frame_of(samples: NDArray[np.int16], rate_hz: int) -> Any:
    """Samples as PyAV wants them."""
    import av

    frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate = rate_hz
    return frame


def read_wav(raw: bytes) -> Pcm:
    """Mono 16-bit WAV, also one whose header was written before its length was known. Raises SoundError."""
    try:
        with wave.open(io.BytesIO(raw)) as file:
            if file.getnchannels() != 1 or file.getsampwidth() != 2:
                raise SoundError("the engine's WAV is not mono 16 bit")
            rate = file.getframerate()
            # A streamed header claims 2 GB; what really follows is what counts.
            data = file.readframes(min(file.getnframes(), len(raw) // 2))
    except (wave.Error, EOFError) as why:
        raise SoundError(f"the engine's WAV cannot be read: {why}") from why
    return Pcm(np.frombuffer(data[: len(data) // 2 * 2], dtype="<i2").astype(np.int16), rate)


def write_wav(pcm: Pcm, to: Path | BinaryIO) -> None:
    """Mono 16-bit WAV."""
    with wave.open(str(to) if isinstance(to, Path) else to, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(pcm.rate_hz)
        file.writeframes(pcm.samples.astype("<i2").tobytes())


def wav_bytes(pcm: Pcm) -> bytes:
    """Mono 16-bit WAV in memory."""
    box = io.BytesIO()
    write_wav(pcm, box)
    return box.getvalue()
