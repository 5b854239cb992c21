"""Coordinates, roads with their kilometre marks, and number plates."""

from __future__ import annotations

import re

from broker.speech.draft import Draft, Rule, Said
from broker.speech.letters import spelled
from broker.speech.numbers import cardinal, digits
from broker.speech.rules.patterns import DASH, plain, value

_SIDES = {"n": "vĩ bắc", "b": "vĩ bắc", "s": "vĩ nam", "e": "kinh đông", "đ": "kinh đông", "w": "kinh tây"}
_FIGURE = r"\d{1,3}(?:[.,]\d{1,4})?"
_BOAT = re.compile(r"(?<!\w)(?P<p>[A-ZĐ]{1,2}[a-z]?)\s?-?\s?(?P<n>\d{4,5})\s?-?\s?(?P<s>TS|BĐ|ĐNa)(?!\w)")
_COORDINATE = re.compile(
    rf"(?<![\w.,])(?P<a>{_FIGURE})(?:{DASH}(?P<b>{_FIGURE}))?\s?(?:°|º|˚"
    rf"|độ\s)\s?(?:(?P<m>\d{{1,2}})\s?['’′]\s?)?"
    rf"(?:(?P<sec>\d{{1,2}}(?:[.,]\d{{1,2}})?)\s?(?:\"|″|”|''|’’|′′)\s?)?(?P<side>[NESWBĐ])(?!\w)"
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
_KM = re.compile(
    r"(?<!\w)(?<!\d\s)(?<!/)(?!km[23](?!\w)(?!\s?[-+–]))(?:Km|KM|km)\s?(?P<a>\d{1,4})(?![\w/])(?![.,]\d)"
)
_PLATE = re.compile(
    r"(?<!\w)(?P<p>\d{2})\s?-?\s?(?P<s>[A-ZĐ]{1,2}\d?)\s?[-–.\s]\s?(?P<a>\d{3}\.\d{2}|\d{4,5})(?!\w)"
)
_NUMBERED_PLACE = (
    r"[Ss]ố nhà|SỐ NHÀ|SN|[Nn]gõ|NGÕ|[Nn]gách|[Hh]ẻm|HẺM|[Kk]iệt|[Nn]hà số"
    r"|(?<![sS]ĩ )(?<![Qq]uân )(?<!ổng )(?<!ân )(?<!ão )[Ss]ố|[Ll]ô|[Tt]hửa(?: đất)?(?:"
    r" số)?|[Cc]ăn(?: hộ)?"
    r"|[Pp]hòng|[Kk]i ?ốt|[Tt]ờ bản đồ(?: số)?|[Nn]hà|[Dd]ãy|[Cc]ột(?: số)?|[Tt]rụ(?: số)?|[Đđ]ịa chỉ:?"
    r"|[Kk]ênh|[Mm]ương"
)
_NUMBERS = (
    r"(?P<a>\d{1,4})(?P<l>[A-Da-dĐđ]?)/(?P<b>\d{1,4})(?P<m>[A-Za-dđĐ]?)"
    r"(?:/(?P<c>\d{1,4})(?P<n>[A-Za-dđĐ]?))?(?:/(?P<d>\d{1,4}))?"
)
_HOUSE = re.compile(
    rf"(?<!\w)(?:{_NUMBERED_PLACE})\s(?P<x>{_NUMBERS})(?![\w/])(?![.,]\d)"
    r"(?!\s?\(?(?:âm|dương|ÂL|AL|DL))(?!\s(?:hộ|thôn|người|đại biểu|xã|em|điểm|phiếu|tiêu chí|diện tích|ý kiến|số))"
)
_STREET_HOUSE = re.compile(
    rf"(?<![\w./,\-])(?P<x>{_NUMBERS})(?=,?\s(?:đường|phố|ngõ|hẻm|kiệt|ngách|Nguyễn|Trần|Lê|Phạm|Hoàng|Huỳnh"
    rf"|Phan|Vũ|Võ|Đặng|Bùi"
    r"|Đỗ|Hồ|Ngô|Dương|Lý|Lương|Trưng|Quang Trung|Hùng Vương|Hai Bà|Điện Biên|Cách Mạng|Tôn|Cao|Chu|Mai|Đinh"
    r"|Đoàn|Tô)(?!\w))"
)
_PLATE_RUN = re.compile(
    r"(?i:(?<!\w)(?:biển số|biển kiểm soát|biển|bks|xe|ô tô|xe máy|mô tô)(?:\s+(?:số|xe|máy|tải|con|khách"
    r"|mang))*[\s:]+)"
    r"(?P<x>(?P<p>\d{2})(?P<s>[A-ZĐ](?:[A-ZĐ]|\d(?=\d{5}(?!\d)))?)(?P<a>\d{4,5}))(?!\w)(?![.,]\d)"
)
_SHORT_PLACE = re.compile(
    r"(?<![\w.])(?P<x>(?P<k>[QPHXTĐ])\.\s?)(?=(?P<n>\d{1,3})(?!\w)(?![.,/]\d)|[A-ZĐÀ-Ỹ][a-zà-ỹđ]|(?P<abbr>[A-ZĐ]{2}))"
)
_SHORT_PLACES = {"Q": "quận", "P": "phường", "H": "huyện", "X": "xã", "T": "tỉnh", "Đ": "đường"}
_CLASSROOM = re.compile(
    r"(?<!\w)(?:[Ll]ớp|LỚP)\s(?P<x>(?P<a>1[0-2]|[1-9])[/.](?P<b>\d{1,2}))(?![\w/])(?![.,]\d)"
)
_KM_RANGE = re.compile(
    r"(?<!\w)(?:km|Km|KM)\s?(?P<a>\d{1,4})\s?(?:\+\s?(?P<b>\d{1,3})\s?)?(?:-|–|—|đến)\s?(?:km|Km"
    r"|KM)\s?(?P<c>\d{1,4})(?:\s?\+\s?(?P<d>\d{1,3}))?(?!\w)"
)


def _coordinate(match: re.Match[str], _: Draft) -> str:
    degrees = value(match["a"]) + (f" đến {value(match['b'])}" if match["b"] else "")
    minutes = f" {cardinal(int(match['m']))} phút" if match["m"] else ""
    seconds = f" {value(match['sec'])} giây" if match["sec"] else ""
    return f"{degrees} độ{minutes}{seconds} {_SIDES[match['side'].lower()]}"


def _bare_coordinate(match: re.Match[str], _: Draft) -> str:
    first = f"{value(match['a'])} độ {_SIDES[match['side'].lower()]}"
    return f"{first}, {value(match['b'])} độ {_SIDES[match['other'].lower()]}"


def _road(match: re.Match[str], draft: Draft) -> str | Said | None:
    if re.search(
        r"(?:(?:đậu|đỗ|lạc|khoai|sắn|mía|xe|máy)\s|(?<!\w)(?:lúa|giống|gạo|ngô|nếp)\s[^.;:]{0,40})$",
        draft.before(match.start()),
    ):
        return None  # "lúa ĐT100" is a variety
    tail = f" {spelled(match['tail'])}" if match["tail"] else ""
    name = _ROADS[match["road"].lower()]
    # "cao tốc CT.01", "quốc lộ QL1A": the text has said it already.
    before = draft.before(match.start()).rstrip()
    head = "" if before.endswith(name) else f"{name} "
    if before.endswith("đường"):
        head = head.removeprefix("đường ")
    said = f"{head}{cardinal(int(match['n']))}{tail}"
    if match["road"] == "CT" and not re.search(
        r"(?:cao tốc|tuyến|đường)[^.;]{0,20}$", draft.before(match.start())
    ):
        letters = f"xê tê {cardinal(int(match['n']))}{tail}"
        return Said(letters, (letters, said))  # a motorway, or a form of the police
    return said


def _km_mark(match: re.Match[str], _: Draft) -> str:
    return f"ki lô mét {cardinal(int(match['a']))} cộng {plain(match['b'])}"


def _km(match: re.Match[str], _: Draft) -> str:
    return f"ki lô mét {cardinal(int(match['a']))}"


def _boat(match: re.Match[str], _: Draft) -> str:
    """ "KH 96688 TS": a fishing boat by its province and number."""
    return f"{spelled(match['p'])} {digits(match['n'])} {spelled(match['s'])}"


def _plate(match: re.Match[str], _: Draft) -> str:
    series = " ".join(digits(char) if char.isdecimal() else spelled(char) for char in match["s"])
    return f"{digits(match['p'])} {series}, {digits(match['a'])}"


def _house(match: re.Match[str], _: Draft) -> str | None:
    if match["c"] is None and re.fullmatch(r"(?:19|20)\d\d", match["b"]):
        return None  # "số 14/2026"
    parts = []
    for number, letter in (("a", "l"), ("b", "m"), ("c", "n"), ("d", None)):
        if match[number]:
            tail = f" {spelled(match[letter])}" if letter and match[letter] else ""
            parts.append(plain(match[number]) + tail)
    return " xuyệt ".join(parts)


def _street_house(match: re.Match[str], draft: Draft) -> str | None:
    """ "45/2 Trần Phú"; "20/11 Nguyễn Văn A" after a day is a day."""
    if re.search(r"(?:ngày|sáng|chiều|tối|đêm|lễ|dịp|trưa|hôm|hết|từ|đến)\s*$", draft.before(match.start())):
        return None
    return _house(match, draft)


def _classroom(match: re.Match[str], _: Draft) -> str:
    return f"{cardinal(int(match['a']))} trên {cardinal(int(match['b']))}"


def _km_range(match: re.Match[str], _: Draft) -> str:
    since, until = (
        f"ki lô mét {cardinal(int(match[a]))}" + (f" cộng {plain(match[b])}" if match[b] else "")
        for a, b in (("a", "b"), ("c", "d"))
    )
    return f"{since} đến {until}"


def _short_place(match: re.Match[str], draft: Draft) -> str | Said | None:
    """ "Q.1", "P.203", ", H. Nga Sơn": parts of an address; elsewhere the letter may stand for a person."""
    letter, number = match["k"], match["n"]
    said = _SHORT_PLACES[letter]
    if number:
        if letter in "QP":
            return "phòng" if letter == "P" and len(number) == 3 else said
        return None
    if match["abbr"]:
        return "phòng" if letter == "P" else None
    before = draft.before(match.start(), 16)
    if re.search(r"(?:,|(?<!\w)(?:từ|ở|tại|về|đến|qua|phường|xã|đường|số \d+|\d))\s?$", before):
        return said
    return Said(said, (said, spelled(letter)))


_PERSON = re.compile(r"(?<![\w.])(?P<x>(?P<k>[aAcCôÔbB])\.\s?)(?=[A-ZĐÀ-Ỹ][a-zà-ỹđ]+(?!\w))")
_REACHED = re.compile(
    r"(?<!\w)(?:lh|liên hệ|gặp|gọi|đt|sđt|hỏi|báo|qua|zalo|nhà|của|do|cho|cùng|với|và|-)[\s:]*$|\d\s?[(,–-]\s?$"
)
_PEOPLE = {"a": "anh", "c": "chị", "ô": "ông", "b": "bà"}


def _person(match: re.Match[str], draft: Draft) -> str | Said | None:
    """ "LH c.Hoa", "0912… (a. Nam)": a person by one letter; at the head of a line it is an item."""
    letter = match["k"]
    said = _PEOPLE[letter.lower()]
    before = draft.before(match.start(), 24)
    if _REACHED.search(before):
        return said
    return Said(said, (said, spelled(letter))) if letter.islower() and before.strip(" -+*•") else None


RULES = (
    Rule(_COORDINATE, _coordinate, sign="°º˚độ", at="figure"),
    Rule(_BARE_COORDINATE, _bare_coordinate, sign="NE", at="figure"),
    Rule(_BOAT, _boat, figures=4),
    Rule(_PLATE, _plate, at="figure"),
    Rule(_PLATE_RUN, _plate, hints=("xe", "biển", "bks", "tô")),
    Rule(_KM_RANGE, _km_range, sign="kK"),
    Rule(_ROAD, _road, hints=("ql", "tl", "đt", "hl", "đh", "đx", "ct")),
    Rule(_KM_MARK, _km_mark, sign="+"),
    Rule(_KM, _km, sign="kK"),
    Rule(_SHORT_PLACE, _short_place, needs="any", sign="QPHXTĐ"),
    Rule(_PERSON, _person, needs="any", sign="."),
    Rule(_CLASSROOM, _classroom, sign="/.", hints=("lớp",)),
    Rule(_HOUSE, _house, sign="/"),
    Rule(_STREET_HOUSE, _street_house, sign="/", at="figure"),
)
