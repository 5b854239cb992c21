"""One day of announcements, read from the records: what was said, will be said, waits for approval."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import cast

from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from broker.hub.announcing.waits import Wait, waits_of
from broker.hub.console.stages import Progress, progress_of
from broker.hub.console.stopping import Orders
from broker.hub.console.tally import Weight, dots, open_dots, say_tally, tally_of
from broker.hub.console.wording import hm, hms, hours_of, lasting, local
from broker.hub.console.wording import villages as say_villages
from broker.hub.records import NodeRecord, Occurrence, Play, Revision, ServiceSeen, SpeakerSeen, Village
from broker.hub.silence import silent_until
from broker.hub.stations import relay_of
from broker.link.clock import LOCAL
from broker.look.dayline import Mark, Span, day_line
from broker.look.villages import VillageShape
from broker.trust.bodies import Hours, Quiet
from broker.trust.quiet import spans_of

ALIVE = ("starting", "ready", "degraded")
_OF_REVISION = (
    Revision.announcement_id, Revision.number, Revision.title, Revision.kind, Revision.drill, Revision.villages,
    Revision.audio, Revision.relay, Revision.repeat, Revision.gap_s, Revision.state, Revision.play_now,
)  # fmt: skip
"""What a line of the day says of a revision; its words and signatures are not read for it."""
_OF_PLAY = (
    Play.occurrence, Play.node, Play.state, Play.planned_at, Play.started_at, Play.ended_at, Play.said_at,
    Play.late_ms, Play.played_ms, Play.repeat, Play.sound, Play.proof, Play.proof_level, Play.reason, Play.volume,
    Play.underruns,
)  # fmt: skip
"""What a line of the day says of a play (stages.progress_of)."""


@dataclass(frozen=True)
class Commune:
    """Villages, nodes and what their loudspeakers last said; read once for a page."""

    villages: Sequence[Village]
    nodes: Sequence[NodeRecord]
    speakers: Mapping[str, ServiceSeen]
    applied: Mapping[str, datetime | None]
    """When each loudspeaker last said that it follows its plan."""
    silent_until: datetime | None
    """Until when the commune was last ordered to be silent; may be past."""

    @property
    def names(self) -> dict[str, str]:
        """Village names by code."""
        return {village.code: village.name for village in self.villages}

    def shapes(self) -> list[VillageShape]:
        """The villages as the map wants them."""
        return [VillageShape(v.code, v.name, v.path, v.centre_x, v.centre_y) for v in self.villages]

    def nodes_in(self, codes: Collection[str]) -> list[NodeRecord]:
        """Loudspeakers of some villages."""
        return [node for node in self.nodes if node.village in codes]

    def say_places(self, codes: Sequence[str]) -> str:
        """Villages in words: "Cả xã" or "Thôn Đông, thôn Bến"."""
        names = self.names
        return say_villages([names.get(code, code) for code in codes], len(self.villages))

    def unheard(self, codes: Sequence[str]) -> list[str]:
        """Names of those among some villages that have no loudspeaker."""
        with_node = {node.village for node in self.nodes}
        return [self.names.get(code, code) for code in codes if code not in with_node]

    def say_unheard(self, codes: Sequence[str]) -> str:
        """Behind villages that were named: which of them nobody would hear; empty when all have a loudspeaker."""
        without = self.unheard(codes)
        return f" (chưa có loa: thôn {', thôn '.join(without)})" if without else ""

    def count_unheard(self, codes: Sequence[str]) -> str:
        """The same where there is little room: beyond two villages only their number."""
        without = self.unheard(codes)
        return f" ({len(without)} thôn chưa có loa)" if len(without) > 2 else self.say_unheard(codes)

    def warn_unheard(self, codes: Sequence[str]) -> str:
        """A sentence for who decides: which villages will hear nothing; empty when all have a loudspeaker."""
        without = self.unheard(codes)
        if not without:
            return ""
        if len(without) == len(codes):
            return "Những thôn này đều chưa có loa: không ai nghe được bản tin."
        return f"Thôn {', thôn '.join(without)} chưa có loa nên không nghe được bản tin này."


@dataclass(frozen=True)
class Row:
    """One line of the day: a planned playing, or one that waits for approval."""

    at: datetime
    title: str
    kind: str
    """routine, priority, emergency or drill"""
    where: str
    length: str
    length_s: float
    announcement: str
    occurrence: str
    """Empty while it waits for approval."""
    progress: Sequence[Progress]
    waits: int
    """Loudspeakers it will be for, while it waits for approval."""
    is_past: bool
    is_cancelled: bool
    relay: str = ""
    """The station, of a relayed programme."""
    behind: str = ""
    """The ưu tiên it waits for; while nothing of the queue has begun, the commune may let it speak first."""
    begins: str = ""
    """When it is read then, "17:32:10"."""

    @property
    def clock(self) -> str:
        """Start, "17:30"."""
        return hm(self.at)

    @property
    def standing(self) -> tuple[Weight, str]:
        """How it stands in a word, with its colour."""
        if not self.occurrence:
            return "wait", "Chờ duyệt"
        return say_tally(tally_of(self.progress), is_cancelled=self.is_cancelled, is_past=self.is_past)

    @property
    def dots(self) -> Markup:
        """A dot for each loudspeaker."""
        return dots(self.progress) if self.occurrence else open_dots(self.waits)


def commune_of(db: Session) -> Commune:
    """Read the commune."""
    return Commune(
        db.scalars(select(Village).order_by(Village.rank, Village.code)).all(),
        db.scalars(select(NodeRecord).where(NodeRecord.retired_at.is_(None)).order_by(NodeRecord.name)).all(),
        {
            seen.node: seen
            for seen in db.scalars(select(ServiceSeen).where(ServiceSeen.service == "speaker")).all()
        },
        {seen.node: seen.applied_at for seen in db.scalars(select(SpeakerSeen)).all()},
        silent_until(db),
    )


def bounds(day: date) -> tuple[datetime, datetime]:
    """The local day as two instants."""
    begin = datetime.combine(day, time(), LOCAL)
    return begin, begin + timedelta(days=1)


def rows_of(
    db: Session, commune: Commune, day: date, now: datetime, waits: Sequence[Revision] | None = None
) -> list[Row]:
    """Everything of one local day, in the order it is heard. waits: `waiting`, where it was read already."""
    begin, end = bounds(day)
    occurrences = db.scalars(
        select(Occurrence)
        .where(Occurrence.start >= begin, Occurrence.start < end)
        .options(joinedload(Occurrence.revision).load_only(*_OF_REVISION))
        .order_by(Occurrence.start)
    ).all()
    occurrences = _without_later_repeats(occurrences, now)
    plays = _plays_of(db, [one.id for one in occurrences])
    behind = waits_of(db, occurrences, now)
    rows = [_planned(one, plays.get(one.id, {}), commune, now, behind.get(one.id)) for one in occurrences]
    held = waiting(db) if waits is None else waits
    rows += [row for one in held for row in _held(one, commune, begin, end, now)]
    return sorted(rows, key=lambda row: row.at)


def _without_later_repeats(rows: Sequence[Occurrence], now: datetime) -> Sequence[Occurrence]:
    """An emergency's repeats are told up to the next: dozens of the same line would bury the rest of the day."""
    kept, ahead = [], set()
    for row in rows:
        is_repeat = row.revision.kind == "emergency" and row.start > now
        if not is_repeat or row.revision_id not in ahead:
            kept.append(row)
        if is_repeat:
            ahead.add(row.revision_id)
    return kept


