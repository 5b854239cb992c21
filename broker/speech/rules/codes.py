"""Numbers that are names and no amounts: accounts, identity cards, tax and dossier codes, forms. Digit by digit."""

from __future__ import annotations

import re

from broker.speech.draft import Draft, Rule
from broker.speech.letters import spelled
from broker.speech.numbers import cardinal, digits
from broker.speech.rules.patterns import COUNTED, LETTER

_NAMES = (
    r"stk|số tk|tk|tài khoản|mst|mã số thuế|cccd|cmnd|cmt|cmtnd|căn cước|căn cước công dân|chứng minh nhân dân"
    r"|chứng minh thư|số chứng minh|định danh|định danh cá nhân|hộ chiếu|passport|gplx|giấy phép lái xe|bằng"
    r" lái(?: xe)?"
    r"|số thẻ|mã thẻ|thẻ bhyt|thẻ bảo hiểm(?: y tế)?|thẻ đảng|sổ bhxh|số sổ|số bhxh|bảo hiểm xã hội số|mã (?:hồ sơ"
    r"|hs|thủ tục|tthc|dvc|dịch vụ|số|khách hàng|kh|bưu chính|bưu điện|bưu cục|vùng|tra cứu|xác nhận|xác thực|vận đơn"
    r"|đơn|đơn hàng|đặt chỗ|đặt khám|biên lai|biên nhận|hoá đơn|hóa đơn|giao dịch|học sinh|bệnh nhân|định danh|đơn vị"
    r"|ngân hàng|điểm bán|qr|phòng|phòng họp|cuộc họp|dự án|công trình|trạm|điện kế|công tơ|đồng hồ|danh bộ|danh bạ"
    r"|sản phẩm|lô|hộ|hộ gia đình|nhân viên|cán bộ|số hộ|thiết bị|bảo mật|nhận tiền|chương trình|đại lý|phiếu|tài liệu"
    r"|truy xuất|vùng trồng|cơ sở|hợp đồng|ô|trường|lớp học|thí sinh|chứng khoán|otp)"
    r"|seri|sê-ri|sê ri|serial|số hiệu|số khung|imei|sbd|số báo danh|mật khẩu|mã pin|số pin|pass|passcode"
    r"|meeting id|id|số"
    r" hồ sơ|hồ sơ số"
    r"|số biên nhận|số phiếu|thủ tục|công tơ số|số công tơ|tần số thẻ|số gcn|sổ đỏ số|danh bộ"
)
_PART = r"[A-ZĐ]{0,4}\d[\dA-ZĐ]*"
_CODE = (
    rf"{_PART}(?:[.\-–_]{_PART}|[.\-–_][A-ZĐ]{{1,4}}(?!\w)|\s\d{{2,}}(?!\w)(?!\s?(?:đ|k|tr)(?!\w))){{0,8}}"
)
_NAMED = re.compile(
    rf"(?<!\w)(?P<name>{_NAMES})(?P<gap>(?:[\s:,(\-]+(?:số|là|mã|của|cá nhân|công dân|thẻ|bhyt|bhxh|tiếp nhận"
    rf"|nhận|hỗ trợ"
    r"|ủng hộ|quỹ|wifi|wi-fi|mạng|ngân hàng|nh|agribank|vietcombank|vietinbank|bidv|mb|mbbank|mb bank|tại|có"
    r"|gồm|mới|cũ|đầu|in trên"
    rf"|thanh toán|gắn chip))*[\s:,(]*)(?P<x>{_CODE})(?![\w%°])(?![.,/]\d)",
    re.I,
)
_APART = re.compile(
    rf"(?<!\w)(?:{_NAMES})(?P<gap>\s[^\d.,;:!?\n]{{1,28}}(?:\s(?:là|số)\s?|\s?:\s?))(?P<x>{_CODE})(?![\w%°])(?![.,/]\d)",
    re.I,
)
_FORMS = r"mẫu đơn|mẫu|biểu mẫu|biểu|tờ khai|phiếu|đơn theo mẫu|phụ lục|đơn|bản khai|tờ trình mẫu"
_FORM = re.compile(
    rf"(?<!\w)(?:{_FORMS})(?:\s+(?:số|là|có ký hiệu|ký hiệu|mẫu|khai|theo mẫu))*[\s:\"“]*(?P<x>"
    rf"(?:[A-ZĐ]{{1,4}}[.\-]?\d{{1,3}}|\d{{1,2}}[A-Za-zđ]?)(?:[./\-–]?[A-ZĐ]{{1,5}}\d{{0,2}}"
    rf"|[./\-–]\d{{1,2}}[a-z]?)*)(?!\w)(?![.,/]\d)",
    re.I,
)
_LETTER_FIRST = re.compile(r"[A-ZĐ]{1,4}[.\-]?\d")
_TICKET = re.compile(
    r"(?i:(?<!\w)(?:giải (?:đặc biệt|nhất|nhì|nhi|ba|tư|năm|sáu|bảy|tám|khuyến khích|phụ)|vé số|số vé|vé mang số|vé"
    r"|quay trúng số|trúng số|dãy số|số trúng|đuôi|hai số cuối|số cuối))[\s:]+(?:số\s)?(?P<x>\d{2,6})(?!\w)(?![.,/]\d)"
)
_DRAWN = re.compile(r"(?<!\w)(?:vé|xổ số|quay số|bốc thăm|rút thăm|đuôi|trúng|dự thưởng)(?!\w)")
_PURE = re.compile(
    r"(?i:(?<!\w)(?:vàng|bạc|nhẫn)[^\d.,;:!?\n]{0,24}\s)(?P<x>9{3,4}(?:[.,]9)?)(?![\w])(?![.,]\d)"
)
_PIN = re.compile(r"(?<![\w.,/+\-])(?P<x>0\d{11}|0\d{9}[-–]\d{3})(?![\w])(?![.,/\-]\d)")
_PROCEDURE = re.compile(r"(?<![\w.,])(?P<x>[1-3]\.\d{6})(?!\w)(?![.,]\d)")
_CARD = re.compile(r"(?<!\w)(?P<x>[A-Z]{2}\s?\d(?:\s?\d){9,13}|\d{4}(?:[\s.\-]\d{4}){2,4})(?!\w)(?![.,/]\d)")
_CERTIFICATE = re.compile(r"(?<!\w)(?!(?:LH|ĐT|DĐ|TĐ|ĐC|SĐ)\s)(?P<x>[A-ZĐ]{2}\s?\d{6,8})(?!\w)(?![.,/]\d)")
_MARKS = {".": "chấm", "-": "gạch ngang", "–": "gạch ngang", "_": "gạch dưới", "/": "trên", " ": ","}


