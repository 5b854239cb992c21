"""Dates, months, years and their ranges. A day and month need a sign that they are no fraction and no range."""

from __future__ import annotations

import re

from broker.speech.draft import CLAIMED, Draft, Rule, Said
from broker.speech.numbers import cardinal
from broker.speech.rules.patterns import DASH

_SEP = r"\s?[/.\-–]\s?"
_YEAR = r"(?:1[89]|20|21)\d\d"
_OPEN = r"(?<![\w.,/+\-–])"
_SHUT = r"(?!\w)(?![/.,\-–+]\d)"

_FULL = re.compile(rf"{_OPEN}(?P<d>\d{{1,2}})(?P<s>{_SEP})(?P<m>\d{{1,2}})(?:{_SEP})(?P<y>{_YEAR}){_SHUT}")
_FULL_RANGE = re.compile(
    rf"{_OPEN}(?P<d1>\d{{1,2}})(?:/(?P<m1>\d{{1,2}})(?:/(?P<y1>{_YEAR}))?)?{DASH}"
    rf"(?P<d2>\d{{1,2}})/(?P<m2>\d{{1,2}})(?:/(?P<y2>{_YEAR}))?{_SHUT}"
)
_DOTTED_RANGE = re.compile(
    rf"{_OPEN}(?P<d1>\d{{1,2}})(?:\.(?P<m1>\d{{1,2}})(?:\.(?P<y1>{_YEAR}))?)?{DASH}"
    rf"(?P<d2>\d{{1,2}})\.(?P<m2>\d{{1,2}})\.(?P<y2>{_YEAR}){_SHUT}"
)
_DAY = re.compile(rf"{_OPEN}(?P<d>\d{{1,2}})\s?(?P<s>[/\-.])\s?(?P<m>\d{{1,2}}){_SHUT}")
_MONTH = re.compile(
    rf"(?<![\w.,+])(?:(?P<word>[Tt]háng|[Qq]uý|[Kk]ỳ"
    rf"|T)[\s.]?)?(?P<x>(?P<m>\d{{1,2}})\s?[/\-–.]\s?(?P<y>{_YEAR})){_SHUT}"
)
_MONTH_RANGE = re.compile(rf"{_OPEN}(?P<m1>\d{{1,2}}){DASH}(?P<m2>\d{{1,2}})/(?P<y>{_YEAR}){_SHUT}")
_MONTH_SPAN = re.compile(
    rf"{_OPEN}(?P<m1>\d{{1,2}})/(?P<y1>{_YEAR}){DASH}(?P<m2>\d{{1,2}})/(?P<y2>{_YEAR}){_SHUT}"
)
_YEARS = re.compile(rf"(?<![\w.,/+])(?P<a>{_YEAR}){DASH}(?P<b>{_YEAR})(?!\w)(?![.,/\-–]\d)")
_SLASH_YEAR = re.compile(rf"(?<=[\wIVX])\s?(?P<x>/\s?(?P<y>{_YEAR})){_SHUT}")
_SHORT_MONTH = re.compile(rf"(?<!\w)(?P<x>T\.?\s?(?P<m>\d{{1,2}}))(?=\s?/\s?{_YEAR}|\s+năm\b)")
_WEEK = re.compile(
    r"(?<!\w)(?P<a>T[2-7]|Thứ [2-7]|thứ [2-7])\s?[-–]\s?(?P<b>T[2-7]|CN|[2-7]|Thứ [2-7]|thứ [2-7])(?!\w)(?![/.,]\d)"
)
_WEEK_LIST = re.compile(r"(?<![\w])(?P<x>[Tt]hứ\s(?P<list>[2-7](?:\s?[,;+&/]\s?[2-7])+))(?![\w/])")

