"""What the loudspeaker of a node says: receipts, what it holds of its plan, what it is doing, what it tested."""

from __future__ import annotations

import hashlib
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

Proof = Literal["", "consumed", "current", "loop-back", "heard", "inconclusive"]
"""What stands behind a proof level: nothing, the device took every frame (1), the amplifier drew current or the line
came back (2), a microphone heard this very sound (3). `inconclusive`: somebody listened and cannot tell."""
Percent = Annotated[int, Meta(ge=0, le=100)]
Digest = Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?$")]


@message("speaker/event/receipt", senders=("speaker",), receivers=("ingest",))
class PlayReceipt(Message):
    """One change of state of one play (an occurrence on this node); a link in the node's chain of receipts."""

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
    proof: Proof = ""
    proof_score: float | None = None
    """Share of what was played that was heard again at the moment it was played, 0 to 1."""
    frames: int | None = None
    """Frames that the sound device consumed, and how many make a second."""
    rate_hz: int | None = None
    volume: Percent | None = None
    underruns: int = 0
    """How often the device ran out of samples."""
    clock: Literal["trusted", "estimated", "unknown"] = "unknown"
    clock_error_ms: int | None = None
    """As far as the machine knows how wrong its clock may be."""
    book: Annotated[str, Meta(pattern=r"^[0-9a-f]{0,32}$")] = ""
    """Names the journal the chain stands in; a new journal starts a new chain."""
    number: int = 0
    """Place in the chain, from 1 without holes; 0 in a receipt of a node that keeps no chain."""
    before: Digest = ""
    """SHA-256 of the receipt before this one as it was written (`receipt_digest`); empty in the first."""


def receipt_digest(body: bytes) -> str:
    """SHA-256 of a receipt's payload exactly as it was written: what the next receipt calls `before`."""
    return hashlib.sha256(body).hexdigest()


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

    doing: Literal["idle", "fetching", "playing", "testing"]
    since: datetime
    output: str
    """Sound card by name, or `file` where there is none."""
    occurrence: str = ""
    plan_generation: int = 0
    trust_generation: int = 0
    sound: Literal["card", "file", "none"] = "none"
    """Whether a loudspeaker can be behind `output`."""
    silenced: Literal["", "commune", "here"] = ""
    """Who keeps it silent: the commune's order, or the mute switch in this house."""


@message("speaker/event/tested", senders=("speaker",), receivers=("ingest",))
class SpeakerTested(Message):
    """The loudspeaker tested itself with its own chime."""

    test: str
    """Id of the order, or one the node made for its weekly test."""
    at: datetime
    is_weekly: bool = False
    sound: Literal["card", "file", "none"] = "none"
    volume: Percent = 0
    frames: int | None = None
    underruns: int = 0
    proof_level: Annotated[int, Meta(ge=0, le=3)] = 0
    proof: Proof = ""
    proof_score: float | None = None
    reason: str = ""
    """Why it was not done or not finished: a code of REASONS."""


@message("speaker/event/local-use", senders=("speaker",), receivers=("ingest",))
class LocalUse(Message):
    """Somebody in the house uses the amplifier themselves, or keeps it silent; said again with `ended_at`."""

    use: str
    """Id of this use."""
    what: Literal["microphone", "mute"]
    started_at: datetime
    ended_at: datetime | None = None


@message("speaker/live/amplifier-lease", senders=("speaker",), receivers=(), nearby=("board",))
class AmplifierLease(Message):
    """Keep the amplifier on for so long from now. Renewed every second while it is needed; 0 gives it back.

    A lease that is not renewed ends by itself: a speaker service that dies leaves no horn humming.
    """

    lease_ms: Annotated[int, Meta(ge=0, le=10_000)]
    is_playing: bool = False
    """Whether samples sound now: then the amplifier may draw current."""


@message("speaker/live/time-asked", senders=("speaker",), receivers=("announce",))
class TimeAsked(Message):
    """What time is it at the hub? Answered at once; many such answers line up the starts of all loudspeakers."""

    ask: Annotated[int, Meta(ge=0, le=2**53)]
    """Of this start of the service, counted up; the answer names it."""


MESSAGES = (PlayReceipt, PlanApplied, SpeakerStatus, SpeakerTested, LocalUse, AmplifierLease, TimeAsked)
