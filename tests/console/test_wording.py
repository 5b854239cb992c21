"""Vietnamese sentences of the console, and the pictures drawn on the server."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

import pytest

from broker.hub.console import wording
from broker.hub.console.cameras import free_code, hide_password
from broker.hub.console.day import lines
from broker.hub.console.outlook import hush_of
from broker.hub.console.stages import progress_of
from broker.hub.records import Play, ServiceSeen
from broker.link.clock import LOCAL
from broker.look.dayline import Mark, Span, clock, day_line
from broker.look.villages import VillageShape, village_map
from broker.trust.bodies import Quiet

NOW = datetime(2026, 11, 21, 16, 42, tzinfo=LOCAL)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 giây"),
        (40, "40 giây"),
        (130, "2 phút 10 giây"),
        (2880, "48 phút"),
        (11_100, "3 giờ 5 phút"),
        (172_800, "2 ngày"),
    ],
)
def test_durations(seconds: float, said: str) -> None:
    assert wording.lasting(seconds).replace("\N{NO-BREAK SPACE}", " ") == said


def test_moments_are_said_as_short_as_can_be_understood() -> None:
    assert wording.when(NOW, NOW) == "16:42"
    assert wording.when(NOW + timedelta(days=1), NOW) == "16:42 mai"
    assert wording.when(NOW + timedelta(days=2), NOW) == "16:42 thứ Hai 23/11"
    assert wording.day_name(date(2026, 11, 22), NOW.date()) == "Mai, 22/11"
    assert wording.long_day(NOW.date()) == "Thứ Bảy, 21 tháng 11 năm 2026"


def test_numbers_and_places() -> None:
    assert wording.number(1328.25, 1) == "1.328,2"
    assert wording.villages(["Đông", "Bến"], 8) == "Thôn Đông, thôn Bến"
    assert wording.villages(["A", "B"], 2) == "Cả xã"


def test_the_day_line_says_what_it_shows_and_escapes_labels() -> None:
    marks = [Mark(17.5, 9, "planned", "17:30"), Mark(18.0, 5, "hold", "<b>")]
    drawn = day_line(marks, Span(5, 22), name="d", now_h=16.7)
    assert "17:30 sẽ phát; 18:00 chờ duyệt" in drawn
    assert "<b>" not in drawn
    assert "style=" not in drawn
    assert clock(16.7) == "16:42"


def test_labels_of_the_day_line_never_lie_on_each_other() -> None:
    marks = [Mark(17 + n / 10, 3, "planned", f"17:{n * 6:02d}") for n in range(9)]
    drawn = day_line(marks, Span(5, 22), name="d")
    assert drawn.count('class="name"') == 2
    assert drawn.count('class="play"') == 9


def test_quiet_hours_are_drawn_where_the_commune_put_them() -> None:
    assert day_line([], Span(16, 22), name="d").count("url(#dq)") == 1
    assert day_line([], Span(5, 22), name="d").count("url(#dq)") == 2
    assert "yên lặng trước 06:00 và sau 21:00" in day_line([], Span(5, 22), name="d")
    assert "url(#dq)" not in day_line([], Span(5, 22, ()), name="d")


def test_a_rest_within_the_day_is_hatched_alone_and_the_night_is_shown_when_something_is_said_in_it() -> None:
    drawn = lines([], Quiet(since="04:00", until="05:00"), None)
    assert "Đường ngày từ 4 giờ đến 24 giờ; loa yên lặng từ 04:00 đến 05:00;" in drawn
    assert '<rect x="0.00%" y="30" width="5.00%"' in drawn
    rest = lines([], Quiet(since="11:30", until="13:30"), NOW.replace(hour=0, minute=30))
    assert "từ 0 giờ đến 24 giờ; loa yên lặng từ 11:30 đến 13:30;" in rest
    assert rest.count('class="now"') == 2
    assert "từ 5 giờ đến 22 giờ" in lines([], Quiet(), NOW)


@pytest.mark.parametrize(
    ("since", "until", "hour", "said"),
    [
        ("21:00", "06:00", 16, "Sau 21:00 loa không nói."),
        ("21:00", "06:00", 23, "Loa đang trong giờ yên lặng, đến 06:00."),
        ("04:00", "05:00", 3, "Từ 04:00 đến 05:00 loa không nói."),
        ("04:00", "05:00", 8, "Từ giờ đến hết ngày không có giờ yên lặng."),
        ("11:30", "13:30", 12, "Loa đang trong giờ yên lặng, đến 13:30."),
        ("06:00", "06:00", 12, "Từ giờ đến hết ngày không có giờ yên lặng."),
    ],
)
def test_today_tells_the_silence_that_comes_next(since: str, until: str, hour: int, said: str) -> None:
    assert hush_of(Quiet(since=since, until=until), NOW.replace(hour=hour, minute=0)) == said


def test_ones_own_label_comes_first_and_none_lies_on_the_time_of_day() -> None:
    marks = [Mark(7 / 60, 2, "planned", "00:07"), Mark(10 / 60, 2, "planned", "00:10", is_own=True)]
    drawn = day_line(marks, Span(0, 6), name="d", now_h=3 / 60, cls="")
    assert re.findall(r">(00:..)</text>", drawn) == ["00:10"]
    assert 'class="now"' in drawn


def test_the_map_marks_states_by_colour_and_shape() -> None:
    shapes = [VillageShape("a", "Đông", "M0,0z", 1, 2), VillageShape("b", "<Bến>", "M1,1z", 3, 4)]
    drawn = village_map(shapes, {"a": "bad"}, label="x", links={"b": "/b"})
    assert 'class="village bad"' in drawn
    assert 'class="mark bad"' in drawn
    assert "&lt;Bến&gt;" in drawn
    assert '<a href="/b">' in drawn


def test_codes_for_the_wire_come_out_of_names() -> None:
    assert free_code("Cửa kho lúa", []) == "cua-kho-lua"
    assert free_code("Cửa kho lúa", ["cua-kho-lua"]) == "cua-kho-lua-2"
    assert free_code("Đê 2", []) == "de-2"
    assert free_code("!!!", []) == "camera"


def test_passwords_of_cameras_are_not_shown() -> None:
    assert hide_password("rtsp://u:s3cret@10.0.0.9/1") == "rtsp://u:•••@10.0.0.9/1"
    assert hide_password("/dev/video0") == "/dev/video0"


def play(state: str, **change: object) -> Play:
    """A play due at 17:30."""
    fields: dict[str, object] = {"proof_level": 0, "reason": "", "repeat": 0, "sound": "none"}
    return Play(occurrence="o", node="n", announcement="a", revision=1, state=state,
                planned_at=NOW.replace(hour=17, minute=30), **(fields | change))  # fmt: skip


def seen(state: str) -> ServiceSeen:
    """What the loudspeaker's service last said."""
    return ServiceSeen(
        identity="n.speaker", node="n", service="speaker", state=state, since=NOW, boot="b", seen_at=NOW
    )


