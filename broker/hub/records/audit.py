"""Rows of the audit log; the chain of their hashes is made and checked by broker.trust.audit.

The database itself refuses to change, delete or insert between rows (triggers of migration 0007). Its owner can
take the triggers off; the chain, and the heads kept at the nodes, show what was done then.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, LargeBinary, Select, String, cast, select, text, type_coerce
from sqlalchemy.orm import Mapped, Session, mapped_column

from broker.hub.records.table import Base
from broker.trust import audit

_CHAIN_LOCK = 0x6C735F6175


class AuditRow(Base):
    """Who did what to what. `hash` covers the entry and the hash of the row before."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(primary_key=True)
    """Position in the chain, from 1."""
    at: Mapped[datetime] = mapped_column(index=True)
    actor: Mapped[str] = mapped_column(index=True)
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
    query = select(AuditRow.id, AuditRow.hash).order_by(AuditRow.id.desc()).limit(1)
    last = db.execute(query).first()  # its words are not needed, so damaged ones stop nobody
    entry = audit.Entry(
        at=at.astimezone(UTC),
        actor=_plain(actor),
        action=action,
        subject=_plain(subject),
        detail={_plain(name): _plain(value) for name, value in (detail or {}).items()},
    )
    row = audit.append(last and audit.Head(last.id, last.hash), entry)
    db.add(
        AuditRow(
            id=row.index,
            at=entry.at,
            actor=entry.actor,
            action=action,
            subject=entry.subject,
            detail=dict(entry.detail),
            prev=row.prev,
            hash=row.hash,
        )
    )


def audit_rows(db: Session, after: int = 0, *, as_bytes: bool = False) -> Iterator[audit.Row]:
    """The chain in order, from the row after `after`, for broker.trust.audit.verify; streamed.

    Somebody may have written anything into the table: what cannot be read comes as a row whose hash is wrong.
    On SQLite text that is no UTF-8 raises OperationalError; read `as_bytes` then, which is slower.
    """
    query = _columns(as_bytes=as_bytes).where(AuditRow.id > after).order_by(AuditRow.id)
    with db.execute(query.execution_options(stream_results=True)) as found:
        for rows in found.partitions(2000):
            for index, *values in rows:
                yield _read(index, [_text(each) for each in values] if as_bytes else values)


def chosen_rows(db: Session, wanted: Sequence[ColumnElement[bool]], skip: int, limit: int) -> list[audit.Row]:
    """Rows that fit all of `wanted`, newest first; read as `audit_rows` does, and never raising for their text."""
    is_loose = db.get_bind().dialect.name == "sqlite"  # takes any bytes as text
    query = _columns(as_bytes=is_loose).where(*wanted).order_by(AuditRow.id.desc()).offset(skip).limit(limit)
    return [_read(index, [_text(each) for each in values]) for index, *values in db.execute(query)]


def _columns(*, as_bytes: bool) -> Select[Any]:
    fields = [AuditRow.at, AuditRow.actor, AuditRow.action, AuditRow.subject, AuditRow.detail]
    columns: list[ColumnElement[Any]] = [
        cast(each, LargeBinary) if as_bytes else type_coerce(each, String)
        for each in (*fields, AuditRow.prev, AuditRow.hash)
    ]
    return select(AuditRow.id, *columns)


def _read(index: int, values: Sequence[Any]) -> audit.Row:
    at, actor, action, subject, detail, prev, digest = values
    return audit.Row(
        index=index,
        entry=_entry(at, actor, action, subject, detail),
        prev=prev if isinstance(prev, str) else "",
        hash=digest if isinstance(digest, str) else "",
    )


def _text(value: object) -> object:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


_NOTHING = audit.Entry(at=datetime.fromtimestamp(0, UTC), actor="", action="", subject="")


def _entry(at: object, actor: object, action: object, subject: object, detail: object) -> audit.Entry:
    """An entry from a row as the driver gives it: times and JSON as text on SQLite, decoded on PostgreSQL."""
    try:
        is_text = isinstance(at, str)
        return msgspec.convert(
            {
                "at": datetime.fromisoformat(f"{at}+00:00") if is_text else at.replace(tzinfo=UTC),  # type: ignore[attr-defined]
                "actor": actor,
                "action": action,
                "subject": subject,
                "detail": msgspec.json.decode(detail) if isinstance(detail, str) else detail,
            },
            audit.Entry,
        )
    except (ValueError, TypeError, AttributeError):
        return _NOTHING


def _plain(words: str) -> str:
    """One spelling of each letter, so that the same words have the same hash wherever they come from."""
    return unicodedata.normalize("NFC", words)
