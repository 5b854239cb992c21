"""Which ưu tiên of a day wait for another, and may still be let speak first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from broker.hub.announcing.bookings import turns_of
from broker.hub.announcing.order import lined_up
from broker.hub.announcing.schedule import rank_of
from broker.hub.records import Occurrence


@dataclass(frozen=True)
class Wait:
    """One that waits: for whom, and when it is read then."""

    behind: str
    begins: datetime


def waits_of(db: Session, rows: Sequence[Occurrence], now: datetime) -> dict[str, Wait]:
    """By occurrence, who waits behind an ưu tiên that has not begun; asks the records only if two could meet."""
    if sum(rank_of(row.revision) == "priority" and row.cancelled_at is None for row in rows) < 2:
        return {}
    lined = lined_up(rows, turns_of(db))
    found: dict[str, Wait] = {}
    for key, mine in lined.items():
        ahead = [
            each
            for each in lined.values()
            if mine.delay_s
            and each is not mine
            and each.begins < mine.begins
            and not each.villages.isdisjoint(mine.villages)
        ]
        last = max(ahead, key=lambda each: each.end, default=None)
        if last is not None and min(each.begins for each in ahead if each.end > mine.start) > now:
            found[key] = Wait(last.title, mine.begins)
    return found
