"""Messages that could not be stored: counted by source and reason, bounded, with a sample, looked at by a person.

A row whose count is 0 was set aside: somebody looked at it and nothing came since. When it comes again it counts
anew from 1.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import and_, case, delete, func, or_, select, update
from sqlalchemy.orm import Session as Db

from broker.hub.declined import Declined
from broker.hub.records import Quarantine, insert_into, note_change, write_audit

REASONS_PER_SOURCE = 100
SAMPLE = 1024
"""Bytes."""
TOLD_EVERY = timedelta(seconds=2)
"""Open pages hear of a row that keeps growing no more often than this."""
UNSEEN_KEPT = timedelta(days=90)
"""A row that did not come again for so long is forgotten."""
SET_ASIDE_KEPT = timedelta(days=30)
"""A row that was set aside and did not come again for so long is forgotten."""


def quarantine(
    db: Db, source: str, reason: str, topic: str, raw: bytes, now: datetime, count: int = 1
) -> None:
    """Count `count` messages that could not be stored, and keep the newest sample of each reason."""
    source, reason, topic = (_plain(text) for text in (source, reason, topic))
    last_at = _last_at(db, source, reason)
    if last_at is None and _kinds(db, source) >= REASONS_PER_SOURCE:
        reason = "other"
        last_at = _last_at(db, source, reason)
    fresh = insert_into(db, Quarantine).values(
        source=source,
        reason=reason,
        topic=topic,
        count=count,
        first_at=now,
        last_at=now,
        sample=raw[:SAMPLE],
    )
    db.execute(
        fresh.on_conflict_do_update(
            index_elements=["source", "reason"],
            set_={
                "topic": fresh.excluded.topic,
                "count": Quarantine.count + count,
                "first_at": case((Quarantine.count == 0, fresh.excluded.first_at), else_=Quarantine.first_at),
                "last_at": fresh.excluded.last_at,
                "sample": fresh.excluded.sample,
            },
        )
    )
    if last_at is None or abs(now - last_at) >= TOLD_EVERY:
        note_change(db, "quarantine", source, now)
    db.flush()


def set_aside(db: Db, number: int, looked_at: int, actor: str, now: datetime) -> None:
    """A person looked at a row when it counted `looked_at`; what came since stays counted. Audited.

    Raises Declined when the row is gone or was set aside before.
    """
    row = db.get(Quarantine, number, with_for_update=True)
    if row is None:
        raise Declined("no-quarantine", "Dòng này đã được dọn đi, không còn gì phải xem.")
    looked_at = min(looked_at, row.count)
    if looked_at < 1:
        raise Declined("set-aside", "Dòng này đã có người xem rồi.")
    came_since = row.count - looked_at
    db.execute(
        update(Quarantine)
        .where(Quarantine.id == number)
        .values(count=came_since, first_at=row.last_at if came_since else row.first_at)
    )
    detail = {"reason": row.reason, "count": str(looked_at)}
    write_audit(db, now, actor, "quarantine.set-aside", row.source, detail)
    note_change(db, "quarantine", row.source, now)


def forget_old_quarantine(db: Db, now: datetime) -> int:
    """Drop rows that did not come again for long; returns how many went."""
    gone = delete(Quarantine).where(
        or_(
            Quarantine.last_at < now - UNSEEN_KEPT,
            and_(Quarantine.count == 0, Quarantine.last_at < now - SET_ASIDE_KEPT),
        )
    )
    result = db.execute(gone)
    return int(result.rowcount)  # type: ignore[attr-defined]


def _last_at(db: Db, source: str, reason: str) -> datetime | None:
    return db.scalar(
        select(Quarantine.last_at).where(Quarantine.source == source, Quarantine.reason == reason)
    )


def _kinds(db: Db, source: str) -> int:
    return db.scalar(select(func.count()).select_from(Quarantine).where(Quarantine.source == source)) or 0


def _plain(text: str) -> str:
    """Text that every database takes: a stranger's bytes may stand in a reason. At most 200 characters."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[:200])
