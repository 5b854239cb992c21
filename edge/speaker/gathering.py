"""Fetches the sound of what is to be played, the most urgent first, and gives way when something more urgent comes;
then what is to be kept at hand, as the words of emergencies that may never be."""

from __future__ import annotations

import errno
import logging
import math
import random
import shutil
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final, Protocol

from broker.contract.hub import Media
from broker.link.media import MediaChanged, MediaError
from broker.link.service import Beat
from edge.speaker.desk import Desk
from edge.speaker.programme import OVER, Play

log = logging.getLogger(__name__)

MOST_WAIT_S: Final = 60.0
KEPT_S: Final = 14 * 86_400.0
"""Sound that no play wants any more, and nobody asked to keep, stays this long, while there is room."""
MOST_SPOILED: Final = 3
"""Approved bytes that were no sound so often are given up for the node's own voice."""
LEFT_FREE: Final = 32 << 20
"""Bytes of the disk that sound never takes: the journal and the outbox need them."""

TROUBLES: Final = MappingProxyType(
    {
        "fetch-failed": "Chưa tải được âm thanh của bản tin; điểm sẽ tự thử lại.",
        "no-space": "Điểm hết chỗ chứa nên chưa tải được âm thanh; xin dọn hoặc thay thẻ nhớ.",
        "wrong-audio": "Âm thanh tải về không đúng bản đã duyệt nên đã bỏ; điểm sẽ tự tải lại.",
    }
)
"""What keeps sound from coming, in words."""


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

    def __init__(self, desk: Desk, client: Fetches, free: Callable[[Path], int] | None = None) -> None:
        """free: bytes that can still be written under a folder."""
        self._desk = desk
        self._client = client
        self._free = free or _free
        self._not_before_s: dict[str, float] = {}
        self._spoiled: dict[str, int] = {}
        """How many of the desk's spoiled sounds have been reckoned with."""

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """Fetch what is wanted until `stop`."""
        tidied_s = -KEPT_S
        while not stop.is_set():
            beat()
            self._desk.gather_wake.clear()
            media = self._next()
            if media is not None:
                self._fetch(media, _Interrupted(stop, self._desk.gather_wake, beat))
                continue
            if self._desk.clock.monotonic() - tidied_s > 86_400:
                self._tidy()
                tidied_s = self._desk.clock.monotonic()
            self._desk.gather_wake.wait(0.5)

    def _next(self) -> Media | None:
        """The sound of the most urgent play that is not here and may be tried again; after those of all plays what is
        to be kept at hand."""
        now_s = self._desk.clock.monotonic()
        wanted = [play.envelope.audio for play in self._desk.agenda().wanted]
        for media in (*wanted, *self._desk.programme.keep):
            sha256 = media.sha256
            if self._desk.store.path_of(sha256) is not None:
                continue
            self._reckon_spoiled(sha256)
            has_failed = self._desk.fetch_failures.get(sha256) or self._desk.spoiled.get(sha256)
            if not has_failed or now_s >= self._not_before_s.get(sha256, 0.0):
                return media
        return None

    def _reckon_spoiled(self, sha256: str) -> None:
        """What came and was no sound counts as a failed try: it is not asked for again without rest."""
        count = self._desk.spoiled.get(sha256, 0)
        if count == self._spoiled.get(sha256, 0):
            return
        self._spoiled[sha256] = count
        self._wait(sha256, count)
        if count >= MOST_SPOILED:
            self._tell(sha256, "wrong-audio")

    def _fetch(self, media: Media, interrupted: threading.Event) -> None:
        desk = self._desk
        desk.fetching = media.sha256
        desk.show()
        try:
            if not self._has_room(media):
                self._give_up_old()
            if not self._has_room(media):
                raise MediaError("no room on the disk") from OSError(errno.ENOSPC, "kept for the journal")
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

    def _has_room(self, media: Media) -> bool:
        """Whether what is left of a transfer fits beside what must stay free."""
        try:
            part = self._desk.store.part_of(media.sha256)
            have = part.stat().st_size if part.exists() else 0
            return self._free(self._desk.store.root) - (media.size - have) >= LEFT_FREE
        except OSError:
            return False  # not even a folder can be made

    def _failed(self, sha256: str, why: MediaError) -> None:
        failures = self._desk.fetch_failures.get(sha256, 0) + 1
        self._desk.fetch_failures[sha256] = failures
        self._wait(sha256, failures + self._spoiled.get(sha256, 0))
        code = _code_of(why)
        log.warning("%s", why, extra={"event": code, "count": failures})
        self._tell(sha256, code)

    def _wait(self, sha256: str, failures: int) -> None:
        wait_s = min(MOST_WAIT_S, 0.5 * 2.0 ** min(failures, 10)) * random.uniform(0.7, 1.3)  # noqa: S311  (jitter)
        self._not_before_s[sha256] = self._desk.clock.monotonic() + wait_s

    def _tell(self, sha256: str, code: str) -> None:
        """Say what keeps this sound from coming."""
        desk = self._desk
        desk.session.problem(code, TROUBLES[code])
        if code != "fetch-failed":
            for play in self._plays_of(sha256):
                desk.hinder(play, code)
                mark = desk.journal.mark(play.ask.occurrence)
                if mark is not None and mark.state == "fetching":
                    desk.note(play, "fetching", code)

    def _plays_of(self, sha256: str) -> Sequence[Play]:
        return [play for play in self._desk.programme.all() if play.envelope.audio.sha256 == sha256]

    def _arrived(self, sha256: str) -> None:
        desk = self._desk
        desk.fetch_failures.pop(sha256, None)
        self._not_before_s.pop(sha256, None)
        is_doubtful = bool(desk.spoiled.get(sha256))
        for code in TROUBLES:
            if code != "wrong-audio" or not is_doubtful:
                desk.session.cleared(code)
        for play in self._plays_of(sha256):
            desk.hinder(play, "")
            mark = desk.journal.mark(play.ask.occurrence)
            if mark is None or mark.state not in OVER | {"armed", "playing"}:
                desk.note(play, "ready")

    def _tidy(self) -> None:
        """Drop what was played long ago: sound nobody wants, and journal lines older than any key."""
        desk = self._desk
        if desk.clock.state() == "unknown":
            return
        self._forget_before(desk.clock.now().timestamp() - KEPT_S)
        try:
            desk.journal.tidy(desk.clock.now())
        except sqlite3.Error as why:
            desk.disk_trouble(why)

    def _give_up_old(self) -> None:
        """For room: everything that no play wants and nobody asked to keep."""
        log.warning("room is made for new sound", extra={"event": "room-made"})
        self._forget_before(math.inf)

    def _forget_before(self, at_s: float) -> None:
        """Drop what no play wants and what came before `at_s`, in seconds since 1970."""
        desk = self._desk
        wanted = {play.envelope.audio.sha256 for play in desk.programme.all()}
        wanted |= {media.sha256 for media in desk.programme.keep}
        for path in desk.store.root.glob("??/*"):
            sha256 = path.name.removesuffix(".part")
            try:
                if sha256 not in wanted and path.stat().st_mtime < at_s:
                    desk.store.forget(sha256)
            except (OSError, MediaError) as why:
                log.warning("tidying: %s", why, extra={"event": "tidy-failed"})


def _free(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def _code_of(why: MediaError) -> str:
    """Which trouble a failed transfer means."""
    if isinstance(why, MediaChanged):
        return "wrong-audio"
    cause = why.__cause__
    is_full = isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT)
    return "no-space" if is_full else "fetch-failed"
