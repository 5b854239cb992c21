"""The chart says what was measured: places on the picture match the values, gaps stay gaps, nothing is inline."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from broker.look.chart import (
    BESIDE,
    LABEL_GAP,
    NARROW,
    TOP,
    WIDE,
    Frame,
    Level,
    Mark,
    Tick,
    line_chart,
    said,
    spark,
)

SINCE = datetime(2026, 11, 14, tzinfo=UTC)
UNTIL = SINCE + timedelta(days=7)
LEVELS = (Level(3.0, "Báo động I"), Level(4.0, "Báo động II"), Level(5.0, "Báo động III"))


def chart(
    points: list[Mark], levels: tuple[Level, ...] = LEVELS, gap_h: float = 12, **more: Any
) -> ElementTree.Element:
    options: dict[str, Any] = {"label": "Mực nước", "unit": "mét", "since": SINCE, "until": UNTIL, **more}
    drawn = line_chart(points, levels, gap=timedelta(hours=gap_h), **options)
    assert "style" not in drawn
    return ElementTree.fromstring(drawn)


def places(svg: ElementTree.Element, cls: str) -> list[tuple[float, float]]:
    """Corners of a path."""
    path = svg.find(f"path[@class='{cls}']")
    assert path is not None
    return [(float(x), float(y)) for x, y in re.findall(r"[ML]([\d.]+) ([\d.]+)", path.attrib["d"])]


def hourly(*values: float | None) -> list[Mark]:
    return [Mark(SINCE + timedelta(hours=n), value) for n, value in enumerate(values)]


def test_the_last_value_is_marked_and_written() -> None:
    svg = chart(
        [Mark(SINCE, 1.8), Mark(SINCE + timedelta(hours=12), 2.0), Mark(UNTIL - timedelta(days=6), 2.1)]
    )
    circle = svg.find("circle[@class='end']")
    assert circle is not None
    assert float(circle.attrib["cx"]) == round(BESIDE.right / 7, 1)
    assert "2,1 mét" in [text.text for text in svg.iter("text")]


def test_a_higher_value_stands_higher() -> None:
    heights = [y for _, y in places(chart(hourly(1, 2, 3)), "run")]
    assert heights == sorted(heights, reverse=True)


def test_a_long_silence_breaks_the_line() -> None:
    points = [
        *hourly(1, 2),
        Mark(SINCE + timedelta(days=3), 2.0),
        Mark(SINCE + timedelta(days=3, hours=1), 2.0),
    ]
    path = chart(points).find("path[@class='run']")
    assert path is not None
    assert path.attrib["d"].count("M") == 2


def test_without_readings_it_says_so() -> None:
    texts = [text.text for text in chart(hourly(None, None)).iter("text")]
    assert "Không có số đo" in texts
    assert "Báo động II" in texts


def test_names_are_escaped() -> None:
    drawn = line_chart(
        [Mark(SINCE, 1.0)],
        (Level(1, "<b>"),),
        label='"><script>',
        unit="<b>",
        since=SINCE,
        until=UNTIL,
        gap=timedelta(hours=1),
        ticks=[Tick(UNTIL - timedelta(days=1), "<b>")],
    )
    assert "<b>" not in drawn
    assert "<script>" not in drawn


@given(
    st.lists(st.floats(-1, 20), max_size=40),
    st.lists(st.floats(-1, 20), max_size=3),
    st.sampled_from([BESIDE, WIDE, NARROW]),
)
def test_everything_stays_inside_and_names_never_touch(
    values: list[float], levels: list[float], frame: Frame
) -> None:
    marks = [
        Mark(mark.at, mark.value, low=value - 3, high=value + 2)
        for mark, value in zip(hourly(*values), values, strict=True)
    ]
    named = tuple(Level(value, f"mức {n}") for n, value in enumerate(levels))
    svg = chart(marks, named, frame=frame, has_scale=True)
    for path in svg.iter("path"):
        for y in re.findall(r"[ML][\d.-]+ ([\d.-]+)", path.attrib["d"]):
            assert TOP - 0.1 <= float(y) <= frame.bottom + 0.1
    right = sorted(float(t.attrib["y"]) for t in svg.iter("text") if float(t.attrib["x"]) > frame.right)
    assert all(b - a >= LABEL_GAP - 0.01 for a, b in pairwise(right))
    assert all(10 <= y <= frame.height for y in right)


def test_a_missing_value_breaks_the_line_where_it_was() -> None:
    path = chart(hourly(1, 2, None, 2, 1)).find("path[@class='run']")
    assert path is not None
    assert path.attrib["d"].count("M") == 2


def test_the_line_breaks_only_where_points_are_further_apart_than_the_gap() -> None:
    points = [Mark(SINCE + timedelta(hours=h), 2.0) for h in (0, 4, 8, 15, 19)]
    for gap_h, runs in ((3.9, 5), (4, 2), (7, 1)):
        path = chart(points, gap_h=gap_h).find("path[@class='run']")
        assert path is not None
        assert path.attrib["d"].count("M") == runs


def test_the_band_runs_over_the_highest_and_back_under_the_lowest() -> None:
    marks = [Mark(SINCE + timedelta(hours=n), 2.0, low=1.0, high=3.0 + n) for n in range(3)]
    svg = chart(marks, ())
    band, line = places(svg, "band"), places(svg, "run")
    assert [x for x, _ in band] == [x for x, _ in line] + [x for x, _ in reversed(line)]
    over, under = [y for _, y in band[:3]], [y for _, y in band[3:]]
    assert over == sorted(over, reverse=True)
    assert len(set(under)) == 1
    assert max(over) < line[0][1] < under[0]


def test_one_reading_is_a_spot_with_its_value() -> None:
    svg = chart([Mark(UNTIL - timedelta(hours=1), -4.26)], (), has_scale=True)
    assert len(places(svg, "run")) == 1
    assert [text.text for text in svg.iter("text") if text.get("class") == "at-now"] == ["-4,3 mét"]


def test_a_constant_value_is_a_level_line_with_a_readable_scale() -> None:
    for value in (0.0, 7.5, -40.0, 1e6):
        svg = chart(hourly(*[value] * 5), (), has_scale=True)
        assert len({y for _, y in places(svg, "run")}) == 1
        names = [text.text for text in svg.iter("text") if text.get("class") == "scale"]
        assert 1 <= len(names) <= 6
        assert len(set(names)) == len(names)


@given(st.floats(-1e7, 1e7), st.floats(0, 1e7))
def test_the_scale_says_where_its_lines_stand(low: float, spread: float) -> None:
    svg = chart(hourly(low, low + spread), (), has_scale=True)
    names = [text for text in svg.iter("text") if text.get("class") == "scale"]
    values = [float(str(t.text).replace(".", "").replace(",", ".")) for t in names]
    assert 1 <= len(values) <= 6
    assert values == sorted(set(values))
    (_, from_y), (_, to_y) = places(svg, "run")
    if from_y - to_y > 20:  # else a tenth of a unit, to which places are rounded, is too much of it
        (_, from_y), (_, to_y) = places(svg, "run")
    if from_y - to_y > 20:  # else a tenth of a unit, to which places are rounded, is too much of it
        heights = [float(t.attrib["y"]) for t in names]
        for (y_a, a), (y_b, b) in pairwise(zip(heights, values, strict=True)):
            assert abs((y_a - y_b) - (b - a) / spread * (from_y - to_y)) <= 0.5 + 0.02 * (y_a - y_b)


def test_the_last_value_is_not_called_now_when_it_is_old() -> None:
    svg = chart([Mark(SINCE, 1.8), Mark(SINCE + timedelta(hours=1), 2.0)])
    assert [text for text in svg.iter("text") if text.get("class") == "at-now"] == []
    assert "2,0 mét" in [text.text for text in svg.iter("text")]


def test_times_stand_at_their_place_and_never_touch() -> None:
    ticks = [Tick(SINCE + timedelta(hours=6 * n), f"{6 * n % 24} giờ") for n in range(29)]
    svg = chart(hourly(1, 2), ticks=ticks)
    found = [float(text.attrib["x"]) for text in svg.iter("text") if str(text.text).endswith("giờ")]
    assert len(found) >= 6
    assert all(b - a >= 60 for a, b in pairwise(found))
    assert all(0 < x <= BESIDE.right for x in found)


def test_numbers_are_written_as_vietnamese_write_them() -> None:
    assert (said(2.14), said(1328, 0), said(-0.5, 2)) == ("2,1", "1.328", "-0,50")
    assert (said(-0.04), said(-0.0, 0), said(0.0, 2)) == ("0,0", "0", "0,00")


def test_a_spark_needs_two_values_and_shows_its_goal() -> None:
    assert spark([1.0], label="x") == ""
    svg = ElementTree.fromstring(spark([88, 90, 94], label="Nhà nghe được", goal=95))
    assert len(svg.findall("path")) == 3
    assert svg.attrib["aria-label"] == "Nhà nghe được"
