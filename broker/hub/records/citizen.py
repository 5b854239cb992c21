"""What villagers sent from a kiosk: sealed words, and calls for a helper."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from broker.hub.records.table import Base


class Feedback(Base):
    """A report or proposal. The words stay sealed at rest; feedback.py opens them for those who may read."""

    __tablename__ = "feedback"

    code: Mapped[str] = mapped_column(primary_key=True)
    node: Mapped[str]
    at: Mapped[datetime]
    received_at: Mapped[datetime] = mapped_column(index=True)
    sealed: Mapped[bytes]
    state: Mapped[str] = mapped_column(default="new")
    """new, taken or answered"""
    taken_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    taken_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    answer: Mapped[str] = mapped_column(default="")


class HelperCall(Base):
    """Someone at a screen asked for a person."""

    __tablename__ = "helper_call"

    call: Mapped[str] = mapped_column(primary_key=True)
    node: Mapped[str]
    at: Mapped[datetime]
    page: Mapped[str]
    received_at: Mapped[datetime] = mapped_column(index=True)
    taken_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    taken_at: Mapped[datetime | None]
