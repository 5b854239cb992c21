"""The broadcast log (nhật ký phát sóng): what became of every play, one entry per occurrence × loudspeaker.

An entry says only what the records say. A play is played when its loudspeaker said that it ended whole, and heard when
somebody measured its sound; whose word is late or lost is unconfirmed, never played. When the word comes, the same
question gives another answer; the same records always give the same one.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, Literal

from sqlalchemy import Row, Select, and_, select
from sqlalchemy.orm import Session

from broker.hub.announcing.emergency_times import late_ms
from broker.hub.records import (
    Account,
    Announcement,
    NodeRecord,
    Occurrence,
    Play,
    PlayStep,
    Revision,
    Village,
)

HEARD_LEVEL: Final = 2
"""From this proof level on somebody measured sound (console.stages has the same; a test keeps them one)."""
GRACE: Final = timedelta(seconds=60)
"""So long after the last moment of a play its loudspeaker may still be about to tell of it."""
FIELDS: Final = MappingProxyType(
    {
        "policy": "Chủ trương, chính sách",
        "economy": "Kinh tế, sản xuất",
        "culture": "Văn hoá, xã hội",
        "health": "Y tế, giáo dục",
        "order": "An ninh, trật tự",
        "nature": "Thiên tai, môi trường",
        "other": "Việc khác",
    }
)
"""What bulletins are about. This project's own list: the ministry's has not been seen (gov_map.toml)."""

Outcome = Literal[
    "ahead", "under-way", "cancelled", "unconfirmed", "not-played", "filed", "cut", "played", "heard"
]
"""What became of a play. `filed`: to its end, but into a file or at volume 0, so that nobody can have heard it.
`cut`: it sounded and was ended in the middle. `cancelled`: called off before it sounded."""

_MAY_BEGIN: Final = frozenset({"planned", "sent", "fetching", "ready", "armed"})
_CUT: Final = frozenset({"interrupted", "preempted", "failed", "cancelled"})
_NOT_WHOLE: Final = _CUT | {"refused", "missed", "expired"}
_PAGE: Final = 1000
"""Rows that are in memory together."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One play as the log tells it. Names are those of now; times are aware."""

    planned_at: datetime
    occurrence: str
    announcement: str
    revision: int
    title: str
    kind: str
    """routine, priority, emergency, or drill"""
    field: str
    form: str
    """speech, recording or relay"""
    author: str
    approver: str
    approved_at: datetime | None
    node: str
    place: str
    village: str
    outcome: Outcome
    is_delivered: bool
    """Its loudspeaker has said anything of this play."""
    started_at: datetime | None
    ended_at: datetime | None
    late_ms: int | None
    played_ms: int
    """How long a loudspeaker sounded, whole or cut."""
    volume: int | None
    proof: str
    proof_level: int
    reason: str
    cuts: tuple[tuple[datetime, str], ...] = ()
    """When and why it was cut, each time: a play that gave way may go on and be stopped later. Empty once whole."""


def outcome_of(play: Any, row: Any, now: datetime) -> Outcome:
    """What became of one play. Pure.

    play: a Play, or anything with its columns. row: its Occurrence, or None for one this hub does not know.
    """
    if play.state == "played":
        if play.sound == "file" or play.volume == 0:
            return "filed"
        return "heard" if play.proof_level >= HEARD_LEVEL else "played"
    if play.state in _MAY_BEGIN or play.state == "playing" or _is_only_ordered(play, row):
        return _open(play, row, now)
    if play.state in _CUT and play.started_at is not None and _played_ms(play) > 0:
        return "filed" if play.sound == "file" or play.volume == 0 else "cut"
    return "cancelled" if play.state == "cancelled" else "not-played"


def entries(db: Session, since: datetime, until: datetime, now: datetime) -> Iterator[Entry]:
    """Every play that was to begin from `since` until before `until`, by time, occurrence and node.

    Reads as it is asked: use it up inside the transaction it began in.
    """
    names = _Names.of(db, since, until)
    known = db.execute(_known(since, until), execution_options={"yield_per": _PAGE})
    orphans = db.execute(_orphans(since, until), execution_options={"yield_per": _PAGE})
    for play in heapq.merge(known, orphans, key=_order):
        yield _entry(play, names, now)


