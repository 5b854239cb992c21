"""What the sensors say, as charts: up to a week of each series with the levels that people act on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup
from sqlalchemy.orm import Session

from broker.hub.console.day import Commune
from broker.hub.console.wording import ago, number
from broker.hub.records import setting
from broker.hub.telemetry import series
from broker.hub.telemetry.series import Latest
from broker.look.chart import Level, Mark, line_chart

SPANS = (
    (timedelta(hours=2), 60, "2 giờ trước", "hai giờ qua"),
    (timedelta(days=1), 600, "24 giờ trước", "24 giờ qua"),
    (timedelta(days=7), 3600, "7 ngày trước", "bảy ngày qua"),
)
"""How much a chart may show, in buckets of how many seconds, and its words; the shortest that holds all is shown."""
FRESH_S = 3600
SHOWN = 6
KINDS = (
    ("water_level", "Mực nước", "mét", 2),
    ("rain", "Lượng mưa", "mm", 1),
    ("celsius", "Nhiệt độ", "°C", 1),
    ("humidity", "Độ ẩm", "%", 0),
)
"""Part of a series' name, its words, its unit on screen, its decimals; in the order of the page."""


@dataclass(frozen=True)
class Chart:
    """One series as the page shows it."""

    title: str
    now: str
    is_old: bool
    picture: Markup
    href: str


def charts_of(db: Session, commune: Commune, at: datetime) -> list[Chart]:
    """A chart for each measured series of the places, water first."""
    found = [(rank, one) for one in series.latest(db) if (rank := _rank(one.series)) is not None]
    found.sort(key=lambda pair: (pair[0], pair[1].node, pair[1].series))
    levels, names = setting(db, "levels", {}), setting(db, "series.names", {})
    return [_chart(db, commune, one, rank, levels, names, at) for rank, one in found[:SHOWN]]


def _chart(
    db: Session,
    commune: Commune,
    one: Latest,
    rank: int,
    levels: dict[str, list[dict[str, object]]],
    names: dict[str, str],
    at: datetime,
) -> Chart:
    _, words, unit, digits = KINDS[rank]
    week = _marks(db, one, SPANS[-1], at)
    span = next((each for each in SPANS if week[0].at > at - each[0]), SPANS[-1])
    marks = week if span is SPANS[-1] else _marks(db, one, span, at)
    place = next((node.label for node in commune.nodes if node.name == one.node), one.node)
    title = names.get(f"{one.node}/{one.series}") or f"{words}, {place}"
    is_old = (at - one.at).total_seconds() > FRESH_S
    now = f"{number(one.value, digits)} {unit}"
    picture = line_chart(
        marks,
        [Level(float(str(level["value"])), str(level["name"])) for level in levels.get(one.series, [])],
        label=f"{title} {span[3]}, bây giờ {now}",
        unit=unit,
        since=at - span[0],
        until=at,
        decimals=digits,
        since_text=span[2],
    )
    said = f"{now}, đo {ago(one.at, at)}" if is_old else f"{now}{_trend(week, unit, digits)}"
    href = (
        f"/api/v1/readings?node={one.node}&service={one.service}&series={one.series}&bucket_s=3600&format=csv"
    )
    since = at - SPANS[-1][0]
    href += f"&since={since:%Y-%m-%dT%H:%M:%SZ}&until={at:%Y-%m-%dT%H:%M:%SZ}"
    return Chart(title, said, is_old, picture, href)


def _marks(db: Session, one: Latest, span: tuple[timedelta, int, str, str], at: datetime) -> list[Mark]:
    """The means of a series over a span, and its last value; at least one mark."""
    rows = series.query(db, one.node, one.series, at - span[0], at, bucket_s=span[1], service=one.service)
    marks = [Mark(row.at, row.mean) for row in rows]
    if not marks or one.at > marks[-1].at:
        marks.append(Mark(min(one.at, at), one.value))
    return marks


def _rank(name: str) -> int | None:
    return next((n for n, (part, *_) in enumerate(KINDS) if part in name), None)


def _trend(marks: Sequence[Mark], unit: str, digits: int) -> str:
    """How it moves: the last value against the mean of three hours ago, per hour."""
    values = [mark for mark in marks if mark.value is not None]
    if len(values) < 4:
        return ""
    last, before = values[-1], values[-4]
    hours = (last.at - before.at).total_seconds() / 3600
    if hours <= 0 or last.value is None or before.value is None:
        return ""
    rate = (last.value - before.value) / hours
    if unit == "mét":
        return (
            f", đang {'lên' if rate > 0 else 'xuống'} {number(abs(rate) * 100)} cm mỗi giờ"
            if abs(rate) >= 0.01
            else ""
        )
    step = 10.0**-digits
    return f", đang {'tăng' if rate > 0 else 'giảm'}" if abs(rate) >= step else ""
