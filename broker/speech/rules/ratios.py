"""Two figures and more to each other: shares, counts, scores, ranges, proportions, sizes, parts of a text."""

from __future__ import annotations

import re

from broker.speech.draft import CLAIMED, Draft, Rule, Said
from broker.speech.numbers import cardinal, digits
from broker.speech.rules.patterns import (
    AMOUNT_NEAR,
    DASH,
    NUMBER,
    PEOPLE_AND_THINGS,
    PLAYED,
    amount,
    careful,
    value,
)

_SCORE = re.compile(
    r"(?:(?<!\w)(?:tỷ số|tỉ số|thắng|thua|hòa|hoà|dẫn|vượt qua|hạ|gỡ|ngược dòng|chung cuộc|ván|hiệp|séc|set|cầm hòa"
    r"|luân lưu|cách biệt|kết quả trận[^.;]*)"
    r"(?!\w)[^.!?;]{0,40}|(?:tỷ số|tỉ số)[^.!?]*)$"
)
_GAME = re.compile(r"(?<!\w)(?<!các )(?<!những )trận(?: đấu| bóng)?\s$")
_FERTILISER = re.compile(r"(?<!\w)(?:npk|phân|lân|dap|đạm|kali|đầu trâu|hữu cơ|lót|thúc)[^\d.;]{0,16}$")
_SCORE_AFTER = re.compile(r"\s(?:trước đội|nghiêng về|cho đội|sau hai hiệp|sau hiệp|chung cuộc)")
_OF_COUNT = re.compile(
    rf"\s(?:{PEOPLE_AND_THINGS}|tổng số (?:{PEOPLE_AND_THINGS})|xóm|phường|uỷ viên|ủy viên|câu|tổng|quân số"
    rf"|thành phần)(?!\w)(?!\s(?:diện tích|quãng))"
)
_PORTION = re.compile(
    r"\s(?:viên|cốc|thìa|muỗng|ly|bát|chén|quả|gói|ống|sào|mẫu|lít|kg|diện tích|quãng|số|chiều|ngày|giờ|tháng"
    r"|năm)(?!\w)"
)
_MASS = re.compile(
    r"\s*(?:diện tích|số|dân số|chiều|quãng|cốc|thìa|muỗng|ly|chén|viên|mẫu|sào|phần|lượng|thời gian|sản"
    r" lượng|khối lượng|tổng số|tổng diện"
    r"|đoạn|công suất|kinh phí|học bổng|giá|mức|ha|lít|kg|công việc|nguồn|bát|đường|trọng lượng|thể tích|dung"
    r" tích|bình|bao)(?!\w)"
)
_SHARE = re.compile(
    r"(?<!\w)(?:hơn|gần|khoảng|giảm|tăng|còn|chiếm|bằng|chỉ|mất|thêm|quá|bớt|trên|dưới|ít nhất|tối thiểu|lấp"
    r"|cạn|pha|tới|đến|được|xong|tức|tương đương)\s*$"
)
_RATED = re.compile(
    r"(?<!\w)(?:tỷ lệ|tỉ lệ|bản đồ|vòng|điểm|đạt|thị lực|huyết áp|nhịp|thương binh|bệnh binh|thương tật|tổng"
    r" số|quân số|đủ|có|xếp|xếp thứ|đứng"
    r" thứ|hạng|thứ|kết quả|lớp|mắt|cấp|mức)"
    r"(?:\s(?:số|là|khoảng|từ|đo được|đều|trái|phải|tăng|cao))*[\s:]*$"
)
_MIXED = re.compile(r"(?<!\w)(?:pha|trộn|tỷ lệ|tỉ lệ|theo|phối|hòa)[^.;]{0,24}$")
_RATED_AFTER = re.compile(r"\s(?:điểm|mmhg|trở lên|toàn quốc|toàn tỉnh|toàn xã)")