def _is_only_ordered(play: Any, row: Any) -> bool:
    """Whether it is the hub alone that calls it cancelled, and it may have been sounding when that was ordered."""
    if play.state != "cancelled" or play.said_at is not None:
        return False
    stopped_at = None if row is None else row.cancelled_at
    return stopped_at is not None and _start(play, row) <= stopped_at


def _open(play: Any, row: Any, now: datetime) -> Outcome:
    """Of a play whose loudspeaker has not told the end of it."""
    start = _start(play, row)
    stopped_at = None if row is None else row.cancelled_at
    if stopped_at is not None and stopped_at < start and play.state != "playing":
        # Whoever had it already and says nothing may have played it: that is known once it cannot begin any more.
        return "unconfirmed" if play.said_at is not None and now > _over(start, row) else "cancelled"
    if now < start:
        return "ahead"
    return "under-way" if now <= _over(start, row) else "unconfirmed"


def _start(play: Any, row: Any) -> datetime:
    found: datetime = play.planned_at if row is None else row.start
    return found


def _over(start: datetime, row: Any) -> datetime:
    """The last moment at which its loudspeaker could still be silent about it with nothing lost."""
    return start + GRACE + timedelta(seconds=0 if row is None else row.tolerance_s + row.duration_s)


def _played_ms(play: Any) -> int:
    """How long it sounded, as its loudspeaker told it."""
    if play.played_ms is not None:
        return max(0, int(play.played_ms))
    if play.started_at is None or play.ended_at is None:
        return 0
    lasted: timedelta = play.ended_at - play.started_at
    return max(0, round(lasted.total_seconds() * 1000))


_COLUMNS: Final = (
    Play.occurrence,
    Play.node,
    Play.announcement,
    Play.revision,
    Play.state,
    Play.planned_at,
    Play.started_at,
    Play.ended_at,
    Play.late_ms,
    Play.played_ms,
    Play.sound,
    Play.proof_level,
    Play.proof,
    Play.reason,
    Play.volume,
    Play.said_at,
)


def _known(since: datetime, until: datetime) -> Select[*tuple[Any, ...]]:
    """Plays of occurrences this hub planned. Their time is the plan's, whatever a node says it was."""
    return (
        select(
            *_COLUMNS,
            Occurrence.revision_id,
            Occurrence.start,
            Occurrence.tolerance_s,
            Occurrence.duration_s,
            Occurrence.cancelled_at,
            Occurrence.clicked_at,
        )
        .join(Occurrence, Occurrence.id == Play.occurrence)
        .where(Occurrence.start >= since, Occurrence.start < until)
        .order_by(Occurrence.start, Occurrence.id, Play.node)
    )


def _orphans(since: datetime, until: datetime) -> Select[*tuple[Any, ...]]:
    """Plays a loudspeaker told of that this hub knows no occurrence of: it was set back to an older copy."""
    return (
        select(*_COLUMNS)
        .outerjoin(Occurrence, Occurrence.id == Play.occurrence)
        .where(Play.planned_at >= since, Play.planned_at < until, Occurrence.id.is_(None))
        .order_by(Play.planned_at, Play.occurrence, Play.node)
    )


def _order(row: Row[*tuple[Any, ...]]) -> tuple[datetime, str, str]:
    return (row.start if _is_known(row) else row.planned_at, row.occurrence, row.node)


def _is_known(row: Row[*tuple[Any, ...]]) -> bool:
    return len(row) > len(_COLUMNS)


@dataclass(frozen=True)
class _Said:
    """What the entries of one revision have in common."""

    title: str
    kind: str
    field: str
    form: str
    author: str
    approver: str
    approved_at: datetime | None


_UNKNOWN: Final = _Said("", "", "", "", "", "", None)


