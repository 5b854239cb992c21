"""Phát lúc nào: the starts of what is being written, on the day line and as a list, with what stands in their way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from markupsafe import Markup
from sqlalchemy.orm import Session

from broker.hub.announcing import checks, planner, recurrence
from broker.hub.announcing.bookings import Booked, booked, tolerance_for, turns_of
from broker.hub.announcing.each_start import troubles_of
from broker.hub.announcing.order import place_of
from broker.hub.announcing.planner import Booking
from broker.hub.announcing.rules import Rules, rules_of
from broker.hub.announcing.slots import free_slots
from broker.hub.announcing.workflow import Draft
from broker.hub.console.day import Commune, Row, rows_of, strip
from broker.hub.console.fields import Fields
from broker.hub.console.times import Times, times_of
from broker.hub.console.wording import day_name, hm, hms, hours_of, local, short_day
from broker.hub.declined import Declined
from broker.look.dayline import Mark, MarkKind
from broker.trust.envelope import MOST_STARTS
from broker.trust.quiet import quiet_on

AROUND = timedelta(days=16)
"""So far behind the last start is looked, for free times to offer."""
TIME_CODES = frozenset(
    {"past", "too-far", "quiet-hours", "clash", "session-limit", "sessions-a-day", "day-limit"}
)
"""What another time puts right."""


@dataclass(frozen=True)
class When:
    """What the page says of the time."""

    info: str
    line: Markup
    trouble: str
    free: Sequence[datetime]
    problems: Sequence[Declined]
    times: Times | None
    """Every start, where it is said again and again."""
    queue: Queue | None = None
    """The ưu tiên it meets: the commune says which speaks first."""


@dataclass(frozen=True)
class Queue:
    """Two ưu tiên, or more, that meet: who speaks when."""

    others: str
    """Those it meets, in words: "“Lũ về”"."""
    is_first: bool
    begins: str
    """When this one is read then, "17:02:10"."""
    day: str


def when_of(db: Session, commune: Commune, fields: Fields, length_s: float, now: datetime, key: str) -> When:
    """Look at the starts of a form. length_s: of one play. key: the announcement, empty for a new one."""
    draft, rules = fields.draft, rules_of(db)
    starts = [now] if draft.play_now else list(draft.starts)[: MOST_STARTS + 1]
    wanted = _bookings(db, draft, starts, length_s, key)
    until = max(starts, default=now) + AROUND
    others = booked(db, now - timedelta(hours=2), until, without=key)
    refusals, troubles = _refusals(fields, now), {}
    problems = list(refusals)
    if draft.villages:
        troubles = troubles_of(wanted, others, rules) if fields.again.is_on else {}
        if troubles or not fields.again.is_on:
            problems += _refused(wanted, others, rules, now, is_now=draft.play_now)
    problem = next((each for each in problems if each.code in TIME_CODES), None)
    free = _free(wanted, others, rules, now) if problem and not fields.again.is_on else []
    shown = next(iter(troubles), starts[0] if starts else now)
    day = local(shown).date()
    rows = [row for row in rows_of(db, commune, day, now) if row.announcement != key]
    return When(
        info=_info(fields, day, now),
        line=_line(
            rows,
            [each for each in wanted if local(each.start).date() == day],
            free,
            rules,
            day,
            now,
            troubles,
            problem,
        ),
        trouble=_sentence(fields, refusals, problem),
        free=free,
        problems=problems,
        queue=None if draft.play_now else _queue(wanted, others, now),
        times=times_of(starts[:MOST_STARTS], draft.recurrence, now, troubles, len(draft.starts))
        if fields.again.is_on
        else None,
    )


def _bookings(
    db: Session, draft: Draft, starts: Sequence[datetime], length_s: float, key: str
) -> list[Booking]:
    rank = draft.kind if draft.relay is None else "relay"
    what = Booked(
        key, draft.title, rank, frozenset(draft.villages), place_of("after" if draft.play_now else draft.turn)
    )
    turns = turns_of(db)
    tolerance_s = tolerance_for(turns, rank, draft.villages, length_s)
    return [what.at(at, length_s, tolerance_s, turns, is_now=draft.play_now) for at in starts]


def _queue(wanted: Sequence[Booking], others: Sequence[Booking], now: datetime) -> Queue | None:
    """What to ask of the first start that meets another ưu tiên."""
    met = planner.first_queue(wanted, others)
    if not met:
        return None
    mine = next(each for each in met if each in wanted or replace(each, delay_s=0.0) in wanted)
    titles = [f"“{each.title or 'chưa có tên'}”" for each in met if each is not mine]
    day = local(mine.begins).date()
    return Queue(", ".join(titles[:2]), met[0] is mine, hms(mine.begins), short_day(day, local(now).date()))


def _refusals(fields: Fields, now: datetime) -> list[Declined]:
    """What is wrong with the times themselves, whatever else is planned."""
    draft = fields.draft
    if draft.play_now:
        return []
    if fields.trouble:
        return [Declined("again", fields.trouble)]
    try:
        starts = recurrence.refuse_rule(draft.recurrence, now) if draft.recurrence else draft.starts
        checks.refuse_starts(starts, now)
    except Declined as why:
        return [why]
    return []


def _refused(
    wanted: Sequence[Booking], others: Sequence[Booking], rules: Rules, now: datetime, *, is_now: bool
) -> list[Declined]:
    try:
        checks.refuse_times(wanted, others, rules, now, interrupts=is_now)
    except Declined as why:
        return [why]
    return []


def _free(
    wanted: Sequence[Booking], others: Sequence[Booking], rules: Rules, now: datetime
) -> list[datetime]:
    """The three next free times for what was wanted."""
    if not wanted or not wanted[0].villages:
        return []
    after = max(now + timedelta(minutes=2), wanted[0].start)
    return free_slots(wanted[0], others, rules.quiet, after, caps=rules.caps)


def _info(fields: Fields, day: date, now: datetime) -> str:
    if fields.draft.play_now:
        return "Ngay khi được duyệt"
    if not fields.again.is_on:
        return day_name(day, local(now).date())
    count = len(fields.draft.starts)
    return f"{count} lượt · {day_name(day, local(now).date())}" if count else "Nhiều lần"


def _sentence(fields: Fields, refusals: Sequence[Declined], problem: Declined | None) -> str:
    """What to say below the line: of one start what is wrong with it, free times stand below it as buttons; of a list
    what is wrong with all of it, what is in the way of single starts stands in the list."""
    if fields.again.is_on:
        return str(refusals[0]) if refusals else ""
    if problem is not None:
        return str(problem).partition(" Giờ còn trống:")[0]
    if fields.trouble:
        return fields.trouble
    if fields.draft.play_now or fields.draft.starts or not fields.time.strip():
        return ""
    return f"Giờ “{fields.time.strip()[:20]}” không đọc được, xin ghi như 17:30."


def _line(
    rows: Sequence[Row],
    wanted: Sequence[Booking],
    free: Sequence[datetime],
    rules: Rules,
    day: date,
    now: datetime,
    troubles: Mapping[datetime, str],
    problem: Declined | None,
) -> Markup:
    """One day: of a list the first that something is wrong with, else its first."""
    marks = [Mark(hours_of(at), _minutes(wanted), "pick") for at in free if local(at).date() == day]
    for one in wanted:
        is_clash = one.start in troubles or (problem is not None and not troubles)
        label = f"{hm(one.start)} không được" if is_clash else hm(one.start)
        kind: MarkKind = "clash" if is_clash else "relay" if one.kind == "relay" else "planned"
        marks.append(Mark(hours_of(one.start), one.duration_s / 60, kind, label, is_own=True))
    return strip(rows, quiet_on(rules.quiet, day), now if local(now).date() == day else None, marks)


def _minutes(wanted: Sequence[Booking]) -> float:
    return wanted[0].duration_s / 60 if wanted else 0.0
