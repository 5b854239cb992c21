"""Telephone numbers, digit by digit with a rest between groups; short numbers to call never as an amount."""

from __future__ import annotations

import re

from broker.speech.draft import CLAIMED, Draft, Rule, Said
from broker.speech.numbers import cardinal, digits
from broker.speech.rules.patterns import COUNTED

_MOBILE = r"(?:0|\((?=0\d{1,4}\))0)[1-9](?:[\s.\-)]{0,2}\d){8}"
_LANDLINE = r"(?:\((?=02\d{1,2}\)))?02\d{1,2}\)?(?:[\s.\-]{0,3}\d){7,8}"
_ABROAD = r"(?:\(\+84\)|\+84|\(84\)|0084)(?:[\s.\-]?\(?\d\)?){9,10}"
_SERVICE = r"1[89]00(?:[\s.\-]?\d){2,6}"
_PHONE = re.compile(
    rf"(?<![\w+])(?:{_ABROAD}|{_SERVICE}|{_LANDLINE}"
    rf"|{_MOBILE})(?!\d)(?![.,/]\d{{1,2}}(?!\d))(?!\s\d{{1,3}}(?![\w%])(?![/.,:+]\d))"
)
_TWIN = re.compile(
    r"(?<![\w+.,])(?P<a>0[1-9](?:[\s.\-]?\d){8})\s?[/\-–]\s?(?P<b>\d{1,4})(?![\w/])(?![.,/\-]\d)(?!\s\d{3})"
)
_ODD_PHONE = re.compile(
    r"(?<![\w+.,/\-])(?P<x>0\d{2,4}(?:[\s.\-]\d{1,4}){2,5}|0\d{2,4}[\s.\-]\d{3,7}|0\d{7,14})(?!\w)(?![.,/\-]\d)"
)
_DIALLED = re.compile(r"(?<![\w*#])(?P<x>\*\d{2,4}(?:\*\d{1,20}){0,3}#)(?!\w)")
_BETWEEN = re.compile(rf"(?<={CLAIMED})(?P<x>\s?[/\-–]\s?)(?=\+?{CLAIMED})")
_LOCAL = re.compile(
    r"(?i:số máy|máy bàn|điện thoại|sđt|đt|gọi|liên hệ|cố định|fax|tel)(?i:\s+(?:số|theo số|cố định|bàn|là))*[\s:]+"
    r"(?P<x>\d[\s.]\d{3}[\s.]\d{3}|\d{6,7}|\d{3,4}[\s.]\d{3,4}|\d{2}[\s.]\d{2}[\s.]\d{2,3})(?!\w)(?![.,\s-]\d)"
)
_EXTENSION = re.compile(
    r"(?i:máy lẻ|số lẻ|nội bộ|ext\.?|nhánh|máy nhánh)(?i:\s+số)?[\s:]+(?P<x>\d{2,4})(?!\w)(?![.,/]\d)"
)
_PREFIX = re.compile(r"(?<![\w+])(?P<x>\+(?!84\d)\d{1,3})(?!\d)(?!\s?\d)(?![.,/]\d)")
_OVERSEAS = re.compile(r"(?<![\w+])(?P<x>\+(?!84)\d{1,3}(?:[\s.\-]?\(?\d{2,4}\)?){2,4})(?!\d)")

