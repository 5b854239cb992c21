"""Lịch tuần: what will be said on each day of one week, on the screen and as one sheet for the notice board."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask import Blueprint, render_template, request
from sqlalchemy import select
from sqlalchemy.orm import Session, contains_eager

from broker.hub.announcing.rules import rules_of
from broker.hub.console import access
from broker.hub.console.day import (
    Commune,
    bounds,
    commune_of,
    length_of,
    start_of,
    station_of,
    today_of,
    waiting,
)
from broker.hub.console.desk import desk, now
from broker.hub.console.drafting import KINDS
from broker.hub.console.today import READERS
from broker.hub.console.wording import WEEKDAYS, hm, lasting, local
from broker.hub.records import Occurrence, Revision
from broker.link.calendar import holiday, lunar_of
from broker.trust.envelope import Quiet
from broker.trust.quiet import hours_on

pages = Blueprint("week", __name__)

MOST_CLOCKS = 4
"""So many hours of one announcement are written out on a day; more are said as a stretch."""
MOST_ON_LARGE = 28
"""Beyond so many lines the printed sheet takes smaller letters."""
FURTHEST = timedelta(days=10 * 366)
"""An address that asks for a week further away is not meant."""


@dataclass(frozen=True)
class Entry:
    """One announcement on one day, with all its hours of that day."""

    announcement: str
    title: str
    first: datetime
    count: int
    clocks: str
    kind: str
    tag: str
    where: str
    length: str
    is_waiting: bool
    is_past: bool


@dataclass(frozen=True)
class Day:
    """One column of the sheet."""

    day: date
    name: str
    said: str
    lunar: str
    holiday: str
    quiet: str
    is_today: bool
    entries: Sequence[Entry]


@pages.get("/week")
@access.allow(*READERS)
def week() -> str:
    """The week of `ngay` (any day of it, ISO 8601), this week without one or with a day that is none."""
    at = now()
    monday = monday_of(_asked(request.args.get("ngay", ""), today_of(at)))
    with desk().database.reading() as db:
        quiet = rules_of(db).quiet
        days = days_of(db, commune_of(db), monday, at, quiet)
    entries = [each for day in days for each in day.entries]
    return render_template(
        "week.html",
        here="today",
        days=days,
        head=_head(monday, today_of(at)),
        span=_span(monday),
        is_dense=len(entries) > MOST_ON_LARGE,
        planned=sum(each.count for each in entries if not each.is_waiting),
        waits=sum(each.count for each in entries if each.is_waiting),
        before=(monday - timedelta(days=7)).isoformat(),
        after=(monday + timedelta(days=7)).isoformat(),
        is_now=monday == monday_of(today_of(at)),
        quiet=_quiet_of(days),
        printed=f"{hm(at)} ngày {local(at):%d/%m/%Y}",
    )


def monday_of(day: date) -> date:
    """The first day of its week."""
    return day - timedelta(days=day.weekday())


def days_of(db: Session, commune: Commune, monday: date, at: datetime, quiet: Quiet) -> list[Day]:
    """Seven days with what stands on each: approved playings, and starts that wait for approval.

    Only what the commune plans: emergencies and drills have pages of their own and never hang on a notice board.
    """
    since, until = bounds(monday)[0], bounds(monday + timedelta(days=6))[1]
    occurrences = db.scalars(
        select(Occurrence)
        .join(Occurrence.revision)
        .where(Occurrence.start >= since, Occurrence.start < until, Occurrence.cancelled_at.is_(None))
        .where(Revision.kind != "emergency", Revision.drill.is_(False))
        .options(contains_eager(Occurrence.revision))
        .order_by(Occurrence.start)
    )
    moments: dict[tuple[date, int], list[datetime]] = {}
    revisions: dict[int, Revision] = {}
    found = [(one.start, one.revision) for one in occurrences]
    found += [
        (start, one)
        for one in waiting(db)
        if one.kind != "emergency" and not one.drill
        for start in map(start_of, one.starts)
        if since <= start < until
    ]
    for start, revision in found:
        revisions[revision.id] = revision
        moments.setdefault((local(start).date(), revision.id), []).append(start)
    days = [monday + timedelta(days=n) for n in range(7)]
    return [
        _day(
            day,
            [
                _entry(commune, revisions[key], starts, at)
                for (on, key), starts in moments.items()
                if on == day
            ],
            at,
            quiet,
        )
        for day in days
    ]


def _day(day: date, entries: Sequence[Entry], at: datetime, quiet: Quiet) -> Day:
    moon = lunar_of(day)
    hours = hours_on(quiet, day)
    return Day(
        day=day,
        name=WEEKDAYS[day.weekday()],
        said=f"{day.day}/{day.month}",
        lunar=f"{moon.day}/{moon.month}{' nhuận' if moon.leap else ''} âm",
        holiday=holiday(day),
        quiet="" if hours.since == hours.until else f"từ {hours.since} đến {hours.until}",
        is_today=day == today_of(at),
        entries=sorted(entries, key=lambda each: (each.first, each.title)),
    )


def _entry(commune: Commune, revision: Revision, starts: Sequence[datetime], at: datetime) -> Entry:
    length_s, moments = length_of(revision), sorted(set(starts))
    is_waiting = revision.state == "submitted"
    tag = "" if revision.kind == "routine" else KINDS.get(revision.kind, revision.kind)
    station = station_of(revision)
    return Entry(
        announcement=revision.announcement_id,
        title=revision.title,
        first=moments[0],
        count=len(moments),
        clocks=_clocks(moments),
        kind=revision.kind,
        tag=f"Tiếp sóng {station}" if station else tag,
        where=commune.say_places(revision.villages),
        length=lasting(length_s) if length_s else "",
        is_waiting=is_waiting,
        is_past=moments[-1] + timedelta(seconds=length_s) < at,
    )


def _clocks(moments: Sequence[datetime]) -> str:
    if len(moments) > MOST_CLOCKS:
        return f"{hm(moments[0])} – {hm(moments[-1])}, {len(moments)} lượt"
    return ", ".join(hm(each) for each in moments)


def _quiet_of(days: Sequence[Day]) -> list[str]:
    """Hours of silence of the week: one sentence where every day has the same, else one for each kind of day."""
    groups: dict[str, list[str]] = {}
    for day in days:
        groups.setdefault(day.quiet, []).append(day.name)
    said = {quiet: f"im lặng {quiet}" if quiet else "không có giờ im lặng" for quiet in groups}
    if len(groups) == 1:
        return [f"Loa {said[days[0].quiet]} mỗi ngày."]
    return [f"{', '.join(names)}: loa {said[quiet]}." for quiet, names in groups.items()]


def _asked(text: str, today: date) -> date:
    try:
        asked = date.fromisoformat(text)
    except ValueError:
        return today
    return asked if abs(asked - today) <= FURTHEST else today


def _head(monday: date, today: date) -> str:
    weeks = (monday - monday_of(today)).days // 7
    return {-1: "Tuần trước", 0: "Tuần này", 1: "Tuần sau"}.get(weeks, "Lịch tuần")


def _span(monday: date) -> str:
    sunday = monday + timedelta(days=6)
    since = f"{monday.day}/{monday.month}" + (f"/{monday.year}" if monday.year != sunday.year else "")
    return f"từ thứ Hai {since} đến Chủ nhật {sunday.day}/{sunday.month}/{sunday.year}"
