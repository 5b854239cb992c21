"""A day and its month without a year: whether "5/9" is a day at all, or a share, a count or a range."""

from __future__ import annotations

import re

from broker.speech.draft import Draft, Rule, Said
from broker.speech.numbers import cardinal
from broker.speech.rules.months import OPEN, SHUT, month_name
from broker.speech.rules.patterns import COUNTED, PLAYED

_DAY = re.compile(rf"{OPEN}(?P<d>\d{{1,2}})\s?(?P<s>[/\-.])\s?(?P<m>\d{{1,2}}){SHUT}")
DATED = re.compile(
    r"(?:(?<!\w)(?:ngày|sáng|trưa|chiều|tối|đêm|khuya|hôm|mùng|mồng|rằm|dịp|lễ|hội|hết|trước|sau|từ|đến|tới|kể từ|vào"
    r"|tính đến|thứ (?:hai|ba|tư|năm|sáu|bảy|[2-7])|chủ nhật|cn|t[2-7]|quốc khánh|quốc tế|phụ nữ|thiếu nhi"
    r"|lao động|nhà giáo"
    r"|việt nam|kỷ niệm|chào mừng|giải phóng|thống nhất|thành lập|liệt sĩ|đoàn|đảng|quân đội|tết|nghỉ|lúc|giờ|phút|rưỡi"
    r"|âm lịch|hạn|ngọ|nguyên tiêu|trung thu|vu lan|thanh minh|giỗ|giỗ tổ|khai giảng|khai hội|chính hội|dự"
    r" kiến|phiên|dương lịch"
    r"|sinh|dự)|\d[hg]\d{0,2}|:\d\d|\d{1,2}[/-]\d{1,2}(?:[/-]\d{2,4})?\s?(?:,|và|hoặc|đến|-|–)"
    r"|(?<!\w)ngày [\d\s,;và/-]{1,40})[\s,(:]*$"
)
SURE_DATED = re.compile(
    r"(?<!\w)(?:ngày|sáng|trưa|chiều|tối|đêm|mùng|mồng|rằm|hôm|dịp|quốc khánh|lễ|kỷ niệm|giỗ tổ|tết|hạn|hạn cuối"
    r"|khai giảng|vu lan|trung thu|đoan ngọ|thứ (?:hai|ba|tư|năm|sáu|bảy|[2-7])|chủ nhật|cn)[\s,(:]*$"
)
_FEAST = re.compile(
    r"(?<!\w)(?:tết|lễ|giỗ|rằm|kỷ niệm|hội làng|khai hội|chào mừng|quốc tế|nghỉ|ngày truyền thống|mít tinh"
    r"|mittinh|diễu hành|dịp|đón|mừng|văn nghệ|treo cờ|thượng cờ|quốc khánh)[^\d.;!?]{0,28}$"
)
_CALENDAR = re.compile(
    r"\s?\(?\s?(?:âm lịch|dương lịch|âl(?!\w)|al(?!\w)|dl(?!\w)|hằng năm|hàng năm|năm nay|năm sau|năm ngoái|năm trước)"
)
_PLACE = re.compile(
    r"(?<!\w)(?:đường|phố|quảng trường|công viên|trường|khu đô thị|rạp|nhà máy|nông trường|hồ|cầu)\s$"
)
_HOLIDAYS = frozenset(
    {(1, 1), (3, 2), (8, 3), (26, 3), (30, 4), (1, 5), (7, 5), (19, 5), (1, 6), (27, 7), (19, 8), (2, 9)}
    | {
        (10, 10),
        (13, 10),
        (15, 10),
        (20, 10),
        (9, 11),
        (18, 11),
        (20, 11),
        (1, 12),
        (22, 12),
        (24, 12),
        (25, 12),
    }
    | {
        (5, 9),
        (27, 2),
        (9, 1),
        (21, 6),
        (28, 6),
        (28, 7),
        (1, 10),
        (14, 10),
        (25, 11),
        (26, 12),
        (15, 5),
        (7, 4),
        (18, 4),
    }
    | {
        (21, 4),
        (17, 4),
        (25, 4),
        (26, 6),
        (11, 7),
        (15, 3),
        (6, 12),
        (3, 12),
        (10, 12),
        (19, 12),
        (23, 11),
        (4, 10),
    }
)
_MEASURED = re.compile(
    r"\s?(?:%|°|m\b|cm\b|mm\b|km|kg|ha\b|lít|độ|người|tuổi|phút|giờ|tháng tuổi|triệu|nghìn|đồng|đ\b|hộ|cấp|tấn)"
)
NO_DAY = re.compile(
    r"(?:(?:tỷ số|tỉ số|thắng|thua|hòa|hoà|dẫn|kết quả|lớp|cấp|tỷ lệ|tỉ lệ|hạng|vòng|nhịp|bản đồ|huyết áp"
    r"|thương binh|bệnh binh|thương tật|thị"
    r" lực|khổ|mặt trận)"
    r"(?:[\s:]|\d+\s?-\s?\d+\s?,)*"
    r"|(?:số nhà|số|ngõ|ngách|hẻm|kiệt|lô|thửa|phòng|căn|tờ|mẫu|lớp|tổ|nhà|thôn|ấp|bản|khóm|đội|buôn|làng|khu"
    r" phố|cụm|trạm|dãy|sinh hoạt hè|xóm|khu|khối|kios|ki ốt|ki-ốt|mương|kênh|thẻ)\s)$"
)
_PARALLEL = re.compile(
    r"(?<!\w)(?:vĩ tuyến|kinh tuyến|vĩ độ|kinh độ|độ sâu|độ cao|điểm|hệ số)(?!\w)[^;!?]{0,24}$"
)
_SHARED = re.compile(r"\d/\d+\s(?:số|diện tích|dân số|tổng)(?!\w)[^.;!?]*$")
_SCORED = re.compile(
    r"(?<!\w)(?:tỷ số|tỉ số|thắng|thua|hòa|hoà|dẫn|hạ|vượt qua|gỡ|ngược dòng)(?!\w)[^.;,]{0,30}$"
)
PART = re.compile(
    r"\s*(?:diện tích|số|dân số|tổng|chiều|quãng|cốc|thìa|muỗng|ly|chén|viên|mẫu|sào|phần|lượng|thời gian|sản lượng"
    r"|thôn|xã|ấp|bản|tổ|hộ|người|tiêu chí|chỉ tiêu|đại biểu|em|trường|phiếu|điểm|đồng chí|nguồn|suất|bát|nhiệm vụ"
    r"|lít|kg|ha\b|km|quân số|thành viên|xóm|chi bộ|khu|buôn|làng|đơn vị|phòng|công trình|dự án|hồ sơ|ý kiến|cháu|trẻ"
    r"|con|cây|xe|nhà|đội|tuyến|vụ|ca\b|buổi|câu|bài|môn|học sinh|đảng viên|đoàn viên|hội viên|cử tri|ủy viên|uỷ viên"
    r"|phường|huyện|tỉnh|nội dung|kiến nghị|cơ sở|hạng mục|cuộc|tin\b|máy|sản phẩm|mô hình|chi hội|nhóm|gói|thửa"
    r"|cửa)(?!\w)"
)
_MASS = re.compile(
    r"\s(?:số|diện tích|dân số|tổng số|tổng diện tích|chiều dài|quãng đường|cốc|thìa|muỗng|lượng|sản lượng"
    r"|khối lượng|công suất"
    r"|kinh phí|công việc|chỉ tiêu|tiêu chí)(?!\w)"
)
_SHARE = re.compile(
    r"(?<!\w)(?:hơn|gần|khoảng|giảm|tăng|còn|chiếm|đạt|bằng|chỉ|có|được|mất|thêm|quá|là|xong|hoàn thành|tổng"
    r" số|trên|dưới"
    r"|bán|lấp|đầy|cạn|ít nhất|tối thiểu|tối đa|trả|góp|xếp thứ|đứng thứ|đủ|pha|cắt|bớt|bón|nhịn|uống|ăn|lấy|tức"
    r"|tương đương)\s*$"
)
_MONTHLY = re.compile(
    r"\s?(?:hằng tháng|hàng tháng|mỗi tháng|tháng|của tháng|các tháng|giêng|chạp|tết)(?!\w)"
)
_NUMBERED = re.compile(
    r"(?:mục|điều|khoản|phần|bảng|hình|bài|phiên bản|điểm|tiêu chí|chỉ tiêu|hệ số|web|bản|chương|câu|bước"
    r"|tiết|biểu|android|ios)"
    r"(?: số)?\s$"
)