_EMERGENCY = re.compile(r"(?<![\w.,/+\-–])(?P<x>11[1-5])(?!\w)(?!\s?[%°])(?![.,/\-–+]\d)")
_EMERGENCY_LIST = re.compile(r"(?<![\w.,/+])11[1-5](?:\s?[/\-–]\s?11[1-5])+(?![\w/])")
_CALL = re.compile(
    r"(?:gọi|bấm|quay|tổng đài|hotline|đường dây nóng|đầu số|số máy|điện thoại|sđt|đt|khẩn cấp|cấp cứu"
    r"|cứu hỏa|cứu hoả"
    r"|chữa cháy|báo cháy|cảnh sát|cứu nạn|trực ban|liên hệ|liên lạc|nháy máy|báo tin|báo ngay|báo)"
)
_CALL_HERE = re.compile(
    r"(?:gọi|bấm|quay|tổng đài|hotline|đường dây nóng|đầu số|cảnh sát|cấp cứu|cứu hỏa|cứu hoả|chữa cháy|công"
    r" an|máy|cứu thương|số khẩn cấp)"
    r"(?:\s+(?:ngay|số|tới|đến|cho|tổng đài|điện thoại|đường dây nóng|khẩn cấp|là|theo|về|hoặc|miễn phí))*[\s:]*$"
)
_ORDERED = re.compile(
    r"(?<!\w)(?:điều|khoản|phòng|trang|bài|thửa|tờ|nhà|số nhà|lớp|lô|ngõ|ngách|hẻm|km|ql|tl|đt|quốc lộ|tỉnh lộ"
    r"|đường tỉnh|mục|cấp|khóa|kỳ|lần|thứ|năm|tháng|chương trình|quyết định|nghị định|thông tư|kế hoạch|công văn|luật"
    r"|tổ|thôn|khu|đại đội|có|là|gồm|được|tổng|khoảng|hơn|gần|trên|dưới|đạt|còn|tăng|giảm|từ|đến|cao|dài|rộng|nặng"
    r"|mốc|cột|biển|xe|tuyến|độ|âm)\s$"
)
_LINKED = re.compile(r"11[1-5]\s?(?:\([^)]{0,40}\)\s?)?(?:,|;|/|-|–|và|hoặc|hay)\s?(?:số\s)?$")

# Numbers of three to five figures that are called, texted or dialled.
_TO = (
    r"(?:\s+(?:ngay|số|các số|tới|đến|cho|tổng đài|đầu số|số máy|điện thoại|đường dây nóng|khẩn cấp|là|theo|về"
    r"|qua|miễn phí|hotline|ngắn|nóng|ngay số|\d{3,5} hoặc|\d{3,5} và|xã|tỉnh|huyện|của xã|của tỉnh))*[\s:]*"
)
_SHORT_SURE = re.compile(
    rf"(?i:(?<!\w)(?:tổng đài|đầu số|hotline|đường dây nóng|số tổng đài|phím|mã ussd|cú pháp|gọi(?: ngay| đến|"
    rf" tới)? số|nhắn(?: tin)? đến số"
    rf"|nhắn(?: tin)? về số|gửi đến số|gửi tới|gửi (?:về )?(?:số|đầu số|tổng đài)|số điện thoại(?: nóng)?|số"
    rf" nóng|số khẩn cấp){_TO}(?::\s*)?)"
    r"(?P<x>\d{3,5})(?!\w)(?![.,/]\d)(?!\s?[-–]\s?\d)"
)
_SHORT_NAMED = re.compile(
    r"(?i:(?<!\w)(?:tổng đài|đầu số|hotline|đường dây nóng)(?:\s+[^\s\d.,;:()]+){1,8}\s+(?:là|số)[\s:]+)"
    r"(?P<x>\d{3,5})(?!\w)(?![.,/]\d)(?!\s?[-–]\s?\d)"
)
_SHORT = re.compile(
    rf"(?i:(?<!\w)(?:gọi|bấm|quay|nhắn(?: tin)?|gửi|liên hệ|phản ánh(?: qua| về)?|báo|soạn(?: tin)?){_TO})"
    r"(?P<x>\d{3,5})(?!\w)(?![.,/]\d)(?!\s?[-–]\s?\d)"
)
_SENT = re.compile(
    r"(?i:(?<!\w)(?:gửi|nhắn|soạn|cú pháp)[^.;\n]{1,40}?\s(?:tới|đến|về|gửi)\s(?:số |đầu số |tổng đài"
    r" )?)(?P<x>\d{3,5})(?!\w)(?![.,/]\d)"
)
_SHORT_NEXT = re.compile(
    r"(?P<last>(?<![\w.,])\d{3,5})(?P<mid>\s?(?:\([^()\d]{0,40}\)\s?)?(?:,|;|/|và|hoặc"
    r"|hay)\s(?:số\s)?)(?P<x>\d{3,5})(?!\w)(?![.,/]\d)"
)
_KNOWN_SHORT = frozenset(
    {"1022", "156", "5656", "1414", "195", "199", "198", "141", "9224", "1900", "1800", "1789"}
)
_SHORT_AFTER = re.compile(
    rf"(?<={CLAIMED})\s?(?:,|;|/|và|hoặc|hay)\s?(?:số\s|tổng đài\s)?"
    r"(?P<x>1022|156|5656|1414|195|199|198|141|9224|1789)(?!\w)(?![.,/]\d)"
)
_GOES_ON = re.compile(
    r"\s*(?:$|[.,;:!?)(–-]|(?:để|hoặc|và|hay|khi|nếu|ngay|trong|từ|của|là|miễn phí|xin|thì|theo|nhé|gặp|hỏi"
    r"|báo|tư vấn|phản ánh|với"
    r"|tại|trước|sau|được|bà con|người dân|hỗ trợ|vào|lúc|giải đáp|phục vụ|tiếp nhận|hoạt động|làm việc|\d)(?!\w))"
)


