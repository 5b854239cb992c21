"""Months, years, quarters and days of the week, alone and in ranges; what names a day of a month is in dates.py."""

from __future__ import annotations

import re

from broker.speech.draft import CLAIMED, Draft, Rule, Said
from broker.speech.numbers import cardinal
from broker.speech.rules.patterns import DASH

YEAR = r"(?:1[89]|20|21)\d\d"
OPEN = rf"(?:(?<![\w.,/+\-–])|(?<={CLAIMED},))"
SHUT = r"(?!\w)(?![/.,\-–+]\d)"

_MONTH = re.compile(
    rf"(?<![\w.,+])(?:(?P<word>[Tt]háng|[Qq]uý|[Kk]ỳ|[Đđ]ợt|[Ll]ần|[Kk]hóa|[Kk]hoá|[Ss]ố|[Ll]ớp|[Vv]ụ|[Tt]uần"
    rf"|T)[\s.]?)?(?P<x>(?P<m>\d{{1,2}})\s?[/\-–.]\s?(?P<y>{YEAR})){SHUT}"
)
_MONTH_RANGE = re.compile(rf"{OPEN}(?P<m1>\d{{1,2}}){DASH}(?P<m2>\d{{1,2}})/(?P<y>{YEAR}){SHUT}")
_MONTH_SPAN = re.compile(
    rf"{OPEN}(?P<m1>\d{{1,2}})/(?P<y1>{YEAR}){DASH}(?P<m2>\d{{1,2}})/(?P<y2>{YEAR}){SHUT}"
)
_YEARS = re.compile(rf"(?<![\w.,/+])(?P<a>{YEAR}){DASH}(?P<b>{YEAR})(?!\w)(?![.,/\-–]\d)")
_SLASH_YEAR = re.compile(rf"(?<=[\wIVX])\s?(?P<x>/\s?(?P<y>{YEAR})){SHUT}")
_SHORT_MONTH = re.compile(rf"(?<!\w)(?P<x>T\.?\s?(?P<m>\d{{1,2}}))(?=\s?/\s?{YEAR}|\s+năm\b)")
_T_MONTH = re.compile(rf"(?<!\w)T\.?\s?(?P<m>\d{{1,2}})\s?[/\-.]\s?(?P<y>{YEAR}){SHUT}")
_Q_YEAR = re.compile(rf"(?<!\w)Q\.?\s?(?P<m>[1-4])\s?[/\-.]\s?(?P<y>{YEAR}){SHUT}")
_T_ALONE = re.compile(r"(?<!\w)T(?P<m>1[0-2]|[189])(?![\w/])(?!\s?[-–]\s?\d)(?!\.\d)")
_MONTHS_OF = re.compile(
    rf"(?<![\w.,/])(?P<n>\d{{1,2}})T(?:\s?/\s?(?P<y>{YEAR}){SHUT}|(?=\s(?:đầu|cuối) năm))"
)
_WEEK = re.compile(
    r"(?<!\w)(?P<a>T[2-7]|Thứ [2-7]|thứ [2-7])\s?(?:->|[-–→])\s?(?P<b>T[2-7]|CN|[2-7]|Thứ [2-7]|thứ [2-7])"
    r"(?!\w)(?![/.,]\d)(?!\s?[-–]\s?[2-7](?!\d))"
)
_WEEK_LIST = re.compile(
    r"(?<!\w)(?:[Tt]hứ\s(?:[2-7](?:(?:\s?[,;+&/]\s?[2-7])+|(?:\s?[-–]\s?[2-7]){2,}))"
    r"|T(?:[2-7](?:(?:\s?[,;+&]\s?[2-7])+|(?:\s?[-–]\s?[2-7]){2,}))"
    r"|(?:[Tt]ối|[Ss]áng|[Cc]hiều|[Bb]uổi|[Cc]a|[Ll]ịch|[Nn]gày)\s(?P<c>[2-7](?:\s?[-–]\s?[2-7]){2,}))(?![\w/])(?![.,]\d)"
)
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
_MONTH_SHORT_YEAR = re.compile(
    r"(?<!\w)(?:[Tt]háng|THÁNG|[Qq]uý|QUÝ|[Kk]ỳ|T)\s?(?P<x>(?P<m>\d{1,2})\s?/\s?(?P<y>\d\d))(?!\w)(?![/.,\-–]\d)"
)
_MONTH_LIST = re.compile(
    rf"(?<!\w)(?:[Tt]háng|THÁNG|[Qq]uý)\s(?P<x>(?P<list>\d{{1,2}}(?:\s?,\s?\d{{1,2}}){{0,11}}(?:\s?(?:,|và"
    rf"|&)\s?\d{{1,2}}))\s?/\s?(?P<y>{YEAR})){SHUT}"
)
_SCHOOL_YEAR = re.compile(rf"(?<![\w.,/+])(?P<a>(?:19|20)\d\d){DASH}(?P<b>\d\d)(?!\w)(?![.,/\-–]\d)")
_PAPER = re.compile(
    r"(?<!\w)(?:nghị định|quyết định|thông tư|chỉ thị|nghị quyết|kế hoạch|công văn|luật|pháp lệnh|hướng dẫn"
    r"|quy định|văn bản|thông báo"
    r"|báo cáo|tờ trình|giấy phép|hợp đồng|biên bản|nđ|qđ|tt|ct|nq|kh|cv|tb|bc|qcvn|tcvn)(?:\s+(?:liên tịch|số))?\s$"
)
_SCALED = re.compile(r"(?<!\w)(?:tỷ lệ|tỉ lệ|tl|bản đồ|bình đồ|sơ đồ|bản vẽ)[\s:]*$")
_SCALED_ONE = re.compile(r"(?<!\w)(?:tỷ lệ|tỉ lệ|tl|bản đồ|bình đồ|sơ đồ|bản vẽ)[\s:]*1\s?$")
_ALWAYS_OPEN = re.compile(r"(?<![\w.,/\-–])24/(?P<n>24|7)(?![\w/])(?!\s?/)")


