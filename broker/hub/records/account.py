"""People who sign in at the hub."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from broker.hub.records.table import Base

ROLES = ("editor", "approver", "police", "leader", "admin", "auditor", "village", "helper")
"""What a person may be; the Vietnamese words stand in the console's catalogue."""


class Account(Base):
    """One person."""

    __tablename__ = "account"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(unique=True)
    full_name: Mapped[str]
    title: Mapped[str] = mapped_column(default="")
    roles: Mapped[list[str]]
    password_hash: Mapped[str]
    """Argon2id, with its parameters inside."""
    villages: Mapped[list[str]] = mapped_column(default=list)
    """Codes of the villages a person of role `village` or `helper` belongs to; empty means all."""
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    failed_logins: Mapped[int] = mapped_column(default=0)
    """Not counted any more (0): wrong passwords are counted in memory, for names that exist and others alike."""
    signed_in_at: Mapped[datetime | None]
    totp_sealed: Mapped[bytes | None]
    """Secret of the second factor, sealed to the hub's sealing key; None until it is set up."""
    totp_since: Mapped[datetime | None]
    totp_step: Mapped[int] = mapped_column(BigInteger, default=0)
    """Time step of the last code taken: no code counts twice."""


class Invitation(Base):
    """A person is asked in: with its token they set their own password, once."""

    __tablename__ = "invitation"

    hash: Mapped[str] = mapped_column(primary_key=True)
    """SHA-256 of the token; the token itself is shown once and not kept."""
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    made_at: Mapped[datetime]
    made_by: Mapped[str]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Deputy(Base):
    """One person acts in a role for another until a day that is known from the start."""

    __tablename__ = "deputy"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    """Who acts."""
    for_account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    role: Mapped[str]
    since: Mapped[datetime]
    until: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    """Ended before its day."""
    made_by: Mapped[str]


class ApproverKey(Base):
    """A public key that a person made to sign with; nodes believe it once the root key signed it into the trust
    list."""

    __tablename__ = "approver_key"

    id: Mapped[str] = mapped_column(primary_key=True)
    """Key id, as in signatures and in the trust list."""
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    kind: Mapped[str]
    """file or passkey"""
    label: Mapped[str] = mapped_column(default="")
    """As its owner calls it: "Điện thoại", "Thẻ nhớ xanh"."""
    public: Mapped[str]
    """SubjectPublicKeyInfo, PEM."""
    credential: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Id of a passkey's credential."""
    rp_id: Mapped[str] = mapped_column(default="")
    origin: Mapped[str] = mapped_column(default="")
    sign_count: Mapped[int] = mapped_column(BigInteger, default=0)
    made_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]


class TrustList(Base):
    """Every trust list the hub was given, as the root key signed it; the highest generation is in force."""

    __tablename__ = "trust_list"

    generation: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    body: Mapped[str]
    signature: Mapped[bytes]
    brought_at: Mapped[datetime]
    brought_by: Mapped[str]
    """Who brought it to the hub; the root key's owner signed it."""
