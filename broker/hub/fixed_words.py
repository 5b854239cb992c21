"""Words that no commune may have read otherwise: numbers, times, and what says whether something is to be done.

Said otherwise, an announcement would tell another hour, another sum or the opposite. Pure.
"""

from __future__ import annotations

import re
import unicodedata

_NUMBERS = (
    "không một mốt hai ba bốn tư năm lăm nhăm sáu bảy bẩy tám chín mười mươi chục tá trăm nghìn ngàn vạn triệu tỷ "
    "tỉ linh lẻ rưỡi rưởi nửa đôi phẩy phần số đồng cân tạ tấn yến mẫu sào mét lít độ"
)
_TIMES = (
    "sáng trưa chiều tối đêm khuya sớm muộn giờ phút giây ngày tháng năm tuần quý thứ chủ nhật hôm nay mai mốt kia "
    "qua giêng chạp tết âm dương trước sau từ đến tới hết lúc khi ngay"
)
_ORDERS = (
    "không chẳng chả chưa chớ đừng cấm có được phải nên cần hãy đã đang sẽ mới vẫn còn cũng chỉ mọi mỗi tất cả trừ "
    "miễn hủy hoãn dừng ngừng ngưng thôi nghỉ bỏ tránh khỏi tạm đóng mở cắt ra vào lên xuống trên dưới trong ngoài "
    "trái đông tây nam bắc và hoặc hay nhưng nếu thì là"
)
_TONES = frozenset("\u0300\u0301\u0303\u0309\u0323")


def sound(words: str) -> list[tuple[str, str]]:
    """Words as they sound: "hoá" and "hóa" are one, wherever the tone mark is written; so are "MỘT" and "một"."""
    found = []
    for word in unicodedata.normalize("NFD", words.casefold()).split():
        tones = "".join(char for char in word if char in _TONES)
        found.append(("".join(char for char in word if char not in _TONES), tones))
    return found


_FIXED = frozenset(sound(f"{_NUMBERS} {_TIMES} {_ORDERS}"))


def is_fixed(written: str) -> bool:
    """Whether a written word is made of nothing but such words, in capitals or not: "không", "MƯỜI-HAI"."""
    parts = sound(" ".join(re.findall(r"[^\W\d_]+", unicodedata.normalize("NFC", written))))
    return bool(parts) and all(part in _FIXED for part in parts)
