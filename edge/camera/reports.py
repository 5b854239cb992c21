"""What the cameras of a node have to say, made durable and put into words of the contract."""

from __future__ import annotations

import logging
import math
import os
import secrets
import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from broker.contract import Identity
from broker.contract.camera import (
    Box,
    CameraPicture,
    Label,
    MotionEnded,
    MotionLabelled,
    MotionStarted,
)
from broker.link.clock import Clock
from broker.link.outbox import OutboxFull
from broker.trust.envelope import CameraSetup
from edge.camera.analysis import Finding
from edge.camera.ledger import Ledger
from edge.camera.moment import Moment
from edge.camera.picture import Colour
from edge.camera.standing import Standing
from edge.camera.troubles import Troubles

log = logging.getLogger(__name__)

DISK = "Đĩa của điểm này không ghi được; cảnh báo vẫn gửi nhưng có thể thiếu đoạn hình."

REFUSED_WAIT_S = 5.0

Boxes = Sequence[tuple[float, float, float, float]]
Namer = Callable[[str, str, Colour, Boxes], None]
"""Asks what moved: episode, camera, picture with its masks burnt in, boxes. Never waits."""


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

    def __init__(
        self, session: Voice, ledger: Ledger, troubles: Troubles, namer: Namer | None = None
    ) -> None:
        """namer: what names what moved, where the node has such a thing."""
        self.clock = session.clock
        self.standing = Standing(
            troubles,
            session.clock,
            self._send,
            lambda camera, at: _name(session.who.node, camera, at),
            self.disk_trouble,
        )
        """Which cameras are kept from seeing."""
        self._session = session
        self._ledger = ledger
        self._namer = namer
        self._disk_fails = False
        self._tell_at_s = -math.inf
        self._unmarked: MotionEnded | None = None
        """An end that was sent while the disk did not take the note of it: not sent again for that."""

    def moment(self, at_s: float) -> Moment:
        """A second of the node's monotonic clock, now or a little while ago."""
        now_s = self.clock.monotonic()
        at = self.clock.now() - timedelta(seconds=max(0.0, now_s - at_s))
        return Moment(at, max(0, round(at_s * 1000)), self.clock.state())

    def motion_began(self, camera: str, moment: Moment, jpeg: bytes, finding: Finding) -> str:
        """Tell the hub at once; returns the episode's name."""
        episode = _name(self._session.who.node, camera, moment.at)
        try:
            self._ledger.began(episode, camera, moment.at)
        except sqlite3.Error:
            self.disk_trouble()
        self._send(
            MotionStarted(
                episode=episode,
                camera=camera,
                started_at=moment.at,
                snapshot=jpeg,
                boxes=[box(*each) for each in finding.boxes],
                zone=finding.zone,
                confidence=share(finding.confidence),
                reasons=list(finding.reasons),
                mono_ms=moment.mono_ms,
                clock=moment.clock,
            )
        )
        return episode

    def label(self, episode: str, setup: CameraSetup, colour: Colour, boxes: Boxes) -> None:
        """Have somebody look at what moved, where the node can and the commune wants it."""
        if self._namer is not None and setup.label:
            self._namer(episode, setup.camera, colour, boxes)

    def labelled(self, episode: str, camera: str, labels: list[Label]) -> None:
        """What was seen there."""
        self._send(MotionLabelled(episode=episode, camera=camera, at=self.clock.now(), labels=labels))

    def tell(self) -> None:
        """Bring the next noted ends to the hub. Called by one thread, again and again. Raises sqlite3.Error.

        After an end that could not be kept nothing is tried for REFUSED_WAIT_S.
        """
        if self.clock.monotonic() < self._tell_at_s:
            return
        self._tell_at_s = self.clock.monotonic() + REFUSED_WAIT_S
        for said in self._ledger.to_say():
            if said != self._unmarked and not self._send(said):
                return
            self._unmarked = said
            self._ledger.told(said.episode)
            self._unmarked = None
        self._tell_at_s = -math.inf

    def picture(self, request: str, camera: str, taken: Moment, jpeg: bytes | None, reason: str) -> None:
        """The picture somebody asked for, or why there is none."""
        self._send(CameraPicture(request=request, camera=camera, taken_at=taken.at, jpeg=jpeg, reason=reason))

    def disk_trouble(self) -> None:
        """The disk does not take what should survive."""
        log.error("the ledger or a clip cannot be written", extra={"event": "disk"})
        self._disk_fails = True
        self._session.problem("disk", DISK)

    def try_disk(self) -> None:
        """Whether the disk that failed takes something again; then the trouble is over."""
        if not self._disk_fails:
            return
        try:
            self._ledger.prove()
        except (sqlite3.Error, OSError):
            return
        self._disk_fails = False
        self._session.cleared("disk")

    def _send(self, msg: Any) -> bool:
        """False when it could not be kept; that is said, and nothing else stops."""
        try:
            self._session.send(msg)
        except OutboxFull as why:
            self._session.problem("outbox-full", str(why))
            return False
        self._session.cleared("outbox-full")
        return True


def share(value: float) -> float:
    """Held within 0 and 1."""
    return min(1.0, max(0.0, value))


def box(x: float, y: float, w: float, h: float) -> Box:
    """A box that lies inside the picture."""
    x, y = share(x), share(y)
    return Box(x=x, y=y, w=min(max(0.0, w), 1.0 - x), h=min(max(0.0, h), 1.0 - y))


def _name(node: str, camera: str, at: datetime) -> str:
    """A name that no other episode of the commune has, readable in a log."""
    return f"{node}.{camera.replace(os.sep, '-')}.{at:%Y%m%dT%H%M%S}.{secrets.token_hex(3)}"
