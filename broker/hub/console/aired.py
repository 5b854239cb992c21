"""The broadcast log as its pages show it: a day by occurrence and loudspeaker, a month in sums."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from broker.hub.broadcast_log import Entry, Outcome, entries
from broker.hub.broadcast_totals import KINDS, Period, Sums, Totals, percent
from broker.hub.broadcast_words import KINDS_SAID, OUTCOMES_SAID, say_field, say_proof, say_why
from broker.hub.console.wording import WEEKDAYS, hm, hms, lasting, long_day, number
from broker.hub.records import Announcement, NodeRecord, Revision

SHOWN: Final = 40
"""Loudspeakers of one occurrence; the rest stands on the page of the bulletin."""
WEIGHTS: Final = MappingProxyType(
    {
        "ahead": "wait",
        "under-way": "wait",
        "cancelled": "plain",
        "unconfirmed": "look",
        "not-played": "bad",
        "filed": "look",
        "cut": "look",
        "played": "ok",
        "heard": "ok",
    }
)
_FIRST: Final = (
    "not-played",
    "unconfirmed",
    "cut",
    "filed",
    "under-way",
    "ahead",
    "cancelled",
    "played",
    "heard",
)
"""What a person should see first."""
_SAID: Final[Mapping[Outcome, str]] = MappingProxyType(
    {
        "heard": "đã phát, nghe thấy",
        "played": "đã phát, chưa đo",
        "cut": "phát dở",
        "filed": "không ra loa",
        "not-played": "không phát",
        "unconfirmed": "chưa xác nhận",
        "under-way": "chờ tin báo",
        "ahead": "chưa đến giờ",
        "cancelled": "đã huỷ",
    }
)


@dataclass(frozen=True)
class Line:
    """One loudspeaker of one occurrence."""

    node: str
    place: str
    weight: str
    result: str
    started: str
    lasted: str
    by: str
    why: str


@dataclass(frozen=True)
class Sitting:
    """One occurrence, or an emergency with its repeats of a day: its loudspeakers, those that need a look first."""

    occurrence: str
    announcement: str
    clock: str
    title: str
    kind: str
    field: str
    """Empty for a drill."""
    said: str
    lines: Sequence[Line]
    more: int
    """Loudspeakers that are not shown."""


@dataclass(frozen=True)
class Cells:
    """One line of sums in words."""

    planned: str
    delivered: str
    played: str
    played_percent: str
    heard: str
    heard_percent: str
    failed: str
    """Cut, not played, or not out of a loudspeaker."""
    unconfirmed: str
    minutes: str


@dataclass(frozen=True)
class DayView:
    """A day."""

    head: str
    title: str
    sums: Cells
    notes: Sequence[str]
    sittings: Sequence[Sitting]
    has_unsorted: bool = False
    """Nobody has said yet what one of them is about."""


@dataclass(frozen=True)
class DayLine:
    """One day of a month."""

    name: str
    label: str
    cells: Cells


@dataclass(frozen=True)
class MonthView:
    """A month."""

    head: str
    title: str
    sums: Cells
    notes: Sequence[str]
    days: Sequence[DayLine]
    kinds: Sequence[tuple[str, Cells]]
    fields: Sequence[tuple[str, Cells]]
    places: Sequence[tuple[str, Cells]]


@dataclass(frozen=True)
class Bulletin:
    """One bulletin of a month, to be sorted into its field."""

    announcement: str
    title: str
    field: str
    """Its code."""
    field_said: str
    said: str
    """How far its plays came."""


def day_view(db: Session, period: Period, at: datetime) -> DayView:
    """Read a day."""
    totals = Totals()
    sittings: dict[tuple[str, int | str], list[Entry]] = {}
    for entry in entries(db, period.since, period.until, at):
        totals.add(entry)
        repeats = entry.kind == "emergency"
        key = (entry.announcement, entry.revision) if repeats else (entry.occurrence, "")
        sittings.setdefault(key, []).append(entry)
    return DayView(
        headline(totals),
        long_day(period.first),
        cells_of(totals),
        notes_of(totals),
        [_sitting(found) for found in sittings.values()],
        any(found[0].kind != "drill" and not found[0].field for found in sittings.values()),
    )


def month_view(db: Session, sums: Sums, period: Period) -> MonthView:
    """A month's sums in words."""
    labels = {row.name: row.label for row in db.execute(select(NodeRecord.name, NodeRecord.label))}
    nodes = sorted(((labels.get(n, n), sums.nodes[n]) for n in sums.nodes), key=lambda one: one[0])
    return MonthView(
        head=headline(sums.whole),
        title=f"Tháng {period.first.month} năm {period.first.year}",
        sums=cells_of(sums.whole),
        notes=notes_of(sums.whole),
        days=[
            DayLine(day.isoformat(), f"{WEEKDAYS[day.weekday()]} {day.day}/{day.month}", cells_of(totals))
            for day, totals in sorted(sums.days.items())
        ],
        kinds=[(KINDS_SAID[kind], cells_of(sums.kinds[kind])) for kind in KINDS if kind in sums.kinds],
        fields=[
            (say_field(code), cells_of(sums.fields[code])) for code in sorted(sums.fields, key=say_field)
        ],
        places=[(label, cells_of(totals)) for label, totals in nodes],
    )


