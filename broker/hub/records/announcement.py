"""Announcements and their revisions: what is to be said, and who signed it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from broker.hub.records.account import Account
from broker.hub.records.table import Base

STATES = ("draft", "submitted", "approved", "returned", "superseded", "withdrawn", "expired")
KINDS = ("routine", "priority", "emergency")


class Announcement(Base):
    """One bản tin over all its revisions. The id travels on the wire and in signatures."""

    __tablename__ = "announcement"

    id: Mapped[str] = mapped_column(primary_key=True)
    created_at: Mapped[datetime]
    author_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    latest: Mapped[int] = mapped_column(default=1)
    """Number of its newest revision."""
    field: Mapped[str] = mapped_column(default="")
    """What it is about, for the station's figures: a code of broadcast_log.FIELDS; empty until somebody says."""

    revisions: Mapped[list[Revision]] = relationship(
        back_populates="announcement", order_by="Revision.number"
    )


class Revision(Base):
    """One wording of an announcement. Only a draft changes; everything else is a new revision."""

    __tablename__ = "revision"
    __table_args__ = (UniqueConstraint("announcement_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    announcement_id: Mapped[str] = mapped_column(ForeignKey("announcement.id"), index=True)
    number: Mapped[int]
    state: Mapped[str] = mapped_column(default="draft", index=True)
    kind: Mapped[str] = mapped_column(default="routine")
    title: Mapped[str] = mapped_column(default="")
    text: Mapped[str] = mapped_column(Text, default="")
    """As written."""
    spoken: Mapped[str] = mapped_column(Text, default="")
    """As it will be said, fixed at submission."""
    answers: Mapped[dict[str, str]] = mapped_column(default=dict)
    """What the editor chose for doubtful words: found → spoken."""
    voice: Mapped[str] = mapped_column(default="vi")
    tracks: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    """What is heard, in order: [{"language": code, "recording": contract Media | None, "phrase": id | None}]; an
    entry without a recording is the text spoken by an engine. Empty: that alone."""
    villages: Mapped[list[str]] = mapped_column(default=list)
    play_now: Mapped[bool] = mapped_column(default=False)
    """ "Phát ngay": the only start is the moment of approval."""
    starts: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    """[{"at": ISO 8601 UTC, "tolerance_s": int}], ascending."""
    repeat: Mapped[int] = mapped_column(default=1)
    gap_s: Mapped[int] = mapped_column(default=5)
    relay: Mapped[dict[str, Any] | None]
    """trust Relay {"address", "station", "length_s"} of a relayed programme; the text is what is said without it."""
    recurrence: Mapped[dict[str, Any] | None]
    """The rule the starts were made by (announcing.recurrence); None for starts chosen one by one."""
    template_id: Mapped[int | None] = mapped_column(ForeignKey("emergency_template.id"))
    """The template an emergency was let speak by."""
    place: Mapped[int] = mapped_column(default=0)
    """Where it meets another ưu tiên: below 0 it is to speak first, above 0 after; 0 by the hour."""
    drill: Mapped[bool] = mapped_column(default=False)
    every_s: Mapped[int] = mapped_column(default=0)
    """An emergency begins again so often until it ends; 0: it is said once."""
    lasts_s: Mapped[int] = mapped_column(default=0)
    """So long an emergency holds after it is let speak; 0 for others."""
    source: Mapped[dict[str, Any] | None]
    """Where its words came from, where nobody here wrote them: {"cap": id of a CapMessage}."""
    author_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    approver_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    created_at: Mapped[datetime]
    edited_at: Mapped[datetime]
    submitted_at: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]
    """When it was approved or returned."""
    ended_at: Mapped[datetime | None]
    """When it was superseded, withdrawn or expired."""
    return_note: Mapped[str] = mapped_column(Text, default="")
    audio: Mapped[dict[str, Any] | None]
    """contract Media of the rendered speech; None until it is rendered."""
    audio_problem: Mapped[str] = mapped_column(default="")
    """One Vietnamese sentence when rendering failed."""
    envelope: Mapped[str | None] = mapped_column(Text)
    """The canonical body that was shown to the approver's browser and signed there. Of an emergency in free words it
    stands from the first of its two signatures, while the revision still waits."""
    signatures: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    """[{"key": id, "value": base64}]"""

    announcement: Mapped[Announcement] = relationship(back_populates="revisions")
    author: Mapped[Account] = relationship(foreign_keys=[author_id])
    approver: Mapped[Account | None] = relationship(foreign_keys=[approver_id])
    occurrences: Mapped[list[Occurrence]] = relationship(
        back_populates="revision", order_by="Occurrence.start"
    )


class Occurrence(Base):
    """One planned playing over all nodes; its plays are per node."""

    __tablename__ = "occurrence"

    id: Mapped[str] = mapped_column(primary_key=True)
    revision_id: Mapped[int] = mapped_column(ForeignKey("revision.id"), index=True)
    start: Mapped[datetime] = mapped_column(index=True)
    tolerance_s: Mapped[int]
    duration_s: Mapped[float] = mapped_column(default=0.0)
    """Whole length with repeats and gaps."""
    cancelled_at: Mapped[datetime | None]
    place: Mapped[int] = mapped_column(default=0)
    """The commune's order among plays of one kind that are due together; lower speaks first."""
    clicked_at: Mapped[datetime | None]
    """When somebody pressed the button of an emergency or a drill, by the hub's clock."""

    revision: Mapped[Revision] = relationship(back_populates="occurrences")
    plays: Mapped[list[Play]] = relationship(
        primaryjoin="Occurrence.id == foreign(Play.occurrence)", order_by="Play.node", viewonly=True
    )


class Play(Base):
    """An occurrence on one node, in the state its last receipt said. Receipts of ingest win over plans."""

    __tablename__ = "play"

    occurrence: Mapped[str] = mapped_column(primary_key=True)
    node: Mapped[str] = mapped_column(primary_key=True)
    announcement: Mapped[str] = mapped_column(index=True)
    revision: Mapped[int]
    state: Mapped[str] = mapped_column(default="planned")
    """planned, sent, or a PlayState of the contract"""
    planned_at: Mapped[datetime] = mapped_column(index=True)
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    late_ms: Mapped[int | None]
    played_ms: Mapped[int | None]
    total_ms: Mapped[int | None]
    repeat: Mapped[int] = mapped_column(default=0)
    sound: Mapped[str] = mapped_column(default="none")
    proof_level: Mapped[int] = mapped_column(default=0)
    reason: Mapped[str] = mapped_column(default="")
    """Code of the refusal or failure."""
    proof: Mapped[str] = mapped_column(default="")
    proof_score: Mapped[float | None]
    frames: Mapped[int | None] = mapped_column(BigInteger)
    rate_hz: Mapped[int | None]
    volume: Mapped[int | None]
    underruns: Mapped[int] = mapped_column(default=0)
    clock: Mapped[str] = mapped_column(default="unknown")
    clock_error_ms: Mapped[int | None] = mapped_column(BigInteger)
    said_at: Mapped[datetime | None]
    """When the node said so, by its own clock; None while no receipt has come."""
    sent_at: Mapped[datetime | None]
    """When the hub sent the command to play at once."""
    told_at: Mapped[datetime | None]
    """When the hub heard that it sounds, by the hub's clock."""


class PlayStep(Base):
    """One receipt as it came: the trail of a play."""

    __tablename__ = "play_step"
    __table_args__ = (Index("ix_play_step_chain", "node", "book", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    occurrence: Mapped[str] = mapped_column(index=True)
    node: Mapped[str]
    state: Mapped[str]
    at: Mapped[datetime]
    reason: Mapped[str] = mapped_column(default="")
    received_at: Mapped[datetime]
    book: Mapped[str] = mapped_column(default="")
    number: Mapped[int] = mapped_column(BigInteger, default=0)
    """Its place in the node's chain of receipts (see ReceiptBook); 0 for what came before chains."""
    digest: Mapped[str] = mapped_column(default="")
    """SHA-256 of the receipt as it came: the same number again is the same receipt, or another one."""


class ReceiptBook(Base):
    """How far the chain of one journal of one node was followed, and where it broke."""

    __tablename__ = "receipt_book"

    node: Mapped[str] = mapped_column(primary_key=True)
    book: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, default=0)
    digest: Mapped[str] = mapped_column(default="")
    """SHA-256 of the receipt of that number, as it came."""
    broken_number: Mapped[int | None] = mapped_column(BigInteger)
    """The first receipt that did not follow the one before it."""
    broken_at: Mapped[datetime | None]
    began_at: Mapped[datetime]
    said_at: Mapped[datetime]


class Stop(Base):
    """An order to fall silent; announce sends it and keeps it in the plan as cancelled."""

    __tablename__ = "stop"

    id: Mapped[int] = mapped_column(primary_key=True)
    occurrence: Mapped[str]
    """Empty: whatever is playing."""
    nodes: Mapped[list[str]]
    at: Mapped[datetime]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    sent_at: Mapped[datetime | None]


class EmergencyTemplate(Base):
    """One wording of an emergency that was signed beforehand. Only a draft changes; a new wording is a new number."""

    __tablename__ = "emergency_template"
    __table_args__ = (UniqueConstraint("code", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str]
    """The same over all its wordings; travels in signatures."""
    number: Mapped[int]
    state: Mapped[str] = mapped_column(default="draft", index=True)
    """draft, submitted, ready, superseded or retired; one that has ended is still `ready` but past `expires`"""
    icon: Mapped[str] = mapped_column(default="horn")
    title: Mapped[str] = mapped_column(default="")
    text: Mapped[str] = mapped_column(Text, default="")
    spoken: Mapped[str] = mapped_column(Text, default="")
    answers: Mapped[dict[str, str]] = mapped_column(default=dict)
    voice: Mapped[str] = mapped_column(default="vi")
    villages: Mapped[list[str]] = mapped_column(default=list)
    repeat: Mapped[int] = mapped_column(default=3)
    gap_s: Mapped[int] = mapped_column(default=5)
    every_s: Mapped[int] = mapped_column(default=600)
    lasts_s: Mapped[int] = mapped_column(default=7200)
    author_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    signer_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    created_at: Mapped[datetime]
    edited_at: Mapped[datetime]
    signed_at: Mapped[datetime | None]
    expires: Mapped[datetime | None]
    """Until when it may be let speak, as signed."""
    ended_at: Mapped[datetime | None]
    audio: Mapped[dict[str, Any] | None]
    audio_problem: Mapped[str] = mapped_column(default="")
    note: Mapped[str] = mapped_column(Text, default="")
    """Why it was given back to who wrote it; gone when it is handed in again."""
    body: Mapped[str | None] = mapped_column(Text)
    """The canonical trust Template as it was signed, by one or by two."""
    signatures: Mapped[list[dict[str, Any]]] = mapped_column(default=list)

    author: Mapped[Account] = relationship(foreign_keys=[author_id])
    signer: Mapped[Account | None] = relationship(foreign_keys=[signer_id])


class Pattern(Base):
    """A bulletin the commune says again and again (mẫu bản tin): words to begin from, never played by itself."""

    __tablename__ = "pattern"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    text: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(default="routine")
    villages: Mapped[list[str]] = mapped_column(default=list)
    repeat: Mapped[int] = mapped_column(default=1)
    voice: Mapped[str] = mapped_column(default="vi")
    author_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    edited_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]
