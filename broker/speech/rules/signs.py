"""Signs beside figures and in brackets ("100t+", a test "(+)", "12-<24 tháng"), and the apostrophe in names."""

from __future__ import annotations

import re

from broker.speech.draft import CLAIMED, Draft, Rule, Said

_OLD = re.compile(r"(?:tuổi|độ tuổi|người|cụ|trẻ|phim|nct|cấp|từ)(?!\w)[^.;]{0,24}$")


def _upwards(_match: re.Match[str], draft: Draft) -> str | Said:
    """ "100t+", "18+": and more."""
    is_age = _OLD.search(draft.before(_match.start(), 40))
    return "trở lên" if is_age else Said("trở lên", ("trở lên", "cộng"))


_RESULT = re.compile(
    r"(?<!\w)(?:test|xét nghiệm|kết quả|mẫu|hiv|hbsag|covid|sàng lọc|pcr|rh|ca|nhanh)(?!\w)[^.;]{0,30}$"
)


def _found(match: re.Match[str], draft: Draft) -> str | Said:
    """ "test nhanh (+)", "(-)": what a test found."""
    said = "dương tính" if "+" in match["x"] else "âm tính"
    is_test = _RESULT.search(draft.before(match.start()))
    return said if is_test else Said(said, (said, "cộng" if "+" in match["x"] else "trừ"))


def _to_under(_match: re.Match[str], _: Draft) -> str:
    """ "12-<24 tháng"."""
    return "đến dưới"


APOSTROPHE = "'"


def _apostrophe(_match: re.Match[str], _: Draft) -> str:
    """ "H`Mông", "K‘Ho", "MʼNông": names of the highlands with whatever the keyboard had."""
    return APOSTROPHE


NAMES = (
    Rule(
        re.compile(r"(?<![^\W_])[A-Za-zĐđ]{1,2}(?P<x>[`‘´′ʼʻ＇])(?=[^\W\d_])"),
        _apostrophe,
        needs="any",
        sign="`‘´′ʼʻ＇",
    ),
)

RULES = (
    Rule(
        re.compile(rf"(?<=[\d{CLAIMED}])(?P<x>\s?[-–]\s?<\s?)(?=[\d{CLAIMED}])"),
        _to_under,
        needs="any",
        sign="<",
    ),
    Rule(re.compile(rf"(?<=[\d{CLAIMED}])(?P<x>\+)(?=[\s.,;:)]|$)"), _upwards, needs="any", sign="+"),
    Rule(re.compile(r"\((?P<x>[+\-–−])\)"), _found, needs="any", sign="+-–−"),
)
