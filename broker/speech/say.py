"""The one way to a clip, from a text or from tracks: for `langso say`, the hub's rendering and the kiosk's reading."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from broker.speech.cache import ClipCache, key_of, write_whole
from broker.speech.clip import PLAIN, Clip, Facts, Frame
from broker.speech.languages import SPOKEN
from broker.speech.lexicon import Lexicon
from broker.speech.master import KIOSK, MASTERING, Kind, Profile, Stretch, master
from broker.speech.normalise import normalise
from broker.speech.recording import recorded
from broker.speech.sentences import Sentence, sentences
from broker.speech.sound import SoundError
from broker.speech.track import Track, TrackError
from broker.speech.voice import Engine, EngineError, choose
from broker.speech.voicing import Voice, Words, voiced

log = logging.getLogger(__name__)

LONGEST_CLIP_S = 1200.0
"""No clip is longer: what is mastered lies in memory, 20 minutes of it as 800 MB. The hub refuses less much earlier."""

Part = Words | Path
"""Words that an engine speaks, or a recording."""


@dataclass(frozen=True)
class _Wish:
    """How a clip is to be made and where it goes."""

    cache: ClipCache
    out: Path
    profile: Profile
    frame: Frame

    @property
    def kind(self) -> Kind:
        return "wav" if self.out.suffix.lower() == ".wav" else "opus"


def render(
    text: str,
    *,
    voice: str,
    cache_dir: Path,
    out: Path,
    engines: Sequence[Engine] | None = None,
    lexicon: Lexicon | None = None,
    profile: Profile = KIOSK,
    frame: Frame = PLAIN,
    rate: float = 1.0,
) -> Clip:
    """Speak a text into `out` (`.wav`, else Opus in Ogg).

    With a lexicon the text is a written one and is normalise()d sentence by sentence; without, it is spoken
    exactly as it stands (an approved announcement). The clip's timings refer to the text as given.
    Raises EngineError when no engine can speak it, OSError when the disk does not take it.
    """
    parts = [_words(text, lexicon)]
    return _made(parts, _Wish(ClipCache(cache_dir), out, profile, frame), engines, voice, rate)


def render_tracks(
    tracks: Sequence[Track],
    *,
    voice: str,
    cache_dir: Path,
    out: Path,
    engines: Sequence[Engine] | None = None,
    profile: Profile = KIOSK,
    frame: Frame = PLAIN,
    rate: float = 1.0,
) -> Clip:
    """Join tracks into one clip in `out`: each at the same loudness, a second between two.

    The engines are tried in order, each for all spoken tracks: a clip has one voice. Timings refer to the text
    of the track each sentence is in; recordings have none. Raises EngineError when no engine can speak the
    words, also for words in another language than Vietnamese and for no tracks at all; TrackError for a
    recording that cannot be read or tracks of more than LONGEST_CLIP_S; OSError when the disk does not take the clip.
    """
    if not tracks:
        raise EngineError("an announcement without tracks says nothing")
    parts: list[Part] = []
    for track in tracks:
        if track.recording is None and track.language != SPOKEN:
            raise EngineError(f"no engine may speak {track.language!r}: it has to be recorded")
        parts.append(_words(track.spoken, None) if track.recording is None else track.recording)
    return _made(parts, _Wish(ClipCache(cache_dir), out, profile, frame), engines, voice, rate)


def spoken_of(piece: Sentence, lexicon: Lexicon | None) -> str:
    """What is said for one sentence."""
    return piece.text if lexicon is None else normalise(piece.text, lexicon).text


def _words(text: str, lexicon: Lexicon | None) -> Words:
    said = [(piece, spoken_of(piece, lexicon)) for piece in sentences(text)]
    said = [(piece, spoken) for piece, spoken in said if any(char.isalnum() for char in spoken)]
    if not said:
        raise EngineError("there is nothing to say in this text")
    return said


def _made(
    parts: Sequence[Part], wish: _Wish, engines: Sequence[Engine] | None, voice: str, rate: float
) -> Clip:
    """A clip by the first engine that speaks all its words; by none where there are no words."""
    if all(isinstance(part, Path) for part in parts):
        return _by(parts, wish, None)
    why: EngineError | None = None
    manner = wish.profile.manner
    for engine in engines or choose():
        try:
            return _by(parts, wish, Voice(engine, voice, rate * manner.rate, manner.pitch))
        except EngineError as failed:
            log.warning("engine gave up: %s", failed, extra={"event": "engine-failed", "engine": engine.id})
            why = failed
    raise why or EngineError("no engine was given")


def _by(parts: Sequence[Part], wish: _Wish, voice: Voice | None) -> Clip:
    recipe = _recipe(parts, wish, voice)
    kept = wish.cache.get(recipe)
    if kept is not None:
        try:
            return _clip(wish.out, kept[1], msgspec.json.decode(kept[0], type=Facts))
        except msgspec.DecodeError:  # written by another version of the product
            log.warning("a cached clip had no facts", extra={"event": "cache-unreadable"})
    data, facts = master(_stretches(parts, wish, voice), wish.profile, wish.frame, wish.kind)
    if voice is not None:
        facts = msgspec.structs.replace(facts, engine=f"{voice.engine.id} {voice.engine.version}")
    wish.cache.offer(recipe, msgspec.json.encode(facts), data)
    return _clip(wish.out, data, facts)


def _stretches(parts: Sequence[Part], wish: _Wish, voice: Voice | None) -> list[Stretch]:
    """All tracks before mastering. Raises TrackError when together they last longer than memory is meant for."""
    made: list[Stretch] = []
    left_s = LONGEST_CLIP_S
    for part in parts:
        made.append(_stretch(part, wish, voice))
        left_s -= len(made[-1].signal) / wish.profile.rate_hz
        if left_s < 0:
            raise TrackError(f"the tracks last longer than {LONGEST_CLIP_S:g} seconds")
    return made


def _stretch(part: Part, wish: _Wish, voice: Voice | None) -> Stretch:
    if isinstance(part, Path):
        try:
            return Stretch(recorded(part, wish.profile.rate_hz))
        except SoundError as why:
            raise TrackError(f"{part.name}: {why}") from why
    if voice is None:
        raise EngineError("no engine was given")
    return Stretch(*voiced(part, voice, wish.cache, wish.profile.rate_hz))


def _recipe(parts: Sequence[Part], wish: _Wish, voice: Voice | None) -> str:
    """Key of all that shapes the sound of a clip."""
    frame = wish.frame
    key: list[str | float] = ["clip", MASTERING, wish.kind, wish.profile.name]
    key += [frame.chime or "", frame.repeat, frame.gap_s]
    if voice is not None:
        key += [voice.engine.id, voice.engine.version, voice.name, voice.rate, voice.pitch]
    for part in parts:
        if isinstance(part, Path):
            key += ["recording", _digest(part)]
        else:
            key += ["words", len(part)]
            for piece, said in part:
                key += [
                    piece.start,
                    piece.end,
                    piece.rest_ms,
                    said,
                ]  # how it is paced follows from what is said
    return key_of(*key)


def _digest(recording: Path) -> str:
    try:
        with recording.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as why:
        raise TrackError(f"{recording.name}: {why}") from why


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
