"""Giờ giấc của loa: hours of silence, how much a village may have to hear, neighbours that speak in turns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from broker.hub.announcing import planner
from broker.hub.announcing.bookings import booked
from broker.hub.announcing.planner import Booking
from broker.hub.announcing.rules import SETTERS, Rules, rules_of, set_rules
from broker.hub.announcing.sittings import DAY_CEILING_S, SITTING_CEILING_S
from broker.hub.announcing.turns import NEAR_M, Point, colour, distance_m, neighbours
from broker.hub.console import access
from broker.hub.console.desk import desk, now
from broker.hub.console.typed import clock_of, dates_of
from broker.hub.console.wording import local, when
from broker.hub.declined import Declined
from broker.hub.records import Account, NodeRecord
from broker.trust.envelope import Hours, Quiet
from broker.trust.quiet import hours_on, is_quiet, kind_of_day

pages = Blueprint("rules", __name__)

READERS = ("editor", "approver", "leader", "admin", "auditor", "village")
AHEAD = timedelta(days=60)
"""So far plays are looked through for hours that no longer allow them."""
MOST_NAMED = 6
NOTES = {"set": "Đã ghi. Loa theo giờ giấc mới khi nhận được lịch phát, thường trong vài giây."}
_HOURS = (
    ("quiet", "ngày thường", "Thứ Hai đến thứ Sáu, và những ngày không có giờ riêng ở dưới"),
    ("weekend", "cuối tuần", "Thứ Bảy và Chủ nhật; để trống nếu như ngày thường"),
    ("holiday", "ngày lễ", "Tết, giỗ Tổ, các ngày nghỉ lễ; để trống nếu như ngày thường"),
)


@dataclass(frozen=True)
class Near:
    """Two loudspeakers that are heard together."""

    one: str
    other: str
    metres: int
    turns: str
    """ "lượt 1 và lượt 2"."""


@pages.get("/rules")
@access.allow(*READERS)
def page() -> str:
    """The page."""
    return _page()


@pages.post("/rules")
@access.allow(*SETTERS)
def change() -> Response | tuple[str, int]:
    """Change the rules."""
    at = now()
    try:
        rules = rules_from(request.form, local(at).date())
        with desk().database.session() as db:
            set_rules(db, db.get_one(Account, access.visitor().id), rules, at)
    except Declined as why:
        return _page(str(why), request.form), 409
    return redirect(url_for("rules.page", note="set"))


def rules_from(form: Mapping[str, str], today: date) -> Rules:
    """What the form says. Raises Declined with the sentence of the first field that cannot be."""
    usual = _hours(form, "quiet", "ngày thường")
    if usual is None:
        raise Declined("no-quiet", "Xin ghi giờ yên tĩnh của ngày thường, ví dụ từ 21:00 đến 06:00.")
    days, wrong = dates_of(form.get("days", ""), today)
    if wrong:
        raise Declined("bad-day", f"Ngày “{wrong}” không đọc được, xin ghi như 20/11/2026.")
    holiday = _hours(form, "holiday", "ngày lễ")
    if days and holiday is None:
        raise Declined("days-alone", "Đã ghi ngày lễ của xã thì xin ghi giờ yên tĩnh của ngày lễ.")
    fields = {
        "quiet": Quiet(
            since=usual.since,
            until=usual.until,
            weekend=_hours(form, "weekend", "cuối tuần"),
            holiday=holiday,
        ),
        "session_limit_s": 60 * _number(form, "sitting", SITTING_CEILING_S // 60, "Số phút của một buổi"),
        "sittings_a_day": _number(form, "sittings", 24, "Số buổi một ngày"),
        "day_limit_s": 60 * _number(form, "minutes", DAY_CEILING_S // 60, "Số phút một ngày"),
        "is_in_turns": form.get("turns") == "yes",
        "own_days": [day.isoformat() for day in days],
    }
    try:
        return msgspec.convert(msgspec.to_builtins(fields), Rules)
    except msgspec.ValidationError as why:
        raise Declined("bad-rules", "Nhiều nhất 60 ngày lễ của xã, xin bớt lại.") from why


def fields_of(rules: Rules) -> dict[str, str]:
    """Rules as the form shows them."""
    found = {"quiet_since": rules.quiet.since, "quiet_until": rules.quiet.until}
    for name, hours in (("weekend", rules.quiet.weekend), ("holiday", rules.quiet.holiday)):
        found |= {
            f"{name}_since": hours.since if hours else "",
            f"{name}_until": hours.until if hours else "",
        }
    return found | {
        "days": ", ".join(f"{date.fromisoformat(day):%-d/%-m/%Y}" for day in rules.own_days),
        "sitting": _or_empty(rules.session_limit_s // 60),
        "sittings": _or_empty(rules.sittings_a_day),
        "minutes": _or_empty(rules.day_limit_s // 60),
        "turns": "yes" if rules.is_in_turns else "",
    }


def headline(rules: Rules, at: datetime) -> str:
    """The answer first: what holds today."""
    day = local(at).date()
    hours, kind = hours_on(rules.quiet, day), kind_of_day(rules.quiet, day)
    today = f"Hôm nay {kind}, loa" if kind else "Hôm nay loa"
    if hours.since == hours.until:
        return f"{today} được nói suốt ngày đêm."
    verb = "đang im," if is_quiet(rules.quiet, at, at) else "im"
    return f"{today} {verb} từ {hours.since} đến {hours.until}."


def _page(trouble: str = "", form: Mapping[str, str] | None = None) -> str:
    at = now()
    with desk().database.reading() as db:
        rules = rules_of(db)
        hushed = _hushed(db, rules, at)
        found: dict[str, Any] = _neighbours(db) | {
            "hushed": hushed[:MOST_NAMED],
            "left": len(hushed) - MOST_NAMED,
        }
    return render_template(
        "rules.html",
        here="rules",
        head=headline(rules, at),
        trouble=trouble,
        note=NOTES.get(request.args.get("note", ""), ""),
        form=form or fields_of(rules),
        hours=_HOURS,
        holidays=_next_holidays(rules, local(at).date()),
        may_set=access.visitor().is_any(*SETTERS),
        near_m=round(NEAR_M),
        most=(SITTING_CEILING_S // 60, DAY_CEILING_S // 60),
        **found,
    )


def _hushed(db: Session, rules: Rules, at: datetime) -> list[tuple[str, str, str]]:
    """Approved plays that the hours in force will keep silent: announcement, title, when."""
    rows = booked(db, at, at + AHEAD, waiting=False)
    ordinary = [each for each in rows if each.kind != "emergency" and each.start > at]
    silent = [each for each in planner.line_up(ordinary) if is_quiet(rules.quiet, each.begins, each.end)]
    return [_say(each, at) for each in sorted(silent, key=lambda each: each.start)]


def _say(each: Booking, at: datetime) -> tuple[str, str, str]:
    return each.announcement, each.title, when(each.begins, at)


def _neighbours(db: Session) -> dict[str, Any]:
    """Who is near whom, and whose place nobody has entered."""
    rows = list(
        db.scalars(select(NodeRecord).where(NodeRecord.retired_at.is_(None)).order_by(NodeRecord.label))
    )
    labels = {row.name: row.label for row in rows}
    points = {
        row.name: Point(row.latitude, row.longitude, row.village)
        for row in rows
        if row.latitude is not None and row.longitude is not None
    }
    near = neighbours(points)
    turn = colour(near)
    pairs = [
        Near(
            labels[one],
            labels[other],
            round(distance_m(points[one], points[other]) / 10) * 10,
            f"lượt {turn[one] + 1} và lượt {turn[other] + 1}",
        )
        for one in near
        for other in near[one]
        if one < other
    ]
    return {
        "near": sorted(pairs, key=lambda pair: (pair.metres, pair.one)),
        "groups": max(turn.values(), default=0) + 1,
        "unplaced": [(row.name, row.label) for row in rows if row.name not in points],
        "placed": len(points),
    }


def _next_holidays(rules: Rules, today: date) -> list[str]:
    """The next few days on which the hours of holidays hold, to see what they are."""
    ahead = [date.fromisoformat(day) for day in rules.quiet.holidays if day >= today.isoformat()]
    return [f"{day:%-d/%-m/%Y}" for day in ahead[:MOST_NAMED]]


def _hours(form: Mapping[str, str], name: str, said: str) -> Hours | None:
    """Hours as typed; None where both fields are empty."""
    typed = [form.get(f"{name}_{end}", "").strip() for end in ("since", "until")]
    if not any(typed):
        return None
    since, until = (clock_of(each) for each in typed)
    if since is None or until is None:
        raise Declined(
            "bad-hours", f"Giờ yên tĩnh {said} không đọc được, xin ghi đủ hai giờ như 21:00 và 06:00."
        )
    return Hours(since=since, until=until)


def _number(form: Mapping[str, str], name: str, most: int, said: str) -> int:
    """A whole number as typed, 0 for an empty field."""
    typed = form.get(name, "").strip()
    if not typed:
        return 0
    if typed.isascii() and typed.isdecimal() and len(typed) < 6 and 1 <= int(typed) <= most:
        return int(typed)
    raise Declined("bad-number", f"{said} là số từ 1 đến {most}; để trống nếu xã không hạn.")


def _or_empty(number: int) -> str:
    return str(number) if number else ""
