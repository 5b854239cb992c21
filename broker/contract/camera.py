"""What the cameras of a node say: motion, tampering, and whether each one sees."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from broker.contract.hub import Media
from broker.contract.message import LARGE, Message, message

SNAPSHOT_LIMIT = 90_000
"""Largest JPEG in bytes that fits a packet once it is base64."""
PAIR_LIMIT = SNAPSHOT_LIMIT // 2
"""Largest JPEG in bytes where two travel in one message."""
MOST_PER_S = 1000.0
MOST_SIDE_PX = 20_000
MOST_GOP_S = 86_400.0
"""What no camera exceeds; a node says at most this of a stream that claims more."""

Fraction = Annotated[float, Meta(ge=0, le=1)]
Millis = Annotated[int, Meta(ge=0)]
SidePx = Annotated[int, Meta(ge=0, le=MOST_SIDE_PX)]
ClockState = Literal["trusted", "estimated", "unknown"]
Tampering = Literal["covered", "blinded", "defocused", "moved", "frozen"]


class Box(Message):
    """Where something moved, in fractions of the picture's width and height."""

    x: Fraction
    y: Fraction
    w: Fraction
    h: Fraction


class Label(Message):
    """What a small model takes a thing for. It ranks and names; it never decides whether there is an alert."""

    what: Literal["person", "vehicle", "animal"]
    score: Fraction
    box: Box


@message("camera/alarm/motion-started", senders=("camera",), receivers=("ingest",), limit=LARGE)
class MotionStarted(Message):
    """An episode has begun: the picture that shows it travels with the alarm itself."""

    episode: str
    camera: str
    started_at: datetime
    """Onset: when the thing first moved, dated back from when that was certain."""
    snapshot: Annotated[bytes, Meta(max_length=SNAPSHOT_LIMIT)]
    """JPEG, privacy masks already burnt in."""
    boxes: list[Box] = []
    zone: str = ""
    """Name of the zone it was in; empty for a camera without zones."""
    confidence: Fraction = 0.0
    reasons: list[str] = []
    """Codes of what spoke for and against it (edge/camera/analysis.py, Reason)."""
    mono_ms: Millis = 0
    """Onset on the node's own clock that nobody sets, milliseconds since it started."""
    clock: ClockState = "trusted"
    """How far `started_at` may be believed."""


@message("camera/alarm/motion-labelled", senders=("camera",), receivers=("ingest",))
class MotionLabelled(Message):
    """What a model saw in a picture of an episode that has begun."""

    episode: str
    camera: str
    at: datetime
    labels: list[Label]


@message("camera/alarm/motion-ended", senders=("camera",), receivers=("ingest",), limit=LARGE, media="put")
class MotionEnded(Message):
    """An episode is over; its clip follows over the device port under the hash given here."""

    episode: str
    camera: str
    started_at: datetime
    ended_at: datetime
    clip: Media | None = None
    reason: str = ""
    """Why there is no clip, or why it is shorter than the episode; empty when it is whole."""
    lasted_ms: Millis = 0
    """By the clock that nobody sets."""
    best: Annotated[bytes, Meta(max_length=SNAPSHOT_LIMIT)] | None = None
    """The picture that shows it best, when that is another than the first."""
    boxes: list[Box] = []
    """Of the best picture."""
    confidence: Fraction = 0.0
    reasons: list[str] = []


@message("camera/alarm/tampered", senders=("camera",), receivers=("ingest",), limit=LARGE)
class CameraTampered(Message):
    """A camera was covered, blinded, defocused, moved or frozen; said again with `ended_at` when over."""

    tampering: str
    camera: str
    what: Tampering
    started_at: datetime
    ended_at: datetime | None = None
    snapshot: Annotated[bytes, Meta(max_length=SNAPSHOT_LIMIT)] | None = None
    """What it sees now."""
    before: Annotated[bytes, Meta(max_length=PAIR_LIMIT)] | None = None
    """What it saw while all was well."""
    confidence: Fraction = 0.0
    mono_ms: Millis = 0
    lasted_ms: Millis = 0
    clock: ClockState = "trusted"


