"""Coordinates, roads with their kilometre marks, and number plates."""

from __future__ import annotations

import re

from broker.speech.draft import Draft, Rule
from broker.speech.letters import spelled
from broker.speech.numbers import cardinal, digits
from broker.speech.rules.patterns import DASH, plain, value

_SIDES = {"n": "vĩ bắc", "b": "vĩ bắc", "s": "vĩ nam", "e": "kinh đông", "đ": "kinh đông", "w": "kinh tây"}
_FIGURE = r"\d{1,3}(?:[.,]\d{1,4})?"
_COORDINATE = re.compile(
    rf"(?<![\w.,])(?P<a>{_FIGURE})(?:{DASH}(?P<b>{_FIGURE}))?\s?(?:°|º|˚"
    rf"|độ\s)\s?(?:(?P<m>\d{{1,2}})\s?['’′]\s?)?(?P<side>[NESWBĐ])(?!\w)"
)
_BARE_COORDINATE = re.compile(
    r"(?<![\w.,])(?P<a>\d{1,3}[.,]\d{1,4})\s?(?P<side>[NE])\s?[-–;,]\s?(?P<b>\d{1,3}[.,]\d{1,4})\s?(?P<other>[NE])(?!\w)"
)
_ROADS = {
    "ql": "quốc lộ", "tl": "tỉnh lộ", "đt": "đường tỉnh", "hl": "hương lộ", "đh": "đường huyện", "đx": "đường xã",
    "ct": "cao tốc",
}  # fmt: skip
_ROAD = re.compile(
    r"(?<!\w)(?P<road>QL|TL|ĐT|HL|ĐH|ĐX|CT)[\s.\-]?(?P<n>\d{1,3})(?P<tail>[A-ZĐ])?(?!\w)(?![/.,]\d)"
)
_KM_MARK = re.compile(r"(?<!\w)(?:km|Km|KM)\s?(?P<a>\d{1,4})\s?\+\s?(?P<b>\d{1,3})(?!\w)")
_KM = re.compile(r"(?<!\w)(?:Km|KM|km)\s?(?P<a>\d{1,4})(?![\w/])(?![.,]\d)")
_PLATE = re.compile(
    r"(?<!\w)(?P<p>\d{2})\s?-?\s?(?P<s>[A-ZĐ]{1,2}\d?)\s?[-–.\s]\s?(?P<a>\d{3}\.\d{2}|\d{4,5})(?!\w)"
)
_HOUSE = re.compile(
    r"(?<!\w)(?:[Ss]ố nhà|[Nn]gõ|[Nn]gách|[Hh]ẻm|[Kk]iệt"
    r"|[Ss]ố)\s(?P<x>(?P<a>\d{1,4})(?P<l>[A-Da-dĐđ]?)/(?P<b>\d{1,4})(?:/(?P<c>\d{1,4}))?)"
    r"(?=\s(?:đường"
    r"|phố|ngõ|Nguyễn|Trần|Lê|[A-ZĐ])|[,.;]|$)"
)


def _coordinate(match: re.Match[str], _: Draft) -> str:
    degrees = value(match["a"]) + (f" đến {value(match['b'])}" if match["b"] else "")
    minutes = f" {cardinal(int(match['m']))} phút" if match["m"] else ""
    return f"{degrees} độ{minutes} {_SIDES[match['side'].lower()]}"


def _bare_coordinate(match: re.Match[str], _: Draft) -> str:
    first = f"{value(match['a'])} độ {_SIDES[match['side'].lower()]}"
    return f"{first}, {value(match['b'])} độ {_SIDES[match['other'].lower()]}"


def _road(match: re.Match[str], draft: Draft) -> str:
    tail = f" {spelled(match['tail'])}" if match["tail"] else ""
    name = _ROADS[match["road"].lower()]
    # "cao tốc CT.01", "quốc lộ QL1A": the text has said it already.
    head = "" if draft.before(match.start()).rstrip().endswith(name) else f"{name} "
    return f"{head}{cardinal(int(match['n']))}{tail}"


def _km_mark(match: re.Match[str], _: Draft) -> str:
    return f"ki lô mét {cardinal(int(match['a']))} cộng {plain(match['b'])}"


def _km(match: re.Match[str], _: Draft) -> str:
    return f"ki lô mét {cardinal(int(match['a']))}"


def _plate(match: re.Match[str], _: Draft) -> str:
    series = " ".join(digits(char) if char.isdecimal() else spelled(char) for char in match["s"])
    return f"{digits(match['p'])} {series}, {digits(match['a'])}"


def _house(match: re.Match[str], _: Draft) -> str:
    parts = [cardinal(int(match["a"])) + (f" {spelled(match['l'])}" if match["l"] else "")]
    parts += [cardinal(int(match[name])) for name in ("b", "c") if match[name]]
    return " xuyệt ".join(parts)


RULES = (
    Rule(_COORDINATE, _coordinate),
    Rule(_BARE_COORDINATE, _bare_coordinate),
    Rule(_PLATE, _plate),
    Rule(_ROAD, _road),
    Rule(_KM_MARK, _km_mark),
    Rule(_KM, _km),
    Rule(_HOUSE, _house),
)