def month_name(month: int) -> str:
    """A month as it is said: the fourth is "tư"."""
    return "tư" if month == 4 else cardinal(month)


def _always_open(match: re.Match[str], draft: Draft) -> str | None:
    """24/7 and 24/24: hours on duty, but for the days named so ("ngày 24/7")."""
    if match["n"] == "7" and re.search(r"(?:ngày|sáng|chiều|tối|đêm|trưa)\s*$", draft.before(match.start())):
        return None
    return f"hai mươi tư trên {cardinal(int(match['n']))}"


def _month_year(match: re.Match[str], draft: Draft) -> str | None:
    month, word = int(match["m"]), (match["word"] or "").lower()
    if "/" in match["x"] and _SCALED.search(draft.before(match.start("x"), 24)):
        return None  # "bản đồ tỷ lệ 1/2000"
    if word == "quý" and month <= 4:
        return f"{month_name(month)} năm {cardinal(int(match['y']))}"
    if _PAPER.search(draft.before(match.start(), 40)):
        return f"{cardinal(month)} năm {cardinal(int(match['y']))}" if "/" in match["x"] else None
    if word in ("đợt", "lần", "khóa", "khoá", "số", "lớp", "vụ", "tuần"):
        return f"{cardinal(month)} năm {cardinal(int(match['y']))}" if match["x"].find("/") > 0 else None
    if not 1 <= month <= 12:
        return None
    head = "" if word in ("tháng", "t", "kỳ") else "tháng "
    return f"{head}{month_name(month)} năm {cardinal(int(match['y']))}"


def _month_range(match: re.Match[str], draft: Draft) -> str | None:
    if not 1 <= int(match["m1"]) < int(match["m2"]) <= 12:
        return None
    head = "" if re.search(r"(?:tháng|quý)\s*$", draft.before(match.start())) else "tháng "
    since, until = month_name(int(match["m1"])), month_name(int(match["m2"]))
    return f"{head}{since} đến {head}{until} năm {cardinal(int(match['y']))}"


def _month_span(match: re.Match[str], draft: Draft) -> str | None:
    if not (1 <= int(match["m1"]) <= 12 and 1 <= int(match["m2"]) <= 12):
        return None
    head = "" if re.search(r"tháng\s*$", draft.before(match.start())) else "tháng "
    since = f"{head}{month_name(int(match['m1']))} năm {cardinal(int(match['y1']))}"
    return f"{since} đến tháng {month_name(int(match['m2']))} năm {cardinal(int(match['y2']))}"


def _years(match: re.Match[str], _: Draft) -> str | None:
    if int(match["a"]) > int(match["b"]):
        return None
    return f"{cardinal(int(match['a']))} đến {cardinal(int(match['b']))}"


def _slash_year(match: re.Match[str], draft: Draft) -> str | None:
    if _SCALED_ONE.search(draft.before(match.start(), 24)):
        return None
    return f"năm {cardinal(int(match['y']))}"


def _short_month(match: re.Match[str], _: Draft) -> str | None:
    return f"tháng {month_name(int(match['m']))}" if 1 <= int(match["m"]) <= 12 else None


def _t_month(match: re.Match[str], _: Draft) -> str | None:
    """ "T8/2026"."""
    if not 1 <= int(match["m"]) <= 12:
        return None
    return f"tháng {month_name(int(match['m']))} năm {cardinal(int(match['y']))}"


