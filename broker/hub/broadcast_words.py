"""The broadcast log in Vietnamese: columns, results, reasons. Shared by the page, the files and the paper. Pure."""

from __future__ import annotations

import re
from datetime import datetime
from types import MappingProxyType
from typing import Final

from broker.hub.broadcast_log import FIELDS, Entry
from broker.link.clock import LOCAL
from broker.trust.reasons import sentence

KINDS_SAID: Final = MappingProxyType(
    {
        "routine": "Thông thường",
        "priority": "Ưu tiên",
        "emergency": "Khẩn cấp",
        "drill": "Diễn tập",
        "": "Không rõ",
    }
)
FORMS_SAID: Final = MappingProxyType(
    {"speech": "Máy đọc", "recording": "Ghi âm", "relay": "Tiếp sóng", "": ""}
)
OUTCOMES_SAID: Final = MappingProxyType(
    {
        "ahead": "Chưa đến giờ",
        "under-way": "Chờ tin báo",
        "cancelled": "Đã huỷ trước khi phát",
        "unconfirmed": "Chưa xác nhận",
        "not-played": "Không phát",
        "filed": "Không ra loa",
        "cut": "Phát dở",
        "played": "Đã phát",
        "heard": "Đã phát, đã nghe thấy",
    }
)
PROOFS_SAID: Final = MappingProxyType(
    {
        "heard": "Micro",
        "loop-back": "Dây nghe lại",
        "current": "Dòng điện tăng âm",
        "consumed": "Chưa đo ngoài loa",
        "inconclusive": "Đo không rõ",
        "": "",
    }
)
_BY_LEVEL: Final = MappingProxyType({1: "consumed", 2: "current", 3: "heard"})
NO_FIELD: Final = "Chưa xếp lĩnh vực"
HEADINGS: Final = (
    "Ngày",
    "Giờ theo lịch",
    "Mã bản tin",
    "Bản sửa",
    "Tên bản tin",
    "Loại",
    "Lĩnh vực",
    "Hình thức",
    "Người soạn",
    "Người duyệt",
    "Duyệt lúc",
    "Thôn",
    "Cụm loa",
    "Mã điểm",
    "Theo lịch",
    "Loa đã nhận",
    "Đã phát hết",
    "Đã nghe thấy",
    "Kết quả",
    "Bắt đầu lúc",
    "Kết thúc lúc",
    "Trễ (giây)",
    "Thời lượng ra loa (giây)",
    "Âm lượng (%)",
    "Nghe lại bằng",
    "Lý do",
    "Mã lượt phát",
)
"""Columns of the files, one row per occurrence × loudspeaker."""
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A cell that begins like this is a formula to some spreadsheet."""
MOST_IN_A_CELL: Final = 32_000
"""Letters; the format of workbooks takes 32,767."""
_NO_LETTERS: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_BLANK: Final = " \N{NO-BREAK SPACE}\N{ZERO WIDTH NO-BREAK SPACE}"

Cell = str | int | float | None


def say_field(code: str) -> str:
    """What a bulletin is about; a code nobody knows any more is shown as it is."""
    return FIELDS.get(code, code) if code else NO_FIELD


def say_proof(entry: Entry) -> str:
    """Who heard it again; empty for what did not sound to its end. Receipts of before kinds were told go by level."""
    if entry.outcome not in ("played", "heard"):
        return ""
    return PROOFS_SAID.get(entry.proof or _BY_LEVEL.get(entry.proof_level, ""), "")


def say_why(entry: Entry) -> str:
    """Why a play did not come to its end, or what is to be known of it; empty when there is nothing."""
    if entry.outcome == "unconfirmed":
        if not entry.is_delivered:
            return "Loa chưa báo gì về lượt này, có thể mất nối."
        return "Loa đã nhận nhưng chưa báo kết quả; có tin báo thì sổ tự đổi."
    why = _say_reasons(entry)
    if entry.outcome == "filed":
        filed = "Âm lượng đặt ở 0 %." if entry.volume == 0 else "Điểm không có loa, tiếng chỉ ghi vào tệp."
        return f"{why} {filed}".strip()
    return why


def _say_reasons(entry: Entry) -> str:
    """Every reason once, with its time where there are several: it gave way, and was stopped ten minutes later."""
    cuts = {reason: at for at, reason in reversed(entry.cuts)}
    if not set(cuts) - {entry.reason}:
        return sentence(entry.reason)
    said = [f"{_clock(at)}: {sentence(reason)}" for reason, at in reversed(cuts.items())]
    if entry.reason not in cuts:
        said.append(sentence(entry.reason))
    return " ".join(said).strip()


def cells(entry: Entry) -> tuple[Cell, ...]:
    """One row of the files, as HEADINGS names it. Times are local; marks are 1 and 0, so that they can be added up."""
    is_due = entry.outcome not in ("cancelled", "ahead")
    is_whole = entry.outcome in ("played", "heard")
    return (
        _day(entry.planned_at),
        _clock(entry.planned_at),
        _plain(entry.announcement),
        entry.revision,
        _plain(entry.title),
        KINDS_SAID.get(entry.kind, entry.kind),
        "" if entry.kind == "drill" else _plain(say_field(entry.field)),
        FORMS_SAID.get(entry.form, entry.form),
        _plain(entry.author),
        _plain(entry.approver),
        "" if entry.approved_at is None else f"{_day(entry.approved_at)} {_clock(entry.approved_at)}",
        _plain(entry.village),
        _plain(entry.place),
        _plain(entry.node),
        int(is_due),
        int(is_due and entry.is_delivered),
        int(is_whole),
        int(entry.outcome == "heard"),
        OUTCOMES_SAID[entry.outcome],
        "" if entry.started_at is None else _clock(entry.started_at),
        "" if entry.ended_at is None else _clock(entry.ended_at),
        None if entry.late_ms is None else entry.late_ms / 1000,
        entry.played_ms / 1000,
        entry.volume,
        say_proof(entry),
        _plain(say_why(entry)),
        _plain(entry.occurrence),
    )


def harmless(text: str) -> str:
    """Text that no spreadsheet takes for a formula when it guesses what a cell is."""
    return f"'{text}" if text.lstrip(_BLANK).startswith(FORMULA) else text


def _plain(text: str) -> str:
    """Text that no file chokes on: characters that XML has no place for are left out."""
    return _NO_LETTERS.sub("", text)[:MOST_IN_A_CELL]


def _day(at: datetime) -> str:
    return f"{at.astimezone(LOCAL):%d/%m/%Y}"


def _clock(at: datetime) -> str:
    return f"{at.astimezone(LOCAL):%H:%M:%S}"
