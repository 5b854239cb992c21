"""Dates with their months and years, and their ranges; a day and month alone are in days.py."""

from __future__ import annotations

import re

from broker.speech.draft import CLAIMED, Draft, Rule, Said
from broker.speech.numbers import cardinal
from broker.speech.rules import days
from broker.speech.rules.days import DATED, NO_DAY, PART, SURE_DATED, day_words, is_day
from broker.speech.rules.months import AFTER_DATES, BEFORE_DAYS, LAST, OPEN, SHUT, YEAR, month_name
from broker.speech.rules.patterns import DASH

_SEP = r"\s?[/.\-–]\s?"
_FULL = re.compile(rf"{OPEN}(?P<d>\d{{1,2}})(?P<s>{_SEP})(?P<m>\d{{1,2}})(?:{_SEP})(?P<y>{YEAR}){SHUT}")
_FULL_RANGE = re.compile(
    rf"{OPEN}(?P<d1>\d{{1,2}})(?:/(?P<m1>\d{{1,2}})(?:/(?P<y1>{YEAR}))?)?{DASH}"
    rf"(?P<d2>\d{{1,2}})/(?P<m2>\d{{1,2}})(?:/(?P<y2>{YEAR}))?{SHUT}"
)
_DOTTED_RANGE = re.compile(
    rf"{OPEN}(?P<d1>\d{{1,2}})(?:\.(?P<m1>\d{{1,2}})(?:\.(?P<y1>{YEAR}))?)?{DASH}"
    rf"(?P<d2>\d{{1,2}})\.(?P<m2>\d{{1,2}})\.(?P<y2>{YEAR}){SHUT}"
)
_SHORT_YEAR = re.compile(
    rf"{OPEN}(?P<d>\d{{1,2}})(?P<s>{_SEP})(?P<m>\d{{1,2}})(?P=s)(?P<y>\d\d)(?!\w)(?![/.,\-–+]\d)"
)
_ISO = re.compile(
    rf"{OPEN}(?P<y>{YEAR})(?P<s>[-/.])(?P<m>\d\d)(?P=s)(?P<d>\d\d)(?=T\d|(?!\w))(?![/.,\-–+]\d)"
)
_LUNAR_NAMED = re.compile(
    rf"{OPEN}(?P<x>(?:(?P<a>\d{{1,2}}){DASH})?(?P<d>\d{{1,2}})\s?/\s?)(?=(?:[Gg]iêng|GIÊNG|[Cc]hạp|CHẠP)(?!\w))"
)
_NEW_YEAR_RANGE = re.compile(
    rf"(?<!\w)(?:[Mm]ùng|[Mm]ồng|MÙNG|MỒNG)\s(?P<x>(?P<a>\d{{1,2}}){DASH}(?P<b>\d{{1,2}}))(?![\w/])(?![.,/\-–]\d)"
)
_DAY_LIST = re.compile(
    rf"{OPEN}(?P<list>\d{{1,2}}(?:[,;]\d{{1,2}}){{1,10}})/(?P<m>\d{{1,2}})(?:/(?P<y>{YEAR}))?{SHUT}"
)
_HOUR_OF_DAY = re.compile(rf"(?<={CLAIMED})(?P<x>/(?P<d>\d{{1,2}})/(?P<m>\d{{1,2}})){SHUT}")
_PAST = re.compile(r"(?:sinh|mất|hy sinh|chiến thắng|kỷ niệm|thành lập|nhập ngũ|từ trần|năm sinh)[^.;]*$")


def _full(match: re.Match[str], draft: Draft) -> str | Said | None:
    if match["s"].strip() in "-–" and re.match(r"\s?/", match[0][match.end("m") - match.start() :]):
        before = draft.before(match.start())
        if re.search(r"(?:tháng|quý)\s*$", before):
            return None  # "tháng 10-11/2026"
        if int(match["d"]) < int(match["m"]) and not SURE_DATED.search(before):
            said = day_words(match["d"], match["m"], match["y"])
            year = cardinal(int(match["y"]))
            upto = f"tháng {month_name(int(match['d']))} đến tháng {month_name(int(match['m']))} năm {year}"
            return Said(said, (said, upto))
    if not is_day(int(match["d"]), int(match["m"])):
        # No such day ("30/2/2026"): somebody must look.
        if not (1 <= int(match["m"]) <= 12 and 1 <= int(match["d"]) <= 31):
            return None
        said = day_words(match["d"], match["m"], match["y"])
        return Said(said, (said,))
    return day_words(match["d"], match["m"], match["y"])


