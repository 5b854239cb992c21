"""Every number on a chart, in its table and in its file is that of the readings themselves, computed here plainly."""

from __future__ import annotations

import csv
import html
import io
import math
import random
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from broker.contract import Identity
from broker.contract.board import Reading
from broker.hub.console.day import commune_of
from broker.hub.console.history import (
    SPANS,
    TWO_HOURS,
    WEEK_LONG,
    YEAR_LONG,
    History,
    Span,
    history_of,
)
from broker.hub.console.levels import charts_of, sensors_of
from broker.hub.console.measured import lines_of
from broker.hub.records import Database
from broker.hub.telemetry import rollup, series
from broker.hub.telemetry.recorder import Recorder
from tests.console.stage import NOW, Stage, measure

BOARD = Identity("thon-02", "board")
RIVER = "water_level_m.song-van"
PAGE = f"/measured/thon-02/board/{RIVER}"
SECOND = timedelta(seconds=1)


@dataclass
class Plain:
    """Numbers of one bucket, from a list of readings and nothing else."""

    low: float | None
    mean: float | None
    high: float | None
    count: int
    doubted: int


def plainly(readings: list[Reading], span: Span, at: datetime) -> dict[datetime, Plain]:
    """Buckets by their beginning: the readings whose local time falls into them, among those of the span."""
    step, groups = span.bucket_s, {}
    first = (int((at - span.length).timestamp()) + 7 * 3600) // step
    last = (int(at.timestamp()) + 7 * 3600) // step
    for reading in readings:
        place = (math.floor(reading.at.timestamp()) + 7 * 3600) // step
        if first <= place <= last:
            groups.setdefault(datetime.fromtimestamp(place * step - 7 * 3600, UTC), []).append(reading)
    return {begun: _plain(group) for begun, group in groups.items()}


def _plain(group: list[Reading]) -> Plain:
    values = [each.value for each in group if each.quality in ("good", "unchecked")]
    if not values:
        return Plain(None, None, None, 0, len(group))
    return Plain(min(values), sum(values) / len(values), max(values), len(values), len(group) - len(values))


def some_readings(seed: int) -> list[Reading]:
    """Thirteen months of a sensor with its moods: holes, doubts, negative and equal values, odd times."""
    draw = random.Random(seed)
    found: dict[datetime, Reading] = {}
    holes = [draw.uniform(0, 396 * 86400) for _ in range(12)] + [draw.uniform(0, 86400) for _ in range(4)]
    ages = [draw.uniform(0, 7200) for _ in range(80)]
    ages += [draw.uniform(0, 86400) for _ in range(150)]
    ages += [draw.uniform(0, 30 * 86400) for _ in range(250)]
    ages += [draw.uniform(0, 395.9 * 86400) for _ in range(120)]
    for age_s in ages:
        if any(0 < hole - age_s < max(1800, hole / 20) for hole in holes):
            continue
        at = NOW - timedelta(milliseconds=round(age_s * 1000))
        value = draw.choice([round(draw.uniform(-5, 5), 3), 2.0, -0.25])
        quality = draw.choices(["good", "unchecked", "suspect", "stale"], [80, 8, 8, 4])[0]
        found.setdefault(at, Reading(series=RIVER, at=at, value=value, unit="m", quality=quality))  # type: ignore[arg-type]
    return list(found.values())


def write(database: Database, readings: list[Reading]) -> None:
    """What ingest does with them, in messages of at most 200."""
    with database.session() as db:
        for n in range(0, len(readings), 200):
            Recorder().write(db, {BOARD: readings[n : n + 200]}, NOW)


def tidy(database: Database) -> None:
    """What the rollup does in the night: hourly figures, packed days."""
    while True:
        with database.session() as db:
            if not rollup.roll(db, NOW):
                break
    rollup.seal_all(database, NOW, lambda _: False)


def history(database: Database, span: Span, at: datetime = NOW) -> History:
    """What a chart of the span is drawn from."""
    with database.reading() as db:
        (one,) = series.latest(db, "thon-02", RIVER)
        return history_of(db, one, span, at)


