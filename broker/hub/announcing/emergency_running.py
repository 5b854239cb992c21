"""Emergencies and drills under way, those that wait for a signature, and how one is ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from broker.contract.hub import Signature
from broker.hub.announcing import ending, schedule
from broker.hub.announcing.emergency_signers import First, kept_first
from broker.hub.declined import Declined
from broker.hub.records import Account, ApproverKey, Occurrence, Play, Revision, write_audit
from broker.hub.roles import require_role


@dataclass(frozen=True)
class Running:
    """One emergency or drill that holds now."""

    announcement: str
    revision: Revision
    by: tuple[str, ...]
    """Full names of who signed it, in the order they did."""
    since: datetime
    until: datetime
    next_at: datetime | None
    """When it begins again; None when it does not."""
    villages: Sequence[str]
    plays: Sequence[Play]
    """Of the playing that is due now, one for each loudspeaker."""
    is_drill: bool
    occurrence: Occurrence
    """The playing that is due now."""


@dataclass(frozen=True)
class Waiting:
    """Free words that are not let speak yet."""

    revision: Revision
    first: First | None
    """Who signed first, while that holds (first_of asks the trust list too)."""


def running(db: Session, now: datetime) -> list[Running]:
    """What holds now, emergencies before drills, the newest first."""
    found = [_running(db, row, now) for row in _in_force(db)]
    there = [each for each in found if each is not None]
    return sorted(there, key=lambda each: (each.is_drill, -each.since.timestamp()))


def running_one(db: Session, announcement: str, now: datetime) -> Running | None:
    """The same of one announcement; None when it does not hold now."""
    return next((each for each in running(db, now) if each.announcement == announcement), None)


def waiting(db: Session, now: datetime) -> list[Waiting]:
    """Free words that wait for their first or their second signature, the newest first."""
    query = (
        select(Revision)
        .where(Revision.state == "submitted", Revision.kind == "emergency")
        .order_by(Revision.submitted_at.desc())
        .options(selectinload(Revision.author))
    )
    found = []
    for row in db.scalars(query):
        first = kept_first(db, row)
        found.append(Waiting(row, first if first is not None and now < first.until else None))
    return found


def cancel(db: Session, account: Account, announcement: str, now: datetime) -> Revision:
    """End an emergency or a drill for good: it falls silent everywhere and does not begin again.

    Declined: no right, or nothing of it holds any more.
    """
    found = running_one(db, announcement, now)
    if found is None:
        raise Declined("not-running", "Lượt phát khẩn cấp này đã hết hoặc đã được huỷ.")
    if found.revision.author_id != account.id:
        require_role(db, account, now, "approver")
    ending.take_out(db, account, found.revision, now)
    write_audit(db, now, account.username, "emergency.cancelled", ending.name_of(found.revision))
    return found.revision


def names_of(db: Session, revision: Revision) -> tuple[str, ...]:
    """Full names of who signed a revision, in the order they did."""
    found = []
    for one in msgspec.convert(revision.signatures, list[Signature]):
        key = db.get(ApproverKey, one.key)
        account = None if key is None else db.get(Account, key.account_id)
        found.append(one.key if account is None else account.full_name)
    return tuple(found)


def _in_force(db: Session) -> list[Revision]:
    query = (
        select(Revision)
        .where(Revision.state == "approved", Revision.kind == "emergency")
        .options(selectinload(Revision.occurrences).selectinload(Occurrence.plays))
    )
    return list(db.scalars(query))


def _running(db: Session, revision: Revision, now: datetime) -> Running | None:
    rows = revision.occurrences
    if not rows or rows[-1].cancelled_at is not None:
        return None
    until = rows[-1].start + timedelta(seconds=rows[-1].tolerance_s)
    begun = [row for row in rows if row.start <= now] or rows[:1]
    # The last playing may begin as late as `until`, and then it sounds past it and can still be cancelled.
    sounds_until = until + timedelta(seconds=rows[-1].duration_s)
    is_over = revision.drill and schedule.is_over(rows[-1])
    if is_over or now >= sounds_until or (now >= until and not _may_sound(rows[-1])):
        return None
    return Running(
        revision.announcement_id,
        revision,
        names_of(db, revision),
        rows[0].start,
        until,
        next((row.start for row in rows if row.start > now), None),
        revision.villages,
        begun[-1].plays,
        revision.drill,
        begun[-1],
    )


def _may_sound(row: Occurrence) -> bool:
    """Whether a loudspeaker was told to begin this and has not said yet that it ended."""
    return not schedule.is_over(row) and any(play.state in ("sent", "playing") for play in row.plays)
