"""Figures with a unit of measurement, ranges of them, per cent, and figures by figures ("3m x 4m")."""

from __future__ import annotations

import re

from broker.speech.draft import CLAIMED, Draft, Rule, Said
from broker.speech.numbers import cardinal
from broker.speech.rules.patterns import (
    ALTERNATIVES,
    AMOUNT_NEAR,
    COUNTED,
    DASH,
    NUMBER,
    PEOPLE_AND_THINGS,
    amount,
    careful,
    value,
)

_UNITS = {
    "km2": "ki lô mét vuông", "km²": "ki lô mét vuông", "km": "ki lô mét", "m2": "mét vuông", "m²": "mét vuông",
    "m3": "mét khối", "m³": "mét khối", "dm": "đề xi mét", "dm2": "đề xi mét vuông", "dm3": "đề xi mét khối",
    "cm2": "xăng ti mét vuông", "cm²": "xăng ti mét vuông", "cm3": "xăng ti mét khối", "cm³": "xăng ti mét khối",
    "cm": "xăng ti mét", "mm": "mi li mét", "m": "mét", "µm": "mi crô mét", "ha": "héc ta", "kg": "ki lô gam",
    "mg": "mi li gam", "µg": "mi crô gam", "mcg": "mi crô gam", "g": "gam", "gr": "gam", "ml": "mi li lít",
    "mL": "mi li lít",
    "l": "lít", "L": "lít", "lít": "lít", "cc": "xê xê", "kWh": "ki lô oát giờ", "KWh": "ki lô oát giờ",
    "kwh": "ki lô oát giờ", "kW": "ki lô oát", "kw": "ki lô oát", "KW": "ki lô oát",
    "MW": "mê ga oát", "MWh": "mê ga oát giờ", "W": "oát", "kV": "ki lô vôn", "KV": "ki lô vôn",
    "kVA": "ki lô vôn am pe",
    "V": "vôn", "A": "am pe", "mA": "mi li am pe", "Hz": "héc", "kHz": "ki lô héc", "MHz": "mê ga héc",
    "GHz": "gi ga héc",
    "dB": "đề xi ben", "HP": "mã lực", "CV": "mã lực", "Mbps": "mê ga bít trên giây", "Gbps": "gi ga bít trên giây",
    "kB": "ki lô bai", "KB": "ki lô bai", "MB": "mê ga bai", "GB": "gi ga bai", "TB": "tê ra bai",
    "hPa": "héc tô pát can", "Pa": "pát can", "mmHg": "mi li mét thủy ngân", "kcal": "ki lô ca lo",
    "ppm": "phần triệu", "mAh": "mi li am pe giờ", "Ah": "am pe giờ", "MP": "mê ga pích xeo", "px": "pích xeo",
    "rpm": "vòng trên phút", "kN": "ki lô niu tơn", "bar": "ba", "mSv": "mi li si vớt", "µS": "mi crô si men",
    "kWp": "ki lô oát pích", "MWp": "mê ga oát pích", "MVA": "mê ga vôn am pe", "kA": "ki lô am pe",
    "hl": "héc tô lít", "dl": "đề xi lít", "mIU": "mi li đơn vị quốc tế", "km/h": "ki lô mét trên giờ",
    "°C": "độ xê", "ºC": "độ xê", "˚C": "độ xê", "oC": "độ xê", "độ C": "độ xê", "℃": "độ xê", "°F": "độ ép",
    "°": "độ", "º": "độ", "%": "phần trăm", "‰": "phần nghìn", "h": "giờ", "'": "phút", "’": "phút", "′": "phút",
    "mmol": "mi li mon", "IU": "đơn vị quốc tế", "UI": "đơn vị quốc tế", "inch": "in", "″": "in",
}  # fmt: skip
_SPELT_UNITS = (
    "mét|ki lô mét|kilomet|kilômét|tấn|tạ|yến|cân|ki lô|lít|giờ|phút|giây|ngày|tuần|tháng|năm|tuổi|người"
    "|hộ|sào|mẫu|công|con|cây"
    "|đồng|triệu|tỷ|nghìn|độ|suất|lần|lượt|chiếc|xe|ca|buổi|héc ta|hecta|hải lý|liều|viên|điểm|em"
    "|học sinh|đợt|bao|thùng|chai|bộ"
)
_UNIT = "|".join(sorted(map(re.escape, _UNITS), key=len, reverse=True))
_PER_UNITS = {
    "s": "giây", "h": "giờ", "p": "phút", "ph": "phút", "ng": "người", "đ": "đồng", "th": "tháng",
}  # fmt: skip
_PER_NAMES = (
    rf"{_SPELT_UNITS}|quý|khẩu|đầu người|hội viên|đảng viên|nhân khẩu|gia đình|thôn|xã|ấp|bản|kỳ|vụ|cháu"
    rf"|bé|thành viên|hồ sơ|trường hợp"
    rf"|số|khối|mét vuông|kwh|kWh|đơn vị|cái|quả|bó|gói|hộp|lứa|đàn|trang|bản|tờ|vé|phòng|lớp|nhà"
    rf"|công trình|mô hình|đại biểu|thẻ|chuyến|chỉ|cây|lượng|tờ khai|giấy|bản sao|bản chính|mặt|chữ ký|việc|vụ việc"
    rf"|lao động|học viên|sinh viên|công nhân|nhân công|công nhật|công|đám|mâm|bàn|suất ăn|bữa|cơm|ca|kíp|ngày công"
    rf"|ngày đêm|đêm|phiên|phiên họp|tiết|tiết học|tín chỉ|môn|kỳ học|học kỳ|năm học|khóa|khoá|xe|ô tô|xe máy"
    rf"|lượt xe|đầu xe|đầu lợn"
    rf"|đầu trâu|gốc|khóm|bụi|hố|luống|hàng|giàn|vườn|ao|lồng|bể|mét khối|khối nước|số nước|số điện|giàn|lứa|liều"
    rf"|mũi|lọ|viên|ống|gói|vỉ|lốc|thùng|két|bình|can|phuy|tải|bì|rổ|thúng|nong|khay|kiện|cuộn|tấm|thanh|đoạn|mét dài"
    rf"|mét|m dài|thửa|lô|nền|căn|căn hộ|phòng học|cột|bóng|camera|máy|bộ|cặp|đôi|chiếc|cuốn|quyển|tập|bài|tin|phút"
    rf"|giây|doanh nghiệp|cơ sở|hợp tác xã|đơn vị|phường|huyện|tỉnh|chi hội|chi bộ|tổ|đội|câu lạc bộ|điểm|tuyến|nhóm"
    rf"|cá thể|trứng|quả trứng|ổ|kiện hàng|đơn|đơn hàng|bưu kiện|cuộc gọi|tin nhắn|gói cước|thuê bao|giải|trận|vòng"
)
PER = rf"\s?/\s?(?P<pern>\d{{1,4}}(?:[.,]\d{{1,3}})?\s?)?(?P<per>{_PER_NAMES}|{_UNIT}|s|ph|p|ng|đ|th)(?!\w)"
"""What a price or a measure is for: "/tháng", "/kg", "/03 tháng"."""

