"""The sentences of a text as one engine speaks them, each kept by its content, with the rests between them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from broker.speech.cache import ClipCache, key_of
from broker.speech.clip import Timing
from broker.speech.loudness import Signal
from broker.speech.pacing import Piece, pieces
from broker.speech.sentences import Sentence
from broker.speech.sound import Pcm, SoundError, read_wav, resample, to_float, wav_bytes
from broker.speech.voice import Engine, EngineError

log = logging.getLogger(__name__)

Words = Sequence[tuple[Sentence, str]]
"""Sentences where they stand in the text, each with what is said for it."""


@dataclass(frozen=True)
class Voice:
    """Who speaks, and how."""

    engine: Engine
    name: str
    """One of VOICES."""
    rate: float = 1.0
    pitch: float = 1.0


def voiced(words: Words, voice: Voice, cache: ClipCache, rate_hz: int) -> tuple[Signal, tuple[Timing, ...]]:
    """The speech of a text at `rate_hz`, and when each of its sentences is heard in it.

    Raises EngineError.
    """
    raws = [_sentence(said, voice, cache) for _, said in words]
    parts: list[Signal] = []
    timings = []
    at = 0
    for number, (raw, (piece, _)) in enumerate(zip(raws, words, strict=True)):
        signal = to_float(resample(raw, rate_hz))
        timings.append(Timing(piece.start, piece.end, ms_of(at, rate_hz), ms_of(at + len(signal), rate_hz)))
        is_last = number == len(raws) - 1
        rest = np.zeros(0 if is_last else piece.rest_ms * rate_hz // 1000, dtype=np.float32)
        parts += [signal, rest]
        at += len(signal) + len(rest)
    return np.concatenate(parts), tuple(timings)


def ms_of(samples: int, rate_hz: int) -> int:
    """A count of samples as milliseconds."""
    return round(1000 * samples / rate_hz)


def _sentence(text: str, voice: Voice, cache: ClipCache) -> Pcm:
    """One sentence as the engine speaks it, from the cache where it is there."""
    engine = voice.engine
    # For an online engine each piece would be a request of its own, and its voice paces numbers by itself.
    said = [Piece(text)] if engine.online else pieces(text)
    key = key_of(
        *("sentence", engine.id, engine.version, voice.name, voice.rate, voice.pitch),
        *(part for one in said for part in (one.text, one.rate, one.rest_ms)),
    )
    kept = cache.get(key)
    if kept is not None:
        try:
            return read_wav(kept[1])
        except SoundError:
            log.warning("a cached sentence was no sound", extra={"event": "cache-unreadable"})
    pcm = _paced(said, voice)
    cache.offer(key, b"{}", wav_bytes(pcm))
    return pcm


def _paced(said: Sequence[Piece], voice: Voice) -> Pcm:
    """The pieces of a sentence one after the other, each at its rate and with its rest."""
    parts: list[NDArray[np.int16]] = []
    rate_hz = 0
    for one in said:
        pcm = _trimmed(voice.engine.synthesise(one.text, voice.name, voice.rate * one.rate, voice.pitch))
        if not len(pcm.samples):
            raise EngineError(f"{voice.engine.id} made no sound of {len(one.text)} characters")
        rate_hz = rate_hz or pcm.rate_hz
        rest = np.zeros(one.rest_ms * rate_hz // 1000, dtype=np.int16)
        parts += [resample(pcm, rate_hz).samples, rest]
    return Pcm(np.concatenate(parts), rate_hz)


def _trimmed(pcm: Pcm) -> Pcm:
    """Without the silence an engine puts around speech: the rests are ours. 20 ms of it stay."""
    loud = np.flatnonzero(np.abs(pcm.samples.astype(np.int32)) > 64)
    if not len(loud):
        return Pcm(pcm.samples[:0], pcm.rate_hz)
    edge = pcm.rate_hz // 50
    return Pcm(pcm.samples[max(loud[0] - edge, 0) : loud[-1] + edge], pcm.rate_hz)
