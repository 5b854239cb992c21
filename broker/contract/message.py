"""What every message on the wire has in common: lanes, topics, the frame, and the `@message` declaration."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import Meta

VERSION = 1
"""Version of the frame; a receiver quarantines frames of another version."""

SMALL = 16 * 1024
LARGE = 128 * 1024
"""Limits of one packet in bytes; brokers are configured to refuse anything above LARGE."""

HUB = "hub"
"""Node name of the commune hub's own services."""

NODE_SERVICES = ("node", "speaker", "camera", "kiosk", "board")
HUB_SERVICES = ("ingest", "announce", "web")
HUB_KEEPERS = ("rights", "canary")
"""Identities of the hub that say no message: the one that keeps the broker's rights, and the one that has none."""
SERVICES = NODE_SERVICES + HUB_SERVICES
RESERVED = frozenset({"hub", "admin", "root", "canary", "broker", "province", "all", "ls"})

_NODE = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", re.ASCII)
_PLACE = re.compile(r"[0-9]{2,6}", re.ASCII)


class ContractError(ValueError):
    """A message, topic or name breaks the contract; the text says which rule and what was found."""


class Lane(StrEnum):
    """How a message is delivered (not how an announcement ranks)."""

    ALARM = "alarm"
    EVENT = "event"
    TELE = "tele"
    STATE = "state"
    LIVE = "live"
    CMD = "cmd"
    PLAN = "plan"
    ACK = "ack"


@dataclass(frozen=True)
class Delivery:
    """What a lane promises: MQTT quality of service, retention, and whether it goes through the outbox."""

    qos: int
    retain: bool
    durable: bool
    addressed: bool
    """True where the topic names the receiver (commands, plans, acks), False where it names the sender."""


DELIVERY: dict[Lane, Delivery] = {
    Lane.ALARM: Delivery(1, False, True, False),
    Lane.EVENT: Delivery(1, False, True, False),
    Lane.TELE: Delivery(1, False, True, False),
    Lane.STATE: Delivery(1, True, False, False),
    Lane.LIVE: Delivery(0, False, False, False),
    Lane.CMD: Delivery(1, False, False, True),
    Lane.PLAN: Delivery(1, True, False, True),
    Lane.ACK: Delivery(0, False, False, True),
}

DURABLE_LANES = tuple(lane for lane, how in DELIVERY.items() if how.durable)


@dataclass(frozen=True)
class Spec:
    """One line of the contract: who says it, who may hear it, and how it travels."""

    type: type[msgspec.Struct]
    service: str
    lane: Lane
    kind: str
    senders: tuple[str, ...]
    receivers: tuple[str, ...]
    expires_s: int | None
    nearby: tuple[str, ...]
    limit: int
    media: str

    @property
    def delivery(self) -> Delivery:
        """What the lane promises."""
        return DELIVERY[self.lane]


class Message(msgspec.Struct, kw_only=True):
    """A typed payload. Messages carry no methods: a field name must never shadow one."""


def message(
    topic: str,
    *,
    senders: tuple[str, ...],
    receivers: tuple[str, ...],
    expires_s: int | None = None,
    nearby: tuple[str, ...] = (),
    limit: int = SMALL,
    media: str = "",
) -> Callable[[type[Message]], type[Message]]:
    """Declare a message: `topic` is "service/lane/kind", where service `*` means the sender's (or, on the
    addressed lanes cmd, plan and ack, the receiver's) own name.

    expires_s: seconds after `Frame.at` when a receiver must ignore it. nearby: services of the same node that
    also get it directly. limit: largest packet in bytes. media: "get" or "put" when its manifests give the
    receiver or the sender the right to that verb on the device port.
    Raises ContractError when the declaration is not well formed.
    """
    service, lane_name, kind = topic.split("/")
    lane = Lane(lane_name)
    if not re.fullmatch(r"[a-z][a-z-]*", kind):
        raise ContractError(f"kind {kind!r} of {topic!r} is not lower-case ASCII")
    for name in (*senders, *receivers, *nearby):
        if name not in SERVICES:
            raise ContractError(f"{topic!r} names {name!r}, which is none of {', '.join(SERVICES)}")
    if limit not in (SMALL, LARGE) or media not in ("", "get", "put"):
        raise ContractError(f"{topic!r}: limit must be SMALL or LARGE, media one of '', 'get', 'put'")

    def declare(cls: type[Message]) -> type[Message]:
        spec = Spec(cls, service, lane, kind, senders, receivers, expires_s, nearby, limit, media)
        setattr(cls, "__contract__", spec)  # noqa: B010  (a Struct's own fields must stay the payload only)
        return cls

    return declare