_ON = frozenset(
    {
        "km",
        "m",
        "m3",
        "m³",
        "mg",
        "mmol",
        "g",
        "kg",
        "lít",
        "l",
        "ml",
        "µg",
        "mcg",
        "con",
        "người",
        "tạ",
        "tấn",
        "độ",
        "bản tin",
    }
    | {"mm", "cm"}
)
_PHYSICAL = frozenset(
    {"h", "s", "giờ", "giây", "phút", "p", "ph", "ha", "l", "lít", "ml", "L", "m3", "m³", "m2", "m²", "km2"}
    | {"km²", "kg", "m"}
)

_SIGN = r"(?P<sign{0}>(?<!\w)[-−±+]\s?)?"
_QUANTITY = rf"(?P<u>{_UNIT})(?!\w)"
_ONE = re.compile(rf"(?<![\w.,/])(?<!\d[-–]){_SIGN.format(1)}(?P<n>{NUMBER})\s?{_QUANTITY}(?:{PER})?")
_RANGE = re.compile(
    rf"(?<![\w.,/]){_SIGN.format(1)}(?P<a>{NUMBER})\s?(?P<ua>{_UNIT})?(?:\s?[-–—~÷]\s?"
    rf"|\s(?=đến\s))(?:đến\s)?{_SIGN.format(2)}(?P<b>{NUMBER})\s?{_QUANTITY}(?:{PER})?"
)
_SPELT_RANGE = re.compile(
    rf"(?<![\w.,/])(?P<a>{NUMBER}){DASH}(?P<b>{NUMBER})\s?(?P<u>{_SPELT_UNITS})(?!\w)(?:{PER})?"
)
_SPELT_ONE = re.compile(rf"(?<![\w.,/])(?P<n>{NUMBER})\s?(?P<u>{_SPELT_UNITS})(?!\w)(?:{PER})")
_AREA = re.compile(
    rf"(?<![\w.,/])(?P<a>{NUMBER})\s?(?P<ua>m|cm|mm|km)?\s?[x×X*]\s?(?P<b>{NUMBER})\s?(?P<ub>m|cm|mm"
    rf"|km)?(?:\s?[x×X*]\s?(?P<c>{NUMBER})\s?(?P<uc>m|cm|mm|km)?)?(?![\w²³])"
)
_MANY = re.compile(rf"(?<![\w.,/])(?P<n>{NUMBER})\s(?P<big>nghìn|vạn|triệu|tỷ)\s{_QUANTITY}(?:{PER})?")
_TONNES = re.compile(r"(?<![\w.,/])(?P<n>\d{1,3}(?:[.,]\d{1,2})?)\s?[Tt](?P<half>\d)?(?!\w)(?![/.]\d)")
_CHILD = re.compile(r"(?:trẻ|bé|cháu)(?: từ)?\s$")
_LOADED = re.compile(r"(?:tải|tấn|trọng|xe|cầu|biển|cấm|container|công ten nơ)[\w\s:]{0,16}$")
_NUMBERED = re.compile(
    r"(?:điểm|khoản|thôn|lớp|tổ|nhóm|khối|số|khu|xóm|phòng|lô|dãy|nhà|tầng|ngõ|đội|cụm)\s*$"
)
_COMMA_LIST = re.compile(
    r"(?<![\w.,])(?P<x>\d{1,3}(?:[,;]\d{1,3})+)(?![\w/%°])(?![.,;\-–]\d)(?!\s?(?:kg|m|km|ha|lít|tấn|tạ|triệu"
    r"|tỷ|độ|mét)(?!\w))"
)
_LISTED = re.compile(
    r"(?<!\w)(?:thôn|tổ|lớp|khu|ấp|xóm|bản|đội|khối|tổ dân phố|tdp|khu phố|điều|khoản|mục|tiêu chí|thứ|ngày|tháng|phòng"
    r"|tầng|thửa|lô|hộ số|dãy|cụm|chi bộ|nhóm|câu|bài|trang|cổng|ngõ|hẻm|phường|quận)(?: số)?\s$"
)
_SPACED = re.compile(
    rf"(?<![\w.,/+\-])(?P<x>(?P<n>[1-9]\d{{0,2}}(?: \d{{3}})+))(?![\w.,/])(?=\s(?:{PEOPLE_AND_THINGS}|%)(?!\w)"
    rf"|\s?(?:đ|VNĐ|VND)(?!\w))"
)
_ORDERED = re.compile(
    r"(?:thôn|tổ|lớp|khu|ấp|số|phòng|điều|khoản|ngày|tháng|năm|đội|xóm|khối|bản|tầng|lần|thứ|lô|thửa|phố|tài khoản|stk"
    r"|mã|khóa|điểm|nhóm|cấp|hạng|[,;]|và|hoặc|gọi|máy)\s*$"
)
_EACH = re.compile(rf"(?<={CLAIMED})(?P<x>{PER})")
_PER_WORD = re.compile(
    rf"(?<![^\W\d_])(?P<w>[^\W\d_]+)(?P<x>\s?/\s?(?P<per>{_PER_NAMES}|ha|m2|m²|m3|m³|km2|kg)(?!\w))"
)
_EACH_WORD = re.compile(rf"(?<={CLAIMED})(?P<x>\s?/\s?)(?=(?P<next>[^\W\d_]{{2,}})(?P<then>\s\d)?)")
_PILLS = re.compile(r"(?<![\w.,/])(?P<n>\d{1,2})\s?v(?!\w)(?=\s?(?:x|×|/|chia|sáng|trưa|chiều|tối|ngày|lần))")
_KILO_AND = re.compile(r"(?<![\w.,/])(?P<n>\d{1,3})\s?kg(?P<rest>\d)(?!\w)(?![.,]\d)")
_SECONDS = re.compile(r"(?<![\w.,/])(?P<n>[1-9]\d{1,2})s(?!\w)(?![/.]\d)")
_FIELDS = re.compile(
    r"(?<!\w)(?P<w>ngày|tháng|giờ|phút|quý|Ngày|Giờ|thứ)(?P<x>\s?/\s?)(?=(?:ngày|tháng|năm|quý|phút)(?!\w))"
)
_ABOUT = re.compile(rf"(?<![\w{CLAIMED}%°)])(?P<x>[~≈])(?=\s?[\d{CLAIMED}])(?<!\d\s[~≈])")
_DIAMETER = re.compile(r"(?<!\w)(?P<x>[ØøΦφ⌀]\s?)(?=\d)")
_METRE_AND = re.compile(r"(?<![\w.,/])(?P<n>\d{1,2})m(?P<rest>\d{1,2})(?![\w²³])(?![.,/]\d)")
_PRESSURE = re.compile(r"(?<![\w.,/])(?P<a>\d{2,3})/(?P<b>\d{2,3})\s?mmHg(?!\w)")
_SIGNS = {"-": "âm ", "−": "âm ", "±": "cộng trừ ", "+": "cộng "}