def check(database: Database, readings: list[Reading], span: Span, at: datetime = NOW) -> None:
    """The chart's numbers are those of the readings, bucket for bucket."""
    expected, found = plainly(readings, span, at), history(database, span, at)
    assert [row.at for row in found.rows] == sorted(expected)
    for row in found.rows:
        plain = expected[row.at]
        assert (row.low, row.high, row.count, row.doubted) == (
            plain.low, plain.high, plain.count, plain.doubted,
        )  # fmt: skip
        assert row.mean == (None if plain.mean is None else pytest.approx(plain.mean, abs=1e-9))
    counted = [each for each in expected.values() if each.count]
    if counted:
        assert found.low == min(each.low for each in counted if each.low is not None)
        assert found.high == max(each.high for each in counted if each.high is not None)
        total = sum((each.mean or 0) * each.count for each in counted)
        assert found.mean == pytest.approx(total / sum(each.count for each in counted), abs=1e-9)


@pytest.mark.parametrize("span", [TWO_HOURS, *SPANS], ids=lambda span: span.key)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_charts_numbers_are_those_of_the_readings(stage: Stage, span: Span, seed: int) -> None:
    readings = some_readings(seed)
    random.Random(seed).shuffle(readings)
    early, late = readings[: len(readings) * 2 // 3], readings[len(readings) * 2 // 3 :]
    write(stage.database, early)
    check(stage.database, early, span)
    tidy(stage.database)
    check(stage.database, early, span)
    write(stage.database, late)
    check(stage.database, readings, span)
    tidy(stage.database)
    check(stage.database, readings, span)
    check(stage.database, readings, span, NOW + timedelta(hours=7, seconds=1))


def test_the_last_point_is_the_last_believed_value_at_its_own_time(stage: Stage) -> None:
    readings = some_readings(4)
    doubted = Reading(series=RIVER, at=NOW - SECOND, value=99.0, unit="m", quality="suspect")
    write(stage.database, [*readings, doubted])
    newest = max((each for each in readings if each.quality in ("good", "unchecked")), key=lambda one: one.at)
    for span in (TWO_HOURS, *SPANS):
        marks = history(stage.database, span).marks()
        assert (marks[-1].at, marks[-1].value) == (newest.at, newest.value)
        assert [mark.at for mark in marks] == sorted({mark.at for mark in marks})
        assert all(mark.value is None or mark.value < 99 for mark in marks)


def test_a_doubted_series_has_no_line_and_says_so(stage: Stage) -> None:
    write(stage.database, [Reading(series=RIVER, at=NOW, value=7.0, unit="m", quality="suspect")])
    assert {mark.value for mark in history(stage.database, WEEK_LONG).marks()} == {None}
    page = stage.client("lanh").get(PAGE).get_data(as_text=True)
    assert "7,00 mét, đáng ngờ" in page
    assert "1 lần đo đáng ngờ không được tính." in page
    assert '<svg class="whole"' not in page


@pytest.mark.parametrize(("minutes", "expected"), [(1, [(31, 77)]), (10, [(40, 70)]), (240, [])])
def test_a_silence_is_a_gap_and_a_slow_sensor_has_none(
    stage: Stage, minutes: int, expected: list[tuple[int, int]]
) -> None:
    ages = [n for n in range(0, 24 * 60, minutes) if not 30 < n < 77]
    write(
        stage.database,
        [Reading(series=RIVER, at=NOW - timedelta(minutes=n), value=1.0, unit="m") for n in ages],
    )
    found = history(stage.database, SPANS[0]).gaps()
    assert len(found) == len(expected)
    for (since, until), (young, old) in zip(found, expected, strict=True):
        assert abs(until - (NOW - timedelta(minutes=young))) <= timedelta(minutes=10)
        assert abs(since - (NOW - timedelta(minutes=old))) <= timedelta(minutes=10)


def test_one_reading_is_a_chart_a_line_of_the_table_and_no_gap(stage: Stage) -> None:
    write(stage.database, [Reading(series=RIVER, at=NOW - timedelta(minutes=3), value=-1.5, unit="m")])
    page = stage.client("lanh").get(PAGE).get_data(as_text=True)
    assert "<h1>-1,50 mét</h1>" in page
    assert "Đo 3\N{NO-BREAK SPACE}phút trước." in page
    assert "quãng không có số đo" not in page
    assert page.count("<tr><th") == 2
    for span in SPANS:
        assert stage.client("lanh").get(f"{PAGE}?range={span.key}").status_code == 200


def test_an_old_value_is_called_old_everywhere_and_a_fast_clock_is_named(stage: Stage) -> None:
    write(stage.database, [Reading(series=RIVER, at=NOW - timedelta(hours=5), value=2.1, unit="m")])
    client = stage.client("lanh")
    for path in ("/overview", "/measured", PAGE):
        assert "Số đo cũ: 2,10 mét" in client.get(path).get_data(as_text=True), path
    write(stage.database, [Reading(series=RIVER, at=NOW + timedelta(hours=2), value=2.2, unit="m")])
    page = client.get(PAGE).get_data(as_text=True)
    assert "Đồng hồ nơi đo chạy nhanh 2\N{NO-BREAK SPACE}giờ." in page


def test_a_stretch_without_readings_is_a_sentence_with_the_way_on(stage: Stage) -> None:
    write(stage.database, [Reading(series=RIVER, at=NOW - timedelta(days=20), value=2.1, unit="m")])
    client = stage.client("lanh")
    page = client.get(f"{PAGE}?range=7d").get_data(as_text=True)
    assert "Không có số đo nào tin được trong 7 ngày qua." in page
    assert "Xem 30 ngày, có số đo gần nhất" in page
    assert page.count('href="/measured/thon-02/board/water_level_m.song-van?range=30d"') == 2
    assert "Trung bình" in client.get(f"{PAGE}?range=30d").get_data(as_text=True)


def test_how_far_the_next_level_is(stage: Stage) -> None:
    measure(stage)
    page = stage.client("lanh").get("/measured/thon-02/board/song-van.water_level_m").get_data(as_text=True)
    assert "Còn 0,87 mét nữa tới báo động I." in page
    with stage.database.session() as db:
        high = Reading(series="song-van.water_level_m", at=NOW + SECOND, value=3.7, unit="m")
        Recorder().write(db, {BOARD: [high]}, NOW)
    page = stage.client("lanh").get("/measured/thon-02/board/song-van.water_level_m").get_data(as_text=True)
    assert "Đã tới báo động II." in page


def test_the_table_says_what_the_chart_shows_and_where_there_is_nothing(stage: Stage) -> None:
    readings = some_readings(5)
    write(stage.database, readings)
    with stage.database.reading() as db:
        (sensor,) = sensors_of(db, commune_of(db))
    for span in SPANS:
        found, expected = history(stage.database, span), plainly(readings, span, NOW)
        lines = lines_of(sensor, found)
        filled = [line for line in lines if not line.is_gap]
        assert [line.since for line in filled] == [row.at.isoformat() for row in reversed(found.rows)]
        for line in filled:
            plain = expected[datetime.fromisoformat(line.since)]
            said = [float(text.replace(",", ".")) for text in (line.low, line.high) if text != "–"]
            assert said == ([] if plain.low is None else [round(plain.low, 2), round(plain.high or 0, 2)])
            assert int(line.count.replace(".", "")) == plain.count
        step, until = timedelta(seconds=span.bucket_s), found.until
        empty = 0
        for line in lines:
            since = datetime.fromisoformat(line.since)
            assert until - since >= step
            empty += (until - since) // step if line.is_gap else 0
            until = since
        assert until == found.since
        assert empty + len(filled) == (found.until - found.since) // step


@pytest.mark.parametrize("span", SPANS, ids=lambda span: span.key)
def test_the_file_holds_the_numbers_of_the_table(stage: Stage, span: Span) -> None:
    readings = some_readings(6)
    write(stage.database, readings)
    tidy(stage.database)
    client = stage.client("lanh")
    page = client.get(f"{PAGE}?range={span.key}").get_data(as_text=True)
    (table, *rest) = [html.unescape(found) for found in re.findall(r'href="(/api/v1/readings[^"]+)"', page)]
    answer = client.get(table)
    assert answer.mimetype == "text/csv"
    rows = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True))))
    expected = plainly(readings, span, NOW)
    assert [datetime.fromisoformat(row["at"]) for row in rows] == sorted(expected)
    for row in rows:
        plain = expected[datetime.fromisoformat(row["at"])]
        assert (int(row["count"]), int(row["doubted"])) == (plain.count, plain.doubted)
        assert row["low"] == ("" if plain.low is None else str(plain.low))
    (raw,) = rest
    each = list(csv.DictReader(io.StringIO(client.get(raw).get_data(as_text=True))))
    since, until = span.bounds(NOW)
    inside = sorted((one for one in readings if since <= one.at < until), key=lambda one: one.at)
    assert [(datetime.fromisoformat(one["at"]), float(one["value"]), one["quality"]) for one in each] == [
        (one.at.astimezone(UTC), one.value, one.quality) for one in inside
    ]


