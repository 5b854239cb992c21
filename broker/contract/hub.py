"""What the commune hub says: plans, commands and acknowledgements."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from broker.contract.message import LARGE, NODE_SERVICES, Message, message

Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]


class Media(Message):
    """Manifest of bytes that travel over the device port, never over MQTT."""

    sha256: Sha256
    size: Annotated[int, Meta(ge=0, le=512 * 1024 * 1024)]
    """Bytes."""
    type: str
    duration_ms: int | None = None


class Passkey(Message):
    """What an authenticator signed around the text's hash (WebAuthn assertion, W3C Level 2 §6.3.3)."""

    authenticator_data: Annotated[bytes, Meta(min_length=37, max_length=1024)]
    client_data: Annotated[bytes, Meta(min_length=2, max_length=2048)]
    """JSON as the browser wrote it; its `challenge` is the SHA-256 of the bytes a key file would sign."""


class Signature(Message):
    """Who signed, by key id, and the raw signature (ECDSA P-256 over SHA-256, r and s, 64 bytes)."""

    key: str
    value: Annotated[bytes, Meta(min_length=64, max_length=64)]
    passkey: Passkey | None = None
    """Present when a passkey signed; then `value` covers authenticator_data and the SHA-256 of client_data."""


class Signed(Message):
    """A canonical JSON text exactly as it was signed; what it must contain is declared in broker/trust."""

    body: str
    signatures: list[Signature]


@message("*/ack/upto", senders=("ingest",), receivers=NODE_SERVICES)
class Ack(Message):
    """Everything of this epoch and lane up to `upto` is on the hub's disk; the source may delete it."""

    epoch: str
    lane: Literal["alarm", "event", "tele"]
    upto: int


@message("*/plan/trust", senders=("announce",), receivers=("speaker", "camera", "node"), limit=LARGE)
class TrustPlan(Message):
    """The keys a node believes, signed by the commune's root key; retained."""

    generation: int
    signed: Signed


@message("speaker/plan/plays", senders=("announce",), receivers=("speaker",), limit=LARGE, media="get")
class PlayPlan(Message):
    """All that a loudspeaker is to play; retained, signed by the hub, each announcement by its approver."""

    generation: int
    signed: Signed


@message("camera/plan/cameras", senders=("announce",), receivers=("camera",), limit=LARGE)
class CameraPlan(Message):
    """The cameras of a node as the commune set them up; retained, signed by the hub."""

    generation: int
    signed: Signed


@message("camera/cmd/picture", senders=("announce",), receivers=("camera",), expires_s=60)
class PictureWanted(Message):
    """Send a picture of this camera as it is now."""

    request: str
    camera: str


@message("camera/cmd/live", senders=("announce",), receivers=("camera",), expires_s=20)
class LiveWanted(Message):
    """Bring pictures of this camera to the device port (`POST /live/<view>`) until `until`, or until nobody looks
    any more (410). Said again with a later `until` it goes on."""

    view: Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{1,64}$")]
    camera: str
    until: datetime


@message("camera/cmd/search", senders=("announce",), receivers=("camera",), expires_s=30)
class SearchCameras(Message):
    """Look for ONVIF cameras on the node's network; with `device` ask that one for its streams instead."""

    request: Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{1,64}$")]
    device: Annotated[str, Meta(max_length=300)] = ""
    """Its service address as a search found it."""
    sealed: bytes | None = None
    """`CameraLogin` as JSON, sealed to the key of the node's camera service."""


@message("node/plan/content", senders=("announce",), receivers=("node",), media="get")
class ContentPlan(Message):
    """What the kiosk shows, as one bundle; retained, signed by the hub."""

    generation: int
    signed: Signed


@message("node/plan/audit", senders=("announce",), receivers=("node",))
class AuditPlan(Message):
    """The head of the hub's audit log for the node to keep; retained, signed by the hub. Its generation is the
    index of the head, which never goes back."""

    generation: int
    signed: Signed


@message("speaker/cmd/play-now", senders=("announce",), receivers=("speaker",), expires_s=120, limit=LARGE)
class PlayNow(Message):
    """Play at once what also stands in the plan; the command only saves the wait for the plan."""

    occurrence: str
    announcement: str
    start: datetime
    signed: Signed
    media: Media


@message("speaker/cmd/stop", senders=("announce",), receivers=("speaker",), expires_s=600)
class StopPlay(Message):
    """Fall silent: one occurrence, or whatever is playing when `occurrence` is empty. Silence always wins."""

    occurrence: str
    at: datetime


@message("speaker/cmd/test", senders=("announce",), receivers=("speaker",), expires_s=120)
class TestSpeaker(Message):
    """Sound your own test chime and say what came of it. Carries no sound and no words, so it needs no signature;
    quiet hours, an unknown clock, silence and a rest of ten minutes between tests hold all the same."""

    __test__ = False  # pytest must not take it for tests

    test: Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{1,64}$")]
    at: datetime


@message("speaker/ack/time-told", senders=("announce",), receivers=("speaker",))
class TimeTold(Message):
    """The hub's time, in answer to TimeAsked. It aligns starts within five seconds and makes no clock trusted."""

    ask: Annotated[int, Meta(ge=0, le=2**53)]
    heard_at: datetime
    """When the question came to the hub, and when this answer left it, by the hub's clock."""
    told_at: datetime


MESSAGES = (
    Ack,
    TrustPlan,
    PlayPlan,
    CameraPlan,
    ContentPlan,
    AuditPlan,
    PlayNow,
    StopPlay,
    PictureWanted,
    LiveWanted,
    SearchCameras,
    TestSpeaker,
    TimeTold,
)
