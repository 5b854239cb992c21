"""Brings clips to the hub, oldest first, until it has them; they survive restarts and never fill the disk."""

from __future__ import annotations

import logging
import random
import sqlite3
import threading
from typing import Protocol

from broker.contract.hub import Media
from broker.link.media import MediaError, MediaStore
from broker.link.service import Beat
from edge.camera.clips import KEPT_MOST_BYTES
from edge.camera.ledger import Ledger, too_much
from edge.camera.reports import Voice

log = logging.getLogger(__name__)

FIRST_WAIT_S, LONGEST_WAIT_S = 2.0, 60.0
WAITING = "Còn đoạn hình chưa gửi được về trung tâm xã; máy đang tự gửi lại."
GAVE_WAY = "Chờ gửi quá lâu, máy đã bỏ các đoạn hình cũ nhất để lấy chỗ."


class Pusher(Protocol):
    """What moves the bytes; broker.link.media.MediaClient."""

    def push(self, media: Media, stop: threading.Event) -> None:
        """Bring one file to the hub. Raises MediaError."""
        ...


class Uploads:
    """The worker `clips`."""

    def __init__(
        self,
        session: Voice,
        ledger: Ledger,
        store: MediaStore,
        client: Pusher,
        news: threading.Event,
        most_bytes: int = KEPT_MOST_BYTES,
    ) -> None:
        """news: set when a clip was added. most_bytes: what all waiting clips may take on this disk."""
        self._session, self._ledger, self._store, self._client = session, ledger, store, client
        self._news, self._most_bytes = news, most_bytes

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """Push what waits; after a failure wait longer each time."""
        wait_s = FIRST_WAIT_S
        while not stop.is_set():
            beat()
            self._news.clear()
            if self._push_all(stop, beat):
                wait_s = FIRST_WAIT_S
                self._news.wait(0.5)
            else:
                stop.wait(wait_s * random.uniform(0.8, 1.2))  # noqa: S311  (spreads retries, guards nothing)
                wait_s = min(LONGEST_WAIT_S, wait_s * 2)

    def _push_all(self, stop: threading.Event, beat: Beat) -> bool:
        """False when a clip could not be brought over and all must wait."""
        try:
            self._make_room()
            for media in self._ledger.waiting():
                if stop.is_set():
                    return True
                beat()
                if self._store.path_of(media.sha256) is not None:
                    self._client.push(media, stop)
                self._drop(media)
        except MediaError as why:
            if not stop.is_set():
                log.warning("clip waits: %s", why, extra={"event": "clip-waits"})
                self._session.problem("clips-waiting", WAITING)
            return False
        except (sqlite3.Error, OSError) as why:
            log.error("clips: %s", why, extra={"event": "disk"})
            return False
        self._session.cleared("clips-waiting")
        return True

    def _make_room(self) -> None:
        for media in too_much(self._ledger.waiting(), self._most_bytes):
            log.warning("clip %s… gave way", media.sha256[:12], extra={"event": "clip-gave-way"})
            self._session.problem("clips-lost", GAVE_WAY)
            self._drop(media)

    def _drop(self, media: Media) -> None:
        """First the note, then the bytes: a power cut between leaves a file without a note, swept at start."""
        self._ledger.uploaded(media.sha256)
        self._store.forget(media.sha256)


def sweep(ledger: Ledger, store: MediaStore) -> int:
    """Delete files of the store that nothing waits for; returns how many. Raises OSError, sqlite3.Error."""
    wanted = {media.sha256 for media in ledger.waiting()}
    count = 0
    for path in store.root.rglob("*"):
        if path.is_file() and path.name not in wanted:
            path.unlink(missing_ok=True)
            count += 1
    return count
