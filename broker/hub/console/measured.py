"""Số đo: every series with its last value, and the page of one series with its chart, its numbers and its files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Blueprint, abort, render_template, request, url_for

from broker.hub.console import access
from broker.hub.console.day import commune_of
from broker.hub.console.desk import desk, is_part, now
from broker.hub.console.history import DAY_LONG, SPANS, WEEK_LONG, History, Span, history_of, is_believed
from broker.hub.console.levels import Sensor, csv_of, draw, sensors_of, trend
from broker.hub.console.pager import here, page_of, turn
from broker.hub.console.wording import count, lasting, local, number, when
from broker.hub.telemetry.series import MOST_RAW
from broker.look.chart import NARROW, WIDE

pages = Blueprint("measured", __name__)

READERS = ("editor", "approver", "leader", "admin", "auditor", "police")
PER_PAGE = 40
PAGE = "trang"


@dataclass(frozen=True)
class Line:
    """One line of the table: a stretch of time and its numbers, or one without any."""

    since: str
    at: str
    low: str
    mean: str
    high: str
    count: str
    doubted: str
    is_gap: bool = False


@dataclass(frozen=True)
class Entry:
    """One series in the list."""

    title: str
    place: str
    value: str
    age: str
    weight: str
    href: str


@pages.get("/measured")
@access.allow(*READERS)
def all_series() -> str:
    """Every series by place, or only its changing part for the script."""
    at = now()
    with desk().database.reading() as db:
        found = sensors_of(db, commune_of(db))
    page = page_of(found, request.args.get(PAGE, ""), PER_PAGE)
    old = sum(each.is_old(at) for each in found)
    return render_template(
        "_measured.html" if is_part() else "measured.html",
        here="over",
        head=_say_all(len(found), old),
        entries=[_entry(each, at) for each in page.items],
        page=page,
        address=here(),
        turn=turn,
    )


@pages.get("/measured/<node>/<service>/<name>")
@access.allow(*READERS)
def one_series(node: str, service: str, name: str) -> str:
    """One series over `range` (24h, 7d, 30d, 13m)."""
    at = now()
    span = next((each for each in SPANS if each.key == request.args.get("range")), DAY_LONG)
    with desk().database.reading() as db:
        found = [each for each in sensors_of(db, commune_of(db), node, name) if each.one.service == service]
        if not found:
            abort(404)
        sensor = found[0]
        history = history_of(db, sensor.one, span, at)
        moves = trend(sensor, history_of(db, sensor.one, WEEK_LONG, at))
    is_raw = 0 < history.count + history.doubted <= MOST_RAW
    return render_template(
        "_series.html" if is_part() else "series.html",
        here="over",
        sensor=sensor,
        span=span,
        spans=[(each, _address(sensor, each)) for each in SPANS],
        address=_address(sensor, span),
        holding=next(
            ((each.name, _address(sensor, each)) for each in SPANS if sensor.one.at > at - each.length), None
        ),
        said=_say(sensor, moves, at),
        history=history,
        pictures=(
            draw(sensor, history, WIDE, is_whole=True, cls="whole"),
            draw(sensor, history, NARROW, is_whole=True, cls="late"),
        ),
        sums=_sums(sensor, history),
        missing=say_missing(history),
        lines=lines_of(sensor, history),
        is_old=sensor.is_old(at) or not is_believed(sensor.one),
        csv=csv_of(sensor.one, history.since, history.until, span.bucket_s),
        raw=csv_of(sensor.one, history.since, history.until, 0) if is_raw else "",
        step=lasting(span.bucket_s) if span.bucket_s < 86_400 else "ngày",
    )


def lines_of(sensor: Sensor, history: History) -> list[Line]:
    """The numbers of the chart as a table, newest first; stretches without a reading are lines of their own."""
    step, found = timedelta(seconds=history.span.bucket_s), []
    last = history.until
    for row in reversed(history.rows):
        if row.at + step < last:
            found.append(_empty(row.at + step, last, history))
        found.append(
            Line(
                row.at.isoformat(),
                _moment(row.at, history),
                _plain(sensor, row.low),
                _plain(sensor, row.mean),
                _plain(sensor, row.high),
                number(row.count),
                number(row.doubted) if row.doubted else "",
            )
        )
        last = row.at
    if history.rows and history.since < last:
        found.append(_empty(history.since, last, history))
    return found


def say_missing(history: History) -> str:
    """Where the series says nothing, as a sentence; empty where it always did."""
    gaps = history.gaps()
    if not gaps:
        return ""
    since, until = max(gaps, key=lambda gap: gap[1] - gap[0])
    long = lasting((until - since).total_seconds())
    span = f"từ {when(since, history.now)} đến {when(until, history.now)}, {long}"
    if len(gaps) == 1:
        return f"Có một quãng không có số đo: {span}."
    return f"{count(len(gaps))} quãng không có số đo, dài nhất {span}."


def _say(sensor: Sensor, moves: str, at: datetime) -> str:
    """What stands under the value: its age, how it moves, how far the next level is."""
    parts = [sensor.say_age(at)]
    if sensor.is_old(at):
        parts.append("Xem bo mạch và đường truyền của điểm này.")
    elif is_believed(sensor.one):
        parts += [f"{moves[:1].upper()}{moves[1:]}."] if moves else []
        parts.append(sensor.say_level())
    else:
        parts.append("Cảm biến báo giá trị không tin được; xem lại dây và cảm biến.")
    return " ".join(part for part in parts if part)


def _sums(sensor: Sensor, history: History) -> list[tuple[str, str]]:
    """(name, value) under the chart."""
    if not history.count:
        return []
    sums = [
        ("Thấp nhất", sensor.say(history.low)),
        ("Trung bình", sensor.say(history.mean)),
        ("Cao nhất", sensor.say(history.high)),
        ("Số lần đo", number(history.count)),
    ]
    return [*sums, ("Đáng ngờ, không tính", number(history.doubted))] if history.doubted else sums


def _say_all(total: int, old: int) -> str:
    if not total:
        return "Chưa có bo mạch nào gửi số đo."
    if old == total:
        return "Mọi số đo đều đã cũ." if total > 1 else "Số đo này đã cũ."
    return f"{total} số đo, {old} đã cũ." if old else f"{count(total)} số đo, đều mới."


def _entry(sensor: Sensor, at: datetime) -> Entry:
    is_bad = not is_believed(sensor.one)
    weight = "look" if is_bad or sensor.is_old(at) else "ok"
    return Entry(
        sensor.title, sensor.place, sensor.say_now(at), sensor.say_age(at), weight, _address(sensor, None)
    )


def _address(sensor: Sensor, span: Span | None) -> str:
    one = sensor.one
    plain = url_for("measured.one_series", node=one.node, service=one.service, name=one.series)
    return plain if span is None else f"{plain}?range={span.key}"


def _plain(sensor: Sensor, value: float | None) -> str:
    return "–" if value is None else number(value, sensor.kind.digits)


def _moment(at: datetime, history: History) -> str:
    """A bucket's beginning as its row says it: the day alone where buckets are days."""
    moment = local(at)
    if history.span.bucket_s >= 86_400:
        return f"{moment:%d/%m/%Y}"
    return f"{moment:%H:%M %d/%m}"


def _empty(since: datetime, until: datetime, history: History) -> Line:
    text = f"{_moment(since, history)} – {_moment(until, history)}"
    return Line(since.isoformat(), text, "", "", "", "", "", is_gap=True)