@message("camera/alarm/outage", senders=("camera",), receivers=("ingest",))
class CameraOutage(Message):
    """No picture comes from a camera; said again with `ended_at` when one does, and how long the gap was."""

    outage: str
    camera: str
    told_at: datetime
    last_picture_at: datetime | None = None
    """None when it never sent one since the node started."""
    ended_at: datetime | None = None
    lasted_ms: Millis = 0
    """From the last picture to the first new one, by the clock that nobody sets."""
    why: str = ""
    """Code of edge/camera/opening.py: refused, password, path, silent, missing, no-video, broken, ended; or empty."""
    clock: ClockState = "trusted"


@message("camera/event/picture", senders=("camera",), receivers=("ingest",), limit=LARGE)
class CameraPicture(Message):
    """The picture that was asked for, or why there is none."""

    request: str
    camera: str
    taken_at: datetime
    jpeg: Annotated[bytes, Meta(max_length=SNAPSHOT_LIMIT)] | None = None
    reason: str = ""
    """A Vietnamese sentence; empty when there is a picture."""


class FoundCamera(Message):
    """One device that answered a search. Nothing it says is believed but shown to who set the search off."""

    device: Annotated[str, Meta(max_length=300)]
    """Its service address."""
    address: Annotated[str, Meta(max_length=80)] = ""
    name: Annotated[str, Meta(max_length=80)] = ""
    hardware: Annotated[str, Meta(max_length=80)] = ""


class FoundStream(Message):
    """One stream of a device. Its address holds no password."""

    source: Annotated[str, Meta(max_length=300)]
    codec: Annotated[str, Meta(max_length=20)] = ""
    width_px: SidePx = 0
    height_px: SidePx = 0


@message("camera/event/found", senders=("camera",), receivers=("ingest",))
class CamerasFound(Message):
    """What a search or a question brought."""

    request: str
    devices: Annotated[list[FoundCamera], Meta(max_length=32)] = []
    streams: Annotated[list[FoundStream], Meta(max_length=8)] = []
    """The largest picture first."""
    reason: Annotated[str, Meta(max_length=300)] = ""
    """A Vietnamese sentence when it could not be done; empty when it was."""


class CameraState(Message):
    """One camera as the node sees it."""

    camera: str
    state: Literal["connecting", "live", "offline"]
    since: datetime
    frames_per_s: Annotated[float, Meta(ge=0, le=MOST_PER_S)] = 0.0
    width_px: SidePx = 0
    height_px: SidePx = 0
    detail: str = ""
    picture_at: datetime | None = None
    """When the last picture came; a picture is never shown as if it were live."""
    tampering: Tampering | Literal[""] = ""
    """What keeps it from seeing at present."""
    codec: str = ""
    """Of the stream that clips are made of: h264, hevc, mjpeg."""
    gop_s: Annotated[float, Meta(ge=0, le=MOST_GOP_S)] = 0.0
    """Seconds from key picture to key picture of the stream that is judged; 0 while unknown."""
    watching: bool = True
    """False while its schedule says that movement raises no alert."""


@message("camera/state/cameras", senders=("camera",), receivers=("ingest",))
class CameraStatus(Message):
    """All cameras of a node; retained."""

    cameras: list[CameraState]
    seal: str = ""
    """Public X25519 key (PEM) of this service, to which the hub seals the cameras' addresses."""
    generation: int = 0
    """Of the plan of cameras that is followed; 0: none yet, or a release that does not tell."""


MESSAGES = (
    MotionStarted,
    MotionLabelled,
    MotionEnded,
    CameraTampered,
    CameraOutage,
    CameraPicture,
    CamerasFound,
    CameraStatus,
)
