"""Text to speech for announcements: the spoken form with its doubts, the sound, and a quick preview."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import msgspec
from sqlalchemy import select

from broker.contract.hub import Media
from broker.hub.records import Database, Revision, note_change
from broker.link.clock import Clock
from broker.link.config import Settings
from broker.link.media import MediaStore
from broker.speech.lexicon import Lexicon
from broker.speech.normalise import Span, Spoken, normalise
from broker.speech.voice import EngineError, choose

log = logging.getLogger(__name__)

OPUS = "audio/ogg"


def media_store(settings: Settings) -> MediaStore:
    """The hub's media store: audio, content, snapshots and clips by hash."""
    return MediaStore(settings.data_dir / "media")


def spoken_of(text: str, answers: Mapping[str, str], lexicon: Lexicon) -> Spoken:
    """What will be said for a written text; `answers` settles doubts: found → spoken.

    Doubts without an answer stay in the result. Pure.
    """
    spoken = normalise(text, lexicon)
    said, spans, shift = spoken.text, [], 0
    answered = {(d.start, d.end): answers[d.found] for d in spoken.doubts if answers.get(d.found, "").strip()}
    for span in spoken.spans:
        start, end = span.spoken_start + shift, span.spoken_end + shift
        words = answered.get((span.written_start, span.written_end))
        if words is not None:
            old = said[start:end]
            new = old[: len(old) - len(old.lstrip())] + words.strip() + old[len(old.rstrip()) :]
            said = said[:start] + new + said[end:]
            shift += len(new) - len(old)
            end = start + len(new)
        spans.append(Span(span.written_start, span.written_end, start, end))
    left = tuple(d for d in spoken.doubts if (d.start, d.end) not in answered)
    return replace(spoken, text=said, spans=tuple(spans), doubts=left)


class Renderer:
    """Makes sound of spoken text with the engine of the settings; sentences are cached on disk."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._cache = settings.data_dir / "speech"
        self._store = media_store(settings)

    def audio(self, spoken: str, voice: str) -> Media:
        """The sound of an announcement for horn loudspeakers, Opus, in the media store.

        Raises EngineError when no engine can speak, OSError when the disk does not take it.
        """
        return self._render(spoken, voice, "HORN")

    def preview(self, spoken: str, voice: str) -> Path:
        """The same words for the editor's own ears. Raises EngineError, OSError."""
        media = self._render(spoken, voice, "KIOSK")
        return self._store.place_of(media.sha256)

    def _render(self, spoken: str, voice: str, profile: Literal["HORN", "KIOSK"]) -> Media:
        from broker.speech import master, say  # numpy: not before somebody wants to hear something

        with TemporaryDirectory(prefix="langso-") as folder:
            clip = say.render(
                spoken,
                voice=voice,
                cache_dir=self._cache,
                out=Path(folder) / "speech.opus",
                engines=choose(self._settings.speech),
                profile=master.HORN if profile == "HORN" else master.KIOSK,
            )
            return self._store.add(clip.path, OPUS, clip.duration_ms)


def render_waiting(database: Database, renderer: Renderer, clock: Clock) -> int:
    """Render submitted revisions that have no sound yet, one after another. Returns how many were done.

    A failure is noted in the revision as a sentence for the editor and is not tried again until it changes.
    """
    with database.reading() as db:
        query = select(Revision).where(
            Revision.state == "submitted", Revision.audio.is_(None), Revision.audio_problem == ""
        )
        waiting = [
            (row.id, row.spoken, row.voice) for row in db.scalars(query.order_by(Revision.submitted_at))
        ]
    for revision, spoken, voice in waiting:
        media, problem = None, ""
        try:
            media = renderer.audio(spoken, voice)
        except EngineError as why:
            log.warning("revision %s: %s", revision, why, extra={"event": "render-failed"})
            problem = "Máy chưa đọc được bản tin này, xin chọn giọng khác hoặc báo người quản trị."
        except OSError as why:
            log.error("revision %s: %s", revision, why, extra={"event": "render-failed"})
            problem = "Máy chủ hết chỗ ghi âm thanh, xin báo người quản trị."
        with database.session() as db:
            row = db.get_one(Revision, revision)
            if row.state == "submitted" and row.spoken == spoken:
                row.audio = None if media is None else msgspec.to_builtins(media)
                row.audio_problem = problem
                note_change(db, "announcement", row.announcement_id, clock.now())
    return len(waiting)
