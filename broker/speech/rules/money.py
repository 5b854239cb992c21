"""Sums of money with their ranges and what they are paid for: 1.200.000đ, 350k, 400-600 nghìn đồng/tháng, $20."""

from __future__ import annotations

import re

from broker.speech.draft import Draft, Rule, Said
from broker.speech.numbers import cardinal
from broker.speech.rules.patterns import DASH, NUMBER, value
from broker.speech.rules.units import PER, per

_DONG = r"(?:đồng|đ(?!/c(?!\w))|₫|VNĐ|VND|vnđ|vnd|Đ|dong)"
_BIG = r"(?:nghìn tỷ|ngàn tỷ|nghìn tỉ|trăm triệu|nghìn|ngàn|triệu|tr|tỷ|tỉ|[kK](?!\w))"
_MEASURES = "m[23²³]|km2?|kg|ha|kWh|lít|tấn"


def _sum_form(which: int) -> str:
    """A pattern of one sum whose groups carry a number."""
    big = rf"(?P<big{which}>{_BIG})(?:\s?\.?(?P<dong{which}>{_DONG})(?!\w)|(?!\s(?:{_MEASURES})(?!\w)))"
    unit = rf"(?:{big}|(?P<only{which}>{_DONG}))(?!\w)"
    return rf"(?P<n{which}>{NUMBER})\s?{unit}"


_RANGE = re.compile(rf"(?<![\w.,/]){_sum_form(1)}{DASH}{_sum_form(2)}(?:{PER})?")
_SHORT_RANGE = re.compile(rf"(?<![\w.,/\-])(?P<n0>{NUMBER}){DASH}{_sum_form(1)}(?:{PER})?")
_ONE = re.compile(rf"(?<![\w.,/])(?:(?P<of>{NUMBER})\s?/\s?)?{_sum_form(1)}(?:{PER})?")
_SHARE = re.compile(rf"(?<![\w.,/]){_sum_form(1)}\s?/\s?{_sum_form(2)}(?![/\w])")
_MIXED = re.compile(
    rf"(?<![\w.,/])(?P<n>\d{{1,3}})\s?(?P<big>tr|triệu|tỷ|tỉ|k(?=\d(?!\d)))\s?(?P<rest>\d{{1,3}})(?!\w)(?![.,]\d)"
    rf"(?!\s?(?:nghìn|ngàn|triệu|đồng|đ\b))(?:{PER})?"
)
_DOLLAR = re.compile(
    rf"(?<![\w])(?:(?:US)?\$|€)\s?(?P<a>{NUMBER})(?:{DASH}\$?(?P<b>{NUMBER}))?(?:\s(?P<big>triệu|tỷ|nghìn))?(?!\w)"
)
_FOREIGN = re.compile(
    rf"(?<![\w.,/])(?P<a>{NUMBER})(?:{DASH}(?P<b>{NUMBER}))?\s?(?P<big>(?:triệu|tỷ|nghìn)\s)?(?P<u>USD|\$"
    rf"|EUR|€|usd|JPY|NDT)(?!\w)"
)
_AFTER = re.compile(rf"(?<=đồng)(?P<x>{PER})")

_SPELT = {
    "k": "nghìn",
    "tr": "triệu",
    "tỉ": "tỷ",
    "ngàn": "nghìn",
    "ngàn tỷ": "nghìn tỷ",
    "nghìn tỉ": "nghìn tỷ",
}
_CURRENCIES = {
    "usd": "đô la Mỹ",
    "$": "đô la",
    "eur": "ơ rô",
    "€": "ơ rô",
    "jpy": "yên Nhật",
    "ndt": "nhân dân tệ",
}


def _spelt(big: str | None) -> str:
    if not big:
        return ""
    return " " + _SPELT.get(big.lower(), big.lower())


_NO_SUM = re.compile(
    r"(?:vàng|bạc|ti ?vi|tv|màn hình|camera|video|độ nét|phân giải|chuẩn|hình ảnh|phim)[^.;]{0,16}$"
)


def _is_small(number: str) -> bool:
    """Whether a figure is too small for money: "9đ", "25,5đ" are points; "0đ" costs nothing."""
    small = re.fullmatch(r"(\d{1,2})(,\d{1,2})?", number)
    return small is not None and (small[2] is not None or int(small[1]) > 0)


_RULES_OF = re.compile(
    r"(?<!\w)(?:thông điệp|nguyên tắc|quy tắc|tuân thủ|thực hiện|biện pháp|khuyến cáo)[^.;\d]{0,16}$"
)
_CONTEST = re.compile(
    r"(?<!\w)(?:điểm|bảng|xếp|hạng|đội|chuẩn|thi|môn|vòng|trận|cộng|trừ|chấm|bài|câu|tiêu chí|toán)(?!\w)[^!?]*$"
)


def _dong(match: re.Match[str], which: str) -> str:
    """ "đồng" where it is written, and after a bare k, which is always money."""
    if match[f"only{which}"] or match[f"dong{which}"]:
        return " đồng"
    big = match[f"big{which}"] or ""
    return " đồng" if big in ("k", "K", "tr") else ""


def _sum(match: re.Match[str], which: str) -> str:
    number = value(match[f"n{which}"], is_money=match[f"only{which}"] is not None)
    return number + _spelt(match[f"big{which}"]) + _dong(match, which)


