"""Line protocol: what influxdb-client writes is read as it was meant, and a bad line spoils no other."""

from __future__ import annotations

import math
from typing import Any

import influxdb_client
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.contract.board import Reading
from broker.hub.telemetry.line import BadLine, Line, head_of, read, written
from broker.hub.telemetry.outside import LONGEST_KEY, NS_OF, name_of, points_of
from broker.hub.telemetry.outside import Point as Value

Point: Any = influxdb_client.Point  # type: ignore[attr-defined]
NAME = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\\\n\r\t"), min_size=1, max_size=12
)
"""influxdb-client leaves a backslash as it is, which no reader can tell from an escape."""
MEASUREMENT = NAME.filter(lambda name: not name.startswith("#") and name.strip(" "))
NUMBER = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.booleans(), st.floats(allow_nan=False, allow_infinity=False)
)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=20)
STAMP = st.integers(-(2**62), 2**62)


@st.composite
def points(draw: st.DrawFn) -> tuple[Point, Line]:
    """A point of influxdb-client, and how it must be read."""
    measurement = draw(MEASUREMENT)
    tags = draw(st.dictionaries(NAME, NAME, max_size=3))
    numbers: dict[str, Any] = draw(st.dictionaries(NAME, NUMBER, max_size=3))
    texts: dict[str, str] = draw(st.dictionaries(NAME, TEXT, max_size=2))
    texts = {name: text for name, text in texts.items() if name not in numbers}
    if not numbers and not texts:
        numbers = {"v": 1}
    stamp = draw(st.none() | STAMP)
    point = Point(measurement)
    for name, value in tags.items():
        point = point.tag(name, value)
    for name, value in (numbers | texts).items():
        point = point.field(name, value)
    values = {name: float(value) for name, value in numbers.items()}
    wanted = Line(1, measurement, tuple(sorted(tags.items())), values, tuple(sorted(texts)), stamp)
    return (point if stamp is None else point.time(stamp, "ns")), wanted


@given(points())
def test_what_influxdb_client_writes_is_read_as_it_was_meant(both: tuple[Point, Line]) -> None:
    point, wanted = both
    assert list(read(point.to_line_protocol())) == [wanted]


@given(st.lists(points(), max_size=4), st.sampled_from(["\n", "\r\n", "\n\n", "\n# hai bảng\n"]))
def test_many_lines_are_read_one_by_one_with_their_numbers(many: list[Any], between: str) -> None:
    texts = [point.to_line_protocol() for point, _ in many]
    found = list(read(between.join(texts) + between))
    assert [line.measurement for line in found if isinstance(line, Line)] == [
        wanted.measurement for _, wanted in many
    ]
    number = 1
    for line, text in zip(found, texts, strict=True):
        assert line.number == number
        number += text.count("\n") + between.count("\n")


@given(st.text(max_size=200))
def test_anything_at_all_is_read_without_tripping(text: str) -> None:
    for line in read(text):
        assert isinstance(line, Line | BadLine)
        if isinstance(line, Line):
            assert line.measurement
            assert line.values or line.texts
            assert all(math.isfinite(value) for value in line.values.values())


@pytest.mark.parametrize(
    ("text", "measurement", "tags", "values", "stamp"),
    [
        ("mưa mm=2", "mưa", (), {"mm": 2.0}, None),
        ("a\\,b\\ c d=1i 5", "a,b c", (), {"d": 1.0}, 5),
        ("a,b\\=c=d\\ e\\,f g\\=h=.5", "a", (("b=c", "d e,f"),), {"g=h": 0.5}, None),
        ("a,z=1,b=2 c=t,d=FALSE,e=-1e3,f=18446744073709551615u", "a", (("b", "2"), ("z", "1")),
         {"c": 1.0, "d": 0.0, "e": -1000.0, "f": 1.8446744073709552e19}, None),
        ('a"b,c="d" e=1', 'a"b', (("c", '"d"'),), {"e": 1.0}, None),
        ("a\\b,c=d\\e f=1", "a\\b", (("c", "d\\e"),), {"f": 1.0}, None),
        ("  a   b=1   -7  \r", "a", (), {"b": 1.0}, -7),
        ('a b="x=1, \\"y\\" 7",c=2 3', "a", (), {"c": 2.0}, 3),
    ],
)  # fmt: skip
def test_a_good_line(text: str, measurement: str, tags: Any, values: Any, stamp: int | None) -> None:
    (line,) = read(text)
    assert isinstance(line, Line)
    assert (line.measurement, line.tags, line.values, line.stamp) == (measurement, tags, values, stamp)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (",a=b c=1", "missing measurement"),
        ("a", "missing fields"),
        ("a,b c=1", "missing tag value"),
        ("a,b= c=1", "missing tag value"),
        ("a,=b c=1", "missing tag key"),
        ("a,b=1,b=2 c=1", "duplicate tags"),
        ("a ", "missing field key"),
        ("a b", "missing field value"),
        ("a b=", "missing field value"),
        ("a b=,c=1", "missing field value"),
        ("a b=1,", "missing field key"),
        ("a b=xyz", "invalid number"),
        ("a b=1_000", "invalid number"),
        ("a b=0x1f", "invalid number"),
        ("a b=nan", "invalid number"),
        ("a b=Infinity", "invalid number"),
        ("a b=1e999", "invalid number: out of range"),
        ("a b=9223372036854775808i", "invalid number: out of range"),
        ("a b=1.5i", "invalid number"),
        ("a b=٣", "invalid number"),
        ('a b="never closed', "unbalanced quotes"),
        ('a b="x"y', "invalid field format"),
        ("a b=1 soon", "bad timestamp"),
        ("a b=1 5 6", "bad timestamp"),
        ("a b=1 12345678901234567890", "bad timestamp"),
    ],
)
def test_a_bad_line_is_told_and_spoils_no_other(text: str, reason: str) -> None:
    before, bad, after = read(f"x y=1\n{text}\nz y=2")
    assert bad == BadLine(2, text.strip(), reason)
    assert isinstance(before, Line)
    assert isinstance(after, Line)
    assert after.number == 3


