"""Rows of the audit log; the chain of their hashes is made and checked by broker.trust.audit."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from broker.hub.records.table import Base


class AuditRow(Base):
    """Who did what to what. `hash` covers the row and the hash of the row before."""

    __tablename__ = "audit"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    who: Mapped[str]
    what: Mapped[str]
    about: Mapped[str] = mapped_column(default="")
    detail: Mapped[str] = mapped_column(Text, default="")
    """Canonical JSON; never a citizen's data."""
    before: Mapped[str]
    hash: Mapped[str]
