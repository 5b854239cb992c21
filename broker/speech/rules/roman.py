"""Roman numerals, after the words they follow, in their lists and ranges, and as numbers of headings."""

from __future__ import annotations

import re

from broker.speech.draft import CLAIMED, Draft, Rule, Said
from broker.speech.numbers import cardinal, roman
from broker.speech.rules.patterns import DASH

_TRIGGERS = (
    "đại hội đảng|đại hội|quý|khóa|khoá|lần thứ|kỳ thứ|thứ|thế kỷ|chương|phần|mục|tiểu mục|khu phố"
    "|tổ dân phố|tổ|khu|thôn|ấp|bản|đội|xóm"
    "|chuyên khoa|học kỳ|học kì|kỳ|đợt|vòng|cấp|loại|hạng|nhóm|giai đoạn|bậc|độ|tập|quyển|quân khu|vùng"
    "|mức|báo động|bđ|bảng|phụ lục"
    "|biểu|điều|bài|nhiệm kỳ|lớp|chiến tranh thế giới|thế chiến|hình thức|quận|phường|trại|xưởng|nhà máy"
    "|cụm|tuyến|khối|lần|ngạch|đô thị"
    "|trung học|kỳ họp|hội nghị|festival|số|hạng mục|danh mục|bước|phương án|chi bộ|đảng bộ|tuần|tháng"
    "|vành đai|lĩnh vực|đại học"
)
_NUMERAL = r"[IVXLC]{1,7}"
_LIST = rf"{_NUMERAL}(?:(?:{DASH}|\s?[,;]\s?|\s(?:và|hoặc|đến|hay)\s){_NUMERAL})*"
_AFTER = re.compile(rf"(?<!\w)(?P<w>{_TRIGGERS})(?:\s+(?:số|thứ))?\s+(?P<x>{_LIST})(?![\w])", re.I)
_HEADING = re.compile(rf"^[ \t]*(?:[-–*•]\s*)?(?P<x>(?P<n>{_NUMERAL})(?=[.)/]\s|\s?[-–]\s))", re.M)
_LONE = re.compile(
    r"(?<![\w.&\-/])(?P<x>II|III|IV|VI|VII|VIII|IX|XI|XII|XIII|XIV|XV|XVI|XVII|XVIII|XIX|XX|XXI"
    r"|XXII)(?![\w&])(?!\.\w)"
)
_FLOOD_LEVEL = re.compile(r"(?<!\w)BĐ\s?(?P<n>I{1,3}|[1-3])(?!\w)")
_SHOUTING = re.compile(r"[A-ZÀ-ỸĐ]{2,}")
_FOURTH = frozenset({"quý", "thứ", "lần thứ", "kỳ thứ"})


def _value(text: str, word: str) -> str | None:
    number = roman(text.upper())
    if number is None:
        return None
    return "tư" if number == 4 and word in _FOURTH else cardinal(number)


def _after(match: re.Match[str], draft: Draft) -> str | None:
    text = match["x"]
    if not text.isupper() and not re.fullmatch(r"[IVXLC\s,;và\-–—hoặcđến]+", text):
        return None  # the trigger may be in any case, the numeral only in capitals
    words = re.split(r"\s", match["w"].lower())[-1]
    if "thứ" in draft.text[match.start("w") : match.start("x")].lower():
        words = "thứ"
    pieces = re.split(rf"({DASH}|\s?[,;]\s?|\s(?:và|hoặc|đến|hay)\s)", text)
    out = ""
    for number, piece in enumerate(pieces):
        if number % 2:
            mark = piece.strip()
            out += " đến " if mark in "-–—~" else f"{mark} " if mark in ",;" else f" {mark} "
            continue
        said = _value(piece, words)
        if said is None:
            return None
        out += said
    return out


def _heading(match: re.Match[str], _: Draft) -> str | None:
    return _value(match["n"], "")


def _lone(match: re.Match[str], draft: Draft) -> str | Said | None:
    text = match["x"]
    near = (
        draft.text[max(match.start() - 12, 0) : match.start()]
        + " "
        + draft.text[match.end() : match.end() + 12]
    )
    if text in ("VI", "XI", "XX") and _SHOUTING.search(near):
        return None  # a syllable of a heading in capitals
    said = _value(text, "")
    return said if CLAIMED not in text else None


def _flood_level(match: re.Match[str], _: Draft) -> str | None:
    number = int(match["n"]) if match["n"].isdecimal() else roman(match["n"])
    return None if number is None else f"báo động {cardinal(number)}"


RULES = (
    Rule(_FLOOD_LEVEL, _flood_level, needs="any"),
    Rule(_AFTER, _after, needs="any"),
    Rule(_HEADING, _heading, needs="any"),
    Rule(_LONE, _lone, needs="any"),
)