def _fraction(match: re.Match[str], draft: Draft) -> str | Said | None:
    """ "2/3 diện tích" is a share, "7/9 thôn" a count; where nothing tells, a person decides."""
    top, bottom = int(amount(match["a"])), int(amount(match["b"]))
    if bottom == 0:
        return None
    before, after = draft.before(match.start()), draft.after(match.end())
    if PLAYED.search(before):
        return f"{value(match['a'])} {value(match['b'])}"
    counted = f"{value(match['a'])} trên {value(match['b'])}"
    part = f"{cardinal(top)} phần {'tư' if bottom == 4 else cardinal(bottom)}"
    is_share = 0 < top < bottom <= 10
    if is_share and _PORTION.match(after):
        return part
    if re.match(r"\s?(?:đồng|đ|triệu|tỷ|nghìn|ngàn|kg|m|km|ha|lít|tấn)(?!\w)", after):
        return Said(
            counted,
            (
                counted,
                f"{value(match['a'])} hoặc {value(match['b'])}",
                f"{value(match['a'])} và {value(match['b'])}",
            ),
        )
    if _OF_COUNT.match(after):
        return counted
    if is_share and (_MASS.match(after) or _SHARE.search(before)):
        return part
    if _RATED.search(before) or _RATED_AFTER.match(after):
        return counted
    if is_share:
        return Said(
            part, (part, counted, f"{cardinal(top)} tháng {'tư' if bottom == 4 else cardinal(bottom)}")
        )
    return Said(counted, (counted,))


def _range(match: re.Match[str], draft: Draft) -> str | Said:
    a, b = match["a"], match["b"]
    before = draft.before(match.start())
    if _SCORE.search(before) or _SCORE_AFTER.match(draft.after(match.end())):
        return f"{value(a)} {value(b)}"
    if _FERTILISER.search(before):
        return f"{value(a)} {value(b)}"
    if _GAME.search(before):
        return Said(f"{value(a)} đến {value(b)}", (f"{value(a)} đến {value(b)}", f"{value(a)} {value(b)}"))
    if amount(a) < amount(b):
        said = f"{value(a)} đến {value(b)}"
        # "08-2026": a month, a number with its year; nobody counts from 8 to 2026.
        return (
            Said(said, (said, f"{value(a)} {value(b)}")) if amount(b) > 200 * max(amount(a), 0.01) else said
        )
    readings = (f"{value(a)} {value(b)}", f"{value(a)} đến {value(b)}", f"{value(a)} trừ {value(b)}")
    return Said(readings[0], readings)


def _chain(match: re.Match[str], draft: Draft) -> str | Said:
    """ "16-16-8": parts of a fertiliser; "thôn 1-2-3": one after the other; else a person decides."""
    said = [value(one) for one in re.findall(r"\d+(?:[.,]\d+)?", match[0])]
    before = draft.before(match.start(), 30)
    if _FERTILISER.search(before):
        return " ".join(said)
    if re.search(r"(?:thôn|tổ|ấp|khu|lớp|xóm|bản|các số|phòng|đội|khu phố)\s*$", before):
        return ", ".join(said)
    return Said(" ".join(said), (" ".join(said), ", ".join(said)))


def _proportion(match: re.Match[str], _: Draft) -> Said:
    """ "2:1:1"."""
    said = " ".join(value(one) for one in re.findall(r"\d+", match[0]))
    return Said(said, (said, said.replace(" ", ", ")))


def _strokes(match: re.Match[str], _: Draft) -> Said:
    """ "12/5/3" that is neither a day nor a house."""
    said = " xuyệt ".join(value(one) for one in re.findall(r"\d+", match[0]))
    return Said(said, (said,))


def _points(match: re.Match[str], _: Draft) -> Said:
    """ "192.168.1.10": a version, an address of a machine, a number nobody wrote right."""
    said = " chấm ".join(digits(one) if one[0] == "0" else value(one) for one in match[0].split("."))
    return Said(said, (said, value(match[0].replace(".", ""))))


def _section(match: re.Match[str], _: Draft) -> str:
    """ "1.2." at the head of a line, "mục 2.1": parts of a text."""
    return " chấm ".join(cardinal(int(one)) for one in re.findall(r"\d+", match["x"]))


def _ratio(match: re.Match[str], draft: Draft) -> str | Said:
    said = f"{value(match['a'])} trên {value(match['b'])}"
    if _SCORE.search(draft.before(match.start())):
        return f"{value(match['a'])} {value(match['b'])}"
    if _RATED.search(draft.before(match.start())) or _MIXED.search(draft.before(match.start())):
        return said
    return Said(said, (said, f"{value(match['a'])} {value(match['b'])}"))


def _over(match: re.Match[str], _: Draft) -> str:
    """ "9,5/10"."""
    return f"{value(match['a'])} trên {value(match['b'])}"


def _times(match: re.Match[str], _: Draft) -> str:
    return f"{value(match['a'])} nhân {value(match['b'])}"