def code(text: str) -> str:
    """A code character by character; groups of figures rest between each other."""
    out = ""
    for part in re.findall(rf"\d+|{LETTER}+|[.\-–_/ ]", text):
        if part in _MARKS:
            out = out.rstrip() + ("" if part == " " else " ") + _MARKS[part]
            continue
        out += (" " if out else "") + (_rested(part) if part.isdecimal() else spelled(part))
    return out


def _rested(figures: str) -> str:
    """Long runs of figures in threes and fours, so that they can be written down while they are heard."""
    if len(figures) <= 5:
        return digits(figures)
    size = 3 if len(figures) % 3 == 0 else 4
    groups = [figures[at : at + size] for at in range(0, len(figures), size)]
    if len(groups) > 1 and len(groups[-1]) == 1:
        groups[-2:] = ["".join(groups[-2:])]
    return ", ".join(map(digits, groups))


def _account(text: str) -> str:
    """Points between the groups of a number are no part of it: "0123.456.789"."""
    return code(text.replace(".", " ") if re.fullmatch(r"\d{2,}(?:\.\d{2,})+", text) else text)


_ACCOUNTS = frozenset({"stk", "số tk", "tk", "tài khoản", "cccd", "cmnd", "căn cước", "mst", "mã số thuế"})


def _named(match: re.Match[str], draft: Draft) -> str | None:
    text, name = match["x"], match["name"].lower()
    if re.search(r"[a-zđ]", text):
        return None  # a word follows the name, no code
    count = sum(char.isdecimal() for char in text)
    if name in _BY_NAME_ONLY and count < 6 and not re.match(r"\d\.\d{6}$", text):
        return None
    if re.fullmatch(r"\d{1,2}", text) or (count < 3 and text.isdecimal()):
        return None  # an ordinary number
    if re.fullmatch(r"\d{1,3}(?:\.\d{3})*", text) and re.match(
        r"\s?(?:đ|đồng|triệu|hộ|người|thẻ|k)(?!\w)", draft.after(match.end())
    ):
        return None
    if text.isdecimal() and COUNTED.match(draft.after(match.end())):
        return None
    return _account(text) if name in _ACCOUNTS else code(text)


