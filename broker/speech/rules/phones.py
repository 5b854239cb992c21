"""Telephone numbers, digit by digit with a rest between groups; emergency numbers never as an amount."""

from __future__ import annotations

import re

from broker.speech.draft import Draft, Rule
from broker.speech.numbers import digits

_MOBILE = r"0[1-9](?:[\s.\-]?\d){8}"
_LANDLINE = r"\(?02\d{1,2}\)?(?:[\s.\-]{0,3}\d){7,8}"
_ABROAD = r"(?:\(\+84\)|\+84|\(84\))(?:[\s.\-]?\d){9,10}"
_SERVICE = r"1[89]00(?:[\s.\-]?\d){4,6}"
_PHONE = re.compile(
    rf"(?<![\w+])(?:{_ABROAD}|{_SERVICE}|{_LANDLINE}|{_MOBILE})(?!\d)(?![.,/]\d{{1,2}}(?!\d))"
)

_EMERGENCY = re.compile(r"(?<![\w.,/+])(?P<x>11[1-5])(?!\w)(?![.,/\-–+]\d)")
_EMERGENCY_LIST = re.compile(r"(?<![\w.,/+])11[1-5](?:\s?[/\-–]\s?11[1-5])+(?![\w/])")
_CALL = re.compile(
    r"(?:gọi|bấm|quay|tổng đài|hotline|đường dây nóng|đầu số|số máy|điện thoại|sđt|đt|khẩn cấp|cấp cứu"
    r"|cứu hỏa|cứu hoả"
    r"|chữa cháy|báo cháy|cảnh sát|cứu nạn|trực ban|liên hệ|liên lạc|nháy máy|báo tin|báo ngay|báo)"
)
_CALL_HERE = re.compile(
    r"(?:gọi|bấm|quay|tổng đài|hotline|đường dây nóng|đầu số|cảnh sát|cấp cứu|cứu hỏa|cứu hoả|chữa cháy|công an|máy)"
    r"(?:\s+(?:ngay|số|tới|đến|cho|tổng đài|điện thoại|đường dây nóng|khẩn cấp|là|theo|về|hoặc|miễn phí))*[\s:]*$"
)
_COUNTED = re.compile(
    r"\s*(?:công dân|người|hộ|thanh niên|em|cháu|lượt|đại biểu|trường hợp|tỷ|triệu|nghìn|đồng|%|phần|kg"
    r"|km|ha|m\b|ca\b"
    r"|vụ|xe|nhà|học sinh|cán bộ|chiến sĩ|hồ sơ|thẻ|căn cước|suất|phút|giờ|ngày|tháng|năm|tuổi|mét|tấn|tạ"
    r"|lít|bộ|cái|con|thôn|xã)"
)
_LINKED = re.compile(r"11[1-5]\s?(?:\([^)]{0,40}\)\s?)?(?:,|;|/|-|–|và|hoặc|hay)\s?(?:số\s)?$")


def grouped(figures: str) -> str:
    """Digits in groups as written, else in fours and threes; a comma makes the voice rest."""
    groups = [re.sub(r"\D", "", part) for part in re.split(r"[\s.\-()]+", figures)]
    groups = [part for part in groups if part]
    if len(groups) < 2 or max(map(len, groups)) > 5:
        whole = "".join(groups)
        groups = [whole[:4], whole[4:]] if len(whole) <= 8 else [whole[:4], whole[4:7], whole[7:]]
    return ", ".join(digits(part) for part in groups if part)


def _phone(match: re.Match[str], _: Draft) -> str | None:
    figures = re.sub(r"\D", "", match[0])
    if "+84" in match[0] or match[0].startswith("(84)"):
        rest = re.sub(r"^\(?\+?84\)?[\s.\-]*", "", match[0])
        return f"cộng tám bốn, {grouped(rest)}"
    if figures[:2] == "02" and len(figures) not in (10, 11):
        return None
    return grouped(match[0])


def _emergency(match: re.Match[str], draft: Draft) -> str | None:
    before, after = draft.before(match.start(), 80), draft.after(match.end())
    if _COUNTED.match(after):
        return None
    sentence = re.split(r"[.!?]\s", before)[-1]
    is_call = _CALL_HERE.search(before) or _LINKED.search(before)
    return digits(match["x"]) if is_call or _CALL.search(sentence) or _is_named(after) else None


def _is_named(after: str) -> bool:
    """ "113 (công an)": the number with whose it is."""
    return (
        re.match(r"\s?[(:–-]\s?(?:công an|cảnh sát|cấp cứu|cứu|chữa cháy|phòng cháy|bảo vệ trẻ em)", after)
        is not None
    )


def _emergencies(match: re.Match[str], _: Draft) -> str:
    return ", ".join(digits(one) for one in re.findall(r"\d{3}", match[0]))


RULES = (Rule(_PHONE, _phone), Rule(_EMERGENCY_LIST, _emergencies), Rule(_EMERGENCY, _emergency))
