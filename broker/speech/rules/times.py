"""Times of day and their ranges: 7h30, 07:00–11:30, 8 giờ 00, 7-11h."""

from __future__ import annotations

import re

from broker.speech.draft import Draft, Rule, Said
from broker.speech.numbers import cardinal
from broker.speech.rules.patterns import DASH

_MINUTE = r"(?:\s?(?P<m{0}>[0-5]\d)(?!\d)(?:\s?(?:phút|ph|p|'|’|′)(?!\w))?)?"
_CLOCK = (
    r"(?P<h{0}>\d{{1,2}})(?:\s?(?:h|H|giờ|Giờ|GIỜ|g(?=[0-5]\d))(?![^\W\d_])(?:\s?[:,.](?=[0-5]\d(?!\d)))?"
    + _MINUTE
    + r"|\s?:(?P<c{0}>[0-5]\d)(?::(?P<s{0}>[0-5]\d))?(?:\s?[hH])?)"
)
_STOP = r"(?![^\W_])(?!:\d)(?!/\d+(?![\d/]))"
_TIME = re.compile(r"(?<![\w.,:/])" + _CLOCK.format(1) + _STOP)
_RANGE = re.compile(
    r"(?<![\w.,:/])" + _CLOCK.format(1) + r"\s?(?:-|–|—|~|÷|→|->)\s?" + _CLOCK.format(2) + _STOP
)
_SHORT_RANGE = re.compile(r"(?<![\w.,:/\-])(?P<h0>\d{1,2})" + DASH + _CLOCK.format(1) + _STOP)
_ROUND_THE_CLOCK = re.compile(r"(?<![\w.,/])24/24\s?(?:h|giờ)(?!\w)|(?<![\w.,/])24h?/24h(?!\w)", re.I)


def _clock(match: re.Match[str], which: str) -> str | None:
    hour = int(match[f"h{which}"])
    minute = int(match[f"m{which}"] or match[f"c{which}"] or 0)
    if hour > 24 and (minute or match[f"c{which}"]):
        return None
    second = int(match[f"s{which}"] or 0)
    rest = f" {cardinal(second)} giây" if second else ""
    return f"{cardinal(hour)} giờ" + (f" {cardinal(minute)} phút" if minute or second else "") + rest


_LASTING = re.compile(
    r"(?<!\w)(?:trong|trong vòng|sau|khoảng|suốt|mỗi|đủ|tổng|tổng cộng|quá|hơn|gần|dưới|tối đa|tối thiểu|ít nhất"
    r"|kéo dài|dài|thời lượng|liên tục|liền|theo dõi|cách ly|trước|học|dạy|làm|làm thêm|thêm|đến|hạn|sau khi|là|có"
    r"|được)\s$"
)
_LASTS = re.compile(
    r"(?:\s?/|\s(?:kể từ|sau|liên tục|liền|đầu|tới|qua|mỗi|một|trên|thực|lý|học|dạy|làm|trước|trở))"
)
_CLOCKED = re.compile(r"(?<!\w)(?:lúc|hồi|vào)\s$")
_OF_DAY = re.compile(
    r"\s?,?\s?\(?(?:ngày|sáng|trưa|chiều|tối|đêm|hôm|thứ (?:hai|ba|tư|năm|sáu|bảy|\d))(?!\w)"
)


def _is_no_hour(hour: int, draft: Draft, match: re.Match[str]) -> bool:
    """Whether more than 24 hours stand where the text speaks of no length of time: "lúc 25h"."""
    if hour <= 24:
        return False
    before, after = draft.before(match.start(), 24), draft.after(match.end())
    if _CLOCKED.search(before) or _OF_DAY.match(after):
        return True
    return hour % 12 != 0 and not _LASTING.search(before) and not _LASTS.match(after)


def _time(match: re.Match[str], draft: Draft) -> str | Said | None:
    if match["c1"] and re.search(
        r"(?:tỷ lệ|tỉ lệ|tỷ số|tỉ số|pha|trộn|phối|bón|hòa|tỷ lệ là|theo tỷ lệ)[^.;\d]{0,16}$",
        draft.before(match.start()),
    ):
        return None
    said = _clock(match, "1")
    if said is not None and _is_no_hour(int(match["h1"]), draft, match):
        return Said(said, (said,))
    return said


def _range(match: re.Match[str], draft: Draft) -> str | Said | None:
    since, until = _clock(match, "1"), _clock(match, "2")
    if not since or not until:
        return None
    said = f"{since} đến {until}"
    hours = int(match["h1"]), int(match["h2"])
    return Said(said, (said,)) if any(_is_no_hour(one, draft, match) for one in hours) else said


def _short_range(match: re.Match[str], _: Draft) -> str | None:
    until = _clock(match, "1")
    if until is None or match["c1"] or not int(match["h0"]) <= 24:
        return None
    return f"{cardinal(int(match['h0']))} đến {until}"


