"""Numbers that no other rule wanted: lists, ranges, fractions, codes of letters and figures, plain numbers."""

from __future__ import annotations

import re

from broker.speech.draft import CLAIMED, Draft, Rule, Said
from broker.speech.letters import spelled
from broker.speech.numbers import cardinal, digits
from broker.speech.rules.patterns import DASH, LETTER, NUMBER, amount, value

_SCORE = re.compile(r"(tỷ số|tỉ số|thắng|thua|hòa|hoà|dẫn|kết quả|chung cuộc)[^.!?]*$")
_SHARES = re.compile(
    r"\s*(thôn|xã|ấp|bản|tổ|hộ|người|tiêu chí|chỉ tiêu|đại biểu|em|trường|phiếu|điểm|đồng chí|\d)"
)


def _item(match: re.Match[str], _: Draft) -> str:
    return f"{cardinal(int(match['n']))},"


def _always_open(match: re.Match[str], _: Draft) -> str:
    """24/7 and 24/24: hours on duty."""
    return f"hai mươi tư trên {cardinal(int(match['n']))}"


def _fraction(match: re.Match[str], draft: Draft) -> str | None:
    top, bottom = int(match["a"]), int(match["b"])
    if bottom == 0:
        return None
    of_count = _SHARES.match(draft.after(match.end()))
    between = "phần" if 0 < top < bottom <= 10 and not of_count else "trên"
    last = "tư" if between == "phần" and bottom == 4 else cardinal(bottom)
    return f"{cardinal(top)} {between} {last}"


def _range(match: re.Match[str], draft: Draft) -> str | Said:
    a, b = match["a"], match["b"]
    if _SCORE.search(draft.before(match.start())):
        return f"{value(a)} {value(b)}"
    if amount(a) < amount(b):
        return f"{value(a)} đến {value(b)}"
    readings = (f"{value(a)} {value(b)}", f"{value(a)} đến {value(b)}", f"{value(a)} trừ {value(b)}")
    return Said(readings[0], readings)


def _ratio(match: re.Match[str], _: Draft) -> str:
    return f"{value(match['a'])} trên {value(match['b'])}"


def _times(match: re.Match[str], _: Draft) -> str:
    return f"{value(match['a'])} nhân {value(match['b'])}"


def _code(match: re.Match[str], _: Draft) -> str | Said:
    """Letters and figures in one word: 5A, B52, 12A1, H5N1. Long ones are for a person to decide."""
    text = match[0]
    parts = re.findall(rf"\d+|{LETTER}+", text)
    said = " ".join(
        (cardinal(int(part)) if len(part) <= 3 and part[0] != "0" else digits(part))
        if part.isdecimal()
        else spelled(part)
        for part in parts
    )
    is_plain = len(text) <= 5 and all(part.isdecimal() or len(part) <= 2 for part in parts)
    return said if is_plain else Said(said, (said,))


def _minus(match: re.Match[str], _: Draft) -> str:
    return f"âm {value(match['a'])}"


def _ordinal(match: re.Match[str], _: Draft) -> str:
    return (
        "tư"
        if int(match["n"]) == 4
        else "nhất"
        if match["one"] and int(match["n"]) == 1
        else value(match["n"])
    )


def _plain(match: re.Match[str], _: Draft) -> str:
    return value(match[0])


def _class(match: re.Match[str], _: Draft) -> str:
    return f"{cardinal(int(match['a']))} {cardinal(int(match['b']))}"


def _in_one(match: re.Match[str], _: Draft) -> str:
    return f"{cardinal(int(match['a']))} trong {cardinal(int(match['b']))}"


def _by(_match: re.Match[str], _: Draft) -> str:
    return "nhân"


RULES: tuple[Rule, ...] = (
    Rule(re.compile(rf"(?<=[\d{CLAIMED}])\s?(?P<x>[x×])\s?(?=[\d{CLAIMED}])"), _by),
    Rule(re.compile(r"(?<!\w)(?P<a>\d)\s?in\s?(?P<b>1)(?!\w)"), _in_one),
    Rule(re.compile(r"(?<![\w.,/])(?P<x>(?P<n>\d{1,2})\))(?=\s)"), _item),
    Rule(re.compile(r"(?<![\w.,/])24/(?P<n>24|7)(?![\w/])"), _always_open),
    Rule(re.compile(r"(?<![\w.,/])(?P<a>\d{1,4})\s?/\s?(?P<b>\d{1,4})(?![\w/])(?![.,]\d)"), _fraction),
    Rule(re.compile(rf"(?<![\w.,/\-])(?P<a>{NUMBER}){DASH}(?P<b>{NUMBER})(?![\w/])(?![.,\-]\d)"), _range),
    Rule(re.compile(r"(?<![\w.,/:])(?P<a>\d+)\s?:\s?(?P<b>\d[\d.]*)(?![\w/:])"), _ratio),
    Rule(re.compile(rf"(?<![\w.,/])(?P<a>{NUMBER})\s?[x×X*]\s?(?P<b>{NUMBER})(?![\w/])"), _times),
    Rule(re.compile(rf"(?<!\w)(?<!\d[.,])(?:{LETTER}+\d|\d+{LETTER})[^\W_]*(?![\w])"), _code),
    Rule(re.compile(rf"(?<![\w.,/\-–)])(?:(?<=\s)|(?<=\()|^)[-−](?P<a>{NUMBER})(?![\w/])"), _minus),
    Rule(
        re.compile(
            r"(?<!\w)(?:lần |(?P<one>người ))?(?:thứ|quý|tháng) (?P<x>(?P<n>\d{1,2}))(?![\w/])(?![.,]\d)",
            re.I,
        ),
        _ordinal,
    ),
    Rule(re.compile(rf"(?<![\w.,/])(?P<a>{NUMBER})\s?/\s?(?P<b>\d{{1,4}})(?![\w/])(?![.,]\d)"), _ratio),
    Rule(re.compile(NUMBER, re.ASCII), _plain),
)