def test_a_line_for_the_copy_can_be_read_again() -> None:
    (line,) = read(written(head_of("thon-01", "board", "water_level_m.song-van"), 1.5, 2, 1795226400000))
    tags = (("node", "thon-01"), ("sensor", "song-van"), ("service", "board"))
    assert line == Line(1, "water_level_m", tags, {"value": 1.5, "quality": 2.0}, (), 1795226400000)


# -- names


@given(points())
def test_every_name_keeps_to_the_contract(both: tuple[Point, Line]) -> None:
    _, line = both
    for field in line.values:
        name = name_of("tram-mua", line, field)
        reading = {"series": name, "at": "2026-11-21T00:00:00Z", "value": 1.0, "unit": ""}
        assert msgspec.convert(reading, Reading).series == name


PARTS = st.text("ab.-_,= A1", min_size=1, max_size=4)
LINES = st.builds(
    lambda measurement, tags, field: Line(
        1, measurement, tuple(sorted(tags.items())), {field: 1.0}, (), None
    ),
    PARTS,
    st.dictionaries(PARTS, PARTS, max_size=2),
    PARTS,
)


@given(LINES, st.sampled_from(["a", "a-b"]), LINES, st.sampled_from(["a", "a-b"]))
def test_two_quantities_never_share_a_name(one: Line, its: str, other: Line, others: str) -> None:
    is_same = (one, its) == (other, others)
    assert (name_of(its, one, *one.values) == name_of(others, other, *other.values)) is is_same


def test_names_stay_readable() -> None:
    def name(text: str) -> str:
        (line,) = read(text)
        assert isinstance(line, Line)
        return name_of("tram-mua", line, *line.values)

    assert name("weather,site=cau-long temp=1") == "weather.tram-mua.temp.site.cau-long"
    assert name("Lượng\\ mưa,nơi=Cầu\\ Long mm=1").startswith("luong_mua.tram-mua.mm.x")
    assert name("%% độ=1").startswith("other.tram-mua.do.x")


def test_times_of_every_unit_become_milliseconds() -> None:
    at_ms = 1795226400123
    for unit in ("ns", "us", "ms"):
        stamp = at_ms * 1_000_000 // NS_OF[unit]
        (point,) = points_of(read(f"a b=1 {stamp}"), "t", NS_OF[unit], 0, (0, 2**60))
        assert isinstance(point, Value)
        assert (point.at_ms, point.is_stamped) == (at_ms, True)
    (point,) = points_of(read("a b=1"), "t", 1, at_ms, (0, 2**60))
    assert isinstance(point, Value)
    assert (point.at_ms, point.is_stamped) == (at_ms, False)


@pytest.mark.parametrize("text", ["a b=1 5", "a b=1 99", "a\x07 b=1 50", f"a,t={'x' * LONGEST_KEY} b=1 50"])
def test_what_cannot_be_stored_is_refused_by_its_line(text: str) -> None:
    good, bad = points_of(read(f"a b=1 50\n{text}"), "t", 1_000_000, 50, (10, 90))
    assert isinstance(good, Value)
    assert isinstance(bad, BadLine)
    assert bad.number == 2
