"""Roman numerals, after the words they follow, in their lists and ranges, and as numbers of headings."""

from __future__ import annotations

import re

from broker.speech.draft import CLAIMED, Draft, Rule, Said
from broker.speech.letters import spelled
from broker.speech.numbers import cardinal, roman
from broker.speech.rules.patterns import DASH

_TRIGGERS = (
    "đại hội đảng|đại hội|quý|khóa|khoá|lần thứ|kỳ thứ|thứ|thế kỷ|chương|phần|mục|tiểu mục|khu phố"
    "|tổ dân phố|tổ|khu|thôn|ấp|bản|đội|xóm"
    "|chuyên khoa|học kỳ|học kì|kỳ|đợt|vòng|cấp|loại|hạng|nhóm|giai đoạn|bậc|độ|tập|quyển|quân khu|vùng"
    "|mức|báo động|bđ|bảng|phụ lục"
    "|biểu|điều|bài|nhiệm kỳ|lớp|chiến tranh thế giới|thế chiến|hình thức|quận|phường|trại|xưởng|nhà máy"
    "|cụm|tuyến|khối|lần|ngạch|đô thị"
    "|trung học|kỳ họp|hội nghị|festival|số|hạng mục|danh mục|bước|phương án|chi bộ|đảng bộ|tuần|tháng"
    "|vành đai|lĩnh vực|đại học|khu vực|hk|vụ|hội khóa|đảng bộ khóa|đề mục|tiết|bộ phận|đội hình|ca|kỳ thi"
    "|phân khu|cụm thi|dãy"
    "|kỳ i|mục tiêu|thông báo|đoạn|pha|cấp độ|hạng mục|liên đội|tiểu đoàn|trung đoàn|nhóm máu|chuyên khoa"
    " cấp|ck|giải|trạm|kho"
    "|cụm công nghiệp|khu công nghiệp|nhà máy|gói thầu|hợp phần|tiểu dự án|nội dung|nhà trẻ|thể|mẫu|tuyên bố"
    "|đề án|chương trình"
    "|huân chương lao động hạng|vùng biển|vùng cảnh sát biển|chi nhánh|cơ sở|trường thpt [^\\W\\d]+ [^\\W\\d]+"
)
_NUMERAL = r"[IVXLC]{1,7}"
_LIST = rf"{_NUMERAL}(?:(?:{DASH}|\s?[,;&+]\s?|\s(?:và|hoặc|đến|hay)\s){_NUMERAL}(?![^\W_]))*"
_AFTER = re.compile(rf"(?<=\s)(?P<x>{_LIST})(?![\w])(?!/[a-zđ])")
_TRIGGER = re.compile(rf"(?<!\w)(?P<w>{_TRIGGERS}|kv|(?:cấp|mức)(?: \w+){{1,3}}:)(?P<ord>\s+(?:số|thứ))?\s+$")
_HEADING = re.compile(rf"^[ \t]*(?:[-–*•]\s*)?(?P<x>(?P<n>{_NUMERAL})(?:/(?=\s)|(?=[.)]\s|\s?[-–]\s)))", re.M)
_LONE = re.compile(
    r"(?:(?<![\w.&\-/])|(?<=\d-))(?P<x>II|III|IV|VI|VII|VIII|IX|XI|XII|XIII|XIV|XV|XVI|XVII|XVIII|XIX|XX|XXI"
    r"|XXII)(?![\w&])(?!\.\w)"
)
_FLOOD_LEVEL = re.compile(r"(?<!\w)BĐ\s?(?P<n>I{1,3}|[1-3])(?!\w)")
_TERM = re.compile(r"(?<!\w)HK\s?(?P<n>I{1,3}|[1-3])(?!\w)")
_SHOUTING = re.compile(r"[A-ZÀ-ỸĐ]{2,}")
_FOURTH = frozenset({"quý", "thứ", "lần thứ", "kỳ thứ"})


