"""A camera's day from midnight to midnight: what it told, when it did not see, who looked, what it was to ignore."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from flask import Blueprint, abort, render_template, request
from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, selectinload

from broker.hub.alerts import TRUE_REASON
from broker.hub.console import access
from broker.hub.console.day import commune_of
from broker.hub.console.desk import desk, now
from broker.hub.console.watch import state_of, title_of
from broker.hub.console.wording import hm, lasting, local, long_day
from broker.hub.records import Account, Alert, Camera, CameraLive, CameraQuiet
from broker.link.clock import LOCAL

pages = Blueprint("duty_day", __name__)

MINUTES: Final = 1440
NARROWEST: Final = 4.0
"""Minutes: a shorter mark could not be seen on the strip of a day."""
BLINDING: Final = ("tamper", "outage")
MOST: Final = 400
"""Alerts of one day; a camera that tells more is set up wrongly, and the page says that there are more."""
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class Mark:
    """A span on the strip, in minutes after midnight."""

    begin: float
    length: float
    cls: str


@dataclass(frozen=True)
class Event:
    """One line below the strip."""

    at: datetime
    clock: str
    said: str
    weight: str = ""
    state: str = ""
    alert: int = 0
    """Its number, 0 for what is no alert."""


@dataclass(frozen=True)
class Day:
    """Midnight to midnight, and what of it has passed."""

    first: datetime
    now: datetime

    @property
    def last(self) -> datetime:
        """The midnight at its end."""
        return self.first + _DAY

    def minute(self, at: datetime) -> float:
        """How far along the day, held within it."""
        return min(max((at - self.first).total_seconds() / 60, 0.0), float(MINUTES))

    def mark(self, begin: datetime, end: datetime, cls: str) -> Mark:
        """A span of it."""
        since, until = self.minute(begin), self.minute(min(end, self.now))
        length = max(until - since, NARROWEST)
        return Mark(round(min(since, MINUTES - length), 1), round(length, 1), cls)

    def span_said(self, begin: datetime, end: datetime | None) -> str:
        """ "22:40 đến 22:41", with words where it began before or goes on after; "22:40" within one minute."""
        since = hm(begin) if begin >= self.first else "từ hôm trước"
        if end is None:
            return f"{since} đến bây giờ" if self.now < self.last else f"{since} đến hết ngày"
        until = hm(end) if end <= self.last else "hôm sau"
        return since if since == until and end - begin < timedelta(minutes=1) else f"{since} đến {until}"


@pages.get("/duty/camera/<node>/<camera>")
@access.allow("police")
def one(node: str, camera: str) -> str:
    """A day of a camera; `ngay` says which, today for anything else."""
    at = now()
    today = local(at).date()
    chosen = _asked(request.args.get("ngay", ""), today)
    day = Day(datetime.combine(chosen, time(), LOCAL), at)
    with desk().database.reading() as db:
        row = db.get(Camera, (node, camera))
        if row is None:
            abort(404)
        commune = commune_of(db)
        rows = alerts_of(db, node, camera, day)
        lives = _lives(db, node, camera, day)
        quiet = _quiet(db, node, camera, day)
        people = {each.id: each.full_name for each in db.execute(select(Account.id, Account.full_name))}
        told = [_event(one, row, day) for one in rows[-MOST:]]
    events = [*told, *(_looked(one, people, day) for one in lives)]
    return render_template(
        "duty-day.html",
        here="duty",
        theme="night",
        row=row,
        village=commune.names.get(row.village, row.village),
        title=long_day(chosen),
        day=chosen.isoformat(),
        strips=strips_of(day, rows, lives, quiet),
        now_at=round(day.minute(at), 1) if chosen == today else None,
        events=sorted(events, key=lambda each: each.at),
        quiet=[_quiet_said(one, day) for one in quiet],
        summary=summary(rows, day),
        has_more=len(rows) > MOST,
        before=(chosen - _DAY).isoformat(),
        after=(chosen + _DAY).isoformat() if chosen < today else "",
        today=today.isoformat(),
    )


def alerts_of(db: Session, node: str, camera: str, day: Day) -> Sequence[Alert]:
    """Alerts that began on this day or had not ended before it, the earliest first."""
    lasts = and_(
        Alert.kind.in_(BLINDING),
        Alert.ended_at.is_(None),
        or_(Alert.closed_at.is_(None), Alert.closed_at > day.first),
    )
    query = select(Alert).where(
        Alert.node == node,
        Alert.camera == camera,
        Alert.kind.in_(("motion", *BLINDING)),
        Alert.started_at < day.last,
        or_(Alert.started_at >= day.first, Alert.ended_at > day.first, lasts),
    )
    rows = db.scalars(
        query.options(selectinload(Alert.officer)).order_by(Alert.started_at.desc()).limit(MOST + 1)
    )
    return rows.all()[::-1]


def strips_of(
    day: Day, rows: Iterable[Alert], lives: Iterable[CameraLive], quiet: Iterable[CameraQuiet]
) -> list[tuple[str, list[Mark]]]:
    """(name, marks) of each strip, from above."""
    told: list[Mark] = []
    blind: list[Mark] = []
    for alert in rows:
        mark = day.mark(alert.started_at, _end(alert, day) or day.now, _class(alert))
        (blind if alert.kind in BLINDING else told).append(mark)
    looked = [day.mark(one.asked_at, one.ended_at or one.until, "live") for one in lives]
    return [
        ("Cảnh báo", told),
        ("Không nhìn được", blind),
        ("Xem trực tiếp", looked),
        ("Bỏ qua", [mark for one in quiet for mark in quiet_marks(one, day)]),
    ]


def quiet_marks(quiet: CameraQuiet, day: Day) -> list[Mark]:
    """When on this day something was to be ignored: from its applying to its undoing, in its hours."""
    since, until = max(quiet.applied_at, day.first), min(quiet.undone_at or day.now, day.last, day.now)
    if since >= until:
        return []
    if not quiet.hours:
        return [day.mark(since, until, "quiet")]
    spans = [each for hours in quiet.hours for each in _spans(hours, day)]
    cut = [(max(begin, since), min(end, until)) for begin, end in spans]
    return [day.mark(begin, end, "quiet") for begin, end in cut if begin < end]


def summary(rows: Sequence[Alert], day: Day) -> str:
    """The day in one sentence: "12 cảnh báo, 3 báo nhầm. Không nhìn được 40 phút.\""""
    told = [one for one in rows if one.kind not in BLINDING]
    false = sum(one.state == "closed" and one.close_reason not in ("", TRUE_REASON) for one in told)
    said = f"{len(told)} cảnh báo" if told else "Không có cảnh báo nào"
    said += f", {false} báo nhầm." if false else "."
    blind_s = _blind_s(
        [(one.started_at, _end(one, day) or day.now) for one in rows if one.kind in BLINDING], day
    )
    return f"{said} Không nhìn được {lasting(blind_s)}." if blind_s else said


