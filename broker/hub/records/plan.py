"""What the hub last told each node to be: its plans, with their generations."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from broker.hub.records.table import Base


class Plan(Base):
    """The newest plan of one kind for one node, exactly as signed."""

    __tablename__ = "plan"

    node: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    """plays, cameras, content or audit"""
    generation: Mapped[int]
    fingerprint: Mapped[str]
    """Hash of what it says apart from its generation and times: unchanged plans are not made again."""
    body: Mapped[str] = mapped_column(Text)
    signatures: Mapped[list[dict[str, Any]]]
    made_at: Mapped[datetime]
    until: Mapped[datetime | None]


class ContentBundle(Base):
    """One version of what the kiosks show, as a bundle in the media store."""

    __tablename__ = "content_bundle"

    generation: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str]
    size: Mapped[int]
    type: Mapped[str]
    made_at: Mapped[datetime]
    note: Mapped[str] = mapped_column(default="")