def spec_of(what: type[msgspec.Struct] | msgspec.Struct) -> Spec:
    """The contract line of a message or of its class. Raises ContractError for anything undeclared."""
    cls = what if isinstance(what, type) else type(what)
    spec = cls.__dict__.get("__contract__")
    if not isinstance(spec, Spec):
        raise ContractError(f"{cls.__name__} is not declared with @message")
    return spec


@dataclass(frozen=True)
class Place:
    """Codes of the commune the messages belong to (two tiers, as in force since 1 July 2025)."""

    province: str
    commune: str

    def __post_init__(self) -> None:
        for code in (self.province, self.commune):
            if not _PLACE.fullmatch(code):
                raise ContractError(f"place code {code!r} must be 2 to 6 digits")


@dataclass(frozen=True)
class Identity:
    """One service of one machine, the unit that has a key, an outbox and rights: `thon-01.camera`."""

    node: str
    service: str

    def __post_init__(self) -> None:
        if not _NODE.fullmatch(self.node) or (self.node in RESERVED and self.node != HUB):
            raise ContractError(
                f"node name {self.node!r} must be 1 to 32 of a-z, 0-9 and inner '-', and none of: "
                + ", ".join(sorted(RESERVED))
            )
        allowed = HUB_SERVICES + HUB_KEEPERS if self.node == HUB else NODE_SERVICES
        if self.service not in allowed:
            raise ContractError(
                f"service {self.service!r} of {self.node!r} must be one of {', '.join(allowed)}"
            )

    def __str__(self) -> str:
        return f"{self.node}.{self.service}"


def identity_of(text: str) -> Identity:
    """The identity written as `node.service`. Raises ContractError."""
    node, dot, service = text.partition(".")
    if not dot:
        raise ContractError(f"identity {text!r} must be written node.service")
    return Identity(node, service)


def topic_of(place: Place, who: Identity, what: type[msgspec.Struct] | msgspec.Struct) -> str:
    """The one place where a topic is written. `who` is the receiver on addressed lanes, else the sender.

    Raises ContractError when `who` has no part in that message.
    """
    spec = spec_of(what)
    parties = spec.receivers if spec.delivery.addressed else spec.senders
    if who.service not in parties:
        raise ContractError(f"{who} has no part in {spec.type.__name__}; it may be {', '.join(parties)}")
    return f"ls/{place.province}/{place.commune}/{who.node}/{who.service}/{spec.lane}/{spec.kind}"


def filters_of(place: Place, receiver: Identity, what: type[msgspec.Struct]) -> tuple[str, ...]:
    """MQTT filters under which `receiver` hears a message. Empty when it may not hear it."""
    spec = spec_of(what)
    if receiver.service not in spec.receivers:
        return ()
    if spec.delivery.addressed:
        return (topic_of(place, receiver, what),)
    head = f"ls/{place.province}/{place.commune}/+"
    return tuple(f"{head}/{sender}/{spec.lane}/{spec.kind}" for sender in spec.senders)


Position = Annotated[int, Meta(ge=0, le=2**53)]
"""Of a message in its lane; every database and every JSON reader can hold it."""


T = TypeVar("T")


class Framed(msgspec.Struct, Generic[T], frozen=True, kw_only=True, omit_defaults=True):
    """What wraps every message on the wire."""

    v: int = 0
    """Version of this frame."""
    at: datetime
    """When the sender wrote it, by its own clock."""
    clock: str = "unknown"
    """How far that clock can be believed: trusted, estimated or unknown."""
    epoch: Annotated[str, Meta(pattern=r"^[A-Za-z0-9]*$", max_length=32)] = ""
    """Names the sender's outbox; a new outbox starts a new epoch. Empty off the durable lanes."""
    seq: Position = 0
    """Position in (source, epoch, lane), from 1."""
    first: Position = 0
    """From this position up to the one before `seq` the source holds nothing: what was never received of it is a
    gap. 0 stands for `seq` itself, the usual case."""
    m: T
    """The message itself."""