def per(match: re.Match[str]) -> str:
    """ " một tháng" for what stands behind the stroke of a match with PER; empty where there is none."""
    unit = match["per"]
    if unit is None:
        return ""
    said = _UNITS.get(unit) or _PER_UNITS.get(unit, unit)
    count = value(match["pern"].strip()) if match["pern"] else "một"
    return f" {count} {said}"


def _per(match: re.Match[str], unit: str) -> str:
    """Physical rates are said with "trên", prices and shares with "một"."""
    if match["pern"]:
        # "3-5 kg/100 m2", but "245 hộ/1.020 khẩu" counts one thing twice.
        is_rate = unit in _UNITS or match["per"] in _UNITS or unit in _PHYSICAL or match["per"] in _PHYSICAL
        return f" trên{per(match)}" if is_rate else f",{per(match)}"
    if match["per"] is None or unit not in _ON or match["per"] not in _PHYSICAL:
        return per(match)
    return f" trên {_UNITS.get(match['per']) or _PER_UNITS.get(match['per'], match['per'])}"


def _signed(match: re.Match[str], which: str) -> str:
    return _SIGNS[match[f"sign{which}"].strip()] if match[f"sign{which}"] else ""


def _one(match: re.Match[str], draft: Draft) -> str | Said | None:
    unit = match["u"]
    if unit == "A" and re.search(r"(?:lớp|tổ|nhóm|khối|số|thôn|khu)\s*$", draft.before(match.start())):
        return None  # "lớp 5 A" is a class, not five ampere
    if unit == "m" and _CHILD.search(draft.before(match.start(), 16)):
        metres = f"{value(match['n'])} mét"
        return Said(metres, (metres, f"{value(match['n'])} tháng"))
    is_glued = match["n"].isdecimal() and draft.text[match.end("n")] != " "
    if is_glued and (unit in ("A", "TB", "CV") or (unit in ("V", "L") and len(match["n"]) < 2)):
        return None  # "12A", "3L": a class, a house, a code
    if unit == "g" and is_glued and int(match["n"]) <= 24:
        hours = f"{value(match['n'])} giờ"
        if re.search(
            r"(?:lúc|trước|hồi|khoảng|vào|hạn|tối|sáng|chiều|trưa|đêm)\s$", draft.before(match.start())
        ):
            return hours + per(match)
        if re.search(r"(?:từ|đến|tới|sau)\s$", draft.before(match.start())):
            grams = f"{value(match['n'])} gam{per(match)}"
            return Said(grams, (grams, hours + per(match)))
    if unit in ("g", "l", "V", "A", "W", "L", "h") and _NUMBERED.search(draft.before(match.start(), 24)):
        return None  # "thôn 5 A", "khoản 2 g"
    return f"{_signed(match, '1')}{value(match['n'])} {_UNITS[unit]}{_per(match, unit)}"