_SUNDAY = re.compile(
    r"(?:(?<![^\W_])(?:[Ss]áng|[Tt]rưa|[Cc]hiều|[Tt]ối|[Nn]gày|T7|[Tt]hứ (?:7|[Bb]ảy))\s?(?:,|và|-|–|&"
    r"|hoặc)?\s?)(?P<x>CN)(?!\w)"
)
_SUNDAY_OF = re.compile(r"(?<![\w&])(?P<x>CN)(?=[\s,(]*(?:ngày|\d{1,2}[/-]\d))")
_WEEKDAY = re.compile(r"(?<!\w)(?P<x>T[2-7])(?![\w/])(?!\s?/)")
_WEEK_NEAR = re.compile(
    r"(?:t[2-7]|thứ \w+|sáng|chiều|tối|trưa)\s?(?:,|và|-|–|&|hoặc)?\s?\||\|\s?(?:,|và|-|–|&"
    r"|hoặc)\s?(?:t[2-7]|cn|chủ nhật|thứ)"
    r"|[\dh],?\s?\||\|[\s,(]*(?:ngày|\d{1,2}[/-]\d)"
)
_DATED = re.compile(
    r"(?:ngày|sáng|trưa|chiều|tối|đêm|khuya|hôm|mùng|mồng|rằm|dịp|lễ|hết|trước|sau|từ|đến|tới|kể từ"
    r"|tính đến|thứ (?:hai|ba"
    r"|tư|năm|sáu|bảy|[2-7])|chủ nhật|cn|quốc khánh|quốc tế|phụ nữ|thiếu nhi|lao động|nhà giáo|việt nam"
    r"|kỷ niệm|chào mừng"
    r"|giải phóng|thống nhất|thành lập|liệt sĩ|đoàn|đảng|quân đội|tết|nghỉ|vào|lúc|giờ|phút|rưỡi|h\d{0,2}"
    r"|:\d\d|âm lịch"
    r"|\d{1,2}[/-]\d{1,2}(?:/\d{4})?\s?(?:,|và|hoặc|đến|-|–)|\bngày [\d\s,;và/-]{1,40})[\s,(:]*$"
)
_SURE_DATED = re.compile(
    r"(?:ngày|sáng|trưa|chiều|tối|đêm|mùng|mồng|rằm|hôm|dịp|quốc khánh|lễ|kỷ niệm|giỗ tổ)[\s,(:]*$"
)
_HOLIDAYS = frozenset(
    {(1, 1), (3, 2), (8, 3), (26, 3), (30, 4), (1, 5), (7, 5), (19, 5), (1, 6), (27, 7), (19, 8), (2, 9)}
    | {
        (10, 10),
        (13, 10),
        (15, 10),
        (20, 10),
        (9, 11),
        (18, 11),
        (20, 11),
        (1, 12),
        (22, 12),
        (24, 12),
        (25, 12),
    }
)
_MEASURED = re.compile(
    r"\s?(?:%|°|m\b|cm\b|mm\b|km|kg|ha\b|lít|độ|người|tuổi|phút|giờ|tháng tuổi|triệu|nghìn|đồng|đ\b|hộ|cấp|tấn)"
)
_NO_DAY = re.compile(
    r"(?:tỷ số|tỉ số|thắng|thua|hòa|hoà|dẫn|kết quả|lớp|cấp|tỷ lệ|tỉ lệ|hạng|thứ)(?:[\s:]|\d+\s?-\s?\d+\s?,)*$"
)
_PART = re.compile(
    r"\s*(?:diện tích|số|dân số|tổng|chiều|quãng|cốc|thìa|muỗng|ly|chén|viên|mẫu|sào|phần|lượng|thời gian|sản lượng"
    r"|thôn|xã|ấp|bản|tổ|hộ|người|tiêu chí|chỉ tiêu|đại biểu|em|trường|phiếu|điểm|đồng chí|nguồn|suất|bát"
    r"|lít|kg|ha\b|km)"
)


_SHARE = re.compile(r"(?:hơn|gần|khoảng|giảm|tăng|còn|chiếm|đạt|bằng|chỉ|có|được|mất|thêm|quá|tới|là)\s*$")
_CLAUSE_END = re.compile(r"\s*(?:$|[,.;:)!?]|và\s|tại\s|ở\s|đến\s|năm\s|hằng|hàng|âm lịch|dương lịch)")
_HOUR_OF_DAY = re.compile(rf"(?<={CLAIMED})(?P<x>/(?P<d>\d{{1,2}})/(?P<m>\d{{1,2}})){_SHUT}")


def _is_day(day: int, month: int) -> bool:
    return 1 <= month <= 12 and 1 <= day <= (29 if month == 2 else 30 if month in (4, 6, 9, 11) else 31)


def _month(month: int) -> str:
    return "tư" if month == 4 else cardinal(month)


def _words(day: str, month: str | None, year: str | None) -> str:
    out = cardinal(int(day))
    if month is not None:
        out += f" tháng {_month(int(month))}"
    return out + (f" năm {cardinal(int(year))}" if year else "")


def _full(match: re.Match[str], _: Draft) -> str | None:
    if not _is_day(int(match["d"]), int(match["m"])):
        return None
    return _words(match["d"], match["m"], match["y"])


def _range(match: re.Match[str], draft: Draft) -> str | None:
    month = match["m1"] or match["m2"]
    if not (_is_day(int(match["d2"]), int(match["m2"])) and _is_day(int(match["d1"]), int(month))):
        return None
    # "3-4/5": days or a mixed number? Days where they rise and are no share of something.
    is_bare = match["y2"] is None and match["m1"] is None
    if is_bare and (int(match["d1"]) >= int(match["d2"]) or _PART.match(draft.after(match.end()))):
        return None
    since = _words(match["d1"], match["m1"], match["y1"])
    return f"{since} đến {_words(match['d2'], match['m2'], match['y2'])}"


def _day(match: re.Match[str], draft: Draft) -> str | None:
    day, month, mark = int(match["d"]), int(match["m"]), match["s"]
    if not _is_day(day, month) or not _looks_like_day(match, draft, day, month, mark):
        return None
    return _words(match["d"], match["m"], None)


