"""Files of the broadcast log: the same bytes again, no formulas, sums that equal the rows; names outside unverified."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from openpyxl import load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from broker.hub import gov_map
from broker.hub.broadcast_files import SUM_HEADINGS, write_csv, write_xlsx
from broker.hub.broadcast_log import Entry
from broker.hub.broadcast_totals import Period, sums_of
from broker.hub.broadcast_words import HEADINGS, cells
from broker.link.clock import LOCAL

AT = datetime(2026, 11, 30, 23, 58, tzinfo=LOCAL)
NOVEMBER = Period(AT.date().replace(day=1), AT.date())
ENTRY = Entry(
    planned_at=AT, occurrence="bt-1.1.20261130T165800Z", announcement="bt-1", revision=1,
    title="Cắt điện sáng Chủ nhật", kind="routine", field="economy", form="speech", author="Lê Thị Hạnh",
    approver="Phạm Văn Bình", approved_at=AT - timedelta(hours=1), node="thon-01", place="Đông 1, nhà văn hoá",
    village="Đông", outcome="heard", is_delivered=True, started_at=AT, ended_at=AT + timedelta(minutes=3),
    late_ms=250, played_ms=180_000, volume=80, proof="heard", proof_level=3, reason="",
)  # fmt: skip
LOST = replace(ENTRY, node="thon-02", place="Bến 1", outcome="unconfirmed", is_delivered=False, started_at=None,
               ended_at=None, late_ms=None, played_ms=0, volume=None, proof="", proof_level=0)  # fmt: skip
OFF = replace(LOST, node="thon-03", outcome="cancelled", reason="cancelled")
HOSTILE = "=cmd|' /C calc'!A0"


def workbook(*entries: Entry) -> bytes:
    out = io.BytesIO()
    write_xlsx(out, entries, NOVEMBER, "xã Vân Khê", {"thon-01": "Đông 1"})
    return out.getvalue()


def table(*entries: Entry) -> list[list[str]]:
    out = io.BytesIO()
    write_csv(out, entries)
    assert out.getvalue().startswith(b"\xef\xbb\xbfNg\xc3\xa0y,")
    assert b"\r\n" in out.getvalue()
    return list(csv.reader(io.StringIO(out.getvalue().decode("utf-8-sig"))))


def rows_of(sheet: Worksheet) -> list[tuple[object, ...]]:
    return [row for row in sheet.iter_rows(values_only=True) if any(each is not None for each in row)]


def test_a_row_says_what_became_of_one_play_in_local_time() -> None:
    head, row, lost = table(ENTRY, LOST)
    found = dict(zip(head, row, strict=True))
    assert tuple(head) == HEADINGS
    assert found["Ngày"] == "30/11/2026"
    assert found["Giờ theo lịch"] == "23:58:00"
    assert found["Kết thúc lúc"] == "00:01:00"
    assert [found[name] for name in ("Theo lịch", "Loa đã nhận", "Đã phát hết", "Đã nghe thấy")] == ["1"] * 4
    assert (found["Trễ (giây)"], found["Thời lượng ra loa (giây)"]) == ("0.25", "180.0")
    assert (found["Loại"], found["Lĩnh vực"], found["Hình thức"]) == (
        "Thông thường",
        "Kinh tế, sản xuất",
        "Máy đọc",
    )
    missing = dict(zip(head, lost, strict=True))
    assert [missing[n] for n in HEADINGS[14:19]] == ["1", "0", "0", "0", "Chưa xác nhận"]
    assert missing["Lý do"] == "Loa chưa báo gì về lượt này, có thể mất nối."


def test_the_workbook_adds_up_to_its_rows_and_says_so_in_vietnamese() -> None:
    book = load_workbook(io.BytesIO(workbook(ENTRY, LOST, OFF)))
    assert book.sheetnames == ["Tổng hợp", "Theo ngày", "Từng lượt phát"]
    head, *rows = rows_of(book["Từng lượt phát"])
    assert head == HEADINGS
    assert [row[:14] for row in rows] == [tuple(None if each == "" else each for each in cells(one)[:14])
                                          for one in (ENTRY, LOST, OFF)]  # fmt: skip
    days = rows_of(book["Theo ngày"])
    assert days[0] == ("Ngày", *SUM_HEADINGS)
    assert days[1] == ("30/11/2026", 2, 1, 1, 50, 1, 50, 0, 0, 0, 1, 0, 3, 1)
    assert [sum(int(str(row[column])) for row in rows) for column in range(14, 18)] == [2, 1, 1, 1]
    lines = {row[0]: row[1:] for row in rows_of(book["Tổng hợp"])}
    assert lines["Tất cả"] == lines["Thông thường"] == days[1][1:]
    assert lines["Đông 1"][:3] == (1, 1, 1)


def test_files_are_the_same_bytes_whenever_they_are_made() -> None:
    made = workbook(ENTRY, LOST)
    assert hashlib.sha256(workbook(ENTRY, LOST)).digest() == hashlib.sha256(made).digest()
    assert load_workbook(io.BytesIO(made)).properties.created == datetime(2026, 11, 1)  # the period, no clock
    assert {each.date_time[0] for each in zipfile.ZipFile(io.BytesIO(made)).infolist()} == {1980}
    mapping = gov_map.parse(gov_map.SHIPPED.read_text())
    exports = [b"".join(gov_map.lines(mapping, [ENTRY, LOST], NOVEMBER, "00000")) for _ in range(2)]
    assert exports[0] == exports[1]
    assert table(ENTRY) == table(ENTRY)


@pytest.mark.parametrize(
    "title",
    [
        HOSTILE,
        "+84 123",
        "-Họp thôn",
        "@SUM(A1)",
        "\t=1+1",
        "\N{NO-BREAK SPACE}=1",
        "\N{ZERO WIDTH NO-BREAK SPACE}=1",
    ],
)
def test_a_title_is_never_a_formula(title: str) -> None:
    entry = replace(ENTRY, title=title, author=title, place=title)
    _, row = table(entry)
    assert {row[4], row[8], row[12]} == {f"'{title}"}
    sheet = load_workbook(io.BytesIO(workbook(entry)))["Từng lượt phát"]
    assert [(cell.data_type, cell.hyperlink) for cell in (sheet["E2"], sheet["I2"], sheet["M2"])] == [
        ("s", None)
    ] * 3
    assert str(sheet["E2"].value).strip() == title.strip()


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("", None),
        ("\x00\x07\x1bTin\x7f", "Tin\x7f"),
        ("Ti\ud800n\uffff", "Tin"),
        ("Tin 🎉 ខ្មែរ", "Tin 🎉 ខ្មែរ"),
        ("Cắt điện", "Cắt điện"),
        ('"; \r\n<b>&amp;', '"; \r\n<b>&amp;'),
        ("https://example.org", "https://example.org"),
        ("x" * 100_000, "x" * 32_000),
    ],
)
def test_hostile_words_stay_words(title: str, shown: str | None) -> None:
    entry = replace(ENTRY, title=title)
    value = load_workbook(io.BytesIO(workbook(entry)))["Từng lượt phát"]["E2"].value
    assert (value if value is None else str(value).replace("_x000D_", "\r").replace("\r\n", "\n")) == (
        shown if shown is None else shown.replace("\r\n", "\n")
    )
    assert table(entry)[1][4] == (shown or "")


def test_a_log_without_plays_is_a_file_with_headings() -> None:
    book = load_workbook(io.BytesIO(workbook()))
    assert rows_of(book["Từng lượt phát"]) == [HEADINGS]
    assert table() == [list(HEADINGS)]


def test_the_export_for_the_province_says_that_nobody_has_verified_its_names(tmp_path: Path) -> None:
    mapping = gov_map.load(tmp_path)
    found = json.loads(b"".join(gov_map.lines(mapping, [ENTRY, LOST], NOVEMBER, "00000")))
    assert found["doi_chieu"] == "chưa đối chiếu"
    assert set(found["ban_ghi"][0]) == set(found["truong_chua_doi_chieu"])
    assert found["ban_ghi"][0]["ket_qua"] == "da_nghe_thay"
    assert found["ban_ghi"][1]["ket_qua"] == "chua_xac_nhan"
    assert found["ban_ghi"][0]["gio_theo_lich"] == "2026-11-30T23:58:00+07:00"
    assert all(each.source and not each.verified for each in mapping.field)
    empty = json.loads(b"".join(gov_map.lines(mapping, [], NOVEMBER, "00000")))
    assert empty["ban_ghi"] == []


def test_a_commune_that_has_the_guide_brings_its_own_names(tmp_path: Path) -> None:
    own = (
        gov_map.SHIPPED.read_text()
        .replace("verified = false", "verified = true")
        .replace("ma_cum", "deviceCode")
    )
    (tmp_path / "gov_map.toml").write_text(own)
    mapping = gov_map.load(tmp_path)
    found = json.loads(b"".join(gov_map.lines(mapping, [ENTRY], NOVEMBER, "00000")))
    assert (found["doi_chieu"], found["truong_chua_doi_chieu"]) == ("đã đối chiếu", [])
    assert found["ban_ghi"][0]["deviceCode"] == "thon-01"


FIELD = '[[field]]\nours = "{0}"\ntheirs = "{1}"\nverified = {2}\nsource = "{3}"\n'
HEAD = 'system = "s"\nguide = "g"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "viết chưa đúng"),
        ("= =", "viết chưa đúng"),
        (HEAD + "field = []\n", "chưa có trường nào"),
        (HEAD + FIELD.format("title", "a", '"yes"', "s"), "viết chưa đúng"),
        (HEAD + FIELD.format("password", "a", "false", "s"), "nhật ký không có “password”"),
        (HEAD + FIELD.format("title", " ", "false", "s"), "“title” còn thiếu tên"),
        (HEAD + FIELD.format("title", "a", "false", ""), "nguồn của tên đó"),
        (HEAD + FIELD.format("title", "a", "false", "s") * 2, "“title” có hai lần"),
        (
            HEAD + FIELD.format("title", "a", "false", "s") + FIELD.format("kind", "a", "false", "s"),
            "“a” có hai lần",
        ),
        ("x" * 300_000, "quá lớn"),
    ],
)
def test_a_mapping_that_cannot_be_used_says_why(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "gov_map.toml").write_text(text)
    with pytest.raises(gov_map.MapError, match=said):
        gov_map.load(tmp_path)


def test_sums_of_the_file_are_sums_of_its_rows() -> None:
    out = io.BytesIO()
    entries = [ENTRY, LOST, OFF, replace(ENTRY, kind="drill")]
    assert write_xlsx(out, entries, NOVEMBER, "xã", {}) == sums_of(entries)
