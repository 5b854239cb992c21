"""What a sum, a measure or a counted thing is for, where a stroke says so: "500.000đ/sản phẩm", "khóm/m2"."""

from __future__ import annotations

import re

from broker.speech.draft import CLAIMED, Draft, Rule
from broker.speech.numbers import cardinal
from broker.speech.rules.patterns import ALTERNATIVES, AMOUNT_NEAR, value
from broker.speech.rules.units import PER, PER_NAMES, UNITS, per

_EACH = re.compile(rf"(?<={CLAIMED})(?P<x>{PER})")
_PER_WORD = re.compile(
    rf"(?<![^\W\d_])(?P<w>[^\W\d_]+)(?P<x>\s?/\s?(?P<per>{PER_NAMES}|ha|m2|m²|m3|m³|km2|kg)(?!\w))"
)
_EACH_WORD = re.compile(rf"(?<={CLAIMED})(?P<x>\s?/\s?)(?=(?P<next>[^\W\d_]{{2,}})(?P<then>\s\d)?)")
_FIELDS = re.compile(
    r"(?<!\w)(?P<w>ngày|tháng|giờ|phút|quý|Ngày|Giờ|thứ)(?P<x>\s?/\s?)(?=(?:ngày|tháng|năm|quý|phút)(?!\w))"
)
_ALWAYS_PER = frozenset(
    {"tháng", "năm", "ngày", "ha", "m2", "m²", "m3", "m³", "km2", "kg", "khẩu", "sào", "vụ", "quý", "tuần"}
)


def _each(match: re.Match[str], _: Draft) -> str:
    return per(match).strip()


def _each_word(match: re.Match[str], draft: Draft) -> str | None:
    """ "500.000đ/sản phẩm": behind a sum or a measure the stroke means "for each", whatever is counted."""
    before = draft.text[match.start() - 1]
    if before.isdigit() or before in ")]":
        return None
    if before.lower() in "hờ" and (match["then"] or match["next"].lower() in ("thứ", "sáng", "chiều", "tối")):
        return ","  # "7h/thứ hai", "6h/ngày 8/9"
    return "một"


def _per_word(match: re.Match[str], draft: Draft) -> str | None:
    """ "15kg gạo/khẩu", "khóm/m2": what a counted word is for; "ngày/tháng/năm" is a list of fields."""
    if match["w"].lower() in ("ngày", "tháng", "giờ"):
        return ","
    if f"{match['w']}/{match['per']}".lower() in ALTERNATIVES:
        return None
    if match["per"] not in _ALWAYS_PER and not AMOUNT_NEAR.search(draft.before(match.start())):
        return None
    return f"một {UNITS.get(match['per']) or match['per']}"


def _fields(match: re.Match[str], draft: Draft) -> str | None:
    """ "ngày/tháng/năm sinh": fields of a form, one after the other."""
    return (
        None
        if re.search(r"(?:\d|một|hai|ba|bốn|năm|mười|mỗi)\s$", draft.before(match.start("w"), 8))
        else ","
    )


_HOUR_OF = re.compile(rf"(?<={CLAIMED})(?P<x>\s?/\s?(?P<d>\d{{1,2}}))(?![\w/])(?![.,/\-–]\d)")


def _hour_of(match: re.Match[str], draft: Draft) -> str | None:
    """ "19h/21": the hour, then the day of this month."""
    is_hour = re.search(r"\d\s?(?:h|g|giờ)\d{0,2}$", draft.before(match.start(), 10))
    return f"ngày {cardinal(int(match['d']))}" if is_hour and 1 <= int(match["d"]) <= 31 else None


_BARE = re.compile(rf"(?<![\w.,/\-–])(?P<x>(?P<n>\d{{1,3}}(?:\.\d{{3}})+){PER})")


def _bare(match: re.Match[str], _: Draft) -> str | None:
    """ "110.000/kg": a price whose "đồng" goes without saying."""
    return None if match["pern"] else value(match["n"]) + per(match)


RULES = (
    Rule(_HOUR_OF, _hour_of, sign="/"),
    Rule(_BARE, _bare, sign="/", at="figure"),
    Rule(_EACH, _each, needs="claim", sign="/"),
    Rule(_FIELDS, _fields, needs="any", sign="/"),
    Rule(_PER_WORD, _per_word, needs="any", sign="/"),
    Rule(_EACH, _each, needs="claim", sign="/"),
    Rule(_EACH_WORD, _each_word, needs="claim", sign="/"),
)