def grouped(figures: str) -> str:
    """Digits in groups as written, else in fours and threes; a comma makes the voice rest."""
    groups = [re.sub(r"\D", "", part) for part in re.split(r"[\s.\-()]+", figures)]
    groups = [part for part in groups if part]
    if len(groups) < 2 or max(map(len, groups)) > 5:
        whole = "".join(groups)
        groups = [whole[:4], whole[4:]] if len(whole) <= 8 else [whole[:4], whole[4:7], whole[7:]]
    return ", ".join(digits(part) for part in groups if part)


def _phone(match: re.Match[str], _: Draft) -> str | Said | None:
    figures = re.sub(r"\D", "", match[0])
    if "+84" in match[0] or match[0].startswith(("(84)", "0084")):
        rest = re.sub(r"^\(?(?:\+|00)?84\)?[\s.\-]*", "", match[0])
        head = "không không" if match[0].startswith("00") else "cộng"
        return f"{head} tám bốn, {grouped(rest)}"
    if figures[:2] == "02" and len(figures) not in (10, 11):
        return None
    if figures[0] == "1" and len(figures) < 8 and len(figures) not in (6, 7):
        return None
    said = grouped(match[0])
    # 012…, 016… were mobile numbers of eleven figures and are no longer served; ten figures are none at all.
    return (
        Said(said, (said,))
        if re.match(r"0[146]", figures) and figures[:4] != "0692" and figures[:3] != "069"
        else said
    )


def _twin(match: re.Match[str], _: Draft) -> str:
    """ "0912 345 678 - 679": a second line that differs in its last figures."""
    return f"{grouped(match['a'])} hoặc {digits(match['b'])}"


def _between(match: re.Match[str], draft: Draft) -> str | None:
    """ "0912.333.444 / 0988.555.666": one or the other."""
    if not draft.text[match.start() - 1].isdigit():
        return None
    return "hoặc" if "/" in match["x"] else ","


def _odd_phone(match: re.Match[str], _: Draft) -> Said | None:
    """Written like a telephone number, but with a figure too few or too many."""
    if not 7 <= sum(char.isdecimal() for char in match["x"]) <= 15:
        return None
    said = grouped(match["x"])
    return Said(said, (said,))


def _dialled(match: re.Match[str], _: Draft) -> str:
    """ "*101#"."""
    names = {"*": "sao", "#": "thăng"}
    return " ".join(names.get(part) or digits(part) for part in re.findall(r"[*#]|\d+", match["x"]))


def _digits(match: re.Match[str], _: Draft) -> str:
    return grouped(match["x"]) if len(re.sub(r"\D", "", match["x"])) > 5 else digits(match["x"])


def _extension(match: re.Match[str], _: Draft) -> str:
    text = match["x"]
    return cardinal(int(text)) if len(text) == 2 and text[0] != "0" else digits(text)


def _prefix(match: re.Match[str], draft: Draft) -> str | None:
    """ "+224": a code of a country, where the text speaks of calls."""
    if not re.search(
        r"(?:đầu số|bắt đầu|số lạ|gọi|mã vùng|mã quốc gia|thuê bao|số)[^.;]{0,24}$",
        draft.before(match.start()),
    ):
        return None
    return f"cộng {digits(match['x'])}"


def _overseas(match: re.Match[str], _: Draft) -> str | None:
    figures = re.sub(r"\D", "", match["x"])
    if not 9 <= len(figures) <= 14:
        return None
    return "cộng " + ", ".join(digits(one) for one in re.findall(r"\d+", match["x"]))


