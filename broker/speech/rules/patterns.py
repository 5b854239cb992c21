"""Pieces of patterns that several rules share, and how a number as written is read."""

from __future__ import annotations

import re

from broker.speech.draft import Draft, Said, Say
from broker.speech.numbers import cardinal, decimal, digits

DASH = r"\s?[-–—~÷]\s?"
"""Between two ends of a range."""

NUMBER = (
    r"(?:\d{1,3}(?:\.\d{3})+(?!\d)(?:,\d{1,4})?|\d{1,3}(?:,\d{3}){2,}(?!\d)|\d{1,3}(?:[\u00a0\u202f]\d{3})+(?!\d)"
    r"|\d+(?:[.,]\d+)?)"
)
"""A figure with Vietnamese thousands points or a decimal comma (or point)."""

START = r"(?<![\w.,/\-–+])"
LOOSE_START = r"(?<!\w)(?<!\d[.,/\-–])"
END = r"(?![\w])(?![.,/]\d)"

LETTER = r"[A-Za-zÀ-ÖØ-öø-ɏḀ-ỿ]"
"""A Latin letter; \\w would take ① and ½ for letters too."""

PEOPLE_AND_THINGS = (
    r"công dân|người|hộ|nhân khẩu|nhân dân|khẩu|thanh niên|em|cháu|trẻ|cụ|lượt|đại biểu|cử tri|đảng viên|đoàn"
    r" viên|hội viên"
    r"|thành viên|trường hợp|cán bộ|chiến sĩ|học sinh|sinh viên|giáo viên|phụ nữ|lao động|công nhân|hồ sơ|thẻ|căn cước"
    r"|suất|phần quà|ca|vụ|xe|nhà|ngôi|căn|công trình|dự án|mô hình|bộ|cái|chiếc|con|cây|gốc|quả|thôn|xã|ấp|bản|tổ|khu"
    r"|xóm|buôn|làng|phường|huyện|tỉnh|chi bộ|chi hội|câu lạc bộ|tiêu chí|chỉ tiêu|nhiệm vụ|nội dung|trường|lớp|phiếu"
    r"|điểm|đồng chí|cơ sở|doanh nghiệp|hợp tác xã|đơn vị|cơ quan|quán|cửa hàng|gian hàng|sản phẩm|tin|bài|cuộc|buổi"
    r"|đợt|lần|chuyến|tàu|thuyền|bao|thùng|chai|hộp|gói|liều|mũi|viên|trang|bản|tờ|văn bản|quyển|cuốn|sổ|giấy"
    r"|trâu|bò|lợn|gà|vịt|dê|tuyến|cầu|cống|trạm|máy|bóng|cột|camera|hố|đội|giải|tiết mục|ý kiến|kiến nghị|đơn"
    r"|nghìn|ngàn|triệu|tỷ|tỉ|đồng|tấn|tạ|yến|cân|kg|km|ha|m|m2|m3|mét|lít|sào|mẫu|công|giờ|phút|giây|ngày|tuần|tháng"
    r"|năm|tuổi|độ|héc ta|hecta|gia đình|hàng|món|loại|môn|bước|thủ tục|dịch vụ|tài khoản|thuê bao|khách|lô"
    r"|thửa|phòng|usd|đô la|đô|euro|ơ rô|yên|nhân dân tệ|phần trăm|dân quân"
    r"|cửa"
    r"|đàn ông|hội thẩm|bị can|đối tượng|nạn nhân|tân binh|chiến binh|vận động viên|tay|ông|bà|anh|chị|cô|chú|bác|lính"
)
"""Words for what is counted, as they follow a figure that is an amount."""

_PAIRS = (
    "cmnd/cccd cccd/cmnd ông/bà anh/chị cha/mẹ bố/mẹ mẹ/cha vợ/chồng chồng/vợ con/em cô/chú cô/bác chú/bác"
    " bác/cô bác/chú "
    "chú/cô nam/nữ thôn/bản thôn/xóm thôn/tổ thôn/ấp thôn/khu thôn/buôn bản/làng bản/thôn xóm/thôn "
    "tổ/thôn ấp/khu ấp/thôn xã/phường phường/xã tỉnh/thành quận/huyện huyện/quận huyện/thị buôn/làng "
    "buôn/thôn làng/bản có/không không/có đúng/sai và/hoặc nhân/tổ chức/cá nhân/hộ đình/cá đơn/vị "
    "quan/đơn vị/cá vị/tổ vị/cơ trâu/bò bò/trâu chó/mèo mèo/chó lợn/gà gà/vịt mua/bán đi/đến đến/đi "
    "vào/ra nhận/trả thêm/bớt sáng/chiều sáng/tối trưa/tối chiều/tối trước/sau mới/cũ cũ/mới mới/đổi "
    "mới/cấp đổi/cấp tăng/giảm cho/nhận cho/tặng bà/anh chị/em mẹ/người thân/người bảo/xác gọi/nhắn "
    "bạn/anh bạn/chị số/hoặc trú/tạm sinh/khai tử/kết ốm/thai bổ/thay thuê/mượn tặng/cho lắp/sửa sửa/thay "
    "xe/máy cúm/covid rắn/lỏng "
)
ALTERNATIVES = frozenset(_PAIRS.split())
"""Pairs of words between which a stroke means "or"."""

