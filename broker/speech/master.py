"""One loudness for everything that is heard: from raw speech to the bytes of a file a loudspeaker can play."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from broker.speech import loudness, shaping
from broker.speech.chime import chime
from broker.speech.clip import Facts, Frame, Timing
from broker.speech.loudness import Signal
from broker.speech.opus import PACKETS_PER_S, OpusCoder
from broker.speech.pacing import AT_A_HORN, CALM, Manner
from broker.speech.sound import decode, from_float, to_float, wav_bytes
from broker.speech.voicing import ms_of

MASTERING = "4"
"""Raise when mastering sounds different: it is part of the cache key."""

TRACK_REST_S = 1.0
"""Between two tracks, so that one language is not taken for the end of the other."""

Kind = Literal["wav", "opus"]


@dataclass(frozen=True)
class Profile:
    """How a kind of loudspeaker wants its sound."""

    name: str
    lufs: float
    rate_hz: int
    low_hz: float
    high_hz: float
    presence_db: float
    threshold_db: float
    ratio: float
    bits_per_s: int = 16_000
    peak_dbtp: float = -1.0
    manner: Manner = CALM
    """How an engine speaks for it."""


KIOSK = Profile("kiosk", -16.0, 24_000, 80, 11_000, 0.0, -24.0, 2.5)
HORN = Profile("horn", -14.0, 16_000, 250, 6_000, 3.0, -26.0, 4.0, manner=AT_A_HORN)
"""A horn in the open: 250–6000 Hz is our assumption about it (docs/LIMITS.md), tuned where one hangs."""

PROFILES = {profile.name: profile for profile in (KIOSK, HORN)}


@dataclass(frozen=True, eq=False)
class Stretch:
    """One track before mastering: its sound at the profile's rate, and when its sentences are heard in it."""

    signal: Signal
    timings: tuple[Timing, ...] = ()


def master(stretches: Sequence[Stretch], profile: Profile, frame: Frame, kind: Kind) -> tuple[bytes, Facts]:
    """Bring each stretch to the profile's loudness, join them in their frame, encode; the engine is left open.

    What a listener's decoder makes of it is measured: where it passes the peak it is turned down and coded again,
    and all of it is done again where the loudness is not right.
    """
    evens = [_evened(each.signal, profile) for each in stretches]
    margin_db, boost_db = (
        (0.2, 0.0) if kind == "wav" else (2.0, 0.5)
    )  # what Opus adds to peaks and takes of speech
    for _ in range(4):
        target, ceiling_db = profile.lufs + boost_db, profile.peak_dbtp - margin_db
        whole, start = _framed(
            _joined(
                (shaping.levelled(even, profile.rate_hz, target, ceiling_db) for even in evens),
                profile.rate_hz,
            ),
            profile,
            frame,
        )
        data, heard = _coded(whole, profile, kind)
        # A listener's meter counts from the file's start; ours from the speech, where a chime stands before it.
        lufs = loudness.loudness_lufs(heard[start if frame.chime else 0 :], profile.rate_hz)
        peak = loudness.true_peak_db(heard)
        if peak <= profile.peak_dbtp and abs(profile.lufs - lufs) <= 0.3:
            break
        boost_db += profile.lufs - lufs
        margin_db += max(peak - profile.peak_dbtp, 0)
    timings = _placed(stretches, start, profile.rate_hz)
    return data, Facts(ms_of(len(whole), profile.rate_hz), round(lufs, 2), round(peak, 2), "", timings)


