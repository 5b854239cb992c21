"""Warnings of others in the Common Alerting Protocol 1.2: where they are fetched, and each as it came."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from broker.hub.records.table import Base


class CapSource(Base):
    """An address that is asked for warnings: a CAP message, or an Atom or RSS feed of them."""

    __tablename__ = "cap_source"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    address: Mapped[str] = mapped_column(Text)
    every_s: Mapped[int] = mapped_column(default=300)
    certificate: Mapped[str] = mapped_column(Text, default="")
    """PEM of whom its messages must be signed by; empty: signatures are not asked for."""
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    """The editor in whose name its warnings become drafts; None: they wait for somebody to write one."""
    created_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]
    asked_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    """When it last answered with something that could be read."""
    problem: Mapped[str] = mapped_column(default="")
    etag: Mapped[str] = mapped_column(default="")


class CapMessage(Base):
    """One warning as it came, and what the commune made of it."""

    __tablename__ = "cap_message"
    __table_args__ = (UniqueConstraint("sender", "identifier", "sent"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    sender: Mapped[str]
    identifier: Mapped[str]
    sent: Mapped[datetime]
    status: Mapped[str]
    """Actual, Exercise, System, Test or Draft"""
    msg_type: Mapped[str]
    """Alert, Update, Cancel, Ack or Error"""
    source_id: Mapped[int | None] = mapped_column(ForeignKey("cap_source.id"))
    """None: brought as a file."""
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    """Who brought the file."""
    received_at: Mapped[datetime] = mapped_column(index=True)
    expires: Mapped[datetime | None]
    xml: Mapped[str] = mapped_column(Text, deferred=True)
    """As it came, up to megabytes: loaded only where it is asked for, within its transaction."""
    info: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """What was read out of it for the pages."""
    villages: Mapped[list[str]] = mapped_column(default=list)
    signature: Mapped[str] = mapped_column(default="none")
    """none, good, bad or unknown"""
    state: Mapped[str] = mapped_column(default="new", index=True)
    """new, drafted, prepared, replaced, cancelled, ignored or expired"""
    announcement: Mapped[str] = mapped_column(default="")
    """The draft that was made of it."""
    template: Mapped[str] = mapped_column(default="")
    """Code of the emergency template a rule made ready for it."""
