"""From spoken text to a clip that a loudspeaker can play: sentences from the cache, one loudness, one file."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from broker.speech import loudness
from broker.speech.cache import ClipCache, key_of, write_whole
from broker.speech.chime import ChimeName, chime
from broker.speech.loudness import Signal
from broker.speech.sentences import Sentence, sentences
from broker.speech.sound import (
    Pcm,
    SoundError,
    decode,
    from_float,
    opus_bytes,
    read_wav,
    resample,
    to_float,
    wav_bytes,
)
from broker.speech.voice import Engine, EngineError

log = logging.getLogger(__name__)

MASTERING = "1"
"""Raise when mastering sounds different: it is part of the cache key."""


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


KIOSK = Profile("kiosk", -16.0, 24_000, 80, 11_000, 0.0, -24.0, 2.5)
HORN = Profile("horn", -14.0, 16_000, 250, 6_000, 3.0, -26.0, 4.0)
"""A horn in the open: 250–6000 Hz is our assumption about it (docs/LIMITS.md), tuned where one hangs."""

PROFILES = {profile.name: profile for profile in (KIOSK, HORN)}


class Timing(msgspec.Struct, frozen=True):
    """When one sentence is heard: code points of the text, milliseconds of the clip's first playing."""

    start: int
    end: int
    since_ms: int
    until_ms: int


class Facts(msgspec.Struct, frozen=True):
    """What is known of a finished clip; kept beside it in the cache."""

    duration_ms: int
    lufs: float
    peak_dbtp: float
    engine: str
    timings: tuple[Timing, ...] = ()


@dataclass(frozen=True)
class Clip:
    """A finished sound file."""

    path: Path
    sha256: str
    size: int
    """Bytes."""
    duration_ms: int
    lufs: float
    peak_dbtp: float
    engine: str
    """Engine that spoke it, as "id version"; empty for a recording."""
    timings: tuple[Timing, ...]


@dataclass(frozen=True)
class Frame:
    """What stands around the speech in a clip."""

    chime: ChimeName | None = None
    repeat: int = 1
    gap_s: float = 3.0


PLAIN = Frame()


def speak(
    spoken: str,
    engines: Sequence[Engine],
    voice: str,
    profile: Profile,
    cache: ClipCache,
    out: Path,
    *,
    rate: float = 1.0,
    frame: Frame = PLAIN,
    parts: Sequence[tuple[Sentence, str]] | None = None,
) -> Clip:
    """Speak a text that is already in spoken form into `out` (Opus in Ogg, or WAV by its suffix).

    The engines are tried in order, each for the whole text: a clip has one voice. `parts` gives the sentences
    and what is said for each where the text is a written one. Raises EngineError when none can speak, OSError.
    """
    said = list(parts) if parts is not None else [(piece, piece.text) for piece in sentences(spoken)]
    if not said:
        raise EngineError("there is nothing to say in this text")
    why: EngineError | None = None
    for engine in engines:
        recipe = key_of(
            *("clip", MASTERING, _kind(out), profile.name, engine.id, engine.version, voice, rate),
            *(frame.chime or "", frame.repeat, frame.gap_s, spoken),
            *(text for _, text in said),
        )
        kept = cache.get(recipe)
        if kept is not None:
            return _clip(out, kept[1], msgspec.json.decode(kept[0], type=Facts))
        try:
            raws = [_sentence(text, engine, voice, rate, cache) for _, text in said]
        except EngineError as failed:
            log.warning("engine gave up: %s", failed, extra={"event": "engine-failed", "engine": engine.id})
            why = failed
            continue
        speech, timings = _join(raws, [piece for piece, _ in said], profile.rate_hz)
        data, facts = _finish(speech, profile, frame, _kind(out), f"{engine.id} {engine.version}", timings)
        cache.put(recipe, msgspec.json.encode(facts), data)
        return _clip(out, data, facts)
    raise why or EngineError("no engine was given")


def record(
    recording: Path, profile: Profile, out: Path, frame: Frame = PLAIN, longest_s: float = 1800
) -> Clip:
    """Master a recorded voice like a rendered one.

    Raises SoundError for a recording that cannot be read, is silent, or lasts longer than `longest_s`.
    """
    pcm = decode(recording, profile.rate_hz, longest_s)
    if pcm.duration_ms < 300:
        raise SoundError(f"the recording lasts {pcm.duration_ms} ms, at least 300 are needed")
    signal = to_float(pcm)
    level = loudness.loudness_lufs(signal, pcm.rate_hz)
    if level < -50:
        raise SoundError(f"the recording is silent ({level:.0f} LUFS)")
    data, facts = _finish(signal, profile, frame, _kind(out), "", ())
    return _clip(out, data, facts)


def _kind(out: Path) -> Literal["wav", "opus"]:
    return "wav" if out.suffix.lower() == ".wav" else "opus"


