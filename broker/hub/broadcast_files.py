"""Files of the broadcast log: XLSX and CSV with Vietnamese headings, the same bytes from the same records.

Rows go to the disk as they are read, so that a year of two hundred loudspeakers needs no memory. Nothing in a file
says when it was made.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import IO, TYPE_CHECKING, Final

from broker.hub.broadcast_log import Entry
from broker.hub.broadcast_totals import KINDS, Period, Sums, Totals, percent
from broker.hub.broadcast_words import HEADINGS, KINDS_SAID, Cell, cells, harmless, say_field

if TYPE_CHECKING:
    from xlsxwriter.workbook import Workbook
    from xlsxwriter.worksheet import Worksheet

MOST_ON_A_SHEET: Final = 1_000_000
"""Rows; a sheet of the format takes 1,048,576."""
SUM_HEADINGS: Final = (
    "Theo lịch",
    "Loa đã nhận",
    "Đã phát hết",
    "Phát hết (%)",
    "Đã nghe thấy",
    "Nghe thấy (%)",
    "Phát dở",
    "Không ra loa",
    "Không phát",
    "Chưa xác nhận",
    "Chờ tin báo",
    "Số phút ra loa",
    "Đã huỷ trước khi phát",
)
_WIDTHS: Final = (
    11,
    12,
    15,
    8,
    46,
    13,
    22,
    11,
    20,
    20,
    20,
    14,
    26,
    10,
    *[11] * 4,
    22,
    12,
    12,
    10,
    13,
    12,
    18,
    44,
    38,
)


def write_csv(out: IO[bytes], entries: Iterable[Entry]) -> None:
    """The rows as CSV: UTF-8 with its mark, so that spreadsheets read Vietnamese; lines end with CR LF."""
    text = io.TextIOWrapper(out, encoding="utf-8-sig", newline="", write_through=True)
    lines = csv.writer(text)
    lines.writerow(HEADINGS)
    for entry in entries:
        lines.writerow([harmless(each) if isinstance(each, str) else each for each in cells(entry)])
    text.detach()


def write_xlsx(
    out: IO[bytes], entries: Iterable[Entry], period: Period, commune: str, places: Mapping[str, str]
) -> Sums:
    """A workbook: the sums, the days, and every row. Returns the sums. places: labels by node.

    out: a file that can be read and sought in.
    """
    from xlsxwriter import Workbook  # not before somebody wants one

    book = Workbook(out, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    # A workbook says when it was created: the end of what it is about, not the moment it was asked for.
    book.set_properties(
        {"title": f"Nhật ký phát sóng {period.name}", "company": commune, "created": _naive(period)}
    )
    sheets = book.add_worksheet("Tổng hợp"), book.add_worksheet("Theo ngày")
    sums = Sums()
    _write_rows(book, entries, sums)
    _write_sums(book, sheets[0], sums, period, commune, places)
    _write_days(book, sheets[1], sums)
    book.close()
    return sums


def _naive(period: Period) -> datetime:
    return period.since.replace(tzinfo=None)


def _write_rows(book: Workbook, entries: Iterable[Entry], sums: Sums) -> None:
    head = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
    sheet: Worksheet | None = None
    line = MOST_ON_A_SHEET
    number = 0
    for entry in entries:
        if line >= MOST_ON_A_SHEET:
            number, line = number + 1, 0
            sheet = _row_sheet(book, head, number)
        assert sheet is not None  # noqa: S101  (the first row opens the first sheet)
        sums.add(entry)
        line += 1
        _put(sheet, line, cells(entry))
    if sheet is None:
        _row_sheet(book, head, 1)


def _row_sheet(book: Workbook, head: object, number: int) -> Worksheet:
    sheet = book.add_worksheet("Từng lượt phát" if number == 1 else f"Từng lượt phát {number}")
    for column, width in enumerate(_WIDTHS):
        sheet.set_column(column, column, width)
    sheet.freeze_panes(1, 5)
    for column, name in enumerate(HEADINGS):
        sheet.write_string(0, column, name, head)
    return sheet


def _put(sheet: Worksheet, line: int, row: Iterable[Cell]) -> None:
    """Text as text and numbers as numbers: nothing is guessed from how it looks."""
    for column, value in enumerate(row):
        if isinstance(value, str):
            if value:
                sheet.write_string(line, column, value)
        elif value is not None:
            sheet.write_number(line, column, value)


def _write_sums(
    book: Workbook, sheet: Worksheet, sums: Sums, period: Period, commune: str, places: Mapping[str, str]
) -> None:
    bold = book.add_format({"bold": True})
    head = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, len(SUM_HEADINGS), 11)
    sheet.write_string(0, 0, f"Nhật ký phát sóng, {commune}", bold)
    sheet.write_string(1, 0, f"Từ ngày {period.first:%d/%m/%Y} đến ngày {period.last:%d/%m/%Y}, giờ Việt Nam")
    sheet.write_string(2, 0, "Mỗi lượt là một lần phát của một bản tin trên một cụm loa.")
    line = 4
    for name, rows in _tables(sums, places):
        sheet.write_string(line, 0, name, head)
        for column, heading in enumerate(SUM_HEADINGS, 1):
            sheet.write_string(line, column, heading, head)
        for label, totals in rows:
            line += 1
            _put(sheet, line, (label, *sum_cells(totals)))
        line += 2


def _tables(sums: Sums, places: Mapping[str, str]) -> Iterator[tuple[str, list[tuple[str, Totals]]]]:
    yield "Cả xã", [("Tất cả", sums.whole)]
    yield "Theo loại", [(KINDS_SAID[kind], sums.kinds[kind]) for kind in KINDS if kind in sums.kinds]
    yield (
        "Theo lĩnh vực (không kể diễn tập)",
        [(say_field(key), sums.fields[key]) for key in sorted(sums.fields)],
    )
    yield "Theo cụm loa", [(places.get(key, key), sums.nodes[key]) for key in sorted(sums.nodes)]


def _write_days(book: Workbook, sheet: Worksheet, sums: Sums) -> None:
    head = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
    sheet.set_column(0, len(SUM_HEADINGS), 11)
    sheet.freeze_panes(1, 1)
    for column, name in enumerate(("Ngày", *SUM_HEADINGS)):
        sheet.write_string(0, column, name, head)
    for line, day in enumerate(sorted(sums.days), 1):
        _put(sheet, line, (f"{day:%d/%m/%Y}", *sum_cells(sums.days[day])))


def sum_cells(totals: Totals) -> tuple[Cell, ...]:
    """One line of sums, as SUM_HEADINGS names it."""
    return (
        totals.planned,
        totals.delivered,
        totals.played,
        percent(totals.played, totals.planned),
        totals.heard,
        percent(totals.heard, totals.planned),
        totals.cut,
        totals.filed,
        totals.not_played,
        totals.unconfirmed,
        totals.under_way,
        round(totals.minutes, 1),
        totals.cancelled,
    )