def _emergency(match: re.Match[str], draft: Draft) -> str | Said | None:
    before, after = draft.before(match.start(), 80), draft.after(match.end())
    if COUNTED.match(after):
        return None
    sentence = re.split(r"[.!?]\s", before)[-1]
    is_call = _CALL_HERE.search(before) or _LINKED.search(before)
    said = digits(match["x"])
    if is_call or _CALL.search(sentence) or _is_named(after):
        return said
    return None if _ORDERED.search(before) else Said(said, (said, cardinal(int(match["x"]))))


def _is_named(after: str) -> bool:
    """ "113 (công an)": the number with whose it is."""
    return (
        re.match(r"\s?[(:–-]\s?(?:công an|cảnh sát|cấp cứu|cứu|chữa cháy|phòng cháy|bảo vệ trẻ em)", after)
        is not None
    )


def _emergencies(match: re.Match[str], _: Draft) -> str:
    return ", ".join(digits(one) for one in re.findall(r"\d{3}", match[0]))


def _short_sure(match: re.Match[str], draft: Draft) -> str | None:
    """After "tổng đài", "đầu số": a number to dial, unless it counts something."""
    if COUNTED.match(draft.after(match.end())) and match["x"] not in _KNOWN_SHORT:
        return None
    return digits(match["x"])


def _short(match: re.Match[str], draft: Draft) -> str | Said | None:
    """After "gọi" alone it may also be how many were called."""
    text, after = match["x"], draft.after(match.end())
    if COUNTED.match(after):
        return None
    if text in _KNOWN_SHORT or _GOES_ON.match(after):
        return digits(text)
    return Said(digits(text), (digits(text), cardinal(int(text))))


def _short_next(match: re.Match[str], draft: Draft) -> str | None:
    """ "156 hoặc 5656": the second of two, where the first was dialled."""
    if COUNTED.match(draft.after(match.end())):
        return None
    before = draft.before(match.start(), 40)
    is_dialled = re.search(
        r"(?:tổng đài|đầu số|hotline|đường dây nóng|gọi|bấm|nhắn|gửi)(?:\s+[^\s\d]+){0,4}[\s:]*$", before
    )
    return (
        digits(match["x"])
        if is_dialled or (match["x"] in _KNOWN_SHORT and match["last"] in _KNOWN_SHORT)
        else None
    )


def _short_after(match: re.Match[str], draft: Draft) -> str | None:
    """ "1900 6769 và 1022": a number everybody knows, behind one that was just read."""
    is_behind_number = draft.text[match.start() - 1].isdigit()
    return digits(match["x"]) if is_behind_number and not COUNTED.match(draft.after(match.end())) else None


_CALLED = (
    *(
        "gọi",
        "bấm",
        "quay",
        "nhắn",
        "gửi",
        "liên hệ",
        "phản ánh",
        "báo",
        "soạn",
        "tổng đài",
        "đầu số",
        "hotline",
        "nóng",
    ),
    *("phím", "ussd", "cú pháp", "số điện thoại", "khẩn cấp"),
)

RULES = (
    Rule(_TWIN, _twin, at="figure"),
    Rule(_PHONE, _phone, figures=6, at="signed"),
    Rule(_ODD_PHONE, _odd_phone, sign="0", at="figure"),
    Rule(_DIALLED, _dialled, sign="*"),
    Rule(_BETWEEN, _between, needs="claim", sign="/-–"),
    Rule(_SHORT_AFTER, _short_after, needs="claim"),
    Rule(_OVERSEAS, _overseas, sign="+"),
    Rule(_PREFIX, _prefix, sign="+"),
    Rule(_EXTENSION, _extension, hints=("lẻ", "nội bộ", "ext", "nhánh")),
    Rule(
        _LOCAL, _digits, hints=("máy", "điện thoại", "sđt", "đt", "gọi", "liên hệ", "cố định", "fax", "tel")
    ),
    Rule(_EMERGENCY_LIST, _emergencies, hints=("11",), at="figure"),
    Rule(_SHORT_NEXT, _short_next, hints=_CALLED, at="figure"),
    Rule(_SENT, _short_sure, hints=("gửi", "nhắn", "soạn", "cú pháp")),
    Rule(_SHORT_SURE, _short_sure, hints=_CALLED),
    Rule(_SHORT_NAMED, _short_sure, hints=("tổng đài", "đầu số", "hotline", "nóng")),
    Rule(_EMERGENCY, _emergency, hints=("11",), at="figure"),
    Rule(_SHORT, _short, hints=_CALLED),
)
