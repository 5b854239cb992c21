"""The chart says what was measured: places on the picture match the values, gaps stay gaps, nothing is inline."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from broker.look.chart import BOTTOM, LABEL_GAP, PLOT_RIGHT, TOP, Level, Mark, line_chart, said, spark

SINCE = datetime(2026, 11, 14, tzinfo=UTC)
UNTIL = SINCE + timedelta(days=7)
LEVELS = (Level(3.0, "Báo động I"), Level(4.0, "Báo động II"), Level(5.0, "Báo động III"))


def chart(points: list[Mark], levels: tuple[Level, ...] = LEVELS) -> ElementTree.Element:
    drawn = line_chart(
        points, levels, label="Mực nước", unit="mét", since=SINCE, until=UNTIL, since_text="7 ngày trước"
    )
    assert "style" not in drawn
    return ElementTree.fromstring(drawn)


def hourly(*values: float | None) -> list[Mark]:
    return [Mark(SINCE + timedelta(hours=n), value) for n, value in enumerate(values)]


def test_the_last_value_is_marked_and_written() -> None:
    svg = chart(
        [Mark(SINCE, 1.8), Mark(SINCE + timedelta(hours=12), 2.0), Mark(UNTIL - timedelta(days=6), 2.1)]
    )
    circle = svg.find("circle[@class='end']")
    assert circle is not None
    assert float(circle.attrib["cx"]) == round(PLOT_RIGHT / 7, 1)
    assert [text.text for text in svg.iter("text") if text.get("class") == "at-now"] == ["2,1 mét"]


def test_a_higher_value_stands_higher() -> None:
    path = chart(hourly(1, 2, 3)).find("path[@class='run']")
    assert path is not None
    heights = [float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", path.attrib["d"])]
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
    assert "Chưa có số đo" in texts
    assert "Báo động II" in texts


def test_names_are_escaped() -> None:
    drawn = line_chart([], (Level(1, "<b>"),), label='"><script>', unit="m", since=SINCE, until=UNTIL)
    assert "<b>" not in drawn
    assert "<script>" not in drawn


@given(st.lists(st.floats(-1, 20), max_size=40), st.lists(st.floats(-1, 20), max_size=3))
def test_everything_stays_inside_and_names_never_touch(values: list[float], levels: list[float]) -> None:
    svg = chart(hourly(*values), tuple(Level(value, f"mức {n}") for n, value in enumerate(levels)))
    for path in svg.iter("path"):
        for y in re.findall(r"[ML][\d.]+ ([\d.-]+)", path.attrib["d"]):
            assert TOP - 0.1 <= float(y) <= BOTTOM + 0.1
    right = sorted(float(t.attrib["y"]) for t in svg.iter("text") if float(t.attrib["x"]) > PLOT_RIGHT)
    assert all(b - a >= LABEL_GAP - 0.01 for a, b in pairwise(right))
    assert all(10 <= y <= 174 for y in right)


def test_numbers_are_written_as_vietnamese_write_them() -> None:
    assert (said(2.14), said(1328, 0), said(-0.5, 2)) == ("2,1", "1.328", "-0,50")


def test_a_spark_needs_two_values_and_shows_its_goal() -> None:
    assert spark([1.0], label="x") == ""
    svg = ElementTree.fromstring(spark([88, 90, 94], label="Nhà nghe được", goal=95))
    assert len(svg.findall("path")) == 3
    assert svg.attrib["aria-label"] == "Nhà nghe được"