def _q_year(match: re.Match[str], _: Draft) -> str:
    """ "Q4/2026"."""
    return f"quý {month_name(int(match['m']))} năm {cardinal(int(match['y']))}"


def _t_alone(match: re.Match[str], draft: Draft) -> str | Said:
    """ "T11 này"; elsewhere T11 may be a house or a canal."""
    said = f"tháng {month_name(int(match['m']))}"
    if re.match(r"\s(?:này|tới|sau|vừa|qua|năm|trước|hằng|hàng)", draft.after(match.end())):
        return said
    return Said(said, (said, f"tê {cardinal(int(match['m']))}"))


def _months_of(match: re.Match[str], _: Draft) -> str:
    """ "9T/2026": so many months of a year."""
    year = f" năm {cardinal(int(match['y']))}" if match["y"] else ""
    return f"{cardinal(int(match['n']))} tháng{year}"


def _weekday(text: str) -> str:
    if text == "CN":
        return "chủ nhật"
    number = int(text[-1])
    return f"thứ {month_name(number)}"


def _week(match: re.Match[str], _: Draft) -> str:
    return f"{_weekday(match['a'])} đến {_weekday(match['b'])}"


def _week_list(match: re.Match[str], _: Draft) -> str:
    """ "thứ 3, 5, 7", "thứ 2-4-6", "T3,5,7", "các tối 2-4-6"."""
    days = ", ".join(month_name(int(one)) for one in re.findall(r"[2-7]", match[0]))
    if match["c"]:
        return f"{match[0].split()[0]} {days}"
    return f"thứ {days}"


def _named_day(match: re.Match[str], draft: Draft) -> str | Said:
    """T7 is a Saturday beside other days of the week; alone it might be July."""
    said = _weekday(match["x"])
    if match["x"] == "CN":
        return said
    near = draft.before(match.start(), 20) + "|" + draft.after(match.end(), 12)
    if _WEEK_NEAR.search(near):
        return said
    return Said(said, (said, f"tháng {month_name(int(match['x'][-1]))}"))


def _month_short_year(match: re.Match[str], _: Draft) -> str | Said | None:
    """ "tháng 11/26": a year where it can be no other month and no day."""
    month, year = int(match["m"]), int(match["y"])
    if not 1 <= month <= 12 or year < 13:
        return None
    return f"{month_name(month)} năm {cardinal(2000 + year if year < 60 else 1900 + year)}"


def _month_list(match: re.Match[str], _: Draft) -> str | None:
    """ "tháng 5, 6 và 7/2026"."""
    months = [int(one) for one in re.findall(r"\d+", match["list"])]
    if not all(1 <= one <= 12 for one in months):
        return None
    return (
        re.sub(r"\d+", lambda one: month_name(int(one[0])), match["list"])
        + f" năm {cardinal(int(match['y']))}"
    )


def _school_year(match: re.Match[str], _: Draft) -> str | None:
    """ "2026-27": the years of a school, a season or a plan, the second shortened."""
    since, until = int(match["a"]), int(match["b"])
    if until <= since % 100:
        return None
    return f"{cardinal(since)} đến {cardinal(since // 100 * 100 + until)}"


BEFORE_DAYS = (
    Rule(_ALWAYS_OPEN, _always_open, sign="/", at="figure"),
    Rule(_SUNDAY, _named_day, needs="any", hints=("cn",)),
    Rule(_SUNDAY_OF, _named_day, hints=("cn",)),
    Rule(_MONTH_SPAN, _month_span, sign="-–—~÷", at="figure"),
)
AFTER_DATES = (
    Rule(_MONTHS_OF, _months_of, sign="T", at="figure"),
    Rule(_T_MONTH, _t_month, sign="T"),
    Rule(_Q_YEAR, _q_year, sign="Q"),
    Rule(_SCHOOL_YEAR, _school_year, sign="-–—~÷", at="figure"),
    Rule(_MONTH_LIST, _month_list, sign="/"),
    Rule(_MONTH_SHORT_YEAR, _month_short_year, sign="/"),
    Rule(_MONTH_RANGE, _month_range, sign="-–—~÷", at="figure"),
    Rule(_YEARS, _years, sign="-–—~÷", at="figure"),
    Rule(_MONTH, _month_year, sign="-–/.", figures=5),
    Rule(_SHORT_MONTH, _short_month, sign="T"),
    Rule(_T_ALONE, _t_alone, sign="T"),
    Rule(_WEEK, _week, sign="-–→"),
    Rule(_WEEK_LIST, _week_list),
    Rule(_WEEKDAY, _named_day, sign="T"),
)
LAST = (Rule(_SLASH_YEAR, _slash_year, sign="/"),)
