"""What the cameras of a node say: motion, tampering, and whether each one sees."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from broker.contract.hub import Media
from broker.contract.message import LARGE, Message, message

SNAPSHOT_LIMIT = 90_000
"""Largest JPEG in bytes that fits a packet once it is base64."""

Fraction = Annotated[float, Meta(ge=0, le=1)]


class Box(Message):
    """Where something moved, in fractions of the picture's width and height."""

    x: Fraction
    y: Fraction
    w: Fraction
    h: Fraction


@message("camera/alarm/motion-started", senders=("camera",), receivers=("ingest",), limit=LARGE)
class MotionStarted(Message):
    """An episode has begun: the picture that shows it travels with the alarm itself."""

    episode: str
    camera: str
    started_at: datetime
    snapshot: Annotated[bytes, Meta(max_length=SNAPSHOT_LIMIT)]
    """JPEG, privacy masks already burnt in."""
    boxes: list[Box] = []


@message("camera/alarm/motion-ended", senders=("camera",), receivers=("ingest",), media="put")
class MotionEnded(Message):
    """An episode is over; its clip follows over the device port under the hash given here."""

    episode: str
    camera: str
    started_at: datetime
    ended_at: datetime
    clip: Media | None = None
    reason: str = ""
    """Why there is no clip; empty when there is one."""


@message("camera/alarm/tampered", senders=("camera",), receivers=("ingest",), limit=LARGE)
class CameraTampered(Message):
    """A camera was covered, blinded, defocused, moved or frozen; said again with `ended_at` when over."""

    tampering: str
    camera: str
    what: Literal["covered", "blinded", "defocused", "moved", "frozen"]
    started_at: datetime
    ended_at: datetime | None = None
    snapshot: Annotated[bytes, Meta(max_length=SNAPSHOT_LIMIT)] | None = None


class CameraState(Message):
    """One camera as the node sees it."""

    camera: str
    state: Literal["connecting", "live", "offline"]
    since: datetime
    frames_per_s: float = 0.0
    width_px: int = 0
    height_px: int = 0
    detail: str = ""


@message("camera/state/cameras", senders=("camera",), receivers=("ingest",))
class CameraStatus(Message):
    """All cameras of a node; retained."""

    cameras: list[CameraState]


MESSAGES = (MotionStarted, MotionEnded, CameraTampered, CameraStatus)