@dataclass(frozen=True)
class _Names:
    """Revisions by id, and what nodes and villages are called."""

    said: Mapping[int, _Said]
    places: Mapping[str, tuple[str, str]]
    """Label and village's name, by node."""
    cuts: Mapping[tuple[str, str], tuple[tuple[datetime, str], ...]]
    """By occurrence and node."""

    @classmethod
    def of(cls, db: Session, since: datetime, until: datetime) -> _Names:
        """For the occurrences between two moments."""
        people = {row.id: row.full_name for row in db.execute(select(Account.id, Account.full_name))}
        villages = {row.code: row.name for row in db.execute(select(Village.code, Village.name))}
        nodes = db.execute(select(NodeRecord.name, NodeRecord.label, NodeRecord.village))
        wanted = select(Occurrence.revision_id).where(Occurrence.start >= since, Occurrence.start < until)
        query = (
            select(Revision, Announcement.field)
            .join(Announcement, Announcement.id == Revision.announcement_id)
            .where(Revision.id.in_(wanted))
        )
        said = {row.id: _said(row, field, people) for row, field in db.execute(query)}
        places = {name: (label, villages.get(code, code)) for name, label, code in nodes}
        return cls(said, places, _cuts_of(db, since, until))


def _cuts_of(
    db: Session, since: datetime, until: datetime
) -> dict[tuple[str, str], tuple[tuple[datetime, str], ...]]:
    """Of every play that was cut, its cuts in the order they happened. Few plays are."""
    query = (
        select(PlayStep.occurrence, PlayStep.node, PlayStep.at, PlayStep.reason)
        .select_from(Occurrence)
        .join(Play, Play.occurrence == Occurrence.id)
        .join(PlayStep, and_(PlayStep.occurrence == Play.occurrence, PlayStep.node == Play.node))
        .where(Occurrence.start >= since, Occurrence.start < until, Play.state.in_(_NOT_WHOLE))
        .where(PlayStep.state.in_(_CUT), PlayStep.reason != "")
        .order_by(PlayStep.at, PlayStep.number, PlayStep.reason)
    )
    found: dict[tuple[str, str], tuple[tuple[datetime, str], ...]] = {}
    for occurrence, node, at, reason in db.execute(query):
        kept = found.get((occurrence, node), ())
        if (at, reason) not in kept:
            found[occurrence, node] = (*kept, (at, reason))
    return found


def _said(row: Revision, field: str, people: Mapping[int, str]) -> _Said:
    form = "recording" if any(each.get("recording") for each in row.tracks) else "speech"
    return _Said(
        title=row.title,
        kind="drill" if row.drill else row.kind,
        field=field,
        form="relay" if row.relay is not None else form,
        author=people.get(row.author_id, ""),
        approver=people.get(row.approver_id or 0, ""),
        approved_at=row.decided_at,
    )


def _entry(play: Row[*tuple[Any, ...]], names: _Names, now: datetime) -> Entry:
    row = play if _is_known(play) else None
    said = names.said.get(play.revision_id, _UNKNOWN) if row is not None else _UNKNOWN
    place, village = names.places.get(play.node, (play.node, ""))
    outcome = outcome_of(play, row, now)
    return Entry(
        planned_at=_start(play, row),
        occurrence=play.occurrence,
        announcement=play.announcement,
        revision=play.revision,
        title=said.title,
        kind=said.kind,
        field=said.field,
        form=said.form,
        author=said.author,
        approver=said.approver,
        approved_at=said.approved_at,
        node=play.node,
        place=place,
        village=village,
        outcome=outcome,
        is_delivered=play.said_at is not None,
        started_at=play.started_at,
        ended_at=play.ended_at,
        late_ms=late_ms(play.late_ms, play.planned_at, None if row is None else row.clicked_at),
        played_ms=_played_ms(play) if outcome in ("cut", "played", "heard") else 0,
        volume=play.volume,
        proof=play.proof,
        proof_level=play.proof_level,
        reason=play.reason,
        cuts=names.cuts.get((play.occurrence, play.node), ()),
    )
