"""Figures with a unit of measurement, ranges of them, per cent, and figures by figures ("3m x 4m")."""

from __future__ import annotations

import re

from broker.speech.draft import CLAIMED, Draft, Rule, Said
from broker.speech.numbers import cardinal
from broker.speech.rules import lists, rates
from broker.speech.rules.minus import below
from broker.speech.rules.patterns import DASH, NUMBER, amount, careful, value
from broker.speech.rules.units import PER, SPELT_UNITS, UNIT, UNITS, rate

_SIGN = r"(?P<sign{0}>(?<!\w)[-−±+–—]\s?)?"
_QUANTITY = rf"(?P<u>{UNIT})(?:(?!\w)|(?<=[%‰]))"
_ONE = re.compile(rf"(?<![\w.,/])(?<!\d[-–]){_SIGN.format(1)}(?P<n>{NUMBER})\s?{_QUANTITY}(?:{PER})?")
_RANGE = re.compile(
    rf"(?<![\w.,/]){_SIGN.format(1)}(?P<a>{NUMBER})\s?(?P<ua>{UNIT})?(?:\s?[-–—~÷]\s?"
    rf"|\s(?=đến\s))(?:đến\s)?{_SIGN.format(2)}(?P<b>{NUMBER})\s?{_QUANTITY}(?:{PER})?"
)
_SPELT_RANGE = re.compile(
    rf"(?<![\w.,/])(?P<a>{NUMBER}){DASH}(?P<b>{NUMBER})\s?(?P<u>{SPELT_UNITS})(?!\w)(?:{PER})?"
)
_SPELT_ONE = re.compile(rf"(?<![\w.,/])(?P<n>{NUMBER})\s?(?P<u>{SPELT_UNITS})(?!\w)(?:{PER})")
_SIDE = "m2|mm2|cm2|m²|mm²|cm²|m3|m³|mm|cm|km|ml|mg|kg|kVA|kW|KW|kV|mAh|Ah|GB|TB|HP|lít|m|g|l|L|A|W|V"
_AREA = re.compile(
    rf"(?<![\w.,/])(?P<a>{NUMBER})\s?(?P<ua>m|cm|mm|km)?\s?[x×X*]\s?(?P<b>{NUMBER})\s?(?P<ub>{_SIDE})?"
    rf"(?:\s?[x×X*]\s?(?P<c>{NUMBER})\s?(?P<uc>{_SIDE})?)?(?![\w²³])"
)
_ELECTRIC = re.compile(
    r"(?<!\w)(?:aptomat|attomat|áp tô mát|át tô mát|át|cầu dao|cầu chì|cb|mcb|mccb|công tơ|ổ cắm|phích|dòng|dòng điện"
    r"|cường độ|tải|chịu tải|máy hàn|rơ le|khởi động từ|điện)(?!\w)[^.;]{0,24}$"
)
_MANY = re.compile(
    rf"(?<![\w.,/])(?:(?P<of>{NUMBER})\s?/\s?)?(?P<n>{NUMBER})\s(?P<big>nghìn|vạn|triệu|tỷ)\s{_QUANTITY}(?:{PER})?"
)
_TONNES = re.compile(
    r"(?<![\w.,/])(?P<n>\d{1,3}(?:[.,]\d{1,2})?)(?:\s?[-–]\s?(?P<upto>\d{1,3}))?\s?[Tt](?P<half>\d)?(?!\w)(?![/.]\d)"
)
_AGED = re.compile(
    r"(?<!\w)(?:cháu|bé|trẻ|em|nam|nữ|trai|gái|con|cụ|ông|bà|anh|chị|chị em|người|tuổi|cô|chú|bác|phụ nữ|đàn ông"
    r"|thanh niên|học sinh|nạn nhân|đối tượng|độ tuổi|lứa tuổi)(?!\w)[^\d.;]{0,30}$"
)
_NAMED = re.compile(r"(?:[A-ZĐÀ-Ỹ][^\W\d_]*\s){1,4}[A-ZĐÀ-Ỹ][^\W\d_]*,?\s\(?$")
_CHILD = re.compile(r"(?:trẻ|bé|cháu)(?: từ)?\s$")
_LOADED = re.compile(r"(?:tải|tấn|trọng|xe|cầu|biển|cấm|container|công ten nơ)[\w\s:]{0,16}$")
_NUMBERED = re.compile(
    r"(?:điểm|khoản|thôn|lớp|tổ|nhóm|khối|số|khu|xóm|phòng|lô|dãy|nhà|tầng|ngõ|đội|cụm)\s*$"
)
_PILLS = re.compile(r"(?<![\w.,/])(?P<n>\d{1,2})\s?v(?!\w)(?=\s?(?:x|×|/|chia|sáng|trưa|chiều|tối|ngày|lần))")
_KILO_AND = re.compile(r"(?<![\w.,/])(?P<n>\d{1,3})\s?kg(?P<rest>\d)(?!\w)(?![.,]\d)")
_SECONDS = re.compile(
    r"(?<![\w.,/])(?P<n>\d{1,3}[.,]\d{1,2}|[1-9]\d{0,2})(?P<s>s)(?P<c>\d{1,2})?(?!\w)(?![/.]\d)"
)
_LASTING = re.compile(
    r"(?<!\w)(?:trong|sau|giữ|khoảng|mỗi|nghỉ|chờ|đợi|hết|cách|thêm|chạy|bơi|đếm|vòng|quá|dưới|trên|nhanh|chậm|kém|hơn)"
    r"(?!\w)[^.;\d]{0,16}$"
)
_ABOUT = re.compile(rf"(?<![\w{CLAIMED}%°)])(?P<x>[~≈])(?=\s?[\d{CLAIMED}])(?<!\d\s[~≈])")
_DIAMETER = re.compile(r"(?<!\w)(?P<x>[ØøΦφ⌀]\s?)(?=\d)")
_METRE_AND = re.compile(r"(?<![\w.,/])(?P<n>\d{1,2})m(?P<rest>\d{1,2})(?![\w²³])(?![.,/]\d)")
_PRESSURE = re.compile(r"(?<![\w.,/])(?P<a>\d{2,3})/(?P<b>\d{2,3})\s?mmHg(?!\w)")
_SIGNS = {"": "", "±": "cộng trừ ", "+": "cộng "}
_DEGREES = frozenset({"°", "º", "°C", "oC", "℃", "°F", "độ C"})