def _one(match: re.Match[str], draft: Draft) -> str | Said | None:
    if match["only1"] in ("đ", "Đ") and not match["per"] and _is_small(match["n1"]):
        points = f"{_sum(match, '1')[:-5]} điểm"
        is_game = _CONTEST.search(draft.before(match.start(), 80))
        return points if is_game else Said(points, (points, _sum(match, "1")))
    if match["big1"] == "K" and len(match["n1"]) == 1 and _RULES_OF.search(draft.before(match.start(), 30)):
        return f"{value(match['n1'])} ca"  # "thông điệp 5K"
    if match["big1"] == "K" and len(match["n1"]) < 3 and _NO_SUM.search(draft.before(match.start(), 30)):
        return None  # "vàng 18K", "ti vi 4K"
    if match["of"] and not set(".,") & set(match["of"] + match["n1"]):
        return None  # "1/2 triệu": a share, a count?
    of = f"{value(match['of'])} trên " if match["of"] else ""
    return of + _sum(match, "1") + per(match)


def _range(match: re.Match[str], _: Draft) -> str:
    return f"{_sum(match, '1')} đến {_sum(match, '2')}{per(match)}"


def _share(match: re.Match[str], _: Draft) -> str:
    """ "67,5 triệu/100 triệu đồng": so much out of so much."""
    return f"{_sum(match, '1')} trên {_sum(match, '2')}"


def _short_range(match: re.Match[str], _: Draft) -> str:
    return f"{value(match['n0'], is_money=match['only1'] is not None)} đến {_sum(match, '1')}{per(match)}"


def _mixed(match: re.Match[str], _: Draft) -> str:
    """ "1tr2", "2 tỷ 5": what follows is a share of the unit before it."""
    rest, big = match["rest"], match["big"]
    if big == "k":  # "3k5"
        return f"{cardinal(int(match['n']) * 1000 + int(rest) * 100)} đồng{per(match)}"
    under = "nghìn" if big in ("tr", "triệu") else "triệu"
    amount = int(rest.ljust(3, "0"))
    return f"{cardinal(int(match['n']))}{_spelt(big)} {cardinal(amount)} {under} đồng{per(match)}"


def _dollar(match: re.Match[str], _: Draft) -> str:
    upto = f" đến {value(match['b'], is_money=True)}" if match["b"] else ""
    name = "ơ rô" if match[0][0] == "€" else "đô la"
    return f"{value(match['a'], is_money=True)}{upto}{_spelt(match['big'])} {name}"


def _foreign(match: re.Match[str], _: Draft) -> str:
    upto = f" đến {value(match['b'], is_money=True)}" if match["b"] else ""
    big = _spelt((match["big"] or "").strip())
    return f"{value(match['a'], is_money=True)}{upto}{big} {_CURRENCIES[match['u'].lower()]}"


def _after(match: re.Match[str], _: Draft) -> str:
    return per(match).strip()


_APART = re.compile(
    rf"(?<![\w.,/+\-])(?P<n>[1-9]\d{{0,2}}(?: \d{{3}})+|(?<=[^\W\d_] )[1-9]\d{{0,2}}\. \d{{3}}(?:\.\d{{3}})*)"
    rf"\s?{_DONG}(?!\w)(?:{PER})?"
)
_TAKEN = re.compile(
    r"(?<!\w)(?:thôn|tổ|lớp|khu|ấp|số|phòng|điều|khoản|ngày|tháng|năm|đội|xóm|lần|thứ|lô|nhà|bậc|mức|hạng|nhóm|loại)\s$"
)
_BELOW = re.compile(rf"(?:(?<=\s)|(?<=\()|^)(?P<x>[-−–—])(?={NUMBER}\s?(?:{_DONG}|{_BIG})(?!\w))", re.M)


def _apart(match: re.Match[str], draft: Draft) -> str | Said:
    """ "1 200 000 đ", "giá 1. 200.000đ": thousands apart."""
    whole = re.sub(r"\D", "", match["n"])
    said = f"{cardinal(int(whole))} đồng{per(match)}"
    return Said(said, (said,)) if _TAKEN.search(draft.before(match.start())) or "." in match["n"] else said


def _below(match: re.Match[str], draft: Draft) -> str | Said:
    """ "số dư: -50.000đ" is below nothing; at the head of a line a dash may also be the mark of a list."""
    if match["x"] == "−":
        return "âm"
    before = draft.before(match.start()).rstrip()
    if not before:
        return Said("", ("âm", "trừ"))
    is_sum = re.search(r"(?:dư|còn|lãi|lỗ|lợi nhuận|chênh lệch|là|quỹ)[^.;]{0,16}:?$", before)
    return "âm" if is_sum else Said("âm", ("âm", "đến"))


RULES = (
    Rule(_BELOW, _below, sign="-−–—"),
    Rule(_APART, _apart, at="figure", figures=4),
    Rule(_DOLLAR, _dollar, sign="$€"),
    Rule(_FOREIGN, _foreign, hints=("usd", "$", "eur", "€", "jpy", "ndt"), at="figure"),
    Rule(_MIXED, _mixed, hints=("tr", "tỷ", "tỉ", "k"), at="figure"),
    Rule(_RANGE, _range, sign="-–—~÷", at="figure"),
    Rule(_SHORT_RANGE, _short_range, sign="-–—~÷", at="figure"),
    Rule(_SHARE, _share, sign="/", at="figure"),
    Rule(_ONE, _one, at="figure"),
    Rule(_AFTER, _after, needs="any", sign="/", hints=("đồng",)),
)
