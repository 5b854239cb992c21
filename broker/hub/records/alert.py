"""Alerts of the duty room, and every step people took on them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from broker.hub.records.account import Account
from broker.hub.records.table import Base

ALERT_STATES = ("raised", "seen", "in-hand", "closed")


class Alert(Base):
    """Something police act on: one motion episode or one tampering of a camera."""

    __tablename__ = "alert"
    __table_args__ = (UniqueConstraint("node", "episode"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    """motion or tamper"""
    what: Mapped[str] = mapped_column(default="")
    """For a tampering: covered, blinded, defocused, moved or frozen."""
    node: Mapped[str]
    camera: Mapped[str]
    village: Mapped[str] = mapped_column(default="")
    episode: Mapped[str]
    state: Mapped[str] = mapped_column(default="raised", index=True)
    started_at: Mapped[datetime] = mapped_column(index=True)
    """By the node's clock."""
    ended_at: Mapped[datetime | None]
    raised_at: Mapped[datetime]
    """When the hub heard of it."""
    seen_at: Mapped[datetime | None]
    in_hand_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    officer_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    boxes: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    """[{"x", "y", "w", "h"}] in fractions of the picture."""
    snapshot: Mapped[str | None] = mapped_column(index=True)
    """sha256 in the hub's media store."""
    clip: Mapped[dict[str, Any] | None]
    """contract Media, as promised by the node."""
    clip_sha256: Mapped[str | None] = mapped_column(index=True)
    has_clip: Mapped[bool] = mapped_column(default=False)
    """True once the bytes are here."""
    clip_reason: Mapped[str] = mapped_column(default="")
    """Why there will be no clip."""
    escalated_at: Mapped[datetime | None]
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
    """seen, in-hand, escalated, closed, viewed"""
    note: Mapped[str] = mapped_column(Text, default="")

    alert: Mapped[Alert] = relationship(back_populates="steps")
    account: Mapped[Account | None] = relationship()