def _range(match: re.Match[str], draft: Draft) -> str | Said | None:
    if match["u"] == "m" and _CHILD.search(draft.before(match.start(), 16)):
        upto = f"{value(match['a'])} đến {value(match['b'])}"
        return Said(f"{upto} mét", (f"{upto} mét", f"{upto} tháng"))
    first = f"{_signed(match, '1')}{value(match['a'])}"
    if match["ua"]:
        first += f" {_UNITS[match['ua']]}"
    return (
        f"{first} đến {_signed(match, '2')}{value(match['b'])} {_UNITS[match['u']]}{_per(match, match['u'])}"
    )


def _spelt_range(match: re.Match[str], draft: Draft) -> str | None:
    if amount(match["a"]) >= amount(match["b"]):
        return None
    if re.search(r"(?:thắng|thua|hòa|hoà|dẫn|tỷ số|tỉ số)\s$", draft.before(match.start())):
        return None  # "thua 0-1 phút cuối"
    return f"{value(match['a'])} đến {value(match['b'])} {match['u']}{_per(match, match['u'])}"


def _spelt_one(match: re.Match[str], _: Draft) -> str:
    return f"{value(match['n'])} {match['u']}{_per(match, match['u'])}"


def _area(match: re.Match[str], _: Draft) -> str:
    sides = []
    for side in "abc":
        if match[side]:
            unit = match[f"u{side}"]
            sides.append(value(match[side]) + (f" {_UNITS[unit]}" if unit else ""))
    return " nhân ".join(sides)