def _coded(whole: Signal, profile: Profile, kind: Kind) -> tuple[bytes, Signal]:
    """A file, and what its decoder hears. Opus is coded again between two rests where it passes the peak."""
    rate_hz = profile.rate_hz
    pcm = from_float(whole, rate_hz)
    if kind == "wav":
        return wav_bytes(pcm), to_float(pcm)
    coder = OpusCoder(pcm, profile.bits_per_s)
    ceiling = float(10 ** ((profile.peak_dbtp - 0.05) / 20))
    rests = _rests(whole, rate_hz)
    for _ in range(6):
        data = coder.file()
        heard = to_float(decode(data, rate_hz, demuxer="ogg"))[: len(whole)]
        heard = np.pad(heard, (0, len(whole) - len(heard)))
        peaks = loudness.peaks_between(heard, ceiling)
        stretches = _stretches(np.flatnonzero(peaks > ceiling) * PACKETS_PER_S // rate_hz, rests)
        if not stretches:
            break
        curve = shaping.curve(peaks, ceiling * 0.95, rate_hz)
        whole = whole if curve is None else whole * curve
        pcm = from_float(whole, rate_hz)
        for first, behind in stretches:
            coder.code_again(pcm.samples, first, behind)
    return data, heard


def _rests(whole: Signal, rate_hz: int) -> NDArray[np.intp]:
    """Numbers of the packets in the middle of a rest of five or more, where a stretch may be cut; and both ends."""
    step = rate_hz // PACKETS_PER_S
    count = len(whole) // step
    is_still = np.square(whole[: count * step]).reshape(count, step).mean(axis=1) < 1e-6
    edges = np.flatnonzero(np.diff(np.concatenate([[0], is_still.astype(np.int8), [0]]))).reshape(-1, 2)
    long = edges[edges[:, 1] - edges[:, 0] >= 5]
    return np.unique(np.concatenate([[0], (long[:, 0] + long[:, 1] + 1) // 2, [count + 1]]))


def _stretches(packets: NDArray[np.intp], rests: NDArray[np.intp]) -> list[tuple[int, int]]:
    """From rest to rest around each of some packets, each once."""
    after = np.unique(np.clip(np.searchsorted(rests, packets, "right"), 1, len(rests) - 1))
    return [(int(rests[at - 1]), int(rests[at])) for at in after]


def _evened(speech: Signal, profile: Profile) -> Signal:
    """Band and compressor; speech at `profile.rate_hz`."""
    level = loudness.loudness_lufs(speech, profile.rate_hz)
    if level <= loudness.SILENCE_LUFS:
        return speech
    even = speech * np.float32(10 ** ((-20 - level) / 20))  # so that the threshold means the same for all
    even = shaping.band(even, profile.rate_hz, profile.low_hz, profile.high_hz, profile.presence_db)
    return shaping.compressed(even, profile.rate_hz, profile.threshold_db, profile.ratio)


def _joined(voices: Iterable[Signal], rate_hz: int) -> Signal:
    rest = np.zeros(int(TRACK_REST_S * rate_hz), dtype=np.float32)
    parts = [part for voice in voices for part in (voice, rest)]
    return np.concatenate(parts[:-1])


def _placed(stretches: Sequence[Stretch], start: int, rate_hz: int) -> tuple[Timing, ...]:
    """Timings of all stretches as they lie in the clip, whose first one starts at sample `start`."""
    out: list[Timing] = []
    for each in stretches:
        shift_ms = ms_of(start, rate_hz)
        out += [Timing(t.start, t.end, t.since_ms + shift_ms, t.until_ms + shift_ms) for t in each.timings]
        start += len(each.signal) + int(TRACK_REST_S * rate_hz)
    return tuple(out)


def _framed(voice: Signal, profile: Profile, frame: Frame) -> tuple[Signal, int]:
    """Chime, then the speech as often as asked with its gap; and where the first speech starts."""
    rate_hz = profile.rate_hz
    head = [np.zeros(rate_hz // 20, dtype=np.float32)]
    if frame.chime is not None:
        head += [chime(frame.chime, rate_hz), np.zeros(rate_hz // 2, dtype=np.float32)]
    body: list[Signal] = []
    for turn in range(max(frame.repeat, 1)):
        gap = np.zeros(int(frame.gap_s * rate_hz) if turn else 0, dtype=np.float32)
        body += [gap, voice]
    tail = np.zeros(rate_hz // 10, dtype=np.float32)
    return np.concatenate([*head, *body, tail]), sum(map(len, head))
