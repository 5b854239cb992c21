"""Finding alerts on the page, and a camera's day."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from html import unescape
from urllib.parse import urlencode

import pytest

from broker.hub.alert_search import Wanted
from broker.hub.console import duty_day
from broker.hub.console.duty_search import FIELDS, moment, wanted_of
from broker.hub.records import Alert, Camera, CameraLive, CameraQuiet
from broker.link.clock import LOCAL
from tests.console.stage import NOW, Stage

MIDNIGHT = datetime(2026, 11, 21, tzinfo=LOCAL)
DAY = duty_day.Day(MIDNIGHT, NOW)


def words(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def page(stage: Stage, path: str, **asked: str) -> str:
    answer = stage.client("khoa").get(f"{path}?{urlencode(asked)}")
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def alert(number: int = 0, **change: object) -> Alert:
    fields: dict[str, object] = {
        "kind": "motion",
        "node": "thon-01",
        "camera": "cong",
        "village": "dong",
        "episode": f"e{number}",
        "started_at": NOW - timedelta(minutes=number),
        "raised_at": NOW,
        "clock": "trusted",
    }
    return Alert(**(fields | change))


def at(hour: int, minute: int = 0, day: int = 21) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=LOCAL)


# -- finding


def test_alerts_are_found_by_what_was_chosen_and_the_form_keeps_it(stage: Stage) -> None:
    with stage.database.session() as db:
        db.add(alert(1, state="closed", close_reason="animal", officer_id=stage.people["khoa"].id))
        db.add(alert(2, node="thon-02", camera="bom", village="ben", clock="unknown"))
    everything = words(page(stage, "/duty/search"))
    assert everything.index("16:41") < everything.index("16:40")
    assert "giờ của điểm chưa chắc đúng" in everything
    chosen = {
        "camera": "thon-01/cong",
        "ket-qua": "false",
        "ai": str(stage.people["khoa"].id),
        "loai": "motion",
    }
    html = page(stage, "/duty/search", **chosen)
    assert html.count('href="/duty/1"') == 1
    assert 'href="/duty/2"' not in html
    assert len(re.findall(r"<option [^>]+ selected>", html)) == len(chosen)
    assert "Không có cảnh báo nào như anh/chị chọn." in words(page(stage, "/duty/search", loai="sos"))


def test_no_name_stands_twice_in_a_row_or_in_a_place(stage: Stage) -> None:
    khoa = stage.people["khoa"]
    with stage.database.session() as db:
        db.add(alert(1, state="in-hand", officer_id=khoa.id))
        db.get_one(Camera, ("thon-01", "cong")).name = "Camera cổng chợ"
    row = words(page(stage, "/duty/search"))
    assert "Đang xử lý Trần Văn Khoa" in row
    assert "Khoa đang xử lý" not in row
    shown = words(page(stage, "/duty/1")).lower()
    assert "camera cổng chợ" in shown
    assert "camera camera" not in shown
    assert "camera: camera" not in shown


def test_the_next_page_keeps_what_was_chosen(stage: Stage) -> None:
    with stage.database.session() as db:
        for number in range(53):
            db.add(alert(number))
    html = page(stage, "/duty/search", loai="motion")
    onward = re.search(r'href="(/duty/search\?[^"]*sau=[^"]+)"', html)
    assert onward is not None
    last = stage.client("khoa").get(unescape(onward[1])).get_data(as_text=True)
    assert "loai=motion" in onward[1]
    assert len(re.findall(r'href="/duty/\d+"', last)) == 3
    assert "sau=" not in last
    assert "Về trang đầu" in last


@pytest.mark.parametrize(
    ("typed", "begins", "ends"),
    [
        ("2026-11-21T22:30", at(22, 30), at(22, 31)),
        ("21/11/2026 22:30", at(22, 30), at(22, 31)),
        ("2026-11-21", at(0), at(0, day=22)),
        ("21/11/2026", at(0), at(0, day=22)),
        ("hôm qua", None, None),
        ("9999-12-31", None, None),
        ("9999-12-31T23:59", None, None),
        ("0001-01-01", None, None),
    ],
)
def test_moments_as_browsers_send_them_and_people_type_them(
    typed: str, begins: datetime | None, ends: datetime | None
) -> None:
    assert moment(typed) == begins
    assert moment(typed, is_end=True) == ends


def test_what_is_not_understood_is_said_and_not_asked_for() -> None:
    empty = dict.fromkeys(FIELDS, "")
    assert wanted_of(empty) == (Wanted(), "")
    odd = {"loai": "x", "ket-qua": "y", "ai": "z", "camera": "thon-01"}
    assert wanted_of(empty | odd) == (Wanted(node="thon-01"), "")
    assert "Chưa hiểu" in wanted_of(empty | {"tu": "mai"})[1]
    assert "ở sau giờ kết thúc" in wanted_of(empty | {"tu": "2026-11-22", "den": "2026-11-21"})[1]


@pytest.mark.parametrize("typed", ["0001-01-01T00:00", "9999-12-31T23:59", "x" * 500, "\x00"])
def test_no_moment_breaks_the_page(stage: Stage, typed: str) -> None:
    page(stage, "/duty/search", tu=typed, den=typed, camera=typed, ai="9" * 30, sau=typed)


# -- a camera's day


def test_a_day_shows_alerts_blindness_lookers_and_what_was_ignored(stage: Stage) -> None:
    with stage.database.session() as db:
        db.add(alert(1, started_at=at(9, 15), state="closed", close_reason="animal"))
        db.add(alert(2, kind="outage", what="silent", started_at=at(23, 0, 20), ended_at=at(1)))
        db.add(alert(3, started_at=at(9, day=20)))
        db.add(alert(4, started_at=at(9), camera="khac"))
        khoa = stage.people["khoa"].id
        db.add(CameraLive(
            view="v", node="thon-01", camera="cong", asked_at=at(9, 16), asked_by=khoa, reason="cảnh báo 1",
            until=at(9, 17), ended_at=None,
        ))  # fmt: skip
        db.add(CameraQuiet(
            node="thon-01", camera="cong", name="Lối chó chạy", area=None, applied_at=at(9, 30), applied_by=khoa,
            ask_again_at=NOW, undone_at=at(10),
        ))  # fmt: skip
    html = page(stage, "/duty/camera/thon-01/cong")
    said = words(html)
    assert "Thứ Bảy, 21 tháng 11 năm 2026. 1 cảnh báo, 1 báo nhầm. Không nhìn được 1 giờ." in said
    assert "từ hôm trước đến 01:00 Camera cửa kho lúa mất hình" in said
    assert "09:16 đến 09:17 Trần Văn Khoa xem trực tiếp: cảnh báo 1" in said
    assert "Lối chó chạy, từ 09:30 21/11/2026 đến 10:00 21/11/2026" in said
    marks = re.findall(r'<rect class="(\w+)" x="([\d.]+)" y="3" width="([\d.]+)"', html)
    assert marks == [
        ("false", "555.0", "4.0"),
        ("outage", "0.0", "60.0"),
        ("live", "556.0", "4.0"),
        ("quiet", "570.0", "30.0"),
    ]
    assert "ngay=2026-11-20" in html
    assert "Hôm sau" not in said
    before = words(page(stage, "/duty/camera/thon-01/cong", ngay="2026-11-20"))
    assert "Thứ Sáu, 20 tháng 11 năm 2026. 1 cảnh báo. Không nhìn được 1 giờ." in before
    assert "Hôm sau" in before
    assert "23:00 đến hôm sau Camera cửa kho lúa mất hình" in before


@pytest.mark.parametrize("day", ["2027-01-01", "mai", "0001-01-01", ""])
def test_any_other_day_is_today(stage: Stage, day: str) -> None:
    assert "21 tháng 11 năm 2026. Không có cảnh báo nào." in words(
        page(stage, "/duty/camera/thon-01/cong", ngay=day)
    )


def test_a_camera_nobody_knows_has_no_day(stage: Stage) -> None:
    assert stage.client("khoa").get("/duty/camera/thon-01/khac").status_code == 404


@pytest.mark.parametrize(
    ("change", "is_there"),
    [
        ({"ended_at": None}, True),
        ({"ended_at": None, "state": "closed", "closed_at": at(9, day=20)}, False),
        ({"ended_at": None, "state": "closed", "closed_at": at(9)}, True),
        ({"ended_at": at(9, day=20)}, False),
    ],
)
def test_blindness_lasts_to_its_end_or_to_its_closing(
    stage: Stage, change: dict[str, object], is_there: bool
) -> None:
    with stage.database.session() as db:
        db.add(alert(1, kind="tamper", what="covered", started_at=at(8, day=20), **change))
    with stage.database.reading() as db:
        assert bool(duty_day.alerts_of(db, "thon-01", "cong", DAY)) == is_there


def test_blind_hours_that_overlap_count_once_and_none_lies_ahead() -> None:
    rows = [
        alert(1, kind="outage", started_at=at(8), ended_at=at(10)),
        alert(2, kind="tamper", what="moved", started_at=at(9), ended_at=at(11)),
        alert(3, kind="outage", started_at=at(16, 12), ended_at=None),
    ]
    assert (
        duty_day.summary(rows, DAY)
        == "Không có cảnh báo nào. Không nhìn được 3\N{NO-BREAK SPACE}giờ 30\N{NO-BREAK SPACE}phút."
    )


def test_ignoring_in_hours_is_drawn_in_its_hours_and_over_midnight() -> None:
    quiet = CameraQuiet(
        applied_at=at(0, day=1), undone_at=None, hours=[{"days": [4, 5], "since_min": 1320, "until_min": 120}]
    )
    tomorrow = duty_day.Day(MIDNIGHT, MIDNIGHT + timedelta(days=2))
    assert [(one.begin, one.length) for one in duty_day.quiet_marks(quiet, tomorrow)] == [
        (0.0, 120.0),
        (1320.0, 120.0),
    ]
    assert [(one.begin, one.length) for one in duty_day.quiet_marks(quiet, DAY)] == [(0.0, 120.0)]
    quiet.undone_at = at(1)
    assert [(one.begin, one.length) for one in duty_day.quiet_marks(quiet, DAY)] == [(0.0, 60.0)]


def test_what_was_over_within_its_minute_is_said_with_one_hour() -> None:
    at = MIDNIGHT + timedelta(hours=10, minutes=2)
    assert DAY.span_said(at, at + timedelta(seconds=40)) == "10:02"
    assert DAY.span_said(at, at + timedelta(seconds=90)) == "10:02 đến 10:03"
    assert DAY.span_said(at - timedelta(days=1), at) == "từ hôm trước đến 10:02"