class Frame(Framed[msgspec.Raw], frozen=True, kw_only=True, omit_defaults=True):
    """What wraps every message on the wire, with the message as it came."""


@dataclass(frozen=True)
class Received:
    """A decoded message with what its topic and frame say about it."""

    message: Any
    who: Identity
    """The sender, or on addressed lanes the receiver: the identity the topic names."""
    spec: Spec
    frame: Frame


def payload(msg: msgspec.Struct) -> bytes:
    """The message alone as JSON, NFC. Raises ContractError when it is larger than its limit allows."""
    spec = spec_of(msg)
    raw = msgspec.json.encode(msg)
    if not raw.isascii():
        raw = unicodedata.normalize("NFC", raw.decode()).encode()
    if len(raw) > spec.limit - 512:
        raise ContractError(
            f"{spec.type.__name__} has {len(raw)} bytes, at most {spec.limit - 512} are allowed"
        )
    return raw


def encode(body: bytes, at: datetime, clock: str, epoch: str = "", seq: int = 0, first: int = 0) -> bytes:
    """Put a `payload` into its frame, ready to publish."""
    frame = Frame(v=VERSION, at=at, clock=clock, epoch=epoch, seq=seq, first=first, m=msgspec.Raw(body))
    return msgspec.json.encode(frame)


@cache
def _decoder(cls: type[msgspec.Struct]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(cls)


@cache
def _whole_decoder(cls: type[msgspec.Struct]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(Framed[cls])  # type: ignore[valid-type]


_FRAME = msgspec.json.Decoder(Frame)


def decode_at_once(spec: Spec, raw: bytes) -> Framed[Any] | None:
    """Frame and message of a durable packet in one pass, for whoever reads thousands a second.

    None when any rule of the contract is broken: `decode_frame` and `decode_message` say which.
    """
    if len(raw) > spec.limit:
        return None
    try:
        framed: Framed[Any] = _whole_decoder(spec.type).decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    is_sound = framed.v == VERSION and framed.at.tzinfo is not None and framed.epoch and framed.seq > 0
    return framed if is_sound else None


def decode_frame(raw: bytes) -> Frame:
    """The frame alone, so that a message that cannot be read can still be counted at its position.

    Raises ContractError.
    """
    if len(raw) > LARGE:
        raise ContractError(f"packet has {len(raw)} bytes, at most {LARGE} are allowed")
    try:
        frame = _FRAME.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
        raise ContractError(f"frame: {why}") from why
    if frame.v != VERSION:
        raise ContractError(f"frame version {frame.v} found, {VERSION} expected")
    if frame.at.tzinfo is None:
        raise ContractError("frame: `at` has no time zone")
    return frame


def decode_message(spec: Spec, frame: Frame, size: int, *, nearby: bool = False) -> Any:
    """The message in a frame that came in a packet of `size` bytes.

    nearby: it came from a neighbour, where there is no position to keep. Raises ContractError naming the field
    that is wrong.
    """
    if size > spec.limit:
        raise ContractError(f"{spec.type.__name__} packet has {size} bytes, at most {spec.limit} are allowed")
    if spec.delivery.durable and not nearby and (not frame.epoch or frame.seq < 1):
        raise ContractError(f"{spec.type.__name__} travels on {spec.lane} and needs epoch and seq")
    try:
        return _decoder(spec.type).decode(frame.m)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
        raise ContractError(f"{spec.type.__name__}: {why}") from why


def decode(spec: Spec, who: Identity, raw: bytes, *, nearby: bool = False) -> Received:
    """Read a packet of a known topic. Raises ContractError as `decode_frame` and `decode_message` do."""
    frame = decode_frame(raw)
    return Received(decode_message(spec, frame, len(raw), nearby=nearby), who, spec, frame)