def _blind_s(spans: list[tuple[datetime, datetime]], day: Day) -> float:
    """Seconds of the day in which at least one of the spans holds."""
    total, reached = 0.0, day.first
    for begin, end in sorted(spans):
        since, until = max(begin, reached), min(end, day.last, day.now)
        if since < until:
            total += (until - since).total_seconds()
            reached = until
    return total


def _spans(hours: Mapping[str, Any], day: Day) -> Iterable[tuple[datetime, datetime]]:
    """What one entry of hours means on this day; a span over midnight began the day before."""
    length = (int(hours["until_min"]) - int(hours["since_min"])) % MINUTES or MINUTES
    for first in (day.first - _DAY, day.first):
        if first.weekday() in hours["days"]:
            begin = first + timedelta(minutes=int(hours["since_min"]))
            yield begin, begin + timedelta(minutes=length)


def _end(alert: Alert, day: Day) -> datetime | None:
    """When it was over; None while it goes on. Movement without a told end is a moment."""
    if alert.ended_at is not None:
        return alert.ended_at
    if alert.kind not in BLINDING:
        return alert.started_at
    return alert.closed_at if alert.closed_at is not None and alert.closed_at <= day.now else None


def _class(alert: Alert) -> str:
    if alert.kind in BLINDING:
        return alert.kind
    if alert.state != "closed":
        return "open"
    return "true" if alert.close_reason == TRUE_REASON else "false"


def _event(alert: Alert, camera: Camera, day: Day) -> Event:
    weight, state = state_of(alert)
    title = title_of(alert, {(alert.node, alert.camera): camera})
    end = _end(alert, day)
    clock = day.span_said(alert.started_at, end) if alert.kind in BLINDING else hm(alert.started_at)
    if alert.kind not in BLINDING and alert.started_at < day.first:
        clock = day.span_said(alert.started_at, end)
    return Event(alert.started_at, clock, title, weight, state, alert.id)


def _looked(live: CameraLive, people: Mapping[int, str], day: Day) -> Event:
    who = people.get(live.asked_by, "")
    return Event(
        live.asked_at,
        day.span_said(live.asked_at, live.ended_at or live.until),
        f"{who} xem trực tiếp: {live.reason}",
    )


def _quiet_said(quiet: CameraQuiet, day: Day) -> str:
    parts = [f"{quiet.name}, từ {hm(quiet.applied_at)} {local(quiet.applied_at):%-d/%-m/%Y}"]
    if quiet.undone_at is not None and quiet.undone_at < day.last:
        parts.append(f"đến {hm(quiet.undone_at)} {local(quiet.undone_at):%-d/%-m/%Y}")
    return " ".join(parts)


def _lives(db: Session, node: str, camera: str, day: Day) -> Sequence[CameraLive]:
    query = select(CameraLive).where(
        CameraLive.node == node,
        CameraLive.camera == camera,
        CameraLive.asked_at < day.last,
        CameraLive.until > day.first,
    )
    return db.scalars(query.order_by(CameraLive.asked_at)).all()


def _quiet(db: Session, node: str, camera: str, day: Day) -> Sequence[CameraQuiet]:
    query = select(CameraQuiet).where(
        CameraQuiet.node == node,
        CameraQuiet.camera == camera,
        CameraQuiet.applied_at < day.last,
        or_(CameraQuiet.undone_at.is_(None), CameraQuiet.undone_at > day.first),
    )
    return db.scalars(query.order_by(CameraQuiet.applied_at)).all()


def _asked(text: str, today: date) -> date:
    """The day that was asked for; today for no day, for one to come, and before anything was recorded."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return today
    return found if date(2000, 1, 1) < found <= today else today