def is_day(day: int, month: int) -> bool:
    """Whether there is such a day in some year; 29 February counts."""
    return 1 <= month <= 12 and 1 <= day <= (29 if month == 2 else 30 if month in (4, 6, 9, 11) else 31)


def day_words(day: str, month: str | None, year: str | None) -> str:
    """A day with its month and year where they are given: "hai mươi tháng mười một năm …"."""
    out = cardinal(int(day))
    if month is not None:
        out += f" tháng {month_name(int(month))}"
    return out + (f" năm {cardinal(int(year))}" if year else "")


def _day(match: re.Match[str], draft: Draft) -> str | Said | None:
    day, month, mark = int(match["d"]), int(match["m"]), match["s"]
    if not is_day(day, month):
        return None
    is_meant = _looks_like_day(match, draft, day, month, mark)
    said = day_words(match["d"], match["m"], None)
    if is_meant is None and mark == ".":
        return _dotted(match, draft, said)
    if is_meant is None and mark == "-":
        upto = f"{cardinal(day)} đến {cardinal(month)}"
        return Said(said, (said, upto))
    if is_meant is None and mark == "/":
        counted = f"{cardinal(day)} trên {cardinal(month)}"
        part = f"{cardinal(day)} phần {month_name(month)}"
        # Beside a counted noun it is more likely a count.
        first = counted if PART.match(draft.after(match.end())) else said
        return Said(first, tuple(dict.fromkeys((first, said, counted, part))))
    return said if is_meant else None


