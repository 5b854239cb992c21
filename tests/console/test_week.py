"""The week: what stands on each day, as people read it on the screen and on the notice board."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from broker.hub.announcing import workflow
from broker.hub.console import week
from broker.hub.console.week import monday_of
from broker.hub.records import Revision
from broker.link.clock import LOCAL
from tests.console.stage import NOW, VILLAGES, Stage


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of November 2026 by the clocks of the village."""
    return datetime(2026, 11, day, hour, minute, tzinfo=LOCAL)


def days_shown(page: str) -> dict[str, str]:
    """The text of each day by its date, without tags."""
    parts = re.split(r'<section class="week-day[^>]*>', page)[1:]
    texts = [" ".join(re.sub(r"<[^>]+>", " ", part.split("</section>")[0]).split()) for part in parts]
    return {re.search(r"\d+/\d+", text)[0]: text for text in texts}  # type: ignore[index]


def test_a_week_has_each_announcement_once_a_day_with_all_its_hours(stage: Stage) -> None:
    everywhere = [code for code, *_ in VILLAGES]
    hours = [at(24, 17, 30), at(24, 11, 30), at(29, 20, 30)]
    stage.approved(title="Tiêm phòng", kind="priority", villages=["dong"], starts=hours)
    stage.approved(title="Nước sạch", villages=everywhere, starts=[at(23, h) for h in (7, 9, 11, 14, 16)])
    gone = stage.approved(title="Đã gỡ", villages=["dong"], starts=[at(25, 9)])
    stage.submitted(title="Còn chờ", villages=["ben"], starts=[at(26, 9), at(30, 9)])
    with stage.database.session() as db:
        workflow.withdraw(db, stage.people["binh"], gone.id, NOW)
    page = stage.client("thon").get("/week?ngay=2026-11-25").get_data(as_text=True)
    days = days_shown(page)
    assert list(days) == ["23/11", "24/11", "25/11", "26/11", "27/11", "28/11", "29/11"]
    assert "07:00 – 16:00, 5 lượt Nước sạch Cả xã" in days["23/11"]
    assert "11:30, 17:30 Tiêm phòng Ưu tiên Thôn Đông" in days["24/11"]
    assert "Không có lượt phát." in days["25/11"]
    assert "Chờ duyệt" in days["26/11"]
    assert "20:30 Tiêm phòng" in days["29/11"]
    assert "15/10 âm" in days["23/11"]
    assert "8 lượt phát trong tuần." in page
    assert "1 lượt còn chờ duyệt, không in ra giấy." in page
    assert "từ thứ Hai 23/11 đến Chủ nhật 29/11/2026" in page
    assert "Loa im lặng từ 21:00 đến 06:00 mỗi ngày." in page
    assert "/week?ngay=2026-11-16" in page
    assert "/week?ngay=2026-11-30" in page


@pytest.mark.parametrize(
    "asked", ["", "?ngay=", "?ngay=hôm nay", "?ngay=9999-12-31", "?ngay=2026-02-30", "?ngay=²"]
)
def test_a_day_that_is_none_shows_this_week(stage: Stage, asked: str) -> None:
    page = stage.client("hanh").get(f"/week{asked}").get_data(as_text=True)
    assert "Tuần này, từ thứ Hai 16/11 đến Chủ nhật 22/11/2026" in page
    assert "Chưa có lượt phát nào được duyệt." in page


def test_the_first_and_last_minute_of_a_week_belong_to_it(stage: Stage) -> None:
    monday = monday_of(date(2026, 12, 31))
    assert monday == date(2026, 12, 28)
    edges = datetime(2026, 12, 28, 6, 0, tzinfo=LOCAL), datetime(2027, 1, 3, 20, 58, tzinfo=LOCAL)
    stage.approved(title="Đầu và cuối tuần", villages=["dong"], starts=list(edges))
    stage.approved(title="Tuần sau nữa", villages=["dong"], starts=[edges[0] + timedelta(days=7)])
    page = stage.client("hanh").get("/week?ngay=2027-01-01").get_data(as_text=True)
    days = days_shown(page)
    assert "06:00 Đầu và cuối tuần" in days["28/12"]
    assert "20:58 Đầu và cuối tuần" in days["3/1"]
    assert "Tết Dương lịch" in days["1/1"]
    assert "Tuần sau nữa" not in page
    assert "từ thứ Hai 28/12/2026 đến Chủ nhật 3/1/2027" in page


def test_emergencies_and_drills_never_hang_on_the_notice_board(stage: Stage) -> None:
    monday, tuesday = at(23, 9), at(24, 9)
    stage.approved(title="Nước lên", villages=["dong"], starts=[monday])
    stage.approved(title="Diễn tập nước lên", villages=["dong"], starts=[monday + timedelta(hours=1)])
    stage.approved(title="Họp thôn", villages=["dong"], starts=[tuesday])
    with stage.database.session() as db:
        for row in db.scalars(select(Revision).where(Revision.title.contains("ước lên"))):
            row.kind, row.drill = "emergency", row.title.startswith("Diễn tập")
    page = stage.client("hanh").get("/week?ngay=2026-11-25").get_data(as_text=True)
    days = days_shown(page)
    assert "Không có lượt phát." in days["23/11"]
    assert "09:00 Họp thôn" in days["24/11"]
    assert "1 lượt phát trong tuần." in page
    paper = (Path(week.__file__).parent / "static" / "paper.css").read_text()
    hidden = paper.split("@media print")[1].split("{ display: none !important")[0]
    assert "[data-hush]" in hidden  # the red bar, with its button