def _signed(match: re.Match[str], draft: Draft, which: str, said: str) -> str | Said:
    """A figure with the sign before it, if there is one."""
    sign = match[f"sign{which}"]
    if not sign or sign.strip() in _SIGNS:
        return _SIGNS[sign.strip()] + said if sign else said
    before = draft.before(match.start(f"sign{which}"))
    return below(sign, said, before, is_degree=match["u"] in _DEGREES)


_QUOTED = re.compile(r"(?<![\w'’])['‘][^'’]*$")


def _one(match: re.Match[str], draft: Draft) -> str | Said | None:
    unit = match["u"]
    if unit == "A" and re.search(r"(?:lớp|tổ|nhóm|khối|số|thôn|khu)\s*$", draft.before(match.start())):
        return None  # "lớp 5 A" is a class, not five ampere
    if unit in ("'", "’", "′") and re.search(r"phút(?: thứ)?\s$", draft.before(match.start(), 12)):
        return value(match["n"])  # "phút 67'"
    if unit in ("'", "’") and _QUOTED.search(draft.before(match.start(), 60)):
        return value(match["n"])  # "nhóm ‘Tổ 5’"
    if unit == "m" and _CHILD.search(draft.before(match.start(), 16)):
        metres = f"{value(match['n'])} mét"
        return Said(metres, (metres, f"{value(match['n'])} tháng"))
    is_glued = match["n"].isdecimal() and draft.text[match.end("n")] != " "
    if unit == "A" and _ELECTRIC.search(draft.before(match.start())):
        return f"{value(match['n'])} {UNITS[unit]}"
    if is_glued and (unit in ("A", "TB", "CV") or (unit in ("V", "L") and len(match["n"]) < 2)):
        return None  # "12A", "3L": a class, a house, a code
    if unit == "g" and match["n"].isdecimal() and int(match["n"]) <= 24 and not match["per"]:
        return _hour_or_grams(match, draft)
    if unit in ("g", "l", "V", "A", "W", "L", "h") and _NUMBERED.search(draft.before(match.start(), 24)):
        return None  # "thôn 5 A", "khoản 2 g"
    return _signed(match, draft, "1", f"{value(match['n'])} {UNITS[unit]}{rate(match, unit)}")


_ORDERED = re.compile(r"(?<!\w)(?:ngày|mùng|mồng|thứ|tháng|rằm|thôn|tổ|lớp|khu|số)\s$")
_GRAMS = re.compile(
    r"(?<!\w)(?:nặng|cân|gói|lọ|tuýp|lượng|pha|bón|hòa|hoà|liều|loại|túi|hộp|bịch|muối|đường|đạm|vàng|bạc|chứa|cỡ|gam"
    r"|rắc|rải|trộn|uống|ăn|mì|mồi|giống|hạt|bột|thuốc|nhẫn|trọng lượng)(?!\w)[^.;,\d]{0,24}$"
)
_HOUR_AFTER = re.compile(
    r"\s?[,(]?\s?(?:sáng|trưa|chiều|tối|đêm|khuya|ngày|hôm|thứ|mai|mỗi|hằng|hàng|đúng|kém|rưỡi|đến|tới|cùng ngày|[-–]"
    r"|\d{1,2}[/-]\d|t[2-7](?!\w)|cn(?!\w))"
)
_HOUR_BEFORE = re.compile(
    r"(?<!\w)(?:lúc|trước|hồi|vào|hạn|tối|sáng|chiều|trưa|đêm|khuya|từ|đến|tới|sau|họp|khai mạc|bắt đầu|viếng|đưa tang"
    r"|động quan|di quan|nhập quan|hạ huyệt|an táng|chuyến|xuất bến|chạy|mở cửa|đóng cửa|phát|cúp điện|có mặt|làm lễ"
    r"|thi đấu|khởi hành|lăn bánh|giỗ|cúng|diễn|chiếu|thả|rút|tập trung|\d{1,2}[gh]\d{0,2}\s?[-–,])(?!\w)[^.;]{0,16}$"
)