def _dotted(match: re.Match[str], draft: Draft, said: str) -> Said | None:
    """ "20.11": a day, or a decimal point where a comma belongs; a unit behind it settles on the number."""
    after = draft.after(match.end())
    is_heading = not draft.before(match.start()).strip(" -+*•")
    if (
        is_heading
        or _MEASURED.match(after)
        or COUNTED.match(after)
        or _NUMBERED.search(draft.before(match.start(), 24))
    ):
        return None
    return Said(said, (said, f"{cardinal(int(match['d']))} phẩy {cardinal(int(match['m']))}"))


def _looks_like_day(match: re.Match[str], draft: Draft, day: int, month: int, mark: str) -> bool | None:
    """Whether day and month are meant; None where nobody can tell."""
    before, after = draft.before(match.start(), 60), draft.after(match.end())
    if _CALENDAR.match(after):
        return True
    if NO_DAY.search(before) or PLAYED.search(before) or (mark == "." and _PARALLEL.search(before)):
        return False
    is_padded = match["d"][0] == "0" or match["m"][0] == "0"
    is_holiday = (day, month) in _HOLIDAYS
    if mark == ".":
        is_sure = SURE_DATED.search(before) or DATED.search(before) or _FEAST.search(before)
        is_clear = match["m"][0] == "0" or day > 12 or is_holiday
        return (is_sure is not None and is_clear and not _MEASURED.match(after)) or None
    if is_holiday and _PLACE.search(before):
        return True  # "đường 30-4"
    if SURE_DATED.search(before) and not (mark == "-" and day < month and _MEASURED.match(after)):
        if mark == "-" and day < month and _MONTHLY.match(after):
            return False
        return mark == "/" or day >= month or is_padded or is_holiday or None
    if _MEASURED.match(after) and not (day > 12 and DATED.search(before)):
        return False
    if mark == "-":
        return _is_dashed_day(day, month, before, is_padded=is_padded)
    return _is_stroked_day(day, month, before, after, is_padded=is_padded)


def _is_dashed_day(day: int, month: int, before: str, *, is_padded: bool) -> bool | None:
    """ "30-4": a range of numbers unless the text says that it speaks of days."""
    is_holiday = (day, month) in _HOLIDAYS
    if _SCORED.search(before):
        return False
    if re.search(r"\d{1,2}-\d{1,2}\s?(?:,|và|hoặc|đến|&)\s?$", before):
        return is_holiday or is_padded or day > month
    if DATED.search(before) is not None:
        return is_padded or day >= month or (is_holiday and _FEAST.search(before) is not None)
    if is_holiday and day < month and _FEAST.search(before) is None:
        return None
    return is_holiday


def _is_stroked_day(day: int, month: int, before: str, after: str, *, is_padded: bool) -> bool | None:
    """ "5/9": a day, a share ("5/9 diện tích") or a count ("5/9 thôn")."""
    if _SHARED.search(before) and not SURE_DATED.search(before):
        return False  # "2/3 số hộ đã ký, 1/5 còn vắng"
    is_dated = DATED.search(before) is not None or _FEAST.search(before) is not None
    if _MASS.match(after):
        return False
    if PART.match(after):
        return (None if day <= month else True) if is_dated else day > 12 and day > month and None
    if is_dated or is_padded or day > 12:
        return True
    if _SHARE.search(before) or day == month:
        return False if _SHARE.search(before) else None
    return True if day > month or (day, month) in _HOLIDAYS else None


RULES = (Rule(_DAY, _day, sign="/-.", at="figure"),)
