"""What the cameras of a node have to say, made durable and put into words of the contract."""

from __future__ import annotations

import logging
import os
import secrets
import sqlite3
import threading
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from broker.contract import Identity
from broker.contract.camera import Box, CameraTampered, MotionEnded, MotionStarted
from broker.contract.hub import Media
from broker.link.clock import Clock
from broker.link.media import MediaStore
from broker.link.outbox import OutboxFull
from edge.camera.chunk import Chunk
from edge.camera.clips import CLIP_TYPE, ClipError, write_clip
from edge.camera.ledger import Kept, Ledger
from edge.camera.tamper import What

log = logging.getLogger(__name__)

CUT_OFF = "Điểm khởi động lại giữa chừng nên không có đoạn hình."
DISK = "Đĩa của điểm này không ghi được; cảnh báo vẫn gửi nhưng có thể thiếu đoạn hình."


class Voice(Protocol):
    """What the cameras need of a session."""

    @property
    def who(self) -> Identity:
        """This service."""
        ...

    @property
    def clock(self) -> Clock:
        """Time as this service sees it."""
        ...

    def send(self, msg: Any, to: Identity | None = None) -> None:
        """Send by the lane of the message."""
        ...

    def problem(self, code: str, text: str) -> None:
        """Something limits this service."""
        ...

    def cleared(self, code: str) -> None:
        """A problem is over."""
        ...


class Reports:
    """Shared by the threads of all cameras."""

    def __init__(self, session: Voice, ledger: Ledger, store: MediaStore, folder: Path) -> None:
        """folder: where clips are put together."""
        self.clock = session.clock
        self.news = threading.Event()
        """Set when a clip waits for upload."""
        self._session = session
        self._ledger = ledger
        self._store = store
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob("*.mp4"):
            left.unlink()

    def motion_began(self, camera: str, started_at: datetime, jpeg: bytes, boxes: Sequence[Box]) -> str:
        """Tell the hub at once; returns the episode's name."""
        episode = _name(self._session.who.node, camera, started_at)
        try:
            self._ledger.began(episode, camera, started_at)
        except sqlite3.Error:
            self._disk_trouble()
        self._send(
            MotionStarted(
                episode=episode, camera=camera, started_at=started_at, snapshot=jpeg, boxes=list(boxes)
            )
        )
        return episode

    def motion_ended(self, episode: str, ended_at: datetime, chunks: Sequence[Chunk]) -> None:
        """Make the clip and note the end; `tell` brings it to the hub."""
        clip, reason = self._keep_clip(episode, chunks)
        try:
            self._ledger.ended(episode, ended_at, clip, reason)
        except sqlite3.Error:
            self._disk_trouble()
            return
        self.news.set()

    def tampered(
        self,
        camera: str,
        what: What,
        started_at: datetime,
        *,
        ended_at: datetime | None = None,
        jpeg: bytes | None = None,
        tampering: str = "",
    ) -> str:
        """Tell that a tampering began, or, with its name and `ended_at`, that it is over; returns its name."""
        tampering = tampering or _name(self._session.who.node, camera, started_at)
        self._send(
            CameraTampered(
                tampering=tampering,
                camera=camera,
                what=what,
                started_at=started_at,
                ended_at=ended_at,
                snapshot=jpeg,
            )
        )
        return tampering

    def resume(self) -> None:
        """After a start: what was going on when the earlier life ended is over. Raises sqlite3.Error."""
        for kept in self._ledger.untold():
            if kept.ended_at is None:
                self._ledger.ended(kept.episode, kept.started_at, None, CUT_OFF)

    def tell(self) -> None:
        """Bring every noted end to the hub. Called by one thread, again and again."""
        for kept in self._ledger.untold():
            if kept.ended_at is not None and self._send(_ended(kept, kept.ended_at)):
                self._ledger.told(kept.episode)

    def _keep_clip(self, episode: str, chunks: Sequence[Chunk]) -> tuple[Media | None, str]:
        path = self._folder / f"{episode}.mp4"
        try:
            duration_ms = write_clip(chunks, path)
            return self._store.add(path, CLIP_TYPE, duration_ms), ""
        except ClipError as why:
            log.warning("no clip: %s", why, extra={"event": "no-clip"})
            return None, str(why)
        except OSError:
            self._disk_trouble()
            return None, DISK
        finally:
            path.unlink(missing_ok=True)

    def _send(self, msg: Any) -> bool:
        """False when it could not be kept; that is said, and nothing else stops."""
        try:
            self._session.send(msg)
        except OutboxFull as why:
            self._session.problem("outbox-full", str(why))
            return False
        self._session.cleared("outbox-full")
        return True

    def _disk_trouble(self) -> None:
        log.error("the ledger or a clip cannot be written", extra={"event": "disk"})
        self._session.problem("disk", DISK)


def _ended(kept: Kept, ended_at: datetime) -> MotionEnded:
    return MotionEnded(
        episode=kept.episode,
        camera=kept.camera,
        started_at=kept.started_at,
        ended_at=ended_at,
        clip=kept.clip,
        reason=kept.reason,
    )


def _name(node: str, camera: str, at: datetime) -> str:
    """A name that no other episode of the commune has, readable in a log."""
    return f"{node}.{camera.replace(os.sep, '-')}.{at:%Y%m%dT%H%M%S}.{secrets.token_hex(3)}"