def bulletins_of(db: Session, sums: Sums) -> list[Bulletin]:
    """The bulletins behind a month's sums, in the order they were first heard; those this hub knows."""
    query = select(Announcement.id, Announcement.field, Revision.title).join(
        Revision, and_(Revision.announcement_id == Announcement.id, Revision.number == Announcement.latest)
    )
    known = {}
    for part in _parts(list(sums.bulletins)):
        for row in db.execute(query.where(Announcement.id.in_(part))):
            known[row.id] = row
    return [
        Bulletin(key, known[key].title, known[key].field, say_field(known[key].field), _far(totals))
        for key, totals in sums.bulletins.items()
        if key in known
    ]


def _far(totals: Totals) -> str:
    if not totals.planned:
        return "chưa lượt nào đến giờ" if totals.ahead else "các lượt đều huỷ trước giờ"
    cells = cells_of(totals)
    return f"{cells.planned} lượt, phát hết {cells.played}, ra loa {cells.minutes} phút"


def headline(totals: Totals) -> str:
    """The answer first."""
    if not totals.planned:
        if totals.ahead:
            return "Chưa lượt nào đến giờ."
        return "Các lượt phát đều huỷ trước giờ." if totals.cancelled else "Không có lượt phát nào."
    if totals.played == totals.planned:
        return (
            f"Cả {number(totals.planned)} lượt đã phát hết."
            if totals.planned > 1
            else "Lượt phát đã phát hết."
        )
    said = f"{number(totals.played)} trên {number(totals.planned)} lượt đã phát hết."
    return f"{said} {number(totals.unconfirmed)} lượt chưa xác nhận." if totals.unconfirmed else said


def notes_of(totals: Totals) -> list[str]:
    """What the sums leave out or cannot know."""
    said = []
    if totals.unconfirmed:
        said.append("Chưa xác nhận là loa chưa báo về: không tính là đã phát. Có tin báo thì sổ tự đổi.")
    if totals.filed:
        said.append(f"{number(totals.filed)} lượt không ra loa: điểm không có loa hoặc âm lượng đặt ở 0 %.")
    if totals.cancelled:
        said.append(f"{number(totals.cancelled)} lượt huỷ trước khi phát, không tính vào số theo lịch.")
    if totals.ahead:
        said.append(f"{number(totals.ahead)} lượt chưa đến giờ.")
    return said


def cells_of(totals: Totals) -> Cells:
    """Sums in words."""
    return Cells(
        planned=number(totals.planned),
        delivered=number(totals.delivered),
        played=number(totals.played),
        played_percent=_percent(totals.played, totals.planned),
        heard=number(totals.heard),
        heard_percent=_percent(totals.heard, totals.planned),
        failed=number(totals.cut + totals.filed + totals.not_played),
        unconfirmed=number(totals.unconfirmed),
        minutes=number(totals.minutes, 1 if totals.minutes < 100 else 0),
    )


