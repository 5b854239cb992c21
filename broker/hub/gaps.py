"""What was lost on its way, one row a loss: first seen as missing positions, then told by the source with its reason.

The two may come in either order; a stretch thinned to one message a minute is one loss, not one per minute.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session as Db

from broker.contract.node import Lost
from broker.hub.records import Gap, HighWater, note_change

NEAR = 2000
"""Holes no further apart than this many positions are one loss: between them lie the messages that were kept."""


def note_hole(db: Db, mark: tuple[str, str, str], first: int, last: int, now: datetime) -> None:
    """Positions that a source (mark: source, epoch, lane) does not hold any more and that never came."""
    for row in _of(db, *mark):
        if row.reason and row.first <= first and last <= row.last:
            return
        if not row.reason and first <= row.last + NEAR:
            row.count, row.last = (row.count or 0) + last - first + 1, max(row.last, last)
            return
    _add(db, mark, first, last, last - first + 1, "", now)


def note_told(db: Db, source: str, epoch: str, lost: Lost, now: datetime) -> None:
    """A source tells what it could not keep, and why. What is here already it gave up before it heard so."""
    if not lost.last:
        _note_unplaced(db, (source, epoch, lost.lane), lost, now)
        return
    mark = db.get(HighWater, (source, epoch, lost.lane))
    upto = 0 if mark is None else mark.upto
    near = [
        row
        for row in _of(db, source, epoch, lost.lane)
        if row.last
        and row.first <= lost.last + 1
        and lost.first <= row.last + 1
        and row.reason in ("", lost.reason)
    ]
    holes = sum(row.count or 0 for row in near if not row.reason)
    count = lost.count
    if all(not row.reason for row in near):  # a hole within a loss told before has no row to count by
        count = min(count, holes + max(0, lost.last - max(upto, lost.first - 1)))
    if not count:
        return
    first, last = lost.first if holes else max(lost.first, upto + 1), lost.last
    for row in near:
        if row.reason:
            count += row.count or 0
        first, last = min(first, row.first), max(last, row.last)
        db.delete(row)
    _add(db, (source, epoch, lost.lane), first, last, count, lost.reason, now)


def _note_unplaced(db: Db, mark: tuple[str, str, str], lost: Lost, now: datetime) -> None:
    """What never got as far as an outbox has no positions: one row, whose count grows."""
    for row in _of(db, *mark):
        if not row.last and row.reason == lost.reason:
            row.count, row.at = (row.count or 0) + lost.count, now
            note_change(db, "gap", mark[0], now)
            return
    _add(db, mark, 0, 0, lost.count, lost.reason, now)


def _of(db: Db, source: str, epoch: str, lane: str) -> list[Gap]:
    """Losses of a lane, the newest first."""
    mine = select(Gap).where(Gap.source == source, Gap.epoch == epoch, Gap.lane == lane)
    return list(db.scalars(mine.order_by(Gap.id.desc())))


def _add(
    db: Db, mark: tuple[str, str, str], first: int, last: int, count: int, reason: str, now: datetime
) -> None:
    source, epoch, lane = mark
    db.add(
        Gap(source=source, epoch=epoch, lane=lane, first=first, last=last, count=count, reason=reason, at=now)
    )
    db.flush()
    note_change(db, "gap", source, now)
