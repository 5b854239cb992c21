"""Nhật ký phát sóng: what its pages say, who may take it away, and what is written of that."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from openpyxl import load_workbook
from sqlalchemy import select

from broker.hub.records import Announcement, AuditRow, Occurrence, Play, Revision
from broker.link.clock import LOCAL
from tests.console.stage import NOW, Stage, live_day, set_stage
from tests.hub.town import Keys

People = dict[str, FlaskClient]
WORDS = (
    ("Bản tin sáng: thời tiết, giá lúa, việc trong xã", "routine", "economy", 6, 120),
    ("Lịch tiêm phòng cho trẻ ở trạm y tế", "priority", "", 17, 75),
)


def a_month(stage: Stage) -> None:
    """Two bulletins a day since the first of November, on four loudspeakers of which one is often away."""
    live_day(stage)
    with stage.database.session() as db:
        author, approver = stage.people["hanh"].id, stage.people["binh"].id
        for title, kind, field, hour, length_s in WORDS:
            name = f"bt-{hour}"
            db.add(Announcement(id=name, created_at=NOW, author_id=author, field=field))
            db.flush()
            row = Revision(
                announcement_id=name, number=1, state="expired", kind=kind, title=title, author_id=author,
                approver_id=approver, created_at=NOW, edited_at=NOW, decided_at=NOW - timedelta(days=22),
                villages=["dong", "ben", "trung"],
            )  # fmt: skip
            db.add(row)
            db.flush()
            for day in range(1, 21):
                start = datetime(2026, 11, day, hour, 30, tzinfo=LOCAL)
                occurrence = f"{name}.1.{start:%Y%m%d}"
                db.add(
                    Occurrence(
                        id=occurrence, revision_id=row.id, start=start, tolerance_s=120, duration_s=length_s
                    )
                )
                for node in range(1, 5):
                    db.add(_play(occurrence, name, f"thon-0{node}", start, length_s, day + node))


def _play(occurrence: str, name: str, node: str, start: datetime, length_s: int, luck: int) -> Play:
    play = Play(occurrence=occurrence, node=node, announcement=name, revision=1, planned_at=start)
    if node == "thon-03" and luck % 3 == 0:
        return play  # nothing was heard of it
    play.said_at, play.state, play.sound, play.proof_level, play.proof = (
        start,
        "played",
        "card",
        1,
        "consumed",
    )
    play.started_at, play.ended_at = start, start + timedelta(seconds=length_s)
    play.played_ms, play.total_ms, play.late_ms, play.volume = length_s * 1000, length_s * 1000, 40, 80
    if node == "thon-01":
        play.proof_level, play.proof = 3, "heard"
    if luck % 11 == 0:
        play.state, play.reason, play.played_ms, play.proof_level = "interrupted", "power", 20_000, 0
    elif luck % 13 == 0:
        play.state, play.reason, play.started_at, play.ended_at = "refused", "clock-unknown", None, None
        play.played_ms, play.proof_level = 0, 0
    return play


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory, keys: Keys, settled: Path) -> Iterator[Stage]:
    with set_stage(tmp_path_factory.mktemp("aired"), keys, settled) as stage:
        a_month(stage)
        yield stage


@pytest.fixture(scope="module")
def people(month: Stage) -> dict[str, FlaskClient]:
    """Everybody signs in once."""
    return {name: month.client(name) for name in ("hanh", "lanh", "thon", "soat")}


def page(client: FlaskClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def text_of(client: FlaskClient, path: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page(client, path)).split())


def table(client: FlaskClient, ky: str) -> list[dict[str, str]]:
    answer = client.get(f"/broadcasts/file/csv?ky={ky}")
    return list(csv.DictReader(io.StringIO(answer.get_data().decode("utf-8-sig"))))


def added(rows: list[dict[str, str]], name: str) -> int:
    return sum(int(row[name]) for row in rows)


def test_a_day_says_what_became_of_every_play_and_what_is_not_known(month: Stage, people: People) -> None:
    today = text_of(people["hanh"], "/broadcasts")
    assert "Cả 4 lượt đã phát hết." in today
    assert "4 lượt chưa đến giờ." in today
    assert "4 cụm loa: 1 đã phát, nghe thấy; 3 đã phát, chưa đo" in today
    lost = text_of(people["lanh"], "/broadcasts?ky=2026-11-03")
    assert "6 trên 8 lượt đã phát hết. 2 lượt chưa xác nhận." in lost
    assert "Chưa xác nhận Loa chưa báo gì về lượt này, có thể mất nối." in lost
    cut = text_of(people["hanh"], "/broadcasts?ky=2026-11-07")
    assert "Phát dở 06:30:00 20 giây Điểm mất điện hoặc khởi động lại giữa lúc phát." in cut
    for path in ("/broadcasts?ky=2026-01-01", "/broadcasts/print?ky=2026-01-01"):
        assert "Không có lượt phát nào." in text_of(people["hanh"], path)


def test_a_month_adds_up_to_its_file_and_to_its_days(month: Stage, people: People) -> None:
    rows = table(people["soat"], "2026-11")
    said = text_of(people["thon"], "/broadcasts?ky=2026-11")
    played, planned = added(rows, "Đã phát hết"), added(rows, "Theo lịch")
    assert f"{played} trên {planned} lượt đã phát hết." in said
    assert f"Đã nghe thấy {added(rows, 'Đã nghe thấy')} " in said
    days = [table(people["soat"], f"2026-11-{day:02d}") for day in range(1, 31)]
    assert [row for day in days for row in day] == rows
    minutes = sum(float(row["Thời lượng ra loa (giây)"]) for row in rows) / 60
    assert f"Tiếng ra loa {minutes:.0f} phút" in said
    assert (
        f"Bến 2, đầu cầu {sum(row['Mã điểm'] == 'thon-03' and row['Theo lịch'] == '1' for row in rows)} "
        in said
    )
    assert "Thông thường 84 " in text_of(people["hanh"], "/broadcasts/print?ky=2026-11")


def test_a_file_is_the_same_again_and_is_written_down(month: Stage, people: People) -> None:
    client = people["lanh"]
    first = [client.get(f"/broadcasts/file/{shape}?ky=2026").get_data() for shape in ("xlsx", "csv", "json")]
    month.clock.step(3)
    again = [client.get(f"/broadcasts/file/{shape}?ky=2026").get_data() for shape in ("xlsx", "csv", "json")]
    assert first == again
    assert load_workbook(io.BytesIO(first[0])).sheetnames[0] == "Tổng hợp"
    assert json.loads(first[2])["doi_chieu"] == "chưa đối chiếu"
    answer = client.get("/broadcasts/file/xlsx?ky=2026-11-20")
    assert "nhat-ky-phat-song-2026-11-20.xlsx" in answer.headers["Content-Disposition"]
    answer.close()
    assert "tải về nhật ký phát sóng 2026-11-20.xlsx" in text_of(people["lanh"], "/audit")


def test_what_is_no_day_is_today_and_what_is_no_file_is_not_there(month: Stage, people: People) -> None:
    for ky in (
        "",
        "x",
        "2026-02-31",
        "99999999",
        "2026-11-21'--",
        "2026",
        "\N{FULLWIDTH DIGIT TWO}026-11",
        "9" * 5000,
    ):
        assert "Thứ Bảy, 21 tháng 11 năm 2026" in text_of(people["hanh"], f"/broadcasts?ky={ky}")
    assert people["hanh"].get("/broadcasts/file/exe?ky=2026-11").status_code == 404
    assert "Tháng 12 năm 2026" in text_of(people["hanh"], "/broadcasts?ky=2026-12")
    assert "2020" in text_of(people["hanh"], "/broadcasts?ky=2020-02-29")


def test_a_bulletin_is_sorted_into_its_field_by_who_writes(month: Stage, people: People) -> None:
    client, form = (
        people["hanh"],
        {"announcement": "bt-17", "field": "health", "ky": "2026-11", "trang": "1"},
    )
    answer = month.post(client, "/broadcasts/field", form, page="/broadcasts")
    assert (answer.status_code, answer.location) == (302, "/broadcasts?ky=2026-11&trang=1#tin")
    month.post(client, "/broadcasts/field", form, page="/broadcasts")  # again: nothing new
    assert "Y tế, giáo dục 80 " in text_of(people["lanh"], "/broadcasts?ky=2026-11")
    with month.database.reading() as db:
        deeds = db.scalars(select(AuditRow).where(AuditRow.action == "announcement.sorted")).all()
        assert [(row.subject, row.detail) for row in deeds] == [("bt-17", {"field": "Y tế, giáo dục"})]
    for change, said in (
        ({"field": "politics"}, "không có trong danh sách"),
        ({"announcement": "x" * 9000}, "Không tìm thấy bản tin này"),
        ({"announcement": ""}, "Không tìm thấy bản tin này"),
    ):
        answer = month.post(client, "/broadcasts/field", form | change, page="/broadcasts")
        assert said in answer.get_data(as_text=True)
    assert 'name="field"' not in page(people["lanh"], "/broadcasts?ky=2026-11")
    assert "/broadcasts/file/" not in page(people["thon"], "/broadcasts?ky=2026-11")


def test_a_mapping_of_the_commune_that_is_broken_is_said_and_not_used(month: Stage, people: People) -> None:
    own = month.settings.data_dir / "gov_map.toml"
    own.write_text("system = 1")
    try:
        assert "Tệp gov_map.toml viết chưa đúng" in text_of(people["hanh"], "/broadcasts")
        answer = people["hanh"].get("/broadcasts/file/json?ky=2026-11")
        assert answer.status_code == 409
        assert "Tệp gov_map.toml viết chưa đúng" in answer.get_data(as_text=True)
    finally:
        own.unlink()


def test_a_title_made_for_a_spreadsheet_is_only_a_title(month: Stage, people: People) -> None:
    with month.database.session() as db:
        db.scalars(select(Revision).where(Revision.announcement_id == "bt-6")).one().title = "=1+1<script>"
    assert {row["Tên bản tin"] for row in table(people["soat"], "2026-11-02")} == {
        "'=1+1<script>",
        WORDS[1][0],
    }
    assert (
        "<script>"
        not in page(people["hanh"], "/broadcasts?ky=2026-11-02").partition("<main")[2].partition("</main")[0]
    )