def test_the_overview_shows_the_shortest_chart_that_holds_all(stage: Stage) -> None:
    for age, said in ((timedelta(hours=1), "2 giờ qua"), (timedelta(hours=9), "24 giờ qua"),
                      (timedelta(days=3), "7 ngày qua"), (timedelta(days=300), "7 ngày qua")):  # fmt: skip
        write(stage.database, [Reading(series=RIVER, at=NOW - age, value=2.0, unit="m")])
        with stage.database.reading() as db, stage.app.test_request_context():
            (chart,) = charts_of(db, commune_of(db), NOW)
        assert all(said in picture for picture in chart.pictures)


def test_every_series_is_listed_by_pages_and_named_by_nobody_stays_itself(stage: Stage) -> None:
    with stage.database.session() as db:
        for n in range(95):
            reading = Reading(series=f"battery_v.pin-{n:02}", at=NOW, value=12.6, unit="V")
            Recorder().write(db, {Identity("thon-03", "board"): [reading]}, NOW)
    client = stage.client("soat")
    page = client.get("/measured").get_data(as_text=True)
    assert "95 số đo, đều mới." in page
    assert page.count("12,60 V") == 40
    assert "Trang 1 trên 3" in page
    last = client.get("/measured?trang=3").get_data(as_text=True)
    assert last.count("12,60 V") == 15
    assert client.get("/measured?trang=99999999999").status_code == 200
    assert "battery_v.pin-07" in client.get("/measured/thon-03/board/battery_v.pin-07").get_data(as_text=True)


