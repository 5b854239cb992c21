"""What the sensors say, in words and as charts: the last value and its age, how it moves, the levels people act on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from flask import url_for
from markupsafe import Markup
from sqlalchemy.orm import Session

from broker.contract import HUB
from broker.hub.console.day import Commune
from broker.hub.console.history import DAY_LONG, TWO_HOURS, WEEK_LONG, History, history_of, is_believed
from broker.hub.console.wording import ago, lasting, number, when
from broker.hub.records import setting
from broker.hub.telemetry import series
from broker.hub.telemetry.series import Latest
from broker.look.chart import BESIDE, NARROW, Frame, Level, line_chart

CHARTED = (TWO_HOURS, DAY_LONG, WEEK_LONG)
"""How much a chart of the overview may show; the shortest that holds all is shown."""
FRESH = timedelta(hours=1)
"""A value older than this is said to be old."""
AHEAD = timedelta(minutes=5)
"""A value measured further ahead of the hub comes from a clock that is fast."""
SHOWN = 6


@dataclass(frozen=True)
class Kind:
    """What a series measures: part of its name, its words, its unit on screen, its decimals."""

    part: str
    words: str
    unit: str
    digits: int


KINDS = (
    Kind("water_level", "Mực nước", "mét", 2),
    Kind("rain", "Lượng mưa", "mm", 1),
    Kind("celsius", "Nhiệt độ", "°C", 1),
    Kind("humidity", "Độ ẩm", "%", 0),
)
"""In the order of the overview; series of other kinds are shown on their own pages only."""


@dataclass(frozen=True)
class Sensor:
    """One series with everything that is said of it."""

    one: Latest
    kind: Kind
    rank: int
    title: str
    place: str
    levels: Sequence[Level]

    def say(self, value: float | None) -> str:
        """A value with its unit: "2,13 mét"."""
        return "–" if value is None else f"{number(value, self.kind.digits)} {self.kind.unit}".rstrip()

    def is_old(self, at: datetime) -> bool:
        """Whether the last value says nothing about this moment."""
        return at - self.one.at > FRESH

    def say_now(self, at: datetime) -> str:
        """The last value, and that it is old or doubtful where it is."""
        value = self.say(self.one.value)
        if not is_believed(self.one):
            return f"{value}, đáng ngờ"
        return f"Số đo cũ: {value}" if self.is_old(at) else value

    def say_age(self, at: datetime) -> str:
        """How old the last value is, as a sentence."""
        if self.one.at - at > AHEAD:
            return f"Đồng hồ nơi đo chạy nhanh {lasting((self.one.at - at).total_seconds())}."
        return (
            f"Đo {ago(self.one.at, at)}." if at - self.one.at < FRESH * 24 else f"Đo {when(self.one.at, at)}."
        )

    def say_level(self) -> str:
        """How the last value stands to the levels people act on; empty where there are none."""
        over = [level for level in self.levels if self.one.value >= level.value]
        under = [level for level in self.levels if self.one.value < level.value]
        if over:
            return f"Đã tới {_in_sentence(max(over, key=lambda level: level.value).name)}."
        if under:
            lowest = min(under, key=lambda level: level.value)
            left = self.say(lowest.value - self.one.value)
            return f"Còn {left} nữa tới {_in_sentence(lowest.name)}."
        return ""


@dataclass(frozen=True)
class Chart:
    """One series as the overview shows it."""

    sensor: Sensor
    now: str
    age: str
    is_old: bool
    pictures: tuple[Markup, Markup]
    """For a wide screen, and for a phone."""
    page: str


def sensors_of(
    db: Session, commune: Commune, node: str | None = None, name: str | None = None
) -> list[Sensor]:
    """Every series with its words, water first; what other programs send stands behind what the places measure."""
    levels, names = setting(db, "levels", {}), setting(db, "series.names", {})
    found = [_sensor(one, commune, levels, names) for one in series.latest(db, node, name)]
    return sorted(found, key=lambda each: (each.rank, each.one.node == HUB, each.one.node, each.one.series))


def charts_of(db: Session, commune: Commune, at: datetime) -> list[Chart]:
    """A chart for each of the first series that the places measure, water first."""
    shown = [each for each in sensors_of(db, commune) if each.rank < len(KINDS)]
    return [_chart(db, each, at) for each in shown[:SHOWN]]


def draw(sensor: Sensor, history: History, frame: Frame, *, is_whole: bool = False, cls: str = "") -> Markup:
    """The picture of a history. is_whole: with a scale and times, for the series' own page."""
    return line_chart(
        history.marks(),
        sensor.levels,
        label=say_picture(sensor, history),
        unit=sensor.kind.unit,
        since=history.since,
        until=history.now,
        gap=history.gap,
        decimals=sensor.kind.digits,
        since_text=history.span.begun,
        ticks=history.ticks() if is_whole else (),
        has_scale=is_whole or not sensor.levels,
        frame=frame,
        cls=cls,
    )