def _in_one(match: re.Match[str], _: Draft) -> str:
    return f"{cardinal(int(match['a']))} trong {cardinal(int(match['b']))}"


def _by(_match: re.Match[str], _: Draft) -> str:
    return "nhân"


def _by_word(match: re.Match[str], draft: Draft) -> str | None:
    """ "2 cửa x 0,5m"."""
    return "nhân" if AMOUNT_NEAR.search(draft.before(match.start(), 16)) else None


RULES: tuple[Rule, ...] = (
    Rule(re.compile(rf"(?<=[\d{CLAIMED}])\s?(?P<x>[x×])\s?(?=[\d{CLAIMED}])"), _by, needs="any", sign="x×"),
    Rule(re.compile(rf"(?<=\s)(?P<x>[x×])(?=\s[\d{CLAIMED}])"), _by_word, needs="any", sign="x×"),
    Rule(re.compile(r"(?<!\w)(?P<a>\d)\s?in\s?(?P<b>1)(?!\w)"), _in_one, sign="i", at="figure"),
    Rule(re.compile(r"^[ \t]*(?P<x>\d{1,2}(?:\.\d{1,2}){1,3})(?=\.?\s+[^\W\d_])", re.M), _section, sign="."),
    Rule(
        re.compile(
            r"(?<!\w)(?:mục|tiểu mục|điểm|phần|bảng|phụ lục|hình|bài|phiên bản|bản|chương|điều|khoản|tiết"
            r"|biểu|tiêu chí|chỉ tiêu"
            r"|nội dung|câu|bước|web|wifi|dhis|ios"
            r"|android)\s(?:số\s)?(?P<x>\d{1,2}(?:\.\d{1,2}){1,3})(?![\w/])(?!\s?(?:điểm|m|km|kg|ha|%|tỷ"
            r"|triệu))",
            re.I,
        ),
        _section,
        sign=".",
    ),
    Rule(
        re.compile(r"(?<![\w.,/])(?!\d{1,3}(?:\.\d{3})+(?!\d|\.\d))\d{1,6}(?:\.\d{1,6}){2,}(?![\w/])(?!,\d)"),
        _points,
        sign=".",
        at="figure",
    ),
    Rule(
        re.compile(r"(?<![\w.,/])\d{1,4}(?:\s?/\s?\d{1,4}){2,}(?![\w/])(?![.,]\d)"),
        _strokes,
        sign="/",
        at="figure",
    ),
    Rule(re.compile(r"(?<![\w.,/:])\d{1,4}(?::\d{1,4}){2,}(?![\w/:])"), _proportion, sign=":", at="figure"),
    Rule(
        re.compile(
            r"(?<![\w.,/])(?P<a>\d{1,3}(?:\.\d{3})+|\d{1,4})\s?/\s?(?P<b>\d{1,3}(?:\.\d{3})+"
            r"|\d{1,4})(?![\w/])(?![.,]\d)"
        ),
        _fraction,
        sign="/",
        at="figure",
    ),
    Rule(
        re.compile(r"(?<![\w.,/\-–])\d+(?:[.,]\d+)?(?:\s?[-–]\s?\d+(?:[.,]\d+)?){2,}(?![\w/])(?![.,]\d)"),
        _chain,
        sign="-–",
        at="figure",
    ),
    Rule(
        re.compile(rf"(?<![\w.,/\-])(?P<a>{NUMBER}){DASH}(?P<b>{NUMBER})(?![\w/])(?![.,\-]\d)"),
        careful(_range),
        sign="-–—~÷",
        at="figure",
    ),
    Rule(
        re.compile(r"(?<![\w.,/:])(?P<a>\d+)(?:\s:\s|:)(?P<b>\d{1,3}(?:\.\d{3})+|\d+)(?![\w/:])(?!\.\d)"),
        _ratio,
        sign=":",
        at="figure",
    ),
    Rule(
        re.compile(rf"(?<![\w.,/])(?P<a>{NUMBER})\s?[x×X*]\s?(?P<b>{NUMBER})(?![\w/])"),
        _times,
        sign="x×X*",
        at="figure",
    ),
    Rule(
        re.compile(rf"(?<![\w.,/])(?P<a>{NUMBER})\s?/\s?(?P<b>\d{{1,4}})(?![\w/])(?![.,]\d)"),
        careful(_over),
        sign="/",
        at="figure",
    ),
)