@pytest.mark.parametrize(
    ("state", "done", "mark", "needs"),
    [
        ("planned", 0, "now", False),
        ("fetching", 0, "now", False),
        ("ready", 2, "", False),
        ("playing", 2, "now", False),
        ("played", 4, "", False),
        ("interrupted", 3, "fail", True),
        ("refused", 1, "fail", True),
        ("missed", 2, "fail", True),
        ("cancelled", 0, "", False),
    ],
)
def test_each_state_of_a_play_has_its_stage(state: str, done: int, mark: str, needs: bool) -> None:
    row = progress_of(play(state), "Đông 1", "dong", seen("ready"), NOW, 120)
    assert (row.done, row.mark, row.needs_person) == (done, mark, needs)
    assert row.why


def test_only_a_measured_sound_counts_as_heard() -> None:
    for level, done in ((0, 4), (1, 4), (2, 5), (3, 5)):
        row = progress_of(play("played", proof_level=level), "x", "v", seen("ready"), NOW, 120)
        assert row.done == done
        assert ("Chưa đo" in row.why) == (done == 4)


def test_the_reason_of_a_refusal_is_a_sentence() -> None:
    row = progress_of(play("refused", reason="quiet-hours"), "x", "v", seen("ready"), NOW, 120)
    assert "giờ yên tĩnh" in row.why


def test_a_point_that_is_cut_off_says_until_when_it_would_still_play() -> None:
    row = progress_of(play("planned"), "x", "v", seen("lost"), NOW, 120)
    assert row.why == "Mất nối từ 16:42. Có mạng trước 17:32 sẽ phát."
    assert progress_of(play("planned"), "x", "v", None, NOW, 120).needs_person
