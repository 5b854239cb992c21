"""Alerts of the duty room, and every step people took on them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from broker.hub.records.account import Account
from broker.hub.records.table import Base

ALERT_STATES = ("raised", "seen", "in-hand", "closed")


class Alert(Base):
    """Something police act on: one motion episode, one tampering or one outage of a camera."""

    __tablename__ = "alert"
    __table_args__ = (
        UniqueConstraint("node", "episode"),
        Index("ix_alert_camera_started", "node", "camera", "started_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    """motion, tamper, outage, sos, sensor or amplifier"""
    what: Mapped[str] = mapped_column(default="")
    """For a tampering: covered, blinded, defocused, moved or frozen. For an outage: why, as a code. For a sensor: its
    series. For an amplifier: what it does, as a code."""
    node: Mapped[str]
    camera: Mapped[str]
    """Of a board's alarm: the button's name, empty for others."""
    village: Mapped[str] = mapped_column(default="")
    episode: Mapped[str]
    state: Mapped[str] = mapped_column(default="raised", index=True)
    started_at: Mapped[datetime] = mapped_column(index=True)
    """By the node's clock."""
    ended_at: Mapped[datetime | None]
    raised_at: Mapped[datetime] = mapped_column(index=True)
    """When the hub heard of it."""
    seen_at: Mapped[datetime | None]
    in_hand_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    officer_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    boxes: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    """[{"x", "y", "w", "h"}] in fractions of the picture."""
    zone: Mapped[str] = mapped_column(default="")
    confidence: Mapped[float] = mapped_column(default=0.0)
    reasons: Mapped[list[str]] = mapped_column(default=list)
    """Codes of edge/camera/analysis.py."""
    labels: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    """[{"what", "score", "box"}]: what the node's model took it for."""
    lasted_ms: Mapped[int] = mapped_column(BigInteger, default=0)
    """By the node's clock that nobody sets; 0 while it goes on."""
    clock: Mapped[str] = mapped_column(default="trusted")
    """How far the node believed its time: trusted, estimated or unknown."""
    snapshot: Mapped[str | None] = mapped_column(index=True)
    """sha256 in the hub's media store."""
    before: Mapped[str | None] = mapped_column(index=True)
    """sha256: what a tampered camera saw while all was well."""
    best: Mapped[str | None] = mapped_column(index=True)
    """sha256: the picture that shows it best, when that is another than the first."""
    best_boxes: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    clip: Mapped[dict[str, Any] | None]
    """contract Media, as promised by the node."""
    clip_sha256: Mapped[str | None] = mapped_column(index=True)
    has_clip: Mapped[bool] = mapped_column(default=False)
    """True once the bytes are here."""
    clip_reason: Mapped[str] = mapped_column(default="")
    """Why there will be no clip, or why it is shorter than the episode."""
    pictures_gone_at: Mapped[datetime | None]
    """When its pictures and clip were deleted because their time was over."""
    clip_gone_at: Mapped[datetime | None]
    """When its clip was deleted to make room."""
    evidence: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """What a board's alarm says beside its time: place, level, value, unit, limit."""
    incident_id: Mapped[int | None] = mapped_column(ForeignKey("incident.id"), index=True)
    unseen_at: Mapped[datetime | None]
    """When it was noted that nobody had looked at it for too long."""
    escalated_at: Mapped[datetime | None]
    escalated_to: Mapped[str] = mapped_column(default="")
    close_reason: Mapped[str] = mapped_column(default="")
    note: Mapped[str] = mapped_column(Text, default="")

    officer: Mapped[Account | None] = relationship()
    steps: Mapped[list[AlertStep]] = relationship(order_by="AlertStep.id", back_populates="alert")


class AlertStep(Base):
    """Who did what with an alert, and when; viewing a clip is a step too."""

    __tablename__ = "alert_step"

    id: Mapped[int] = mapped_column(primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alert.id"), index=True)
    at: Mapped[datetime]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    what: Mapped[str]
    """seen, in-hand, escalated, closed, viewed, played, exported, noted, unseen, called, reopened"""
    note: Mapped[str] = mapped_column(Text, default="")

    alert: Mapped[Alert] = relationship(back_populates="steps")
    account: Mapped[Account | None] = relationship()
