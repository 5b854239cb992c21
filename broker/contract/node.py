"""What every service says about itself, and what a computer says about its health."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from broker.contract.hub import Signed
from broker.contract.message import NODE_SERVICES, SERVICES, Message, Position, message

Life = Literal["starting", "ready", "degraded", "stopped", "lost"]


class Problem(Message):
    """Something that limits a service: a short code for programs, one Vietnamese sentence for people."""

    code: str
    text: str


@message("*/state/service", senders=SERVICES, receivers=("ingest",))
class ServiceState(Message):
    """Life of one service; retained, and `lost` by last will when its connection breaks."""

    state: Life
    since: datetime
    boot: str
    """Random per start: a will of an earlier start must not overwrite a later birth."""
    version: str
    problems: list[Problem] = []


@message("node/state/health", senders=("node",), receivers=("ingest",))
class NodeHealth(Message):
    """The computer itself; retained."""

    at: datetime
    uptime_s: int
    load_1m: float
    memory_free_percent: float
    disk_free_percent: float
    cpu_celsius: float | None = None
    clock: Literal["trusted", "estimated", "unknown"] = "unknown"
    content_generation: int = 0
    audit_index: Annotated[int, Meta(ge=0, le=2**53)] = 0
    audit_hash: str = ""
    """The newest head of the hub's audit log that this node keeps."""
    audit_signed: Signed | None = None
    """The same as the hub signed it: a node cannot make one up."""


@message("*/event/lost", senders=NODE_SERVICES, receivers=("ingest",))
class Lost(Message):
    """Messages that a source could not keep: nothing goes missing unsaid.

    They had positions between `first` and `last` of a lane; 0 and 0 when they never got as far as the outbox.
    """

    lane: Literal["alarm", "event", "tele"]
    first: Position
    last: Position
    count: Annotated[int, Meta(ge=1, le=2**53)]
    """How many; fewer than the positions when older readings were thinned to one a minute."""
    reason: Literal["quota", "disk-full"]


MESSAGES = (ServiceState, NodeHealth, Lost)