def _plays_of(db: Session, occurrences: Sequence[str]) -> dict[str, dict[str, Play]]:
    """Plays by occurrence and node, as bare columns under their own names: a day has hundreds, and making records of
    them costs more than reading them."""
    found: dict[str, dict[str, Play]] = {}
    for row in db.execute(select(*_OF_PLAY).where(Play.occurrence.in_(occurrences))):
        found.setdefault(row.occurrence, {})[row.node] = cast("Play", row)
    return found


def waiting(db: Session) -> list[Revision]:
    """Announcements that wait for an approver, oldest first."""
    query = select(Revision).where(Revision.state == "submitted").options(selectinload(Revision.author))
    return list(db.scalars(query.order_by(Revision.submitted_at)))


def progress_rows(
    commune: Commune, occurrence: Occurrence, now: datetime, plays: Mapping[str, Play] | None = None
) -> list[Progress]:
    """One row per loudspeaker the occurrence is for; whoever needs a person comes first.

    plays: those of the occurrence by node, where they were read already.
    """
    if plays is None:
        plays = {play.node: play for play in occurrence.plays}
    rows = []
    for node in commune.nodes:
        play = plays.get(node.name)
        if play is None and node.village in occurrence.revision.villages:
            play = _not_yet(occurrence, node.name)
        if play is not None:
            seen = commune.speakers.get(node.name)
            row = progress_of(
                play,
                node.label,
                node.village,
                seen,
                now,
                occurrence.tolerance_s,
                is_relay=occurrence.revision.relay is not None,
                repeats=occurrence.revision.repeat,
                orders=Orders(
                    occurrence.cancelled_at,
                    commune.silent_until,
                    commune.applied.get(node.name),
                    occurrence.duration_s,
                    occurrence.clicked_at,
                ),
            )
            rows.append(row)
    return sorted(rows, key=lambda row: (not row.needs_person, -row.done, row.name))


def start_of(item: Mapping[str, object]) -> datetime:
    """The instant of one stored start."""
    return datetime.fromisoformat(str(item["at"]))


def length_of(revision: Revision) -> float:
    """Seconds one whole play takes, repeats and gaps included; 0 while there is no sound yet. A relay: as chosen."""
    relay = relay_of(revision.relay)
    if relay is not None:
        return relay.length_s
    once_s = (revision.audio or {}).get("duration_ms") or 0
    return once_s / 1000 * revision.repeat + revision.gap_s * max(0, revision.repeat - 1)


