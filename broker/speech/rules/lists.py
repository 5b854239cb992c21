"""Figures in a row: "thôn 1,2,3", and thousands written with spaces."""

from __future__ import annotations

import re

from broker.speech.draft import Draft, Rule, Said
from broker.speech.numbers import cardinal
from broker.speech.rules.patterns import COUNTED, PEOPLE_AND_THINGS, value

_COMMA_LIST = re.compile(
    r"(?<![\w.,])(?P<x>\d{1,3}(?:[,;]\d{1,3})+)(?![\w/%°])(?![.,;\-–]\d)(?!\s?(?:kg|m|km|ha|lít|tấn|tạ|triệu"
    r"|tỷ|độ|mét)(?!\w))"
)
_LISTED = re.compile(
    r"(?<!\w)(?:tiết|tuần|toa|ghế|bàn|hàng|quý|kỳ|trạm"
    r"|thôn|tổ|lớp|khu|ấp|xóm|bản|đội|khối|tổ dân phố|tdp|khu phố|điều|khoản|mục|tiêu chí|thứ|ngày|tháng|phòng"
    r"|tầng|thửa|lô|hộ số|dãy|cụm|chi bộ|nhóm|câu|bài|trang|cổng|ngõ|hẻm|phường|quận)(?: số)?\s$"
)
_SPACED = re.compile(
    rf"(?<![\w.,/+\-])(?P<x>(?P<n>[1-9]\d{{0,2}}(?: \d{{3}})+))(?![\w.,/])(?=\s(?:{PEOPLE_AND_THINGS}|%)(?!\w)"
    rf"|\s?(?:đ|VNĐ|VND)(?!\w))"
)
_ORDERED = re.compile(
    r"(?:thôn|tổ|lớp|khu|ấp|số|phòng|điều|khoản|ngày|tháng|năm|đội|xóm|khối|bản|tầng|lần|thứ|lô|thửa|phố|tài khoản|stk"
    r"|mã|khóa|điểm|nhóm|cấp|hạng|[,;]|và|hoặc|gọi|máy)\s*$"
)


def _comma_list(match: re.Match[str], draft: Draft) -> str | None:
    """ "thôn 1,2,3", "lớp 6,7": one after the other; nobody lives in thôn 1,2."""
    items = re.split("[,;]", match["x"])
    is_many = len(items) > 2 and all(len(one) < 3 for one in items)
    if not is_many and not _LISTED.search(draft.before(match.start(), 24)):
        return None
    if len(items) == 2 and COUNTED.match(draft.after(match.end())):
        return None  # "ngày 1,5 lít"
    return ", ".join(cardinal(int(one)) for one in items)


def _spaced(match: re.Match[str], draft: Draft) -> str | Said:
    """ "12 480 hộ": a space between the thousands, where no word before it takes the first figure for itself."""
    said = value(match["n"].replace(" ", "."))
    if _ORDERED.search(draft.before(match.start(), 20)):
        apart = " ".join(value(one) for one in match["n"].split(" "))
        return Said(said, (said, apart))
    return said


_SPLIT = re.compile(r"(?<![\w.,/])(?P<a>\d{1,3}) ,(?P<b>\d{1,2})(?![\w/])(?![.,]\d)")


def _split(match: re.Match[str], _: Draft) -> Said:
    """ "5 ,5": a decimal comma with a space too many, or two numbers."""
    said = value(f"{match['a']},{match['b']}")
    return Said(said, (said, f"{cardinal(int(match['a']))}, {cardinal(int(match['b']))}"))


RULES = (
    Rule(_SPLIT, _split, sign=",", at="figure"),
    Rule(_COMMA_LIST, _comma_list, sign=",;", at="figure"),
    Rule(_SPACED, _spaced, at="figure"),
)
