"""Recorded voices: what was brought is looked at whole, and refused with a sentence that says what to do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from broker.speech import loudness
from broker.speech.container import MP3, Container, container_of, is_cut, said_container
from broker.speech.examined import LONGEST_S, Recording, RecordingRefused, refused
from broker.speech.loudness import Signal
from broker.speech.sound import SoundError, UnusualSoundError, decode, heard_in, to_float

SHORTEST_MS = 500

_SILENT_LUFS, _QUIET_LUFS = -55.0, -44.0
_CLIPPED_SHARE = 0.01
_STEADY_DB = 5.0


def examine(data: Path, said_type: str = "", longest_s: float = LONGEST_S) -> Recording:
    """Look at a file somebody brought; all of it is decoded once, its samples are not kept.

    said_type: media type or file name it came with; empty when nobody said. Raises RecordingRefused, OSError.
    """
    container = _container(data, said_type)
    with data.open("rb") as file:
        cut = is_cut(file, data.stat().st_size, container)
    look = _Look()
    try:
        heard = heard_in(data, container.demuxer)
        for block in heard.blocks():
            look.take(block, heard.rate_hz)
            if look.duration_s > longest_s:
                raise RecordingRefused("too-long", _too_long(longest_s))
    except UnusualSoundError as why:
        raise refused("unusual") from why
    except SoundError as why:
        raise refused("truncated" if cut else "unreadable") from why
    missing_s = heard.promised_s - look.duration_s if container is not MP3 or _tells_length(data) else 0.0
    if cut or missing_s > 0.25 + 0.02 * heard.promised_s:
        raise refused("truncated")
    if not look.count:
        raise refused("empty")
    if look.duration_s * 1000 < SHORTEST_MS:
        raise refused("too-short")
    level = look.level_lufs()
    _refuse_unclear(look, level)
    return Recording(
        round(look.duration_s * 1000), round(level, 1), container.media_type, heard.rate_hz, heard.channels
    )


def recorded(data: Path, rate_hz: int, longest_s: float = LONGEST_S) -> Signal:
    """The voice of a recording at `rate_hz`, without the silence before and after it.

    Raises SoundError for one that cannot be read, is silent, or lasts longer than `longest_s`.
    """
    with data.open("rb") as file:
        container = container_of(file.read(16))
    if container is None:
        raise SoundError("the recording is no sound file of a known kind")
    signal = to_float(decode(data, rate_hz, longest_s, container.demuxer))
    level = loudness.loudness_lufs(signal, rate_hz)
    if level < _SILENT_LUFS:
        raise SoundError(f"the recording is silent ({level:.0f} LUFS)")
    return _without_dead_ends(signal, rate_hz, level)


def _without_dead_ends(signal: Signal, rate_hz: int, level_lufs: float) -> Signal:
    """From 0.2 s before the first to 0.2 s after the last 20 ms that are within 30 dB of the speech."""
    step = rate_hz // 50
    hops = len(signal) // step
    power = np.square(signal[: hops * step].reshape(hops, step)).mean(axis=1)
    heard = np.flatnonzero(power > 10 ** ((level_lufs - 30) / 10))
    if not len(heard):
        return signal
    first, last = max(int(heard[0]) - 10, 0), int(heard[-1]) + 11
    return signal[first * step : last * step]


def _container(data: Path, said_type: str) -> Container:
    with data.open("rb") as file:
        head = file.read(16)
    if not head:
        raise refused("empty")
    found = container_of(head)
    if found is None:
        raise refused("unreadable")
    said = said_container(said_type)
    if said is not None and said is not found:
        raise RecordingRefused(
            "mislabelled",
            f"Tệp này mang tên {said.name} nhưng bên trong là {found.name}. "
            f"Xin chọn lại đúng tệp âm thanh hoặc đổi đuôi tệp thành .{found.name}.",
        )
    return found


def _tells_length(mp3: Path) -> bool:
    """Whether an MP3 says how long it is; else its length is only guessed from its first seconds."""
    with mp3.open("rb") as file:
        head = file.read(256 * 1024)
    return any(mark in head for mark in (b"Xing", b"Info", b"VBRI"))


def _too_long(longest_s: float) -> str:
    longest = f"{longest_s:g} giây" if longest_s < 60 else f"{longest_s / 60:g} phút"
    return f"Bản ghi dài quá {longest.replace('.', ',')}. Xin cắt ngắn hoặc chia thành nhiều bản ghi."


def _refuse_unclear(look: _Look, level_lufs: float) -> None:
    if level_lufs < _SILENT_LUFS:
        raise refused("silent")
    if look.clipped_share() > _CLIPPED_SHARE:
        raise refused("clipped")
    if look.is_steady():
        raise refused("no-speech")
    if level_lufs < _QUIET_LUFS:
        raise refused("quiet")


class _Look:
    """What is gathered of a recording, block by block, so that half an hour of it needs little memory."""

    def __init__(self) -> None:
        self.count = 0
        self._rate_hz = 1
        self._meter: loudness.Meter | None = None
        self._at_edge = 0
        self._loud = 0

    @property
    def duration_s(self) -> float:
        return self.count / self._rate_hz

    def take(self, block: NDArray[np.float32], rate_hz: int) -> None:
        """block: shape (channels, n), full scale 1."""
        if self._meter is None:
            self._rate_hz, self._meter = rate_hz, loudness.Meter(rate_hz)
        self.count += block.shape[1]
        self._meter.take(block.mean(axis=0, dtype=np.float32))
        size = np.abs(block)
        self._loud += int(np.count_nonzero(size > 0.25))
        flat = (size > 0.97) & (np.abs(np.diff(block, axis=1, prepend=0)) < 0.02)
        self._at_edge += int(np.count_nonzero(flat))

    def level_lufs(self) -> float:
        """Loudness of the whole."""
        return loudness.gated_lufs(self._meter.energy()) if self._meter else loudness.SILENCE_LUFS

    def clipped_share(self) -> float:
        """Share of the loud samples that lie flat against full scale."""
        return self._at_edge / max(self._loud, 1)

    def is_steady(self) -> bool:
        """Whether its level hardly moves over at least three seconds: noise, a hum, a tone, but no speech."""
        if self._meter is None or self.duration_s < 3:
            return False
        low, high = np.percentile(loudness.levels_db(self._meter.energy()), (5, 95))
        return bool(high - low < _STEADY_DB)