def _clip(out: Path, data: bytes, facts: Facts) -> Clip:
    write_whole(out, data)
    return Clip(
        path=out,
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        duration_ms=facts.duration_ms,
        lufs=facts.lufs,
        peak_dbtp=facts.peak_dbtp,
        engine=facts.engine,
        timings=facts.timings,
    )


def _sentence(text: str, engine: Engine, voice: str, rate: float, cache: ClipCache) -> Pcm:
    """One sentence as the engine speaks it, from the cache where it is there."""
    key = key_of("sentence", engine.id, engine.version, voice, rate, text)
    kept = cache.get(key)
    if kept is not None:
        try:
            return read_wav(kept[1])
        except SoundError:
            log.warning("a cached sentence was no sound", extra={"event": "cache-unreadable"})
    pcm = _trimmed(engine.synthesise(text, voice, rate))
    if not len(pcm.samples):
        raise EngineError(f"{engine.id} made no sound of a sentence with {len(text)} characters")
    cache.put(key, b"{}", wav_bytes(pcm))
    return pcm


def _trimmed(pcm: Pcm) -> Pcm:
    """Without the silence an engine puts around speech: the rests are ours. 20 ms of it stay."""
    loud = np.flatnonzero(np.abs(pcm.samples.astype(np.int32)) > 64)
    if not len(loud):
        return Pcm(pcm.samples[:0], pcm.rate_hz)
    edge = pcm.rate_hz // 50
    return Pcm(pcm.samples[max(loud[0] - edge, 0) : loud[-1] + edge], pcm.rate_hz)


def _join(raws: Sequence[Pcm], pieces: Sequence[Sentence], rate_hz: int) -> tuple[Signal, tuple[Timing, ...]]:
    parts: list[Signal] = []
    timings = []
    at = 0
    for number, (raw, piece) in enumerate(zip(raws, pieces, strict=True)):
        signal = to_float(resample(raw, rate_hz))
        timings.append(Timing(piece.start, piece.end, _ms(at, rate_hz), _ms(at + len(signal), rate_hz)))
        is_last = number == len(raws) - 1
        rest = np.zeros(0 if is_last else piece.rest_ms * rate_hz // 1000, dtype=np.float32)
        parts += [signal, rest]
        at += len(signal) + len(rest)
    return np.concatenate(parts), tuple(timings)


def _ms(samples: int, rate_hz: int) -> int:
    return round(1000 * samples / rate_hz)


def shape(speech: Signal, profile: Profile, ceiling_db: float, boost_db: float = 0.0) -> Signal:
    """Band, compressor, gain to the profile's loudness, limiter. Speech at `profile.rate_hz`.

    The limiter takes some loudness: the gain is set again until what comes out of it is right.
    """
    rate_hz = profile.rate_hz
    level = loudness.loudness_lufs(speech, rate_hz)
    if level <= loudness.SILENCE_LUFS:
        return speech
    even = speech * np.float32(10 ** ((-20 - level) / 20))  # so that the threshold means the same for all
    even = loudness.band(even, rate_hz, profile.low_hz, profile.high_hz, profile.presence_db)
    even = loudness.compressed(even, rate_hz, profile.threshold_db, profile.ratio)
    target = profile.lufs + boost_db
    gain_db = target - loudness.loudness_lufs(even, rate_hz)
    out = even
    for _ in range(10):
        out = loudness.limited(even * np.float32(10 ** (gain_db / 20)), rate_hz, ceiling_db)
        off_db = target - loudness.loudness_lufs(out, rate_hz)
        if abs(off_db) <= 0.1:
            break
        gain_db += (2.0 if off_db > 1 else 1.3) * off_db  # the harder it limits, the less a decibel brings
    return out


def _finish(
    speech: Signal,
    profile: Profile,
    frame: Frame,
    kind: Literal["wav", "opus"],
    engine: str,
    timings: tuple[Timing, ...],
) -> tuple[bytes, Facts]:
    """Master, encode, and measure what a listener's decoder makes of it; again with more room for its peaks."""
    data, lufs, peak, start, count = b"", 0.0, 0.0, 0, 0
    # Opus at 16 kbit/s takes about 0.4 LU of speech and moves its peaks by about as much.
    margin_db, boost_db = (0.2, 0.0) if kind == "wav" else (1.2, 0.4)
    for _ in range(4):
        voice = shape(speech, profile, profile.peak_dbtp - margin_db, boost_db)
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
    shift_ms = _ms(start, profile.rate_hz)
    placed = tuple(
        Timing(one.start, one.end, one.since_ms + shift_ms, one.until_ms + shift_ms) for one in timings
    )
    return data, Facts(_ms(count, profile.rate_hz), round(lufs, 2), round(peak, 2), engine, placed)


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