def _value(text: str, word: str) -> str | None:
    number = roman(text.upper())
    # A lone C or L is a letter ("loại C"); nothing a commune counts in Roman numerals goes beyond sixty.
    if number is None or number > 60 or text in ("L", "C"):
        return None
    return "tư" if number == 4 and word in _FOURTH else cardinal(number)


def _after(match: re.Match[str], draft: Draft) -> str | None:
    text = match["x"]
    trigger = _TRIGGER.search(draft.before(match.start("x"), 40))
    if trigger is None:
        return None
    word = "thứ" if "thứ" in (trigger["ord"] or "") else re.split(r"\s", trigger["w"])[-1]
    pieces = re.split(rf"({DASH}|\s?[,;&+]\s?|\s(?:và|hoặc|đến|hay)\s)", text)
    out = ""
    for number, piece in enumerate(pieces):
        if number % 2:
            mark = piece.strip()
            joint = "đến" if mark in "-–—~" else "và" if mark in "&+" else mark
            out += f"{joint} " if joint in ",;" else f" {joint} "
            continue
        said = _value(piece, word)
        if said is None:
            return None
        out += said
    return out


def _heading(match: re.Match[str], _: Draft) -> str | None:
    said = _value(match["n"], "")
    return f"{said}," if said and match["x"].endswith("/") else said


def _lone(match: re.Match[str], draft: Draft) -> str | Said | None:
    text = match["x"]
    near = (
        draft.text[max(match.start() - 12, 0) : match.start()]
        + " "
        + draft.text[match.end() : match.end() + 12]
    )
    if text in ("VI", "XI", "XX") and _SHOUTING.search(near):
        return None  # a syllable of a heading in capitals
    said = _value(text, "")
    return said if CLAIMED not in text else None


def _flood_level(match: re.Match[str], _: Draft) -> str | None:
    number = int(match["n"]) if match["n"].isdecimal() else roman(match["n"])
    return None if number is None else f"báo động {cardinal(number)}"


def _term(match: re.Match[str], _: Draft) -> str | None:
    """ "HKI", "HK2": a term of school."""
    number = int(match["n"]) if match["n"].isdecimal() else roman(match["n"])
    return None if number is None else f"học kỳ {cardinal(number)}"


_SINGLE = re.compile(r"(?<![\w.&\-/'’@])(?P<x>[IVX])(?![\w&'’/])(?!\.\w)(?!-[^\W\d_])")
_LETTERED = re.compile(
    r"(?:vitamin|nhóm máu|điểm|bảng|ông|bà|anh|chị|em|cháu|chữ|hàng|dãy|khối|thửa|lô|đội|tổ|nguyễn|văn|thị|ký"
    r" hiệu|series|tế bào|tia|quang|chụp|phim)\s*$"
)


def _single(match: re.Match[str], draft: Draft) -> Said | None:
    """I, V or X alone: a number to most eyes, but nothing says so."""
    before = draft.before(match.start(), 24)
    if _LETTERED.search(before) or _SHOUTING.search(draft.text[max(match.start() - 12, 0) : match.start()]):
        return None
    number = cardinal(roman(match["x"]) or 0)
    return Said(number, (number, spelled(match["x"])))


_ITEM = re.compile(r"(?<=\()(?P<x>ii|iii|iv|vi|vii|viii|ix|x)(?=\))")


def _item(match: re.Match[str], _: Draft) -> str | None:
    """ "(ii)": the number of an item."""
    return _value(match["x"].upper(), "")


RULES = (
    Rule(_ITEM, _item, needs="any", sign="("),
    Rule(_FLOOD_LEVEL, _flood_level, needs="any", sign="Đ"),
    Rule(_TERM, _term, needs="any", sign="K"),
    Rule(_AFTER, _after, needs="any", sign="IVX"),
    Rule(_HEADING, _heading, needs="any", sign="IVX"),
    Rule(_LONE, _lone, needs="any", sign="IVX"),
    Rule(_SINGLE, _single, needs="any", sign="IVX"),
)
