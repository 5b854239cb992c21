"""Text to speech for announcements: the spoken form with its doubts, the sound, and a quick preview."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.contract.hub import Media
from broker.hub.announcing.checks import is_words
from broker.hub.announcing.trials import OPUS, keep_trial, refuse_without_room, trial_store
from broker.hub.recordings import TEXT, Track, tracks_of
from broker.hub.records import Database, EmergencyTemplate, Revision, note_change, put_setting, setting
from broker.hub.records.announcement import KINDS
from broker.link.clock import Clock
from broker.link.config import Settings
from broker.link.media import MediaStore
from broker.speech import track
from broker.speech.lexicon import Lexicon
from broker.speech.normalise import Span, Spoken, normalise
from broker.speech.voice import Engine, EngineError, choose

log = logging.getLogger(__name__)

MOST_TRIES = 2
"""How often the sound of one revision is begun when the process ends over it."""
CANNOT = "Máy không làm được âm thanh của bản tin này, xin viết ngắn lại, ghi âm lại hoặc báo người quản trị."
_ENDED = "Máy chủ đã hai lần dừng giữa chừng khi làm âm thanh, xin báo người quản trị rồi sửa và gửi lại."
_ATTEMPT = "render.attempt."
"""Begins the settings that name the revision whose sound is being made, one for each worker that does so."""


def media_store(settings: Settings) -> MediaStore:
    """The hub's media store: audio, content, snapshots and clips by hash."""
    return MediaStore(settings.data_dir / "media")


def spoken_of(text: str, answers: Mapping[str, str], lexicon: Lexicon) -> Spoken:
    """What will be said for a written text; `answers` settles doubts: found → spoken.

    Doubts without an answer, or with one that is not pure words, stay in the result. Pure.
    """
    spoken = normalise(text, lexicon)
    said, spans, shift = spoken.text, [], 0
    said_for = {found: answer.strip() for found, answer in answers.items() if is_words(answer.strip())}
    answered = {(d.start, d.end): said_for[d.found] for d in spoken.doubts if d.found in said_for}
    for span in spoken.spans:
        start, end = span.spoken_start + shift, span.spoken_end + shift
        words = answered.get((span.written_start, span.written_end))
        if words is not None:
            old = said[start:end]
            new = old[: len(old) - len(old.lstrip())] + words + old[len(old.rstrip()) :]
            said = said[:start] + new + said[end:]
            shift += len(new) - len(old)
            end = start + len(new)
        spans.append(Span(span.written_start, span.written_end, start, end))
    left = tuple(d for d in spoken.doubts if (d.start, d.end) not in answered)
    return replace(spoken, text=said, spans=tuple(spans), doubts=left)


class Renderer:
    """Makes sound of announcements with the engines of the settings; sentences are cached on disk.

    Keep one for as long as a process lives: an online engine that fails is left alone for a while, and only the
    renderer remembers that.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._cache = settings.data_dir / "speech"
        self._store = media_store(settings)

    def audio(
        self, spoken: str, voice: str, tracks: Sequence[Track] = (), *, is_emergency: bool = False
    ) -> Media:
        """The sound of an announcement for horn loudspeakers, Opus, in the media store.

        tracks: what is heard, in order; none is `spoken` alone. An emergency never waits for the network.
        Raises EngineError when no engine can speak, TrackError for a recording that is gone or damaged, OSError
        when the disk does not take it.
        """
        return self._render(self._parts(spoken, tracks), voice, "HORN", is_emergency=is_emergency)

    def preview(
        self, spoken: str, voice: str, tracks: Sequence[Track] = (), *, is_emergency: bool = False
    ) -> Path:
        """The same for the editor's own ears. Raises as audio() does."""
        refuse_without_room(self._settings)
        media = self._render(self._parts(spoken, tracks), voice, "KIOSK", is_emergency=is_emergency)
        return trial_store(self._settings).place_of(media.sha256)

    @cached_property
    def engines(self) -> tuple[Engine, ...]:
        """In the order they are tried; the same ones each time. Raises EngineError."""
        return choose(self._settings.speech)

    def _parts(self, spoken: str, tracks: Sequence[Track]) -> list[track.Track]:
        return [
            track.Track(each.language, spoken if each.is_text else "", self._recording_of(each))
            for each in tracks or [TEXT]
        ]

    def _recording_of(self, each: Track) -> Path | None:
        if each.recording is None:
            return None
        path = self._store.path_of(each.recording.sha256)
        if path is None:
            raise track.TrackError(f"the recording {each.recording.sha256[:12]}… is not in the media store")
        return path

    def _render(
        self,
        parts: Sequence[track.Track],
        voice: str,
        profile: Literal["HORN", "KIOSK"],
        *,
        is_emergency: bool,
    ) -> Media:
        from broker.speech import hurry, master, say  # numpy: not before somebody wants to hear something

        is_spoken = any(part.recording is None for part in parts)
        engines = self.engines if is_spoken else ()
        with TemporaryDirectory(prefix="langso-") as folder:
            clip = say.render_tracks(
                parts,
                voice=voice,
                cache_dir=self._cache,
                out=Path(folder) / "speech.opus",
                engines=hurry.hurried(engines) if is_emergency else engines,
                profile=master.HORN if profile == "HORN" else master.KIOSK,
            )
            if profile == "KIOSK":
                return keep_trial(self._settings, clip)
            return self._store.add(clip.path, OPUS, clip.duration_ms)


