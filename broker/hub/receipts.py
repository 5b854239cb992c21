"""Takes in what loudspeakers tell of their plays, and follows the chain in which they tell it.

A receipt names its journal (book), its place in it (number) and the receipt before it by its SHA-256. What comes twice
is taken once; where the chain does not hold, that is noted with the first place and stays noted.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Final

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from broker.contract.message import decode_frame
from broker.contract.speaker import PlayReceipt, receipt_digest
from broker.hub.records import Play, PlayStep, ReceiptBook, SpeakerSeen, note_change

log = logging.getLogger(__name__)

TRAIL_ONLY: Final = frozenset({"replayed", "cancelled"})
"""Somebody sent an old command again and was refused: that says nothing new of the play itself."""
_NOT_OF_A_PLAY: Final = frozenset({"at", "occurrence", "book", "number", "before"})


def take(db: Session, node: str, said: PlayReceipt, raw: bytes, now: datetime) -> None:
    """Store a receipt. raw: the packet it came in."""
    digest = receipt_digest(bytes(decode_frame(raw).m)) if said.book else ""
    is_newest = True
    if said.book and said.number > 0:
        if _is_here(db, node, said, digest):
            return
        is_newest = _follow(db, node, said, digest, now)
    if is_newest or not _has_later(db, node, said):
        _show(db, node, said, now)
    db.add(
        PlayStep(
            occurrence=said.occurrence,
            node=node,
            state=said.state,
            at=said.at,
            reason=said.reason,
            received_at=now,
            book=said.book,
            number=said.number,
            digest=digest,
        )
    )
    note_change(db, "play", said.occurrence, now)


def _is_here(db: Session, node: str, said: PlayReceipt, digest: str) -> bool:
    """Whether this very receipt was taken already: a node sends again what it is not sure of."""
    found = db.scalars(_same_place(node, said).where(PlayStep.digest == digest).limit(1)).first()
    return found is not None


def _follow(db: Session, node: str, said: PlayReceipt, digest: str, now: datetime) -> bool:
    """Go along the chain by one receipt; False when it is an earlier one that comes late."""
    row = db.get(ReceiptBook, (node, said.book))
    if row is None:
        row = ReceiptBook(node=node, book=said.book, began_at=now, said_at=now, number=0, digest="")
        is_first = (
            db.scalars(select(ReceiptBook.book).where(ReceiptBook.node == node).limit(1)).first() is None
        )
        db.add(row)
        if (
            is_first and said.number > 1
        ):  # this hub is younger than the journal: the chain is followed from here
            row.number, row.digest = said.number - 1, said.before
    is_taken = db.scalars(_same_place(node, said).limit(1)).first() is not None
    is_late = said.number <= row.number
    if is_taken if is_late else (said.number, said.before) != (row.number + 1, row.digest):
        _note_break(db, row, said, now)
    if not is_late:
        row.number, row.digest, row.said_at = said.number, digest, now
    return not is_late


def _note_break(db: Session, row: ReceiptBook, said: PlayReceipt, now: datetime) -> None:
    if row.broken_number is not None:
        return
    row.broken_number, row.broken_at = said.number, now
    log.warning(
        "receipts of %s do not follow", row.node, extra={"event": "receipts-broken", "count": said.number}
    )
    note_change(db, "speaker", row.node, now)


def _same_place(node: str, said: PlayReceipt) -> Select[int]:
    return select(PlayStep.id).where(
        PlayStep.node == node, PlayStep.book == said.book, PlayStep.number == said.number
    )


def _has_later(db: Session, node: str, said: PlayReceipt) -> bool:
    """Whether a later receipt of the same play is here already: then this one only adds to its trail."""
    query = select(PlayStep.id).where(
        PlayStep.node == node,
        PlayStep.book == said.book,
        PlayStep.occurrence == said.occurrence,
        PlayStep.number > said.number,
    )
    return db.scalars(query.limit(1)).first() is not None


def _show(db: Session, node: str, said: PlayReceipt, now: datetime) -> None:
    """Make the play say what the receipt says."""
    row = db.get(Play, (said.occurrence, node))
    if row is None:
        row = Play(occurrence=said.occurrence, node=node)
        db.add(row)
    elif row.said_at is not None and said.state == "refused" and said.reason in TRAIL_ONLY:
        return
    for name in said.__struct_fields__:
        if name not in _NOT_OF_A_PLAY:
            setattr(row, name, getattr(said, name))
    row.said_at = said.at
    if said.started_at is not None and row.told_at is None:
        row.told_at = now
    holds = db.get(SpeakerSeen, node)
    if holds is not None and said.state != "fetching" and said.occurrence in holds.missing:
        # PlanApplied tells of the moment a plan came; what was missing then is here now, or past needing
        holds.missing = [one for one in holds.missing if one != said.occurrence]
        note_change(db, "speaker", node, now)