def lines(rows: Sequence[Row], quiet: Quiet, now: datetime | None, extra: Sequence[Mark] = ()) -> Markup:
    """The day line twice: the whole day for a wide screen, the hours that matter for a phone."""
    marks = [_mark(row) for row in rows if not row.is_cancelled]
    silent = _silent(quiet)
    now_h = None if now is None else hours_of(now)
    shown = [*marks, *extra]
    whole = _whole(shown, silent, now_h)
    first = 16 if now_h is None else 18 if now_h >= 22 else int(min(16, max(0, now_h - 1)))
    late = Span(first, first + 6, silent)
    return day_line(shown, whole, name="ngay", now_h=now_h, cls="whole") + day_line(
        shown, late, name="toi", now_h=now_h, cls="late"
    )


def _silent(quiet: Quiet) -> list[tuple[float, float]]:
    """The silent times of a day whose own hours `quiet` holds, in local hours."""
    return [
        (since.hour + since.minute / 60, 24.0 if until is None else until.hour + until.minute / 60)
        for since, until in spans_of(Hours(since=quiet.since, until=quiet.until))
    ]


def _whole(marks: Sequence[Mark], silent: Sequence[tuple[float, float]], now_h: float | None) -> Span:
    """From 5 to 22 o'clock, and as much of the night as there is something to see in."""
    seen = [mark.start_h for mark in marks] + ([] if now_h is None else [now_h])
    edges = [until if since <= 0 else since for since, until in silent]
    evening = [since for since, until in silent if until >= 24]
    is_early_night = bool(evening) and 21 <= evening[0] < 22
    return Span(
        int(min([5, *seen, *edges])),
        22 if is_early_night and max(seen, default=0) < 22 else 24,
        silent,
    )


def strip(rows: Sequence[Row], quiet: Quiet, now: datetime | None, wanted: Sequence[Mark]) -> Markup:
    """Six hours of a day around what is wanted, wide enough to read on a narrow page."""
    around = min((mark.start_h for mark in wanted), default=18.0 if now is None else hours_of(now) + 2)
    first = int(min(18, max(0, around - 2)))
    if 16 <= around < 21:
        first = 16
    span = Span(first, first + 6, _silent(quiet))
    marks = [_mark(row) for row in rows if not row.is_cancelled]
    now_h = None if now is None else hours_of(now)
    return day_line([*marks, *wanted], span, name="luc", now_h=now_h, cls="")


def _mark(row: Row) -> Mark:
    ahead = "relay" if row.relay else "planned"
    kind = "hold" if not row.occurrence else "done" if row.is_past else ahead
    label = "Đã phát" if kind == "done" else row.clock
    return Mark(hours_of(row.at), row.length_s / 60, kind, label)  # type: ignore[arg-type]


def _planned(
    one: Occurrence, plays: Mapping[str, Play], commune: Commune, now: datetime, wait: Wait | None = None
) -> Row:
    revision = one.revision
    length_s = length_of(revision) if revision.relay is not None else one.duration_s
    return Row(
        at=one.start,
        title=revision.title,
        kind="drill" if revision.drill else revision.kind,
        where=commune.say_places(revision.villages) + commune.count_unheard(revision.villages),
        length=lasting(length_s) if length_s else "",
        length_s=one.duration_s,
        announcement=revision.announcement_id,
        occurrence=one.id,
        progress=progress_rows(commune, one, now, plays),
        waits=0,
        is_past=one.start + timedelta(seconds=one.duration_s) < now,
        is_cancelled=one.cancelled_at is not None,
        relay=station_of(revision),
        behind=wait.behind if wait else "",
        begins=hms(wait.begins) if wait else "",
    )


def _held(one: Revision, commune: Commune, begin: datetime, end: datetime, now: datetime) -> list[Row]:
    """The starts of a waiting announcement that fall on the day."""
    starts = [start_of(item) for item in one.starts]
    length_s = length_of(one)
    return [
        Row(
            at=at,
            title=one.title,
            kind=one.kind,
            where=commune.say_places(one.villages) + commune.count_unheard(one.villages),
            length=lasting(length_s) if length_s else "",
            length_s=length_s,
            announcement=one.announcement_id,
            occurrence="",
            progress=(),
            waits=len(commune.nodes_in(one.villages)),
            is_past=at < now,
            is_cancelled=False,
            relay=station_of(one),
        )
        for at in starts
        if begin <= at < end
    ]


def station_of(revision: Revision) -> str:
    """The station of a relayed programme; empty where it speaks for itself."""
    relay = relay_of(revision.relay)
    return relay.station if relay is not None else ""


def _not_yet(occurrence: Occurrence, node: str) -> Play:
    """What to show for a loudspeaker that the plan has not reached yet."""
    return Play(
        occurrence=occurrence.id,
        node=node,
        announcement=occurrence.revision.announcement_id,
        revision=occurrence.revision.number,
        state="cancelled" if occurrence.cancelled_at else "planned",
        planned_at=occurrence.start,
        repeat=0,
        sound="none",
        proof_level=0,
        reason="",
    )


def today_of(now: datetime) -> date:
    """The local date."""
    return local(now).date()