AMOUNT_NEAR = re.compile(
    r"(?<![\w.,])(?:\d|một|hai|ba|bốn|năm|sáu|bảy|tám|chín|mười|mỗi|nửa|vài)[^.;:!?]{0,40}$"
)
"""An amount stands before, in the same clause."""

PLAYED = re.compile(
    r"(?<!\w)(?:hiệp|séc|set|sét|ván|game|tỉ số|tỷ số|thắng|thua|hòa|hoà|dẫn|ngược dòng)(?!\w)[^.;!?a-zà-ỹ]{0,60}$"
)
"""Scores of a game follow, perhaps several: "ba hiệp 25/21, 19/25"."""

VARIETY = re.compile(
    r"(?:lúa|giống|gạo|ngô|nếp|đậu|đỗ|lạc|khoai|sắn|mía|thuốc|virus|vi rút|cúm|xi măng|máy|xe|mác|dòng)(?: lai)?\s$"
)
"""Before letters and figures that are the name of a variety or a make."""

SOWN = re.compile(
    r"(?<!\w)(?:cấy|gieo|sạ|gieo sạ|giống|lúa|trồng|mạ|thóc giống|ngô lai|hạt giống)(?!\w)[^.;!?\n]{0,50}$"
)
"""A variety of rice or maize follows somewhere in the clause."""

COUNTED = re.compile(rf"\s?(?:{PEOPLE_AND_THINGS}|%)(?!\w)")

_THOUSANDS = re.compile(r"\d{1,3}(?:\.\d{3})+(?:,\d+)?")
_ENGLISH = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_SPACED = re.compile(r"[\u00a0\u202f ]")
_TWO_WAYS = re.compile(r"(?<![\d.,])[1-9]\d{0,2},\d{3}(?![\d.,])")
_LONG_FRACTION = re.compile(r"(?<![\d.,])\d+\.\d{4,}(?![\d.,])")


def value(text: str, *, is_money: bool = False) -> str:
    """A figure as written, in words. With money "12,500" has thousands; elsewhere one comma is decimal."""
    text = _SPACED.sub("", text)
    if _THOUSANDS.fullmatch(text) and not text.startswith("0"):
        whole, _, fraction = text.replace(".", "").partition(",")
    elif _ENGLISH.fullmatch(text) and (is_money or text.count(",") > 1 or ",000" in text) and text[0] != "0":
        whole, _, fraction = text.replace(",", "").partition(".")
    else:
        whole, _, fraction = text.replace(".", ",").partition(",")
    if fraction:
        return decimal(whole, fraction)
    return plain(whole, is_money=is_money)


def plain(figures: str, *, is_money: bool = False) -> str:
    """Figures without any mark: a number, or digit by digit where they are a code."""
    if not is_money and (len(figures) > 8 or (len(figures) > 2 and figures[0] == "0")):
        return digits(figures)
    return cardinal(int(figures)) if len(figures) <= 18 else digits(figures)


def amount(text: str) -> float:
    """The size of a figure, to tell a rising range from anything else."""
    text = _SPACED.sub("", text)
    if _THOUSANDS.fullmatch(text):
        text = text.replace(".", "")
    elif text.count(",") > 1:
        text = text.replace(",", "")
    return float(text[:30].replace(",", "."))


def careful(say: Say) -> Say:
    """The same reading, but a doubt where a figure is written so that two readings are possible.

    "1,250 kg" may be thousands written the English way, "1.004222" is no number that anybody writes.
    """

    def said(match: re.Match[str], draft: Draft) -> str | Said | None:
        words = say(match, draft)
        if not isinstance(words, str):
            return words
        two = _TWO_WAYS.search(match[0])
        if two and ",000" not in two[0]:
            thousands = value(two[0], is_money=True)
            other = words.replace(value(two[0]), thousands)
            if COUNTED.match(draft.after(match.end())) and not _METRIC.match(draft.after(match.end())):
                return other
            return Said(words, (words, other))
        return Said(words, (words,)) if _LONG_FRACTION.search(match[0]) else words

    return said


_METRIC = re.compile(
    r"\s?(?:tấn|tạ|yến|cân|kg|km|ha|m|m2|m3|mét|lít|héc ta|hecta|triệu|tỷ|tỉ|nghìn|ngàn)(?!\w)"
)