def _looks_like_day(match: re.Match[str], draft: Draft, day: int, month: int, mark: str) -> bool:
    before, after = draft.before(match.start(), 60), draft.after(match.end())
    if _NO_DAY.search(before):
        return False
    if mark == ".":
        return _SURE_DATED.search(before) is not None and match["m"][0] == "0"
    if _SURE_DATED.search(before) and not (mark == "-" and day < month and _MEASURED.match(after)):
        return mark == "/" or day >= month or match["m"][0] == "0" or (day, month) in _HOLIDAYS
    if _MEASURED.match(after):
        return False
    is_padded = match["d"][0] == "0" or match["m"][0] == "0"
    if mark == "-":
        if _DATED.search(before) is not None:
            return is_padded or day > month
        return day > month and (day, month) in _HOLIDAYS
    if is_padded or day > 12:
        return not _PART.match(after) or _DATED.search(before) is not None
    if _PART.match(after):
        return False
    if day < month and not _SHARE.search(before) and (day, month) != (1, 2) and _CLAUSE_END.match(after):
        return True
    return day > month or _DATED.search(before) is not None


def _hour_of_day(match: re.Match[str], _: Draft) -> str | None:
    """ "6h/8/9": the hour, then the day it is of."""
    if not _is_day(int(match["d"]), int(match["m"])):
        return None
    return f"ngày {_words(match['d'], match['m'], None)}"


def _month_year(match: re.Match[str], _: Draft) -> str | None:
    month, word = int(match["m"]), (match["word"] or "").lower()
    if word == "quý" and month <= 4:
        return f"{_month(month)} năm {cardinal(int(match['y']))}"
    if not 1 <= month <= 12:
        return None
    head = "" if word in ("tháng", "t", "kỳ") else "tháng "
    return f"{head}{_month(month)} năm {cardinal(int(match['y']))}"


def _month_range(match: re.Match[str], draft: Draft) -> str | None:
    if not 1 <= int(match["m1"]) < int(match["m2"]) <= 12:
        return None
    head = "" if re.search(r"(?:tháng|quý)\s*$", draft.before(match.start())) else "tháng "
    since, until = _month(int(match["m1"])), _month(int(match["m2"]))
    return f"{head}{since} đến {head}{until} năm {cardinal(int(match['y']))}"


def _month_span(match: re.Match[str], draft: Draft) -> str | None:
    if not (1 <= int(match["m1"]) <= 12 and 1 <= int(match["m2"]) <= 12):
        return None
    head = "" if re.search(r"tháng\s*$", draft.before(match.start())) else "tháng "
    since = f"{head}{_month(int(match['m1']))} năm {cardinal(int(match['y1']))}"
    return f"{since} đến tháng {_month(int(match['m2']))} năm {cardinal(int(match['y2']))}"


def _years(match: re.Match[str], _: Draft) -> str | None:
    if int(match["a"]) > int(match["b"]):
        return None
    return f"{cardinal(int(match['a']))} đến {cardinal(int(match['b']))}"


def _slash_year(match: re.Match[str], _: Draft) -> str:
    return f"năm {cardinal(int(match['y']))}"


def _short_month(match: re.Match[str], _: Draft) -> str | None:
    return f"tháng {_month(int(match['m']))}" if 1 <= int(match["m"]) <= 12 else None


def _weekday(text: str) -> str:
    if text == "CN":
        return "chủ nhật"
    number = int(text[-1])
    return f"thứ {_month(number)}"


def _week(match: re.Match[str], _: Draft) -> str:
    return f"{_weekday(match['a'])} đến {_weekday(match['b'])}"


def _week_list(match: re.Match[str], _: Draft) -> str:
    return "thứ " + ", ".join(_month(int(one)) for one in re.findall(r"\d", match["list"]))


def _named_day(match: re.Match[str], draft: Draft) -> str | Said:
    """T7 is a Saturday beside other days of the week; alone it might be July."""
    said = _weekday(match["x"])
    if match["x"] == "CN":
        return said
    near = draft.before(match.start(), 20) + "|" + draft.after(match.end(), 12)
    if _WEEK_NEAR.search(near):
        return said
    return Said(said, (said, f"tháng {_month(int(match['x'][-1]))}"))


RULES = (
    Rule(_SUNDAY, _named_day, needs="any"),
    Rule(_SUNDAY_OF, _named_day),
    Rule(_HOUR_OF_DAY, _hour_of_day),
    Rule(_MONTH_SPAN, _month_span),
    Rule(_FULL_RANGE, _range),
    Rule(_DOTTED_RANGE, _range),
    Rule(_FULL, _full),
    Rule(_MONTH_RANGE, _month_range),
    Rule(_YEARS, _years),
    Rule(_MONTH, _month_year),
    Rule(_SHORT_MONTH, _short_month),
    Rule(_WEEK, _week),
    Rule(_WEEK_LIST, _week_list),
    Rule(_WEEKDAY, _named_day),
    Rule(_DAY, _day),
    Rule(_SLASH_YEAR, _slash_year),
)
