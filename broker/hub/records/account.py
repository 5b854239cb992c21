"""People who sign in at the hub."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from broker.hub.records.table import Base

ROLES = ("editor", "approver", "police", "leader", "admin", "auditor", "village", "helper")
"""What a person may be; the Vietnamese words stand in the console's catalogue."""


class Account(Base):
    """One person. `key` names the approver key whose public half stands in the trust list."""

    __tablename__ = "account"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(unique=True)
    full_name: Mapped[str]
    title: Mapped[str] = mapped_column(default="")
    roles: Mapped[list[str]]
    password_hash: Mapped[str]
    """Argon2id, with its parameters inside."""
    key: Mapped[str | None] = mapped_column(unique=True)
    villages: Mapped[list[str]] = mapped_column(default=list)
    """Codes of the villages a person of role `village` or `helper` belongs to; empty means all."""
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    failed_logins: Mapped[int] = mapped_column(default=0)
    """Wrong passwords since the last right one."""
    signed_in_at: Mapped[datetime | None]
