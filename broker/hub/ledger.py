"""How far each source was stored, and which of its messages may be stored next: go-back-N per lane."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy.orm import Session

from broker.contract import Identity, Lane
from broker.contract.message import Framed
from broker.hub.gaps import note_hole
from broker.hub.records import HighWater, insert_into

Mark = tuple[str, str, str]
"""Source, epoch, lane."""
Verdict = Literal["store", "repeated", "early"]


@dataclass
class Ledger:
    """The high-water marks of one transaction over what is already committed.

    Nothing is remembered for a transaction that rolls back: `commit` moves the marks into memory.
    """

    known: dict[Mark, int] = field(default_factory=dict)

    def begin(self, db: Session, now: datetime) -> Entries:
        """Open the book for one transaction."""
        return Entries(db, now, self.known)

    def commit(self, entries: Entries) -> None:
        """The transaction is on the disk."""
        self.known.update(entries.read | entries.moved)


class Entries:
    """Marks as one transaction moves them."""

    def __init__(self, db: Session, now: datetime, known: dict[Mark, int]) -> None:
        self._db = db
        self._now = now
        self._known = known
        self.read: dict[Mark, int] = {}
        self.moved: dict[Mark, int] = {}
        self.heard: dict[Mark, Identity] = {}
        """Marks a source is to be told about."""

    def admit(self, source: str, who: Identity, lane: Lane, frame: Framed[Any]) -> Verdict:
        """Whether this position is next. "store" moves the mark: the caller stores or quarantines it.

        Positions the source no longer holds are jumped over and kept as a gap.
        """
        mark = (source, frame.epoch, lane.value)
        upto = self.moved.get(mark)
        if upto is None:
            upto = self.upto(mark)
            self.heard[mark] = who
        if frame.seq <= upto:
            return "repeated"
        if frame.seq > upto + 1:
            if not frame.first or frame.first > upto + 1:
                return "early"
            note_hole(self._db, mark, upto + 1, frame.seq - 1, self._now)
        self.moved[mark] = frame.seq
        return "store"

    def upto(self, mark: Mark) -> int:
        """The position to acknowledge."""
        for kept in (self.moved, self._known, self.read):
            if mark in kept:
                return kept[mark]
        row = self._db.get(HighWater, mark)
        self.read[mark] = 0 if row is None else row.upto
        return self.read[mark]

    def write(self) -> None:
        """Put the moved marks into the transaction."""
        if not self.moved:
            return
        rows = [
            {"source": source, "epoch": epoch, "lane": lane, "upto": upto, "at": self._now}
            for (source, epoch, lane), upto in self.moved.items()
        ]
        insert = insert_into(self._db, HighWater.__table__)
        moved = insert.on_conflict_do_update(
            index_elements=["source", "epoch", "lane"],
            set_={"upto": insert.excluded.upto, "at": insert.excluded.at},
        )
        self._db.connection().execute(moved, rows)  # not the ORM's way, which costs several times as much