def _round_the_clock(_match: re.Match[str], _: Draft) -> str:
    return "hai mươi tư trên hai mươi tư giờ"


_POINTED = re.compile(
    r"(?<!\w)(?:[Ll]úc|[Hh]ồi|[Vv]ào lúc|[Tt]ừ|[Đđ]ến|[Tt]ới|[Tt]rước|[Ss]au|LÚC)\s(?P<x>(?P<h>[01]?\d"
    r"|2[0-4])\.(?P<m>[0-5]\d))(?![\w/])(?![.,]\d)"
    r"(?P<then>\s?(?:[-–]|đến|sáng|trưa|chiều|tối|đêm|ngày|hôm|mai|giờ|,|;|\.?$)?)"
)
_ONE_FIGURE = re.compile(
    r"(?<![\w.,:/])(?P<h>[01]?\d|2[0-4])\s?[hH](?P<m>\d)(?:\s?(?:phút|ph|p|'|’)(?!\w))?(?!\w)"
)


def _pointed(match: re.Match[str], draft: Draft) -> str | Said | None:
    """ "lúc 7.30": a time with a point; "từ 7.30" may be an amount."""
    word = draft.before(match.start("x"), 8)
    minute = int(match["m"])
    said = f"{cardinal(int(match['h']))} giờ" + (f" {cardinal(minute)} phút" if minute else "")
    if re.search(r"(?:lúc|hồi)\s$", word) or re.match(
        r"\s?(?:sáng|trưa|chiều|tối|đêm|hôm|ngày mai|mai)", draft.after(match.end("x"))
    ):
        return said
    return None


def _one_figure(match: re.Match[str], _: Draft) -> Said:
    """ "7h5": five past seven, or ten to eight with a figure lost."""
    five = f"{cardinal(int(match['h']))} giờ {cardinal(int(match['m']))} phút"
    tens = f"{cardinal(int(match['h']))} giờ {cardinal(int(match['m']) * 10)} phút"
    return Said(five, (five, tens)) if match["m"] in "12345" else Said(five, (five,))


_WIDE = re.compile(
    r"(?<!\w)(?:[Ll]úc|[Hh]ồi|[Tt]ừ|[Đđ]ến|[Tt]rước)\s(?P<x>(?P<h>[01]?\d|2[0-4])\s?:\s(?P<m>[0-5]\d))(?![\w/])(?![.,]\d)"
)


def _wide(match: re.Match[str], _: Draft) -> str:
    """ "lúc 8: 30"."""
    minute = int(match["m"])
    return f"{cardinal(int(match['h']))} giờ" + (f" {cardinal(minute)} phút" if minute else "")


_SOUTHERN = re.compile(
    r"(?<![\w.,:/])(?P<h1>\d{1,2})\s?g(?P<m1>[0-5]\d)?\s?[-–]\s?(?P<h2>\d{1,2})\s?g(?P<m2>[0-5]\d)?(?!\w)"
)


def _southern(match: re.Match[str], _: Draft) -> str | None:
    """ "17g-17g30": hours where at least one has minutes; "5g-10g" may be weights."""
    if not (match["m1"] or match["m2"]) or max(int(match["h1"]), int(match["h2"])) > 24:
        return None
    ends = []
    for which in "12":
        minute = int(match[f"m{which}"] or 0)
        ends.append(
            f"{cardinal(int(match[f'h{which}']))} giờ" + (f" {cardinal(minute)} phút" if minute else "")
        )
    return " đến ".join(ends)


_NO_MINUTE = re.compile(
    r"(?<![\w.,:/])(?P<h>[01]?\d|2[0-4])\s?[hH]\s?(?P<m>[6-9]\d)(?:\s?(?:phút|ph|p|'|’))?(?!\w)"
)


def _no_minute(match: re.Match[str], _: Draft) -> Said:
    """ "8h75": no hour has so many minutes."""
    said = f"{cardinal(int(match['h']))} giờ {cardinal(int(match['m']))} phút"
    return Said(said, (said,))


RULES = (
    Rule(_ROUND_THE_CLOCK, _round_the_clock, hints=("24",), at="figure"),
    Rule(_SOUTHERN, _southern, sign="-–", at="figure"),
    Rule(_RANGE, _range, sign="-–—~÷→>", at="figure"),
    Rule(_SHORT_RANGE, _short_range, sign="-–—~÷", at="figure"),
    Rule(_TIME, _time, at="figure"),
    Rule(_POINTED, _pointed, sign=".", hints=("lúc", "hồi", "từ", "đến", "tới", "trước", "sau")),
    Rule(_WIDE, _wide, sign=":", hints=("lúc", "hồi", "từ", "đến", "trước")),
    Rule(_NO_MINUTE, _no_minute, sign="hH", at="figure"),
    Rule(_ONE_FIGURE, _one_figure, sign="hH", at="figure"),
)