def _hour_or_grams(match: re.Match[str], draft: Draft) -> str | Said | None:
    """ "19g" is an hour to many and a weight to others; what stands around it settles, else a person."""
    before, after = draft.before(match.start()), draft.after(match.end())
    hours, grams = f"{value(match['n'])} giờ", f"{value(match['n'])} gam"
    if _NUMBERED.search(before[-24:]):
        return None  # "khoản 2 g"
    if _HOUR_AFTER.match(after):
        return hours
    is_end = not after or after[0] in ",.;:!?)" or after[:2] == " ("
    if _GRAMS.search(before) or (
        not is_end and re.match(r"\s[^\W\d]", after) and not _HOUR_BEFORE.search(before)
    ):
        return grams
    return hours if _HOUR_BEFORE.search(before) else Said(hours, (hours, grams))


def _range(match: re.Match[str], draft: Draft) -> str | Said | None:
    if "đến" in match[0] and _ORDERED.search(draft.before(match.start(), 16)):
        return None  # "ngày 3 đến 8g ngày 5"
    if match["u"] == "m" and _CHILD.search(draft.before(match.start(), 16)):
        upto = f"{value(match['a'])} đến {value(match['b'])}"
        return Said(f"{upto} mét", (f"{upto} mét", f"{upto} tháng"))
    if match["u"] == "g" and not match["ua"] and _HOUR_AFTER.match(draft.after(match.end())):
        return f"{value(match['a'])} đến {value(match['b'])} giờ"  # "5-7g sáng mai"
    first = value(match["a"])
    last = f"{value(match['b'])} {UNITS[match['u']]}{rate(match, match['u'])}"
    if match["ua"] and match["ua"] != match["u"] and not _is_alike(match["ua"], match["u"]):
        return _signed(match, draft, "1", f"{first} {UNITS[match['ua']]}, {last}")
    if match["ua"]:
        first += f" {UNITS[match['ua']]}"
    said = _signed(match, draft, "1", f"{first} đến {_SIGNS.get(_second(match), 'âm ')}{last}")
    if (
        isinstance(said, str)
        and _second(match) not in _SIGNS
        and not match["sign1"]
        and "đến" not in match[0]
    ):
        return Said(said, (said, f"{first} đến {last}"))  # "5--7°C"
    return said


def _second(match: re.Match[str]) -> str:
    """The sign before the other end of a range."""
    return (match["sign2"] or "").strip()


def _is_alike(one: str, other: str) -> bool:
    """Whether two units measure the same, so that one may reach to the other: "80cm-1m", not "12V-7Ah"."""
    return UNITS[one].split()[-1] == UNITS[other].split()[-1] or {one, other} <= {
        "°",
        "º",
        "°C",
        "oC",
        "%",
        "‰",
    }


def _spelt_range(match: re.Match[str], draft: Draft) -> str | None:
    if amount(match["a"]) >= amount(match["b"]):
        return None
    if re.search(r"(?:thắng|thua|hòa|hoà|dẫn|tỷ số|tỉ số)\s$", draft.before(match.start())):
        return None  # "thua 0-1 phút cuối"
    return f"{value(match['a'])} đến {value(match['b'])} {match['u']}{rate(match, match['u'])}"


def _spelt_one(match: re.Match[str], _: Draft) -> str:
    return f"{value(match['n'])} {match['u']}{rate(match, match['u'])}"


def _area(match: re.Match[str], _: Draft) -> str:
    sides = []
    for side in "abc":
        if match[side]:
            unit = match[f"u{side}"]
            sides.append(value(match[side]) + (f" {UNITS[unit]}" if unit else ""))
    return " nhân ".join(sides)


def _metre_and(match: re.Match[str], _: Draft) -> str | None:
    if match["rest"] in ("2", "3"):
        return None  # m2 and m3 are areas and volumes
    return f"{cardinal(int(match['n']))} mét {cardinal(int(match['rest']))}"