def _range(match: re.Match[str], draft: Draft) -> str | None:
    month = match["m1"] or match["m2"]
    if not (is_day(int(match["d2"]), int(match["m2"])) and is_day(int(match["d1"]), int(month))):
        return None
    # "3-4/5": days or a mixed number? Days where they rise and are no share of something.
    if match["y2"] is None and match["m1"] is None and NO_DAY.search(draft.before(match.start(), 60)):
        return None
    is_bare = match["y2"] is None and match["m1"] is None
    if is_bare and (int(match["d1"]) >= int(match["d2"]) or PART.match(draft.after(match.end()))):
        return None
    since = day_words(match["d1"], match["m1"], match["y1"])
    return f"{since} đến {day_words(match['d2'], match['m2'], match['y2'])}"


def _day_list(match: re.Match[str], _: Draft) -> str | None:
    """ "5,6,7/12": days of one month written without spaces."""
    days = [int(one) for one in re.findall(r"\d+", match["list"])]
    if not all(is_day(one, int(match["m"])) for one in days) or days != sorted(set(days)):
        return None
    head, last = ", ".join(cardinal(one) for one in days[:-1]), str(days[-1])
    return f"{head}, {day_words(last, match['m'], match['y'])}"


def _short_year(match: re.Match[str], draft: Draft) -> str | Said | None:
    """ "15/8/26": a year of two figures; with points or dashes only where the text speaks of a day."""
    day, month, year = int(match["d"]), int(match["m"]), int(match["y"])
    if not is_day(day, month):
        return None
    before = draft.before(match.start(), 60)
    if re.search(r"(?<!\w)(?:số nhà|số|ngõ|ngách|hẻm|kiệt|lô|thửa|tổ|npk|phân|tỷ lệ|tỉ lệ)\s*$", before):
        return None
    if match["s"].strip() != "/" and not DATED.search(before):
        return None
    said, other = (day_words(match["d"], match["m"], str(century + year)) for century in (2000, 1900))
    if year < 40:
        return said
    # Births and battles lie in the last century; what lies ahead may be the 2040s.
    return other if year > 50 or _PAST.search(draft.before(match.start(), 80)) else Said(other, (other, said))


def _iso(match: re.Match[str], _: Draft) -> str | None:
    """ "2026-12-05", as machines write it."""
    if not is_day(int(match["d"]), int(match["m"])):
        return None
    return day_words(match["d"], match["m"], match["y"])


def _lunar_named(match: re.Match[str], _: Draft) -> str | None:
    """ "12/Giêng", "23/Chạp": the month has a name of its own."""
    since = f"{cardinal(int(match['a']))} đến " if match["a"] else ""
    return f"{since}{cardinal(int(match['d']))} tháng" if 1 <= int(match["d"]) <= 30 else None


def _new_year_range(match: re.Match[str], _: Draft) -> str | None:
    """ "mùng 1-3 Tết"."""
    if not int(match["a"]) < int(match["b"]) <= 30:
        return None
    return f"{cardinal(int(match['a']))} đến {cardinal(int(match['b']))}"


def _hour_of_day(match: re.Match[str], _: Draft) -> str | None:
    """ "6h/8/9": the hour, then the day it is of."""
    if not is_day(int(match["d"]), int(match["m"])):
        return None
    return f"ngày {day_words(match['d'], match['m'], None)}"


RULES = (
    *BEFORE_DAYS,
    Rule(_DAY_LIST, _day_list, sign="/", at="figure"),
    Rule(_HOUR_OF_DAY, _hour_of_day, sign="/"),
    Rule(_FULL_RANGE, _range, sign="-–—~÷", at="figure"),
    Rule(_DOTTED_RANGE, _range, sign="-–—~÷", at="figure"),
    Rule(_FULL, _full, sign="-–/.", at="figure"),
    Rule(_ISO, _iso, sign="-/.", at="figure"),
    Rule(_SHORT_YEAR, _short_year, sign="-–/.", at="figure"),
    Rule(_LUNAR_NAMED, _lunar_named, sign="/", at="figure"),
    Rule(_NEW_YEAR_RANGE, _new_year_range, sign="-–—~÷"),
    *AFTER_DATES,
    *days.RULES,
    *LAST,
)
