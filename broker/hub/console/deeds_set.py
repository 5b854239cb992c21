"""Settings of loudspeakers and cameras as the audit log tells them: in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from broker.hub.console.wording import WEEKDAYS

_KINDS_SAID: Final = MappingProxyType(
    {"routine": "tin thông thường", "priority": "tin ưu tiên", "emergency": "tin khẩn cấp"}
)
"""Kinds of announcements that have a volume of their own."""
_RULES_SAID: Final = MappingProxyType(
    {
        "quiet": "giờ yên tĩnh ngày thường {}",
        "weekend": "giờ yên tĩnh cuối tuần {}",
        "holiday": "giờ yên tĩnh ngày lễ {}",
        "days": "ngày lễ của xã {}",
        "sitting": "một buổi dài nhất {} phút",
        "sittings": "một ngày nhiều nhất {} buổi",
        "minutes": "một ngày nói nhiều nhất {} phút",
    }
)


_CAMERA_SAID: Final = MappingProxyType(
    {
        "name": "tên là {}",
        "address": "đổi địa chỉ",
        "sub": "đổi luồng phụ",
        "day": "độ nhạy ban ngày {}",
        "night": "độ nhạy ban đêm {}",
        "zones": "{} vùng canh",
        "ignored": "{} vùng bỏ qua",
        "masks": "{} vùng che kín",
        "schedule": "{} khung giờ canh",
        "label": "gọi tên vật chuyển động",
    }
)
_CAMERA_NOT: Final = MappingProxyType(
    {
        "sub": "bỏ luồng phụ",
        "night": "ban đêm như ban ngày",
        "zones": "canh cả hình",
        "ignored": "không bỏ qua vùng nào",
        "masks": "không che vùng nào",
        "schedule": "canh cả ngày",
        "label": "không gọi tên vật chuyển động",
    }
)
"""What is said where a setting was taken away."""


def say_camera(detail: Mapping[str, str]) -> str:
    """What was changed of a camera (cameras.change): ": đổi địa chỉ, 2 vùng canh, không che vùng nào"."""
    said = []
    for name, value in detail.items():
        if name in _CAMERA_NOT and value in ("", "0"):
            said.append(_CAMERA_NOT[name])
        elif name in _CAMERA_SAID:
            said.append(
                _CAMERA_SAID[name].format(value.replace(".", ",") if name in ("day", "night") else value)
            )
    return f": {', '.join(said)}" if said else ""


def say_tuning(detail: Mapping[str, str]) -> str:
    """How a loudspeaker was set (loudspeakers.put_tuning): ": tin ưu tiên 80 %, không tự thử"."""
    changes = [_set(name, value) for name, value in detail.items()]
    return f": {', '.join(changes)}" if changes else ""


def say_rules(detail: Mapping[str, str]) -> str:
    """What was changed of the rules (rules.told): ": giờ yên tĩnh cuối tuần 20:00–06:00, một buổi dài nhất 15 phút"."""
    said = [_rule(name, value) for name, value in detail.items() if name == "turns" or name in _RULES_SAID]
    return f": {', '.join(said)}" if said else ""


def _rule(name: str, value: str) -> str:
    if name == "turns":
        return "loa gần nhau nói luân phiên" if value else "loa gần nhau nói cùng lúc"
    if value in ("", "0"):
        return f"bỏ {_RULES_SAID[name].partition(' {}')[0]}"
    return _RULES_SAID[name].format(value.replace(",", ", "))


def _set(name: str, value: str) -> str:
    """One setting of a loudspeaker as loudspeakers.put_tuning tells it."""
    if name == "offset":
        return f"phát chậm {value} phần nghìn giây" if value != "0" else "phát đúng giờ"
    if name == "test":
        day, _, clock = value.partition(" ")
        known = day.isdecimal() and int(day) < len(WEEKDAYS)
        return f"tự thử {WEEKDAYS[int(day)]} lúc {clock}" if known else "không tự thử"
    return f"{_KINDS_SAID.get(name, name)} {value} %"