_BY_NAME_ONLY = frozenset(
    {
        "cccd",
        "cmnd",
        "căn cước",
        "căn cước công dân",
        "tài khoản",
        "tk",
        "thẻ bhyt",
        "thủ tục",
        "hộ chiếu",
        "gplx",
    }
    | {
        "thẻ bảo hiểm",
        "thẻ bảo hiểm y tế",
        "giấy phép lái xe",
        "bằng lái xe",
        "bằng lái",
        "mst",
        "id",
        "định danh",
    }
    | {"mã hộ", "mã lớp học", "mã trường", "mã ô"}
)


def _apart(match: re.Match[str], draft: Draft) -> str | None:
    """ "mã bưu chính của xã là 40123": the name, some words, the code."""
    text = match["x"]
    count = sum(char.isdecimal() for char in text)
    if re.search(r"[a-zđ]", text) or count < 4 or COUNTED.match(draft.after(match.end())):
        return None
    return _account(text)


def _form(match: re.Match[str], _: Draft) -> str | None:
    text = match["x"]
    is_lettered = _LETTER_FIRST.match(text) is not None
    if not is_lettered and not re.fullmatch(r"\d{1,2}[A-Za-zđ]?(?:[./\-–]?[A-ZĐ]{1,5}\d{0,2})*", text):
        return None
    if not is_lettered and (text.isdecimal() or "/" in text):
        return None  # "mẫu số 02" is a number, "01/ĐK-ĐĐ" is read with the signs of documents
    if re.search(r"\d[a-z]{2,}|[a-zđ]{2,}\d", text):
        return None  # a word, a unit
    return " ".join(
        cardinal(int(part))
        if part.isdecimal() and len(part) < 4
        else digits(part)
        if part.isdecimal()
        else _MARKS[part]
        if part in "./"
        else spelled(part)
        for part in re.findall(rf"\d+|{LETTER}+|[./]", text)
    )


def _ticket(match: re.Match[str], draft: Draft) -> str | None:
    """ "giải nhì 1260", "đuôi 33" of a lottery; "giải nhất 500 nghìn" is money."""
    before, after = draft.before(match.start("x"), 200), draft.after(match.end())
    if COUNTED.match(after) or re.match(r"\s?(?:k|tr|đ)(?!\w)", after):
        return None
    is_end = re.search(r"(?:đuôi|cuối)[\s:]+(?:số\s)?$", before) is not None
    return digits(match["x"]) if is_end or (len(match["x"]) > 2 and _DRAWN.search(before)) else None


def _pure(match: re.Match[str], _: Draft) -> str:
    """ "vàng 9999": said by how many nines."""
    return f"{cardinal(match['x'].count('9'))} số chín"


def _bare(match: re.Match[str], _: Draft) -> str | None:
    """Twelve figures with a zero in front are a citizen's number wherever they stand."""
    return code(match["x"])


_HINTS = (
    *(
        "tk",
        "tài khoản",
        "mst",
        "mã ",
        "cc",
        "cm",
        "căn cước",
        "chứng minh",
        "định danh",
        "hộ chiếu",
        "pass",
        "gplx",
    ),
    *(
        "lái",
        "thẻ",
        "sổ",
        "bhxh",
        "bảo hiểm",
        "seri",
        "sê",
        "số hiệu",
        "khung",
        "imei",
        "sbd",
        "báo danh",
        "mật khẩu",
    ),
    *("id", "hồ sơ", "biên nhận", "phiếu", "thủ tục", "công tơ", "gcn", "danh bộ"),
)

RULES = (
    Rule(_NAMED, _named, hints=_HINTS),
    Rule(_APART, _apart, hints=_HINTS),
    Rule(_FORM, _form, hints=("mẫu", "biểu", "tờ khai", "phiếu", "đơn", "phụ lục", "bản khai")),
    Rule(_TICKET, _ticket, hints=("giải", "vé", "số trúng", "trúng số", "đuôi", "cuối", "dãy số")),
    Rule(_PURE, _pure, hints=("vàng", "bạc", "nhẫn")),
    Rule(_PROCEDURE, _bare, sign=".", at="figure"),
    Rule(_PIN, _bare, sign="0", at="figure"),
    Rule(_CARD, _bare, figures=10),
    Rule(_CERTIFICATE, _bare, figures=6),
)