def _metre_and(match: re.Match[str], _: Draft) -> str | None:
    if match["rest"] in ("2", "3"):
        return None  # m2 and m3 are areas and volumes
    return f"{cardinal(int(match['n']))} mét {cardinal(int(match['rest']))}"


def _pressure(match: re.Match[str], _: Draft) -> str:
    return f"{cardinal(int(match['a']))} trên {cardinal(int(match['b']))} mi li mét thủy ngân"


def _many(match: re.Match[str], _: Draft) -> str:
    return f"{value(match['n'])} {match['big']} {_UNITS[match['u']]}{_per(match, match['u'])}"


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
    return f"một {_UNITS.get(match['per']) or match['per']}"


_ALWAYS_PER = frozenset(
    {"tháng", "năm", "ngày", "ha", "m2", "m²", "m3", "m³", "km2", "kg", "khẩu", "sào", "vụ", "quý", "tuần"}
)


def _pills(match: re.Match[str], _: Draft) -> str:
    """ "1v x 2 lần/ngày", as on a prescription."""
    return f"{cardinal(int(match['n']))} viên"


def _kilo_and(match: re.Match[str], _: Draft) -> str:
    """ "3kg2"."""
    return f"{cardinal(int(match['n']))} ki lô {cardinal(int(match['rest']))}"


