"""The schedule in the records: which occurrences stand, and their plays on the nodes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.hub.announcing.planner import TOLERANCE_S, total_s
from broker.hub.recordings import estimated_once_s, tracks_of
from broker.hub.records import NodeRecord, Occurrence, Play, Revision
from broker.trust.envelope import Start, occurrence_id

HORIZON = timedelta(days=8)
"""Plays are written this far ahead; announce goes on as time passes."""
DRILL_S = 6.0
"""About how long the chime of a drill takes, the rest around it included."""

_YEARS = range(2000, 2200)
"""Of starts; beyond them a day less or more is no date any longer."""
_ENDED = frozenset({"played", "expired", "cancelled"})
_ENDED_ORDINARY = frozenset({"missed", "interrupted", "preempted", "failed"})


def starts_of(revision: Revision) -> list[Start]:
    """The starts of a revision, ascending; a draft may keep one that nobody can mean, which is left out."""
    starts = [
        Start(at=datetime.fromisoformat(each["at"]), tolerance_s=each["tolerance_s"])
        for each in revision.starts
    ]
    return [each for each in starts if each.at.year in _YEARS]


def kept_starts(moments: Sequence[datetime], kind: str) -> list[dict[str, object]]:
    """Starts as a revision keeps them: whole seconds, UTC, ascending, each once."""
    whole = sorted({each.astimezone(UTC).replace(microsecond=0) for each in moments})
    return [{"at": each.isoformat(), "tolerance_s": TOLERANCE_S[kind]} for each in whole]


def length_s(revision: Revision) -> float:
    """How long one play of a revision takes: measured once it is rendered, estimated before; a relay as chosen."""
    if revision.drill:
        return DRILL_S
    if revision.relay is not None:
        return total_s(revision.relay["length_s"], 1, 0)
    once_s = estimated_once_s(revision.spoken or revision.text, tracks_of(revision.tracks))
    if revision.audio and revision.audio.get("duration_ms"):
        once_s = revision.audio["duration_ms"] / 1000
    return total_s(once_s, revision.repeat, revision.gap_s)


def rank_of(revision: Revision) -> str:
    """Under which name of planner.RANK it takes its times."""
    return rank_named(revision.kind, is_relay=revision.relay is not None, is_drill=revision.drill)


def rank_named(kind: str, *, is_relay: bool, is_drill: bool) -> str:
    """The same from what it is."""
    if is_drill:
        return "routine"
    return "relay" if is_relay else kind


def write_occurrences(db: Session, revision: Revision, starts: Sequence[Start], now: datetime) -> None:
    """Write the occurrences of a newly approved revision and the plays of the days ahead."""
    length = length_s(revision)
    for each in starts:
        name = occurrence_id(revision.announcement_id, revision.number, each.at)
        db.add(
            Occurrence(
                id=name,
                revision_id=revision.id,
                start=each.at,
                tolerance_s=each.tolerance_s,
                duration_s=length,
            )
        )
    db.flush()
    write_plays(db, now)


def write_plays(db: Session, now: datetime) -> int:
    """Add the plays that are missing for occurrences within the horizon. Returns how many were added."""
    rows = list(
        db.scalars(
            select(Occurrence)
            .join(Revision)
            .where(
                Revision.state == "approved",
                Occurrence.cancelled_at.is_(None),
                Occurrence.start > now - timedelta(days=1),
                Occurrence.start < now + HORIZON,
            )
        )
    )
    nodes = list(db.scalars(select(NodeRecord).where(NodeRecord.retired_at.is_(None))))
    wanted = {
        (row.id, node.name): row for row in rows for node in nodes if node.village in row.revision.villages
    }
    known = _known_plays(db, [row.id for row in rows])
    missing = [key for key in wanted if key not in known]
    for occurrence, node in missing:
        row = wanted[occurrence, node]
        db.add(
            Play(
                occurrence=occurrence,
                node=node,
                announcement=row.revision.announcement_id,
                revision=row.revision.number,
                planned_at=row.start,
            )
        )
    return len(missing)


def cancel_occurrences(db: Session, rows: Sequence[Occurrence], now: datetime) -> None:
    """These will not start, and their plays that nothing was heard of yet are cancelled."""
    for row in rows:
        row.cancelled_at = row.cancelled_at or now
    for play in _plays_of(db, [row.id for row in rows]):
        if play.state == "planned":
            play.state, play.reason = "cancelled", "cancelled"


def is_over(row: Occurrence) -> bool:
    """Whether every loudspeaker said that its play of this ended for good; False while one has not.

    An emergency that was cut off begins again within its tolerance, and what was refused may be allowed yet.
    """
    is_emergency = row.revision.kind == "emergency" and not row.revision.drill
    ended = _ENDED if is_emergency else _ENDED | _ENDED_ORDINARY
    return bool(row.plays) and all(play.state in ended for play in row.plays)


def _known_plays(db: Session, occurrences: Sequence[str]) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for n in range(0, len(occurrences), 500):
        part = occurrences[n : n + 500]
        pairs = db.execute(select(Play.occurrence, Play.node).where(Play.occurrence.in_(part)))
        found |= {(occurrence, node) for occurrence, node in pairs}
    return found


def _plays_of(db: Session, occurrences: Sequence[str]) -> list[Play]:
    found: list[Play] = []
    for n in range(0, len(occurrences), 500):
        part = occurrences[n : n + 500]
        found += db.scalars(select(Play).where(Play.occurrence.in_(part)))
    return found
