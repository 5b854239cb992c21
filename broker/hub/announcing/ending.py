"""How an announcement ends: withdrawn, stopped while it sounds, silenced with the whole commune, or past its time.

Every function works in the caller's transaction and raises Declined with one Vietnamese sentence when it cannot be
done. Silence needs no signature.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from broker.hub.announcing import schedule
from broker.hub.declined import Declined
from broker.hub.records import (
    Account,
    NodeRecord,
    Occurrence,
    Revision,
    Stop,
    note_change,
    write_audit,
)
from broker.hub.roles import has_role, require_role
from broker.hub.silence import hold_silence
from broker.trust.envelope import Start

UNSIGNED_LASTS = timedelta(hours=6)
"""An emergency nobody let speak for so long is none any more."""


def withdraw(db: Session, account: Account, revision_id: int, now: datetime) -> Revision:
    """Take back a draft, a waiting or an approved revision; what is playing of it falls silent."""
    revision = db.get(Revision, revision_id)
    if revision is None:
        raise Declined("no-announcement", "Không tìm thấy bản tin này, có thể nó đã được gỡ.")
    if revision.author_id != account.id:
        require_role(db, account, now, "approver")
    if revision.state not in ("draft", "submitted", "returned", "approved"):
        raise Declined("over", "Bản tin này đã hết hiệu lực nên không cần gỡ nữa.")
    take_out(db, account, revision, now)
    write_audit(db, now, account.username, "announcement.withdrawn", name_of(revision))
    return revision


def take_out(db: Session, account: Account, revision: Revision, now: datetime) -> None:
    """End a revision for good and silence what plays of it; the caller knows the right and writes the audit log."""
    if revision.state == "approved":
        for row in _running(db, now):
            if row.revision_id == revision.id:
                _order_silence(db, account, row.id, _nodes_of(db, revision.villages), now)
    end(db, revision, "withdrawn", now)
    note_change(db, "plan", "*", now)


def stop(db: Session, account: Account, occurrence: str, now: datetime) -> Stop:
    """Silence one occurrence, or with an empty name the whole commune for ten minutes (broker.hub.silence).

    Needs no signature: silence always wins. Approvers may stop anything, authors their own.
    """
    nodes = _nodes_of(db, None)
    detail: dict[str, str] = {}
    if occurrence:
        row = db.get(Occurrence, occurrence)
        if row is None:
            raise Declined("no-occurrence", "Không tìm thấy lượt phát này.")
        if row.revision.author_id != account.id or not has_role(db, account, now, "editor", "approver"):
            require_role(db, account, now, "approver")
        nodes = _nodes_of(db, row.revision.villages)
        schedule.cancel_occurrences(db, [row, *_repeats_of([row])], now)
    else:
        require_role(db, account, now, "approver")
        schedule.cancel_occurrences(db, [*_running(db, now), *_repeats_ahead(db, now)], now)
        detail = {"until": hold_silence(db, account, now).until.isoformat()}
    write_audit(db, now, account.username, "play.stopped", occurrence or "*", detail)
    note_change(db, "plan", "*", now)
    return _order_silence(db, account, occurrence, nodes, now)


def expire(db: Session, now: datetime) -> int:
    """End approved and waiting revisions whose last start has passed. Returns how many."""
    count = 0
    for revision in db.scalars(select(Revision).where(Revision.state.in_(("approved", "submitted")))):
        starts = schedule.starts_of(revision)
        if revision.state == "approved":
            starts = [Start(at=row.start, tolerance_s=row.tolerance_s) for row in revision.occurrences]
        elif revision.play_now:
            if revision.kind == "emergency" and now - (revision.submitted_at or now) > UNSIGNED_LASTS:
                end(db, revision, "expired", now)
                count += 1
            continue
        length = timedelta(seconds=schedule.length_s(revision))
        if all(each.at + timedelta(seconds=each.tolerance_s) + length < now for each in starts):
            end(db, revision, "expired", now)
            count += 1
    return count


def end(db: Session, revision: Revision, state: str, now: datetime) -> None:
    """Close a revision; its occurrences still to come are cancelled."""
    if revision.state == "approved" and state != "expired":
        ahead = [
            row
            for row in revision.occurrences
            if row.start + timedelta(seconds=row.tolerance_s) > now or _may_sound(row, now)
        ]
        schedule.cancel_occurrences(db, ahead, now)
    revision.state, revision.ended_at = state, now
    note_change(db, "announcement", revision.announcement_id, now)


def _running(db: Session, now: datetime) -> list[Occurrence]:
    """Occurrences that may be playing, or may still begin within their tolerance; not what ended on every node."""
    rows = db.scalars(
        select(Occurrence)
        .where(
            Occurrence.start > now - timedelta(days=1),
            Occurrence.start <= now,
            Occurrence.cancelled_at.is_(None),
        )
        .options(selectinload(Occurrence.plays), selectinload(Occurrence.revision))
    )
    return [row for row in rows if _may_sound(row, now)]


def _may_sound(row: Occurrence, now: datetime) -> bool:
    over = row.start + timedelta(seconds=row.tolerance_s + row.duration_s)
    return over > now and not schedule.is_over(row)


def _repeats_of(rows: Sequence[Occurrence]) -> list[Occurrence]:
    """What an emergency would still say again: whoever silences it silences all of it."""
    return [
        later
        for row in rows
        if row.revision.kind == "emergency"
        for later in row.revision.occurrences
        if later.start > row.start and later.cancelled_at is None
    ]


def _repeats_ahead(db: Session, now: datetime) -> Sequence[Occurrence]:
    """What every emergency in force would still say, also one that rests between two playings."""
    return db.scalars(
        select(Occurrence)
        .join(Revision)
        .where(
            Revision.kind == "emergency",
            Revision.state == "approved",
            Occurrence.start > now,
            Occurrence.cancelled_at.is_(None),
        )
    ).all()


def _nodes_of(db: Session, villages: Sequence[str] | None) -> list[str]:
    query = select(NodeRecord.name).where(NodeRecord.retired_at.is_(None))
    if villages is not None:
        query = query.where(NodeRecord.village.in_(villages))
    return sorted(db.scalars(query))


def _order_silence(db: Session, account: Account, occurrence: str, nodes: list[str], now: datetime) -> Stop:
    row = Stop(occurrence=occurrence, nodes=nodes, at=now, account_id=account.id)
    db.add(row)
    db.flush()
    note_change(db, "stop", str(row.id), now)
    return row


def name_of(revision: Revision) -> str:
    """What the audit log calls it: `bt-7.2`."""
    return f"{revision.announcement_id}.{revision.number}"