def _percent(part: int, whole: int) -> str:
    found = percent(part, whole)
    return "" if found is None else f"{found}\N{NO-BREAK SPACE}%"


def _sitting(found: Sequence[Entry]) -> Sitting:
    first = found[0]
    is_repeated = len({entry.occurrence for entry in found}) > 1
    if is_repeated:
        lines = _folded(found)
    else:
        in_order = sorted(found, key=lambda entry: (_FIRST.index(entry.outcome), entry.place))
        lines = [_line(entry) for entry in in_order]
    return Sitting(
        occurrence=first.occurrence,
        announcement=first.announcement,
        clock=_stretch(found),
        title=first.title or "Bản tin này không còn trong sổ của trung tâm",
        kind=KINDS_SAID.get(first.kind, first.kind),
        field="" if first.kind == "drill" else say_field(first.field),
        said=_said(found),
        lines=lines[:SHOWN],
        more=max(0, len(lines) - SHOWN),
    )


def _stretch(found: Sequence[Entry]) -> str:
    """ "17:30", or of an emergency with its repeats "00:07 – 01:57, 12 lần"; of what was not called off."""
    said = {entry.occurrence: entry.planned_at for entry in found if entry.outcome != "cancelled"}
    starts = sorted(said.values()) or [found[0].planned_at]
    clock = hm(starts[0])
    return clock if len(starts) == 1 else f"{clock} – {hm(starts[-1])}, {len(starts)} lần"


def _folded(found: Sequence[Entry]) -> list[Line]:
    """One line for each loudspeaker of an emergency, over all its repeats that were not called off."""
    nodes: dict[str, list[Entry]] = {}
    for entry in found:
        nodes.setdefault(entry.node, []).append(entry)
    lines = []
    for repeats in nodes.values():
        due = [entry for entry in repeats if entry.outcome != "cancelled"] or repeats[:1]
        worst = min(due, key=lambda entry: _FIRST.index(entry.outcome))
        began = [entry.started_at for entry in due if entry.started_at]
        each = [entry.outcome for entry in due]
        parts = [f"{each.count(one)} lần {words}" for one, words in _SAID.items() if one in each]
        played_ms = sum(entry.played_ms for entry in due)
        line = Line(
            node=worst.node,
            place=worst.place,
            weight=WEIGHTS[worst.outcome],
            result=OUTCOMES_SAID[worst.outcome] if len(due) == 1 else _capital("; ".join(parts)),
            started=hms(min(began)) if began else "",
            lasted=lasting(played_ms / 1000) if played_ms else "",
            by=", ".join(_once(say_proof(entry) for entry in due)),
            why=" ".join(_once(say_why(entry) for entry in due)),
        )
        lines.append((_FIRST.index(worst.outcome), worst.place, line))
    return [line for _, _, line in sorted(lines, key=lambda one: one[:2])]


def _once(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(text for text in texts if text))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _said(found: Sequence[Entry]) -> str:
    """ "4 cụm loa: 3 đã phát, nghe thấy; 1 chưa xác nhận"; of repeats "2 cụm loa, 24 lượt: 4 đã phát; 20 đã huỷ" """
    each = [entry.outcome for entry in found]
    parts = [f"{each.count(outcome)} {words}" for outcome, words in _SAID.items() if outcome in each]
    nodes = len({entry.node for entry in found})
    plays = f", {len(each)} lượt" if len(each) > nodes else ""
    return f"{nodes} cụm loa{plays}: {'; '.join(parts)}"


def _line(entry: Entry) -> Line:
    late = f", trễ {number(entry.late_ms / 1000, 1)} giây" if entry.late_ms and entry.late_ms >= 500 else ""
    return Line(
        node=entry.node,
        place=entry.place,
        weight=WEIGHTS[entry.outcome],
        result=OUTCOMES_SAID[entry.outcome],
        started=f"{hms(entry.started_at)}{late}" if entry.started_at else "",
        lasted=lasting(entry.played_ms / 1000) if entry.played_ms else "",
        by=say_proof(entry),
        why=say_why(entry),
    )


def _parts(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for n in range(0, len(keys), 500):
        yield keys[n : n + 500]
