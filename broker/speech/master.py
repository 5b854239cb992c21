"""One loudness for everything that is heard: from raw speech to the bytes of a file a loudspeaker can play."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from broker.speech import loudness, shaping
from broker.speech.chime import chime
from broker.speech.clip import Facts, Frame, Timing
from broker.speech.loudness import Signal
from broker.speech.pacing import AT_A_HORN, CALM, Manner
from broker.speech.sound import decode, from_float, opus_bytes, to_float, wav_bytes
from broker.speech.voicing import ms_of

MASTERING = "2"
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

    What a listener's decoder makes of it is measured, and done again with more room where its peaks need it.
    """
    evens = [_evened(each.signal, profile) for each in stretches]
    data, lufs, peak, start, count = b"", 0.0, 0.0, 0, 0
    # Opus at 16 kbit/s takes about 0.4 LU of speech and moves its peaks by about as much.
    margin_db, boost_db = (0.2, 0.0) if kind == "wav" else (1.2, 0.4)
    for _ in range(4):
        target, ceiling_db = profile.lufs + boost_db, profile.peak_dbtp - margin_db
        voice = _joined(
            [shaping.levelled(even, profile.rate_hz, target, ceiling_db) for even in evens], profile.rate_hz
        )
        whole, start = _framed(voice, profile, frame)
        count = len(whole)
        pcm = from_float(whole, profile.rate_hz)
        data = wav_bytes(pcm) if kind == "wav" else opus_bytes(pcm, profile.bits_per_s)
        heard = to_float(pcm if kind == "wav" else decode(data, profile.rate_hz))
        lufs = loudness.loudness_lufs(heard[start : start + len(voice)], profile.rate_hz)
        peak = loudness.true_peak_db(heard)
        off_db, over_db = profile.lufs - lufs, peak - profile.peak_dbtp
        if over_db <= 0 and abs(off_db) <= 0.3:
            break
        boost_db += off_db
        margin_db += over_db + 0.2 if over_db > 0 else 0
    timings = _placed(stretches, start, profile.rate_hz)
    return data, Facts(ms_of(count, profile.rate_hz), round(lufs, 2), round(peak, 2), "", timings)


def _evened(speech: Signal, profile: Profile) -> Signal:
    """Band and compressor; speech at `profile.rate_hz`."""
    level = loudness.loudness_lufs(speech, profile.rate_hz)
    if level <= loudness.SILENCE_LUFS:
        return speech
    even = speech * np.float32(10 ** ((-20 - level) / 20))  # so that the threshold means the same for all
    even = shaping.band(even, profile.rate_hz, profile.low_hz, profile.high_hz, profile.presence_db)
    return shaping.compressed(even, profile.rate_hz, profile.threshold_db, profile.ratio)


def _joined(voices: Sequence[Signal], rate_hz: int) -> Signal:
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