@dataclass(frozen=True)
class _Waiting:
    """A submitted revision or template without sound, as it was found."""

    id: int
    spoken: str
    voice: str
    is_emergency: bool
    tracks: list[Track]


def render_next(database: Database, renderer: Renderer, clock: Clock, kinds: Collection[str] = KINDS) -> bool:
    """Render the one submitted revision of these kinds that waits for its sound most urgently; False: none waits.

    One at a time, so that an emergency sent meanwhile is the next. A failure is noted in the revision as a sentence
    for the editor and is not tried again until it changes. That somebody tries is noted before: what ends the whole
    process MOST_TRIES times is a failure too, not a reason to end it for ever.
    """
    with database.reading() as db:
        one = _most_urgent(db, kinds)
    if one is None:
        return False
    name = _ATTEMPT + min(kinds)
    media, problem = _attempted(database, renderer, clock, name, one)
    with database.session() as db:
        put_setting(db, name, {}, clock.now())
        row = db.get_one(Revision, one.id)
        if row.state == "submitted" and row.spoken == one.spoken:
            row.audio = None if media is None else msgspec.to_builtins(media)
            row.audio_problem = problem
            note_change(db, "announcement", row.announcement_id, clock.now())
    return True


def render_template_next(database: Database, renderer: Renderer, clock: Clock) -> bool:
    """The same for the emergency template that waits longest; False: none waits.

    It is made on a quiet day: in the best voice there is, as ordinary announcements are.
    """
    query = (
        select(EmergencyTemplate)
        .where(
            EmergencyTemplate.state == "submitted",
            EmergencyTemplate.audio.is_(None),
            EmergencyTemplate.audio_problem == "",
        )
        .order_by(EmergencyTemplate.edited_at, EmergencyTemplate.id)
    )
    with database.reading() as db:
        found = db.scalars(query.limit(1)).first()
    if found is None:
        return False
    one = _Waiting(found.id, found.spoken, found.voice, is_emergency=False, tracks=[])
    name = f"{_ATTEMPT}template"
    media, problem = _attempted(database, renderer, clock, name, one)
    with database.session() as db:
        put_setting(db, name, {}, clock.now())
        row = db.get_one(EmergencyTemplate, one.id)
        if row.state == "submitted" and row.spoken == one.spoken:
            row.audio = None if media is None else msgspec.to_builtins(media)
            row.audio_problem = problem
            note_change(db, "template", row.code, clock.now())
    return True


def _attempted(
    database: Database, renderer: Renderer, clock: Clock, name: str, one: _Waiting
) -> tuple[Media | None, str]:
    """The sound, or a sentence why there is none; that it was tried is noted first, in the setting `name`."""
    with database.session() as db:
        last = setting(db, name, {})
        tries = last["tries"] if last.get("revision") == one.id else 0
        put_setting(db, name, {"revision": one.id, "tries": tries + 1}, clock.now())
    if tries < MOST_TRIES:
        return _sound_or_problem(renderer, one)
    log.error("%s %s ended this process %s times", name, one.id, tries, extra={"event": "render-failed"})
    return None, _ENDED


def _most_urgent(db: Session, kinds: Collection[str]) -> _Waiting | None:
    query = select(Revision).where(
        Revision.state == "submitted",
        Revision.audio.is_(None),
        Revision.audio_problem == "",
        Revision.kind.in_(kinds),
    )
    in_order = query.order_by(Revision.kind != "emergency", Revision.submitted_at, Revision.id)
    row = db.scalars(in_order.limit(1)).first()
    if row is None:
        return None
    return _Waiting(row.id, row.spoken, row.voice, row.kind == "emergency", tracks_of(row.tracks))


def _sound_or_problem(renderer: Renderer, one: _Waiting) -> tuple[Media | None, str]:
    """The sound of a revision, or a sentence for the editor why there is none."""
    try:
        return renderer.audio(one.spoken, one.voice, one.tracks, is_emergency=one.is_emergency), ""
    except EngineError as why:
        log.warning("revision %s: %s", one.id, why, extra={"event": "render-failed"})
        return None, "Máy chưa đọc được bản tin này, xin chọn giọng khác hoặc báo người quản trị."
    except track.TrackError as why:
        log.error("revision %s: %s", one.id, why, extra={"event": "render-failed"})
        return None, "Có bản ghi trong bản tin bị hỏng, xin bỏ bản ghi đó rồi ghi lại."
    except OSError as why:
        log.error("revision %s: %s", one.id, why, extra={"event": "render-failed"})
        return None, "Máy chủ hết chỗ ghi âm thanh, xin báo người quản trị."
    except (
        MemoryError,
        ValueError,
    ) as why:  # sound nobody foresaw: this one is told, the others are still read
        log.error("revision %s: %r", one.id, why, extra={"event": "render-failed"})
        return None, CANNOT
