"""Certificates the commune issued to its nodes, the codes by which nodes enrol, and how revoking went."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from broker.hub.records.table import Base


class Certificate(Base):
    """One certificate of one service. Only its serial number matters to whoever checks it."""

    __tablename__ = "certificate"

    serial: Mapped[str] = mapped_column(primary_key=True)
    """Lower-case hexadecimal, no leading zeros."""
    identity: Mapped[str] = mapped_column(index=True)
    """`thon-01.camera`, also its common name."""
    node: Mapped[str] = mapped_column(index=True)
    issued_at: Mapped[datetime]
    not_after: Mapped[datetime]
    revoked_at: Mapped[datetime | None] = mapped_column(index=True)
    reason: Mapped[str] = mapped_column(default="")
    """revoked, replaced or retired"""


class EnrolCode(Base):
    """A code by which one node may fetch its certificates once."""

    __tablename__ = "enrol_code"

    id: Mapped[int] = mapped_column(primary_key=True)
    node: Mapped[str] = mapped_column(index=True)
    services: Mapped[list[str]]
    code_hash: Mapped[str]
    made_at: Mapped[datetime]
    made_by: Mapped[str]
    expires_at: Mapped[datetime]
    tries_left: Mapped[int]
    used_at: Mapped[datetime | None]
    requests_hash: Mapped[str] = mapped_column(default="")
    """Hash of the keys it was used for: the same node may ask again when the answer got lost."""
    ended_at: Mapped[datetime | None]
    """A newer code took its place, or it was taken back."""


class Revocation(Base):
    """One revoking of a node, and when each of its steps was done. A step without a time is still being tried."""

    __tablename__ = "revocation"

    id: Mapped[int] = mapped_column(primary_key=True)
    node: Mapped[str] = mapped_column(index=True)
    asked_at: Mapped[datetime]
    asked_by: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    rights_gone_at: Mapped[datetime | None]
    crl_loaded_at: Mapped[datetime | None]
    cut_off_at: Mapped[datetime | None]
    """The broker holds no connection of this node any more."""
    probed_at: Mapped[datetime | None]
    """A revoked certificate was shown to the broker and refused."""
    trouble: Mapped[str] = mapped_column(default="")