def say_picture(sensor: Sensor, history: History) -> str:
    """What a chart shows, for those who hear it."""
    if not history.count:
        return f"{sensor.title}, {history.span.said}: không có số đo"
    return (
        f"{sensor.title}, {history.span.said}: thấp nhất {sensor.say(history.low)}, "
        f"cao nhất {sensor.say(history.high)}; mới nhất {sensor.say(sensor.one.value)}"
    )


def csv_of(one: Latest, since: datetime, until: datetime, bucket_s: int) -> str:
    """Address of the same numbers as a file."""
    asked = {
        "node": one.node,
        "service": one.service,
        "series": one.series,
        "since": f"{since:%Y-%m-%dT%H:%M:%S%z}",
        "until": f"{until:%Y-%m-%dT%H:%M:%S%z}",
        "bucket_s": bucket_s,
        "format": "csv",
    }
    return f"{url_for('api.readings')}?{urlencode(asked)}"


def trend(sensor: Sensor, week: History) -> str:
    """How it moves: the last value against the hourly mean of three points before; empty where none can be said."""
    values = [mark for mark in week.marks() if mark.value is not None]
    if len(values) < 4:
        return ""
    last, before = values[-1], values[-4]
    hours = (last.at - before.at).total_seconds() / 3600
    if hours <= 0 or last.value is None or before.value is None:
        return ""
    rate = (last.value - before.value) / hours
    if sensor.kind.unit == "mét":
        way = "lên" if rate > 0 else "xuống"
        return f"đang {way} {number(abs(rate) * 100)} cm mỗi giờ" if abs(rate) >= 0.01 else ""
    if abs(rate) < 10.0**-sensor.kind.digits:
        return ""
    return f"đang {'tăng' if rate > 0 else 'giảm'}"


def _chart(db: Session, sensor: Sensor, at: datetime) -> Chart:
    week = history_of(db, sensor.one, WEEK_LONG, at)
    begun = next((row.at for row in week.believed), at)
    span = next((each for each in CHARTED if begun > at - each.length), WEEK_LONG)
    shown = week if span is WEEK_LONG else history_of(db, sensor.one, span, at)
    now, is_old = sensor.say_now(at), sensor.is_old(at)
    moves = "" if is_old or not is_believed(sensor.one) else trend(sensor, week)
    return Chart(
        sensor,
        f"{now}, {moves}" if moves else now,
        sensor.say_age(at),
        is_old or not is_believed(sensor.one),
        (draw(sensor, shown, BESIDE, cls="whole"), draw(sensor, shown, NARROW, cls="late")),
        url_for(
            "measured.one_series",
            node=sensor.one.node,
            service=sensor.one.service,
            name=sensor.one.series,
            range="7d",
        ),
    )


def _sensor(
    one: Latest,
    commune: Commune,
    levels: Mapping[str, list[dict[str, object]]],
    names: Mapping[str, str],
) -> Sensor:
    rank = next((n for n, kind in enumerate(KINDS) if kind.part in one.series), len(KINDS))
    kind = KINDS[rank] if rank < len(KINDS) else Kind("", "", one.unit, 2)
    place = next((node.label for node in commune.nodes if node.name == one.node), one.node)
    if one.node == HUB:
        place = "chương trình khác gửi"
    title = names.get(f"{one.node}/{one.series}") or f"{kind.words or one.series}, {place}"
    marks = [Level(float(str(each["value"])), str(each["name"])) for each in levels.get(one.series, [])]
    return Sensor(one, kind, rank, title, place, marks)


def _in_sentence(name: str) -> str:
    """A level's name inside a sentence: "Báo động I" → "báo động I"."""
    return f"{name[:1].lower()}{name[1:]}"
