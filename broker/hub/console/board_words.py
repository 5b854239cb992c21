"""Alarms of boards in words: an SOS button, a sensor above its level, an amplifier nobody asked. Pure."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from broker.hub.console.wording import number
from broker.hub.records import Alert

KINDS: Final = ("sos", "sensor", "amplifier")
_SERIES: Final = MappingProxyType(
    {"water_level": "Mực nước", "rain": "Lượng mưa", "celsius": "Nhiệt độ", "humidity": "Độ ẩm"}
)
_UNITS: Final = MappingProxyType({"m": "mét"})
_LEVELS: Final = MappingProxyType({1: "báo động I", 2: "báo động II", 3: "báo động III"})
_AMPLIFIER: Final = MappingProxyType(
    {
        "unexplained-current": "Tăng âm chạy mà không ai phát",
        "relay-stuck": "Rơ-le tăng âm không theo lệnh",
        "no-current": "Loa phát mà tăng âm không có điện",
    }
)


def title_of(alert: Alert) -> str:
    """What and where, in a few words: "SOS ở cổng chợ", "Mực nước vượt báo động II"."""
    if alert.kind == "sos":
        place = str(alert.evidence.get("place") or "")
        return f"SOS ở {place[:1].lower()}{place[1:]}" if place else "Có người bấm SOS"
    if alert.kind == "amplifier":
        return _AMPLIFIER.get(alert.what, "Tăng âm chạy không đúng lệnh")
    level = _LEVELS.get(alert.evidence.get("level", 0), "mức cảnh báo")
    return f"{_series(alert.what)} vượt {level}"


def kind_said(alert: Alert) -> str:
    """How the story begins."""
    if alert.kind == "sos":
        return "Có người bấm nút SOS"
    if alert.kind == "amplifier":
        return title_of(alert)
    value, unit = alert.evidence.get("value"), str(alert.evidence.get("unit", ""))
    said = f": {number(value, 2)} {_UNITS.get(unit, unit)}" if isinstance(value, (int, float)) else ""
    return f"{title_of(alert)}{said}"


def ending_said(alert: Alert) -> str:
    """How it ended."""
    return {"sos": "Nút SOS đã nhả", "sensor": "Xuống dưới mức cảnh báo"}.get(
        alert.kind, "Tăng âm trở lại bình thường"
    )


def _series(name: str) -> str:
    return next((words for part, words in _SERIES.items() if part in name), "Cảm biến")
