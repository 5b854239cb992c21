"""Rows of the audit log; the chain of their hashes is made and checked by broker.trust.audit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from broker.hub.records.table import Base
from broker.trust import audit

_CHAIN_LOCK = 0x6C735F6175


class AuditRow(Base):
    """Who did what to what. `hash` covers the entry and the hash of the row before."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(primary_key=True)
    """Position in the chain, from 1."""
    at: Mapped[datetime]
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    detail: Mapped[dict[str, str]]
    """Never a citizen's data."""
    prev: Mapped[str]
    hash: Mapped[str]


def write_audit(
    db: Session, at: datetime, actor: str, action: str, subject: str, detail: dict[str, str] | None = None
) -> None:
    """Add an entry in this transaction. action: past participle, `announcement.approved`."""
    if db.get_bind().dialect.name == "postgresql":
        db.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _CHAIN_LOCK})
    db.flush()
    last = db.scalars(select(AuditRow).order_by(AuditRow.id.desc()).limit(1)).first()
    entry = audit.Entry(
        at=at.astimezone(UTC), actor=actor, action=action, subject=subject, detail=detail or {}
    )
    row = audit.append(None if last is None else _row(last), entry)
    db.add(
        AuditRow(
            id=row.index,
            at=entry.at,
            actor=actor,
            action=action,
            subject=subject,
            detail=dict(entry.detail),
            prev=row.prev,
            hash=row.hash,
        )
    )


def audit_rows(db: Session) -> Iterator[audit.Row]:
    """The whole chain in order, for broker.trust.audit.verify and for the auditor's page."""
    return (_row(row) for row in db.scalars(select(AuditRow).order_by(AuditRow.id)).yield_per(1000))


def _row(row: AuditRow) -> audit.Row:
    entry = audit.Entry(at=row.at, actor=row.actor, action=row.action, subject=row.subject, detail=row.detail)
    return audit.Row(index=row.id, entry=entry, prev=row.prev, hash=row.hash)
