"""Fetches the sound of what is to be played, the most urgent first, and gives way when something more urgent comes."""

from __future__ import annotations

import logging
import random
import threading
from pathlib import Path
from typing import Final, Protocol

from broker.contract.hub import Media
from broker.link.media import MediaError
from broker.link.service import Beat
from edge.speaker.desk import Desk
from edge.speaker.programme import OVER, Play

log = logging.getLogger(__name__)

MOST_WAIT_S: Final = 60.0
KEPT_S: Final = 14 * 86_400.0
"""Sound that no play wants any more is kept this long."""


class Fetches(Protocol):
    """The part of MediaClient that is used here."""

    def fetch(self, media: Media, stop: threading.Event) -> Path:
        """The file of a manifest. Raises MediaError."""
        ...


class _Interrupted(threading.Event):
    """Asked by the client after every chunk: beats, and is set when this transfer must give way."""

    def __init__(self, stop: threading.Event, urgent: threading.Event, beat: Beat) -> None:
        super().__init__()
        self._stop, self._urgent, self._beat = stop, urgent, beat

    def is_set(self) -> bool:
        self._beat()
        return self._stop.is_set() or self._urgent.is_set()


class Gathering:
    """The worker that fetches."""

    def __init__(self, desk: Desk, client: Fetches) -> None:
        self._desk = desk
        self._client = client
        self._not_before_s: dict[str, float] = {}

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """Fetch what is wanted until `stop`."""
        tidied_s = -KEPT_S
        while not stop.is_set():
            beat()
            self._desk.gather_wake.clear()
            play = self._next()
            if play is not None:
                self._fetch(play, _Interrupted(stop, self._desk.gather_wake, beat))
                continue
            if self._desk.clock.monotonic() - tidied_s > 86_400:
                self._tidy()
                tidied_s = self._desk.clock.monotonic()
            self._desk.gather_wake.wait(0.5)

    def _next(self) -> Play | None:
        """The most urgent play whose sound is not here and may be tried again."""
        now_s = self._desk.clock.monotonic()
        for play in self._desk.agenda().wanted:
            sha256 = play.envelope.audio.sha256
            if self._desk.store.path_of(sha256) is not None:
                continue
            if not self._desk.fetch_failures.get(sha256) or now_s >= self._not_before_s.get(sha256, 0.0):
                return play
        return None

    def _fetch(self, play: Play, interrupted: threading.Event) -> None:
        desk, media = self._desk, play.envelope.audio
        desk.fetching = media.sha256
        desk.show()
        try:
            self._client.fetch(media, interrupted)
        except MediaError as why:
            if not interrupted.is_set():
                self._failed(media.sha256, why)
        else:
            self._arrived(media.sha256)
        finally:
            desk.fetching = ""
            desk.stage_wake.set()
            desk.show()

    def _failed(self, sha256: str, why: MediaError) -> None:
        failures = self._desk.fetch_failures.get(sha256, 0) + 1
        self._desk.fetch_failures[sha256] = failures
        wait_s = min(MOST_WAIT_S, 0.5 * 2.0 ** min(failures, 10)) * random.uniform(0.7, 1.3)  # noqa: S311  (jitter)
        self._not_before_s[sha256] = self._desk.clock.monotonic() + wait_s
        log.warning("%s", why, extra={"event": "fetch-failed", "count": failures})
        self._desk.session.problem("fetch-failed", "Chưa tải được âm thanh của bản tin; điểm sẽ tự thử lại.")

    def _arrived(self, sha256: str) -> None:
        desk = self._desk
        desk.fetch_failures.pop(sha256, None)
        self._not_before_s.pop(sha256, None)
        desk.session.cleared("fetch-failed")
        for play in desk.programme.all():
            if play.envelope.audio.sha256 == sha256:
                mark = desk.journal.mark(play.ask.occurrence)
                if mark is None or mark.state not in OVER | {"armed", "playing"}:
                    desk.note(play, "ready")

    def _tidy(self) -> None:
        """Drop what was played long ago: sound nobody wants, and journal lines older than any key."""
        desk = self._desk
        if desk.clock.state() == "unknown":
            return
        wanted = {play.envelope.audio.sha256 for play in desk.programme.all()}
        oldest_s = desk.clock.now().timestamp() - KEPT_S
        for path in desk.store.root.glob("??/*"):
            sha256 = path.name.removesuffix(".part")
            try:
                if sha256 not in wanted and path.stat().st_mtime < oldest_s:
                    desk.store.forget(sha256)
            except (OSError, MediaError) as why:
                log.warning("tidying: %s", why, extra={"event": "tidy-failed"})
        desk.journal.tidy(desk.clock.now())
