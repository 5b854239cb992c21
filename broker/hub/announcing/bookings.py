"""What is booked on the loudspeakers, read from the records for the planner, with the turns of neighbours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.hub.announcing.planner import TOLERANCE_S, Booking
from broker.hub.announcing.rules import rules_of
from broker.hub.announcing.schedule import length_s, rank_named, rank_of, starts_of
from broker.hub.announcing.turns import NO_TURNS, Point, Turns
from broker.hub.records import NodeRecord, Occurrence, Revision

_ESTIMATE = 1.25
"""How much longer than estimated the sound may turn out and still fit its turns."""


@dataclass(frozen=True)
class Booked:
    """What every booking of one revision shares."""

    announcement: str
    title: str
    rank: str
    villages: frozenset[str]
    place: int = 0

    def at(
        self,
        start: datetime,
        length_s: float,
        tolerance_s: int,
        turns: Turns,
        *,
        place: int | None = None,
        is_now: bool = False,
    ) -> Booking:
        """Its booking at one start. is_now: at once, hence in no turns."""
        is_turned = self.rank != "emergency" and not is_now
        return Booking(
            start,
            length_s,
            self.villages,
            self.rank,
            self.announcement,
            self.title,
            self.place if place is None else place,
            turns.spread_s(self.villages, length_s, tolerance_s) if is_turned else 0.0,
        )


def bookings_of(
    revision: Revision, starts: Sequence[datetime] | None = None, turns: Turns = NO_TURNS
) -> list[Booking]:
    """The times a revision takes, or would take with other starts."""
    kept = {each.at: each.tolerance_s for each in starts_of(revision)}
    length = length_s(revision)
    what = Booked(
        revision.announcement_id,
        revision.title,
        rank_of(revision),
        frozenset(revision.villages),
        revision.place,
    )
    usual = TOLERANCE_S[revision.kind]
    return [
        what.at(at, length, kept.get(at, usual), turns, is_now=revision.play_now)
        for at in (list(kept) if starts is None else starts)
    ]


def booking_of(row: Occurrence, turns: Turns = NO_TURNS) -> Booking:
    """The time an approved occurrence takes."""
    revision = row.revision
    what = Booked(revision.announcement_id, revision.title, rank_of(revision), frozenset(revision.villages))
    return what.at(
        row.start, row.duration_s, row.tolerance_s, turns, place=row.place, is_now=revision.play_now
    )


def booked(
    db: Session, since: datetime, until: datetime, *, without: str = "", waiting: bool = True
) -> list[Booking]:
    """What stands between two moments: approved occurrences, and with `waiting` submitted starts too.

    without: an announcement that is not counted, because it is the one being placed.
    """
    early, turns = since - timedelta(hours=2), turns_of(db)
    what = _revisions(db, early, until, without)
    rows = db.execute(
        select(
            Occurrence.revision_id,
            Occurrence.start,
            Occurrence.duration_s,
            Occurrence.tolerance_s,
            Occurrence.place,
        ).where(Occurrence.start >= early, Occurrence.start < until, Occurrence.cancelled_at.is_(None))
    )
    found = [
        what[key][0].at(start, duration_s, tolerance_s, turns, place=place, is_now=what[key][1])
        for key, start, duration_s, tolerance_s, place in rows
        if key in what
    ]
    if waiting:
        submitted = select(Revision).where(Revision.state == "submitted", Revision.announcement_id != without)
        for revision in db.scalars(submitted):
            found += [each for each in bookings_of(revision, turns=turns) if early <= each.start < until]
    return [each for each in found if each.end > since]


def turns_of(db: Session) -> Turns:
    """Who speaks in turns; nobody where the commune does not want it."""
    if not rules_of(db).is_in_turns:
        return NO_TURNS
    rows = db.execute(
        select(NodeRecord.name, NodeRecord.village, NodeRecord.latitude, NodeRecord.longitude).where(
            NodeRecord.retired_at.is_(None)
        )
    )
    return Turns(
        {
            name: Point(north, east, village)
            for name, village, north, east in rows
            if north is not None and east is not None
        }
    )


def with_turns(db: Session, revision: Revision) -> None:
    """Let a revision's starts bear the turns of its loudspeakers, before it is signed."""
    rank, turns = rank_of(revision), turns_of(db)
    if rank == "emergency" or revision.play_now:
        return
    tolerance_s = tolerance_for(turns, rank, revision.villages, length_s(revision))
    revision.starts = [{**each, "tolerance_s": tolerance_s} for each in revision.starts]


def tolerance_for(turns: Turns, rank: str, villages: Sequence[str], length_s: float) -> int:
    """The tolerance to be signed for one start: that of its kind, and more where neighbours speak in turns.

    length_s: as estimated before there is sound; a quarter is added.
    """
    usual = TOLERANCE_S["routine" if rank == "relay" else rank]
    needs_s = 0.0 if rank == "emergency" else turns.needs_s(villages, length_s * _ESTIMATE)
    return max(usual, TOLERANCE_S["routine"] + math.ceil(needs_s)) if needs_s else usual


def _revisions(db: Session, since: datetime, until: datetime, without: str) -> dict[int, tuple[Booked, bool]]:
    """What is said between two moments, by the revision's id, and whether it was "Phát ngay"."""
    near = select(Occurrence.revision_id).where(
        Occurrence.start >= since, Occurrence.start < until, Occurrence.cancelled_at.is_(None)
    )
    rows = db.execute(
        select(
            Revision.id,
            Revision.announcement_id,
            Revision.title,
            Revision.kind,
            Revision.villages,
            Revision.relay,
            Revision.drill,
            Revision.play_now,
        ).where(Revision.id.in_(near), Revision.announcement_id != without)
    )
    return {
        key: (
            Booked(
                name, title, rank_named(kind, is_relay=relay is not None, is_drill=drill), frozenset(villages)
            ),
            play_now,
        )
        for key, name, title, kind, villages, relay, drill, play_now in rows
    }