def test_what_other_programs_write_is_shown_under_its_own_name(stage: Stage) -> None:
    with stage.database.session() as db:
        reading = Reading(series="cpu.tram.usage", at=NOW, value=41.5, unit="")
        Recorder().write(db, {Identity("hub", "web"): [reading]}, NOW)
    page = stage.client("lanh").get("/measured").get_data(as_text=True)
    assert "cpu.tram.usage, chương trình khác gửi" in page
    assert "41,50<" in page
    assert stage.client("lanh").get("/measured/hub/web/cpu.tram.usage").status_code == 200


@pytest.mark.parametrize(
    "path", ["/measured/thon-02/board/none", "/measured/x/y/z", "/measured/thon-02/kiosk/" + RIVER]
)
def test_a_series_that_is_none_is_a_sentence(stage: Stage, path: str) -> None:
    write(stage.database, [Reading(series=RIVER, at=NOW, value=2.0, unit="m")])
    answer = stage.client("lanh").get(path)
    assert answer.status_code == 404
    assert "Không có trang này" in answer.get_data(as_text=True)


def test_thirteen_months_reach_as_far_as_readings_are_kept(stage: Stage) -> None:
    old = Reading(series=RIVER, at=NOW - YEAR_LONG.length, value=1.25, unit="m")
    write(stage.database, [old, Reading(series=RIVER, at=NOW, value=2.0, unit="m")])
    found = history(stage.database, YEAR_LONG)
    assert (found.rows[0].mean, found.count) == (1.25, 2)
    ticks = [tick.text for tick in found.ticks()]
    assert ticks[:3] == ["T11", "T12", "T1/2026"]
    assert len(ticks) == 13
