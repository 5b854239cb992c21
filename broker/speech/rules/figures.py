"""Figures that no other rule wanted: numbers of items, codes of letters and figures, plain numbers."""

from __future__ import annotations

import re

from broker.speech.draft import Draft, Rule, Said
from broker.speech.letters import is_syllable, spelled
from broker.speech.numbers import cardinal, digits
from broker.speech.rules.minus import COLD, below
from broker.speech.rules.patterns import COUNTED, LETTER, NUMBER, SOWN, VARIETY, careful, value

_CLOCKED = re.compile(r"(?<!\w)(?:từ|đến|lúc|trước|sau|hồi|tới)\s$")


def _item(match: re.Match[str], draft: Draft) -> str | None:
    before = draft.before(match.start(), 30)
    if match["x"].endswith(")") and before.rfind("(") > before.rfind(")"):
        return None  # the bracket was opened before: "(hoặc 05)"
    return f"{cardinal(int(match['n']))},"


def _code(match: re.Match[str], draft: Draft) -> str | Said:
    """Letters and figures in one word: 5A, B52, 12A1, H5N1. Long ones are for a person to decide."""
    text = match[0]
    parts = re.findall(rf"\d+|{LETTER}+", text)
    said = " ".join(
        (cardinal(int(part)) if len(part) <= 3 and part[0] != "0" else digits(part))
        if part.isdecimal()
        else (part.lower() if part[1:].islower() and is_syllable(part) else spelled(part))
        for part in parts
    )
    if re.fullmatch(r"Q\d{1,2}", text):
        number = cardinal(int(text[1:]))
        return Said(f"quận {number}", (f"quận {number}", f"quý {number}"))
    is_named = VARIETY.search(draft.before(match.start(), 24)) or SOWN.search(draft.before(match.start(), 60))
    if re.search(r"\d[a-zđ]", text) or re.search(r"\d[A-ZĐ]{2}", text):
        return Said(said, (said,))  # perhaps a unit nobody taught us: "4MP", "1v"
    is_plain = is_named or (len(text) <= 5 and all(part.isdecimal() or len(part) <= 2 for part in parts))
    return said if is_plain else Said(said, (said,))


def _minus(match: re.Match[str], draft: Draft) -> str | Said | None:
    before = draft.before(match.start())
    if match["sign"][1:] and not COLD.search(before):
        return None  # "12 độ Vĩ Bắc - 110 độ Kinh Đông"
    is_degree = _DEGREES.match(draft.after(match.end())) is not None
    return below(match["sign"], value(match["a"]), before, is_degree=is_degree)


_DEGREES = re.compile(r"\s?độ(?!\w)")


def _ordinal(match: re.Match[str], _: Draft) -> str:
    return (
        "tư"
        if int(match["n"]) == 4
        else "nhất"
        if match["one"] and int(match["n"]) == 1
        else value(match["n"])
    )


def _pointed(text: str, said: str, before: str) -> str | Said:
    """ "7.30" with nothing behind it: a time, or a number with a point where a comma belongs."""
    hour, minute = (int(one) for one in text.split("."))
    if hour > 24 or minute > 59 or text[-3] != ".":
        return said
    clock = f"{cardinal(hour)} giờ" + (f" {cardinal(minute)} phút" if minute else "")
    return Said(*((clock, (clock, said)) if _CLOCKED.search(before) else (said, (said, clock))))


def _plain(match: re.Match[str], draft: Draft) -> str | Said:
    text = match[0]
    said = value(text)
    if re.fullmatch(r"\d{1,2}\.\d{1,2}", text) and not COUNTED.match(draft.after(match.end())):
        return _pointed(text, said, draft.before(match.start()))
    if (
        text.isdecimal()
        and 6 <= len(text) <= 8
        and text[0] != "0"
        and not COUNTED.match(draft.after(match.end()))
    ):
        return Said(said, (said, digits(text)))  # an amount, or a number that is a name
    return said


_SEATS = re.compile(r"(?<!\w)(?P<l>[A-ZĐ]{1,2})(?P<a>\d{1,3})\s?[-–]\s?(?P=l)(?P<b>\d{1,3})(?!\w)")


def _seats(match: re.Match[str], _: Draft) -> str | None:
    """ "A12-A20": from one seat, room or lot to another."""
    if int(match["a"]) >= int(match["b"]):
        return None
    letter = spelled(match["l"])
    return f"{letter} {cardinal(int(match['a']))} đến {letter} {cardinal(int(match['b']))}"


RULES: tuple[Rule, ...] = (
    Rule(_SEATS, _seats, sign="-–", at="word"),
    Rule(re.compile(r"(?<![\w.,/])(?P<x>(?P<n>\d{1,2})\))(?=\s)"), _item, sign=")", at="figure"),
    Rule(
        re.compile(r"(?<=[:;,.] )(?P<x>(?P<n>\d{1,2})/)(?=\s[^\W\d_])"),
        _item,
        sign="/",
        at="figure",
    ),
    Rule(re.compile(r"^[ \t]*(?P<x>(?P<n>\d{1,2})\s?/)(?=\s+[^\W\d_])", re.M), _item, sign="/"),
    Rule(re.compile(rf"(?<!\w)(?<!\d[.,])(?:{LETTER}+\d|\d+{LETTER})[^\W_]*(?![\w])"), _code, at="word"),
    Rule(
        re.compile(
            rf"(?<![\w.,/\-–)])(?:(?<=\s)|(?<=\()|^)(?P<sign>[-−–—]|[-−–—]\s(?={NUMBER} ?độ\b))(?P<a>{NUMBER})(?![\w/])"
        ),
        _minus,
        sign="-−–—",
    ),
    Rule(
        re.compile(
            r"(?<!\w)(?:lần |(?P<one>người ))?(?:thứ|quý|tháng) (?P<x>(?P<n>\d{1,2}))(?![\w/])(?![.,]\d)",
            re.I,
        ),
        _ordinal,
        hints=("thứ", "quý", "tháng"),
    ),
    Rule(re.compile(NUMBER, re.ASCII), careful(_plain), at="figure"),
)
