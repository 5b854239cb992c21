"""What the kiosks say: each procedure's revisions, and what people asked the screens for in vain."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from broker.hub.records.table import Base


class ContentRevision(Base):
    """One version of one procedure as the commune wrote, checked or retired it.

    A procedure without any shows what the release says, marked as not approved.
    """

    __tablename__ = "content_revision"
    __table_args__ = (
        UniqueConstraint("code", "number"),
        Index("ix_content_revision_state", "state", "code"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str]
    """National code of the procedure."""
    number: Mapped[int]
    """1, 2, 3 … within the code."""
    state: Mapped[str]
    """draft, sent, approved, returned, replaced or retired"""
    body: Mapped[dict[str, Any]]
    """A contract Procedure as JSON; who vouches for it and since when stands in the columns below."""
    written_by: Mapped[int] = mapped_column(ForeignKey("account.id"))
    written_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    decided_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(default="")
    """Why it was returned or retired."""
    checked_on: Mapped[date | None]
    """When `decided_by` last compared it with its source."""


class SearchWord(Base):
    """What was typed at screens and found nothing, and the procedure an official says it means.

    Only what several people asked leaves a screen, without numbers and without who or when exactly.
    """

    __tablename__ = "search_word"

    text: Mapped[str] = mapped_column(primary_key=True)
    """Lower case, without marks, at most 80 letters."""
    count: Mapped[int]
    first_on: Mapped[date]
    last_on: Mapped[date] = mapped_column(index=True)
    code: Mapped[str] = mapped_column(default="")
    """The procedure it was put to; empty while nobody has, `-` where it is no procedure."""
    settled_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    settled_at: Mapped[datetime | None]
