"""Messages that could not be stored: counted by source and reason, bounded, with a sample."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session as Db

from broker.hub.records import Quarantine, note_change

REASONS_PER_SOURCE = 100
SAMPLE = 1024
"""Bytes."""


def quarantine(db: Db, source: str, reason: str, topic: str, raw: bytes, now: datetime) -> None:
    """Count a message that could not be stored, and keep the newest sample of each reason."""
    reason = reason[:200]
    row = db.scalars(
        select(Quarantine).where(Quarantine.source == source, Quarantine.reason == reason)
    ).first()
    if row is None:
        kinds = db.scalar(select(func.count()).where(Quarantine.source == source)) or 0
        if kinds >= REASONS_PER_SOURCE and reason != "other":
            quarantine(db, source, "other", topic, raw, now)
            return
        row = Quarantine(source=source, reason=reason, count=0, first_at=now)
        db.add(row)
    row.topic, row.last_at, row.sample = topic[:200], now, raw[:SAMPLE]
    row.count += 1
    note_change(db, "quarantine", source, now)
    db.flush()
