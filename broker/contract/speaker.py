"""What the loudspeaker of a node says: receipts, what it holds of its plan, what it is doing."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from broker.contract.message import Message, message

PlayState = Literal[
    "fetching",
    "ready",
    "armed",
    "playing",
    "played",
    "interrupted",
    "preempted",
    "failed",
    "refused",
    "missed",
    "expired",
    "cancelled",
]


@message("speaker/event/receipt", senders=("speaker",), receivers=("ingest",))
class PlayReceipt(Message):
    """One change of state of one play (an occurrence on this node)."""

    occurrence: str
    announcement: str
    revision: int
    state: PlayState
    at: datetime
    planned_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    late_ms: int | None = None
    played_ms: int | None = None
    total_ms: int | None = None
    repeat: int = 0
    sound: Literal["card", "file", "none"] = "none"
    proof_level: Annotated[int, Meta(ge=0, le=3)] = 0
    reason: str = ""
    """Code of the firewall's refusal or of the failure; empty when all is well."""


class Refusal(Message):
    """One entry of a plan that the firewall will not play, and the code of the reason."""

    occurrence: str
    reason: str


@message("speaker/event/plan-applied", senders=("speaker",), receivers=("ingest",))
class PlanApplied(Message):
    """The node now follows this generation of its plan."""

    generation: int
    at: datetime
    ready: list[str] = []
    missing: list[str] = []
    refused: list[Refusal] = []


@message("speaker/state/speaker", senders=("speaker",), receivers=("ingest",))
class SpeakerStatus(Message):
    """What the loudspeaker is doing; retained."""

    doing: Literal["idle", "fetching", "playing"]
    since: datetime
    output: str
    """Sound card by name, or `file` where there is none."""
    occurrence: str = ""
    plan_generation: int = 0
    trust_generation: int = 0


MESSAGES = (PlayReceipt, PlanApplied, SpeakerStatus)
