"""The nodes of the commune: what they are, and what their services last said of themselves."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from broker.hub.records.table import Base


class NodeRecord(Base):
    """One Pi in a cultural house, as the commune registered it."""

    __tablename__ = "node"

    name: Mapped[str] = mapped_column(primary_key=True)
    village: Mapped[str] = mapped_column(ForeignKey("village.code"))
    label: Mapped[str]
    """As people call it: "Đông 1, nhà văn hoá"."""
    registered_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]
    latitude: Mapped[float | None]
    """Of its loudspeakers, degrees north (WGS 84); None while nobody has entered it."""
    longitude: Mapped[float | None]


class ServiceSeen(Base):
    """Life of one service, from its retained state and its last will. Written by ingest only."""

    __tablename__ = "service_seen"

    identity: Mapped[str] = mapped_column(primary_key=True)
    """`thon-01.camera`"""
    node: Mapped[str] = mapped_column(index=True)
    service: Mapped[str]
    state: Mapped[str]
    """starting, ready, degraded, stopped or lost"""
    since: Mapped[datetime]
    boot: Mapped[str]
    version: Mapped[str] = mapped_column(default="")
    problems: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    """[{"code", "text"}]: the text is one Vietnamese sentence."""
    seen_at: Mapped[datetime]
    """By the hub's clock."""


class NodeSeen(Base):
    """Health of one node's computer, as it last said."""

    __tablename__ = "node_seen"

    node: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    uptime_s: Mapped[int]
    load_1m: Mapped[float]
    memory_free_percent: Mapped[float]
    disk_free_percent: Mapped[float]
    cpu_celsius: Mapped[float | None]
    clock: Mapped[str]
    content_generation: Mapped[int] = mapped_column(default=0)
    audit_index: Mapped[int] = mapped_column(BigInteger, default=0)
    audit_hash: Mapped[str] = mapped_column(default="")
    """The newest head of the audit log that the node says it keeps."""
    audit_signed: Mapped[dict[str, Any] | None]
    """The same as the hub signed it; without that it is only the node's word."""
    seen_at: Mapped[datetime]


class SpeakerSeen(Base):
    """What the loudspeaker of a node last said it is doing and holding."""

    __tablename__ = "speaker_seen"

    node: Mapped[str] = mapped_column(primary_key=True)
    doing: Mapped[str] = mapped_column(default="idle")
    since: Mapped[datetime | None]
    output: Mapped[str] = mapped_column(default="")
    occurrence: Mapped[str] = mapped_column(default="")
    plan_generation: Mapped[int] = mapped_column(default=0)
    trust_generation: Mapped[int] = mapped_column(default=0)
    applied_generation: Mapped[int] = mapped_column(default=0)
    """From PlanApplied, with the occurrences that are ready, lack their audio, or were refused."""
    applied_at: Mapped[datetime | None]
    ready: Mapped[list[str]] = mapped_column(default=list)
    missing: Mapped[list[str]] = mapped_column(default=list)
    refused: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    sound: Mapped[str] = mapped_column(default="none")
    """card, file or none"""
    silenced: Mapped[str] = mapped_column(default="")
    """Empty, `commune` or `here`."""
    seen_at: Mapped[datetime]


class SpeakerTuning(Base):
    """How the commune set the loudspeaker of a node; trust Tuning has the meaning and the limits of each column."""

    __tablename__ = "speaker_tuning"

    node: Mapped[str] = mapped_column(primary_key=True)
    routine_percent: Mapped[int] = mapped_column(default=100)
    priority_percent: Mapped[int] = mapped_column(default=100)
    emergency_percent: Mapped[int] = mapped_column(default=100)
    offset_ms: Mapped[int] = mapped_column(default=0)
    test_weekday: Mapped[int | None]
    test_at: Mapped[str] = mapped_column(default="09:00")
    changed_at: Mapped[datetime]


class SpeakerTest(Base):
    """One test chime: asked for by a person, or the node's weekly one; with what came of it."""

    __tablename__ = "speaker_test"

    test: Mapped[str] = mapped_column(primary_key=True)
    node: Mapped[str] = mapped_column(index=True)
    asked_at: Mapped[datetime | None]
    """None for the weekly test."""
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    sent_at: Mapped[datetime | None]
    at: Mapped[datetime | None]
    """When the node did it; None while it has not said."""
    is_weekly: Mapped[bool] = mapped_column(default=False)
    sound: Mapped[str] = mapped_column(default="none")
    volume: Mapped[int] = mapped_column(default=0)
    frames: Mapped[int | None] = mapped_column(BigInteger)
    underruns: Mapped[int] = mapped_column(default=0)
    proof_level: Mapped[int] = mapped_column(default=0)
    proof: Mapped[str] = mapped_column(default="")
    proof_score: Mapped[float | None]
    reason: Mapped[str] = mapped_column(default="")


class LocalUseSeen(Base):
    """Somebody of the village used the amplifier, or kept it silent."""

    __tablename__ = "local_use"

    node: Mapped[str] = mapped_column(primary_key=True)
    use: Mapped[str] = mapped_column(primary_key=True)
    what: Mapped[str]
    """microphone or mute"""
    started_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]


class AmplifierSeen(Base):
    """The amplifier of a node as its board last said."""

    __tablename__ = "amplifier_seen"

    node: Mapped[str] = mapped_column(primary_key=True)
    relay: Mapped[str]
    current: Mapped[str]
    current_a: Mapped[float | None]
    microphone: Mapped[bool] = mapped_column(default=False)
    mute: Mapped[bool] = mapped_column(default=False)
    at: Mapped[datetime]
    seen_at: Mapped[datetime]


class AmplifierTrouble(Base):
    """An alarm of a node's amplifier: current nobody asked for, a relay that does not follow, no current."""

    __tablename__ = "amplifier_trouble"

    node: Mapped[str] = mapped_column(primary_key=True)
    alarm: Mapped[str] = mapped_column(primary_key=True)
    what: Mapped[str]
    started_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]
    current_a: Mapped[float | None]
    received_at: Mapped[datetime]


class BoardSeen(Base):
    """One serial board of a node, as its bridge last said."""

    __tablename__ = "board_seen"

    node: Mapped[str] = mapped_column(primary_key=True)
    board: Mapped[str] = mapped_column(primary_key=True)
    port: Mapped[str]
    state: Mapped[str]
    """live, silent or no-port"""
    since: Mapped[datetime]
    detail: Mapped[str] = mapped_column(default="")
    polls: Mapped[int] = mapped_column(default=0)
    errors: Mapped[int] = mapped_column(default=0)
    seen_at: Mapped[datetime]