def _pressure(match: re.Match[str], _: Draft) -> str:
    return f"{cardinal(int(match['a']))} trên {cardinal(int(match['b']))} mi li mét thủy ngân"


def _many(match: re.Match[str], _: Draft) -> str:
    of = f"{value(match['of'])} trên " if match["of"] else ""
    return f"{of}{value(match['n'])} {match['big']} {UNITS[match['u']]}{rate(match, match['u'])}"


def _pills(match: re.Match[str], _: Draft) -> str:
    """ "1v x 2 lần/ngày", as on a prescription."""
    return f"{cardinal(int(match['n']))} viên"


def _kilo_and(match: re.Match[str], _: Draft) -> str:
    """ "3kg2"."""
    return f"{cardinal(int(match['n']))} ki lô {cardinal(int(match['rest']))}"


def _seconds(match: re.Match[str], draft: Draft) -> str | Said:
    """ "30s", "9,5s", "12s5"; one figure before an s may also be the name of a thing ("5s")."""
    said = f"{value(match['n'])} giây" + (f" {cardinal(int(match['c']))}" if match["c"] else "")
    is_plain = len(match["n"]) > 1 or match["c"] or _LASTING.search(draft.before(match.start(), 24))
    return said if is_plain else Said(said, (said, f"{value(match['n'])} ét"))


def _tonnes(match: re.Match[str], draft: Draft) -> str | Said | None:
    """ "5T", "xe 3,5t", "bé 4t", "30-54t": tonnes of a load, years of a person, or a person decides."""
    before = draft.before(match.start(), 40)
    upto = f" đến {value(match['upto'])}" if match["upto"] else ""
    said = f"{value(match['n'])}{upto} tấn" + (f" {cardinal(int(match['half']))}" if match["half"] else "")
    years = f"{value(match['n'])}{upto} tuổi"
    if _LOADED.search(before[-30:]):
        return said
    if "," in match["n"] or "." in match["n"]:
        return said
    if match["upto"] and not match["half"] and "T" not in match[0] and int(match["upto"]) > 39:
        return years
    is_named = "T" not in match[0] and _NAMED.search(draft.text[max(match.start() - 40, 0) : match.start()])
    if not match["half"] and (_AGED.search(before) or is_named):
        return years
    if match["upto"] and not match["half"] and 0 < int(match["n"]) < int(match["upto"]) < 110:
        return Said(years, (years, said))
    if "T" not in match[0]:
        return Said(years, (years, said, f"{value(match['n'])} tê")) if match["n"].isdecimal() else None
    return Said(said, (said, f"{value(match['n'])} tháng", years, f"{value(match['n'])} tê"))


def _about(_match: re.Match[str], _: Draft) -> str:
    return "khoảng"


def _diameter(_match: re.Match[str], _: Draft) -> str:
    return "phi"


_FINE_DUST = re.compile(r"(?<!\w)PM\s?(?P<n>2[.,]5|10|1)(?!\w)(?![.,]\d)")
_KILOMETRE_AND = re.compile(r"(?<![\w.,/])(?P<n>\d{1,3})[kK]m(?P<rest>\d{1,3})(?!\w)(?![.,+]\d)")


def _fine_dust(match: re.Match[str], _: Draft) -> str:
    """ "PM2.5"."""
    return f"pê em {value(match['n'])}"


def _kilometre_and(match: re.Match[str], _: Draft) -> str | None:
    """ "1km200"; "1km2" is an area."""
    if match["rest"] in "23":
        return None
    return f"{cardinal(int(match['n']))} ki lô mét {cardinal(int(match['rest']))}"


RULES = (
    Rule(_FINE_DUST, _fine_dust, hints=("pm",)),
    Rule(_KILOMETRE_AND, _kilometre_and, at="figure"),
    Rule(_ABOUT, _about, needs="any", sign="~≈"),
    Rule(_DIAMETER, _diameter, sign="ØøΦφ⌀"),
    *lists.RULES,
    Rule(_TONNES, _tonnes, at="figure"),
    Rule(_MANY, careful(_many), at="figure"),
    Rule(_PRESSURE, _pressure, sign="/", at="figure"),
    Rule(_AREA, careful(_area), sign="xX×*", at="figure"),
    Rule(_METRE_AND, _metre_and, sign="m", at="figure"),
    Rule(_RANGE, careful(_range), at="signed"),
    Rule(_SPELT_RANGE, careful(_spelt_range), sign="-–—~÷", at="figure"),
    Rule(_SPELT_ONE, careful(_spelt_one), sign="/", at="figure"),
    Rule(_ONE, careful(_one), at="signed"),
    Rule(_KILO_AND, _kilo_and, sign="k", at="figure"),
    Rule(_PILLS, _pills, sign="v", at="figure"),
    Rule(_SECONDS, _seconds, sign="s", at="figure"),
    *rates.RULES,
)
