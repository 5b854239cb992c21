"""Where approved announcements go beside the loudspeakers, and what came of each message."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from broker.hub.records.table import Base


class Channel(Base):
    """One place outside: a webhook, or an address that apprise can write to."""

    __tablename__ = "channel"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    """webhook or apprise"""
    name: Mapped[str]
    address: Mapped[str] = mapped_column(Text)
    """A URL; it may hold a password and is never shown whole."""
    secret: Mapped[str] = mapped_column(default="")
    """With which a webhook's body is signed (HMAC-SHA256)."""
    kinds: Mapped[list[str]] = mapped_column(default=list)
    """Kinds of announcements that go there."""
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]


class Delivery(Base):
    """One message for one channel: sent once it was accepted, tried again until then."""

    __tablename__ = "delivery"
    __table_args__ = (UniqueConstraint("channel_id", "announcement", "revision", "what"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    channel_id: Mapped[int] = mapped_column(ForeignKey("channel.id"), index=True)
    announcement: Mapped[str]
    revision: Mapped[int]
    what: Mapped[str]
    """approved or withdrawn"""
    state: Mapped[str] = mapped_column(default="waiting", index=True)
    """waiting, sent or given-up"""
    tries: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    next_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    problem: Mapped[str] = mapped_column(default="")

    channel: Mapped[Channel] = relationship()
