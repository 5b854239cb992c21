"""Tokens of programs that write readings to the hub, and the series that each of them made."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from broker.hub.records.table import Base


class Token(Base):
    """One program that may write. Revoked, it stays: its name belongs to its series."""

    __tablename__ = "token"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    hash: Mapped[str] = mapped_column(unique=True)
    """SHA-256 of the secret, which is random and 256 bits long; the secret itself is shown once and not kept."""
    made_at: Mapped[datetime]
    made_by: Mapped[str]
    revoked_at: Mapped[datetime | None]


class TokenSeries(Base):
    """Which series a program's own name of a quantity became."""

    __tablename__ = "token_series"

    token: Mapped[int] = mapped_column(ForeignKey("token.id"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    """As its line has it, tags in order: `weather,site=Cầu\\ Long temp`"""
    name: Mapped[str] = mapped_column(unique=True)
    """Of the hub's series: `weather.tram-mua.temp.x0f3a5c7e9b1d`"""
