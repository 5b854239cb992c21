"""Brings clips to the hub, oldest first, until it has them; they survive restarts and never fill the disk.

Alerts go first: while one waits for the hub no clip is sent. A clip that is not at the hub counts as evidence of an
open alert: it stays until the bytes or the days for all of them are over, and the hub is told of every one that went.
"""

from __future__ import annotations

import hashlib
import logging
import random
import sqlite3
import threading
from collections import Counter
from datetime import timedelta
from typing import Protocol

from broker.contract import Lane
from broker.contract.hub import Media
from broker.link.clock import Clock
from broker.link.media import MediaError, MediaStore
from broker.link.service import Beat
from edge.camera.clips import KEPT_MOST_BYTES
from edge.camera.ledger import Ledger, must_leave

log = logging.getLogger(__name__)

FIRST_WAIT_S, LONGEST_WAIT_S = 2.0, 60.0
KEPT_MOST_DAYS = 30
"""The same as the hub keeps closed alerts by default: a hub that is away for three weeks costs no evidence."""
WAITING = "Còn đoạn hình chưa gửi được về trung tâm xã; máy đang tự gửi lại."
GAVE_WAY = "Chờ gửi quá lâu, máy đã bỏ các đoạn hình cũ nhất để lấy chỗ."
ONE_GAVE_WAY = "Chờ gửi về xã quá lâu nên máy ở điểm này đã bỏ đoạn hình."
DAMAGED = "Đoạn hình bị hỏng trên đĩa của điểm này trước khi gửi được về xã."


class Line(Protocol):
    """What is needed of the session."""

    @property
    def clock(self) -> Clock:
        """Time as this service sees it."""
        ...

    def has_waiting(self, lane: Lane) -> bool:
        """Whether anything of a durable lane is not yet on the hub's disk."""
        ...

    def problem(self, code: str, text: str) -> None:
        """Something limits this service."""
        ...

    def cleared(self, code: str) -> None:
        """A problem is over."""
        ...


class Pusher(Protocol):
    """What moves the bytes; broker.link.media.MediaClient."""

    def push(self, media: Media, stop: threading.Event) -> None:
        """Bring one file to the hub. Raises MediaError."""
        ...


class Uploads:
    """The worker `clips`."""

    def __init__(
        self,
        session: Line,
        ledger: Ledger,
        store: MediaStore,
        client: Pusher,
        news: threading.Event,
        most_bytes: int = KEPT_MOST_BYTES,
        most_age: timedelta = timedelta(days=KEPT_MOST_DAYS),
        first_wait_s: float = FIRST_WAIT_S,
    ) -> None:
        """news: set when a clip was added. most_bytes, most_age: of all waiting clips, and of one."""
        self._first_wait_s = first_wait_s
        self._session, self._ledger, self._store, self._client = session, ledger, store, client
        self._news, self._most_bytes, self._most_age = news, most_bytes, most_age
        self._whole: set[str] = set()
        """Clips whose bytes were compared with their hash in this life."""
        self._failed: Counter[str] = Counter()
        """How often each was tried in vain: one that the hub does not take must not keep back the others."""

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """Push what waits; after a failure wait longer each time."""
        wait_s = self._first_wait_s
        while not stop.is_set():
            beat()
            self._news.clear()
            if self._push_all(stop, beat):
                wait_s = self._first_wait_s
                self._news.wait(0.5)
            else:
                stop.wait(wait_s * random.uniform(0.8, 1.2))  # noqa: S311  (spreads retries, guards nothing)
                wait_s = min(LONGEST_WAIT_S, wait_s * 2)

    def _push_all(self, stop: threading.Event, beat: Beat) -> bool:
        """False when a clip could not be brought over and all must wait."""
        media = None
        try:
            self._make_room()
            for media in self._in_turn():
                if stop.is_set() or self._session.has_waiting(Lane.ALARM):
                    return True
                beat()
                if not self._is_whole(media):
                    self._lose(media, DAMAGED)
                    continue
                self._client.push(media, _Yield(stop, self._session))
                self._drop(media)
        except MediaError as why:
            if stop.is_set() or self._session.has_waiting(Lane.ALARM):
                return True
            self._failed[media.sha256 if media else ""] += 1
            log.warning("clip waits: %s", why, extra={"event": "clip-waits"})
            self._session.problem("clips-waiting", WAITING)
            return False
        except (sqlite3.Error, OSError) as why:
            log.error("clips: %s", why, extra={"event": "disk"})
            return False
        self._failed.clear()
        self._session.cleared("clips-waiting")
        return True

    def _in_turn(self) -> list[Media]:
        """Oldest first; those that failed come after those that did not."""
        return sorted(
            (each.media for each in self._ledger.waiting()), key=lambda media: self._failed[media.sha256]
        )

    def _make_room(self) -> None:
        clock = self._session.clock
        now = clock.now() if clock.state() == "trusted" else None
        waiting = self._ledger.waiting()
        if now is not None and any(each.since is None for each in waiting):
            self._ledger.dated(now)
        for media in must_leave(waiting, self._most_bytes, self._most_age, now):
            self._session.problem("clips-lost", GAVE_WAY)
            self._lose(media, ONE_GAVE_WAY)
        if not waiting:
            self._session.cleared("clips-lost")

    def _is_whole(self, media: Media) -> bool:
        """Whether the bytes on the disk are those that were promised; a power cut may have damaged them."""
        if media.sha256 in self._whole:
            return True
        path = self._store.path_of(media.sha256)
        if path is None or path.stat().st_size != media.size or not media.size:
            return False
        with path.open("rb") as file:
            whole = hashlib.file_digest(file, "sha256").hexdigest() == media.sha256
        if whole:
            self._whole.add(media.sha256)
        return whole

    def _lose(self, media: Media, reason: str) -> None:
        """First the word of it, then the bytes."""
        log.warning("clip %s… lost: %s", media.sha256[:12], reason, extra={"event": "clip-lost"})
        self._ledger.lost(media.sha256, reason)
        self._forget(media)

    def _drop(self, media: Media) -> None:
        """First the note, then the bytes: a power cut between leaves a file without a note, swept at start."""
        self._ledger.uploaded(media.sha256)
        self._forget(media)

    def _forget(self, media: Media) -> None:
        self._whole.discard(media.sha256)
        self._store.forget(media.sha256)


class _Yield(threading.Event):
    """Ends a transfer when the service ends or an alert waits; what came over stays there."""

    def __init__(self, stop: threading.Event, session: Line) -> None:
        super().__init__()
        self._stop, self._session = stop, session

    def is_set(self) -> bool:
        """Whether the transfer must end."""
        return self._stop.is_set() or self._session.has_waiting(Lane.ALARM)


def sweep(ledger: Ledger, store: MediaStore) -> int:
    """Delete files of the store that nothing waits for; returns how many. Raises OSError, sqlite3.Error."""
    wanted = {each.media.sha256 for each in ledger.waiting()}
    count = 0
    for path in store.root.rglob("*"):
        if path.is_file() and path.name not in wanted:
            path.unlink(missing_ok=True)
            count += 1
    return count
