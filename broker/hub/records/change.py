"""Changes people or services should notice: the web page's live feed and announce's wake-up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from broker.hub.records.table import COUNTER, Base

KEPT = 20_000
"""How many changes are kept; a reader that was away longer reloads everything."""


class Change(Base):
    """Something with a key changed under a topic: alert, play, service, announcement, plan, stop, camera,
    speaker, node, board, feedback, helper, content, reading."""

    __tablename__ = "change"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(COUNTER, primary_key=True)
    topic: Mapped[str]
    key: Mapped[str]
    at: Mapped[datetime]


def note_change(db: Session, topic: str, key: str, at: datetime) -> None:
    """Say in this transaction that something changed; readers see it when it commits.

    Ids rise in the order of commits, because writers take turns (Database.session).
    """
    db.add(Change(topic=topic, key=key, at=at))


def changes_after(db: Session, last: int, topics: Sequence[str] = (), limit: int = 500) -> list[Change]:
    """Changes newer than `last`, oldest first; all topics when none is named."""
    query = select(Change).where(Change.id > last)
    if topics:
        query = query.where(Change.topic.in_(topics))
    return list(db.scalars(query.order_by(Change.id).limit(limit)))


def newest_change(db: Session) -> int:
    """Id of the newest change, 0 when there is none: where a new reader starts."""
    return db.scalar(select(func.max(Change.id))) or 0


def forget_old_changes(db: Session, kept: int = KEPT) -> None:
    """Drop all but the newest `kept` changes."""
    db.execute(delete(Change).where(Change.id <= newest_change(db) - kept))
