"""Figures with the small ticks of minutes, seconds and inches: 1'05", 32'', 1/2"; a tick may also close a quotation."""

from __future__ import annotations

import re

from broker.speech.draft import Draft, Rule, Said
from broker.speech.numbers import cardinal
from broker.speech.rules.patterns import value

_TWO = r"(?:\"|″|”|''|’’|′′)"
_LAP = re.compile(
    rf"(?<![\w.,/:°])(?P<m>\d{{1,2}}) ?['’′] ?(?P<s>[0-5]?\d)\s?(?:{_TWO} ?(?P<c>\d{{1,2}})?"
    r"|(?P<f>[.,]\d{1,2})?(?= *giây))(?!\w)"
)
_TICKED = re.compile(
    rf"(?<![\w.,/:°'’′])(?P<n>(?:\d )?\d{{1,2}}/\d{{1,2}}|\d{{1,3}}(?:[.,]\d{{1,2}})?) ?{_TWO}(?P<c>\d{{1,2}})?(?!\w)"
)
_INCHES = re.compile(
    r"(?<!\w)(?:ti ?vi|tv|màn(?: hình)?|led|lcd|ống|phi|laptop|máy tính|máy bơm|máy tính bảng|vành|lốp|mâm|bánh"
    r"|xe đạp|loa|van|côn|cút|tê|quạt|pizza|đĩa|lưới|khung|bu lông|ốc|đinh|vòi|dây|inch)(?!\w)[^.;!?]{0,40}$"
)
_RACED = re.compile(
    r"(?<!\w)(?:chạy|bơi|hết|thành tích|kỷ lục|kỉ lục|về đích|về nhất|về nhì|cự ly|cự li|giây|phút|đạt thời gian"
    r"|thông số)"
    r"(?!\w)[^.;!?]{0,40}$"
)


def _lap(match: re.Match[str], _: Draft) -> str:
    """ "1'05\"" and "1'05\"32": minutes, seconds and what is left of one."""
    minutes = f"{cardinal(int(match['m']))} phút {cardinal(int(match['s']))}"
    if match["f"]:
        return f"{minutes} phẩy {cardinal(int(match['f'][1:]))}"
    ends = f" {cardinal(int(match['c']))}" if match["c"] else ""
    return f"{minutes} giây{ends}"


def _ticked(match: re.Match[str], draft: Draft) -> str | Said | None:
    """ "32\"": inches of a screen or a pipe, seconds of a race, or the end of what was quoted."""
    before = draft.before(match.start(), 400)
    mark = draft.text[match.end() - 1]
    if (mark == '"' and before.count('"') % 2) or (mark == "”" and before.count("“") > before.count("”")):
        return None  # closes a quotation
    ends = f" {cardinal(int(match['c']))}" if match["c"] else ""
    inches, seconds = f"{_size(match['n'])} in", f"{_size(match['n'])} giây{ends}"
    if not ends and _INCHES.search(before):
        return inches
    if ends or (_RACED.search(before) and "/" not in match["n"]):
        return seconds
    return Said(inches, (inches, seconds, _size(match["n"])))


def _size(text: str) -> str:
    """ "1/2", "1 1/4", "5,5": a figure, or a share of one inch."""
    whole, _, share = text.rpartition(" ")
    if "/" not in share:
        return value(text)
    top, bottom = (int(one) for one in share.split("/"))
    said = f"{cardinal(top)} phần {'tư' if bottom == 4 else cardinal(bottom)}"
    return f"{cardinal(int(whole))} và {said}" if whole else said


RULES = (
    Rule(_LAP, _lap, sign="'’′", at="figure"),
    Rule(_TICKED, _ticked, sign="\"″”'’′", at="figure"),
)