def _seconds(match: re.Match[str], _: Draft) -> str:
    return f"{cardinal(int(match['n']))} giây"


def _tonnes(match: re.Match[str], draft: Draft) -> str | Said | None:
    before = draft.before(match.start(), 30)
    if re.search(r"(?:cháu|bé|trẻ|em|nam|nữ|trai|gái|con)[^\d.;]{0,12}$", before) and match["n"].isdecimal():
        return f"{value(match['n'])} tuổi"
    said = f"{value(match['n'])} tấn" + (f" {cardinal(int(match['half']))}" if match["half"] else "")
    if _LOADED.search(draft.before(match.start(), 30)):
        return said
    if "," in match["n"] or "." in match["n"]:
        return said
    return (
        Said(
            said, (said, f"{value(match['n'])} tháng", f"{value(match['n'])} tuổi", f"{value(match['n'])} tê")
        )
        if "T" in match[0]
        else None
    )


def _comma_list(match: re.Match[str], draft: Draft) -> str | None:
    """ "thôn 1,2,3", "lớp 6,7": one after the other; nobody lives in thôn 1,2."""
    items = re.split("[,;]", match["x"])
    is_many = len(items) > 2 and all(len(one) < 3 for one in items)
    if not is_many and not _LISTED.search(draft.before(match.start(), 24)):
        return None
    if len(items) == 2 and COUNTED.match(draft.after(match.end())):
        return None  # "ngày 1,5 lít"
    return ", ".join(cardinal(int(one)) for one in items)


def _spaced(match: re.Match[str], draft: Draft) -> str | Said:
    """ "12 480 hộ": a space between the thousands, where no word before it takes the first figure for itself."""
    said = value(match["n"].replace(" ", "."))
    if _ORDERED.search(draft.before(match.start(), 20)):
        apart = " ".join(value(one) for one in match["n"].split(" "))
        return Said(said, (said, apart))
    return said


def _fields(match: re.Match[str], draft: Draft) -> str | None:
    """ "ngày/tháng/năm sinh": fields of a form, one after the other."""
    return (
        None
        if re.search(r"(?:\d|một|hai|ba|bốn|năm|mười|mỗi)\s$", draft.before(match.start("w"), 8))
        else ","
    )


def _about(_match: re.Match[str], _: Draft) -> str:
    return "khoảng"


def _diameter(_match: re.Match[str], _: Draft) -> str:
    return "phi"


RULES = (
    Rule(_ABOUT, _about, sign="~≈"),
    Rule(_DIAMETER, _diameter, sign="ØøΦφ⌀"),
    Rule(_COMMA_LIST, _comma_list, sign=",;"),
    Rule(_SPACED, _spaced),
    Rule(_TONNES, _tonnes),
    Rule(_MANY, careful(_many)),
    Rule(_PRESSURE, _pressure, sign="/"),
    Rule(_AREA, careful(_area), sign="xX×*"),
    Rule(_METRE_AND, _metre_and, sign="m"),
    Rule(_RANGE, careful(_range)),
    Rule(_SPELT_RANGE, careful(_spelt_range), sign="-–—~"),
    Rule(_SPELT_ONE, careful(_spelt_one), sign="/"),
    Rule(_ONE, careful(_one)),
    Rule(_KILO_AND, _kilo_and, sign="k"),
    Rule(_PILLS, _pills, sign="v"),
    Rule(_SECONDS, _seconds, sign="s"),
    Rule(_EACH, _each, sign="/"),
    Rule(_FIELDS, _fields, needs="any", sign="/"),
    Rule(_PER_WORD, _per_word, needs="any", sign="/"),
    Rule(_EACH, _each, needs="any", sign="/"),
    Rule(_EACH_WORD, _each_word, sign="/"),
)
