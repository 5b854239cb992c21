"""An alert in words: what it is, how sure, what it was taken for, how late it came, what became of its clip. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from broker.hub.console import board_words
from broker.hub.console.wording import hm, lasting, short_day
from broker.hub.records import Alert
from broker.link.clock import LOCAL

LATE_S: Final = 20.0
"""An alert that takes longer from the camera to the duty room came late, and says so."""
OUTAGE_KNOWN_S: Final = 15.0
"""An outage is known this long after the last picture at the earliest."""

TAMPERED: Final = MappingProxyType(
    {
        "covered": "bị che",
        "blinded": "bị loá",
        "defocused": "bị mờ",
        "moved": "bị xoay",
        "frozen": "bị đứng hình",
    }
)
TAMPER_NEXT: Final = MappingProxyType(
    {
        "covered": "Có thể có người che ống kính, hoặc nhện chăng, lá rơi vào. Xin cho người tới xem.",
        "blinded": "Có ánh sáng mạnh chiếu thẳng vào camera. Xin xem có ai rọi đèn không.",
        "defocused": "Hình mờ hẳn: ống kính bị bôi bẩn, đọng nước hoặc bị vặn. Xin cho người tới lau, chỉnh.",
        "moved": "Camera nhìn sang chỗ khác so với trước. Xin xem có ai xoay không, rồi chỉnh lại.",
        "frozen": "Camera gửi mãi một hình cũ. Hình đang thấy không phải bây giờ. Xin khởi động lại camera.",
    }
)
WHY_GONE: Final = MappingProxyType(
    {
        "refused": "camera không nhận kết nối, có thể mất điện hoặc đứt dây",
        "password": "camera từ chối vì sai tên hoặc mật khẩu",
        "path": "camera không có luồng hình theo địa chỉ đã ghi",
        "no-video": "nguồn chỉ có tiếng, không có hình",
        "silent": "camera không trả lời, có thể mất điện hoặc đứt mạng",
        "missing": "không thấy camera trên máy ở thôn, có thể bị rút dây",
        "broken": "camera gửi hình hỏng",
        "ended": "camera ngừng gửi hình",
        "unknown": "địa chỉ camera không dùng được",
    }
)
REASONS: Final = MappingProxyType(
    {
        "travels": "đi từ chỗ này sang chỗ khác",
        "grows": "lại gần camera",
        "stays": "đến rồi đứng lại",
        "small": "nhỏ hoặc ở xa",
        "large": "to hoặc ở gần",
        "strong": "hiện rõ",
        "weak": "hiện mờ",
        "near-edge": "ở mép hình",
        "night": "hình tối",
        "after-light": "ngay sau khi ánh sáng đổi",
    }
)
"""Codes of the node's detector (edge/camera/motion.py); tests hold both lists together."""
LABELS: Final = MappingProxyType({"person": "người", "vehicle": "xe", "animal": "con vật"})
SURE, LIKELY = 0.75, 0.5


def kind_said(alert: Alert) -> str:
    """What happened, as the story begins: "Có chuyển động"."""
    if alert.kind in board_words.KINDS:
        return board_words.kind_said(alert)
    if alert.kind == "tamper":
        return f"Camera {TAMPERED.get(alert.what, 'cần xem')}"
    return "Camera mất hình" if alert.kind == "outage" else "Có chuyển động"


def ending_said(alert: Alert) -> str:
    """How it ended; an outage with the length of its gap."""
    if alert.kind in board_words.KINDS:
        return board_words.ending_said(alert)
    if alert.kind == "outage":
        return f"Có hình lại, mất {lasting(alert.lasted_ms / 1000)}" if alert.lasted_ms else "Có hình lại"
    return "Hết chuyển động" if alert.kind == "motion" else "Nhìn lại được"


def advice(alert: Alert) -> str:
    """What kept the camera from seeing and what to do first; empty for movement."""
    if alert.kind == "tamper":
        return TAMPER_NEXT.get(alert.what, "")
    if alert.kind != "outage":
        return ""
    why = WHY_GONE.get(alert.what)
    return f"Lý do máy biết: {why}." if why else "Máy chưa biết vì sao."


def heard_at(alert: Alert) -> datetime:
    """When the hub first heard of it; of one that was raised again that is earlier than when it was raised."""
    return datetime.fromisoformat(str(alert.evidence.get("heard_at", alert.raised_at.isoformat())))


def late_said(alert: Alert) -> str:
    """That it came late, with both times; empty when it came at once, or when its own time cannot be believed."""
    if alert.clock == "unknown":
        return ""
    known_s = OUTAGE_KNOWN_S if alert.kind == "outage" else 0.0
    heard = heard_at(alert)
    if (heard - alert.started_at).total_seconds() - known_s <= LATE_S:
        return ""
    begun, came = alert.started_at.astimezone(LOCAL), heard.astimezone(LOCAL)
    day = "" if begun.date() == came.date() else f" {short_day(begun.date(), came.date())}"
    why = "" if alert.kind == "outage" else " vì đường truyền bị ngắt"
    return f"Xảy ra lúc {hm(alert.started_at)}{day}, tới phòng trực lúc {hm(heard)}{why}."


def clock_said(alert: Alert) -> str:
    """That the node did not know the time for sure; empty when it did."""
    if alert.clock == "trusted":
        return ""
    return "Giờ của điểm chưa chắc đúng; giờ tới phòng trực là giờ máy chủ của xã."


def taken_for(labels: Sequence[Mapping[str, Any]]) -> str:
    """What the node's model took it for, the surest of each kind: "có vẻ là người, 82 %"; empty without a label."""
    best: dict[str, float] = {}
    for label in labels:
        what, score = str(label.get("what", "")), label.get("score", 0.0)
        if what in LABELS and isinstance(score, (int, float)):
            best[what] = max(best.get(what, 0.0), float(score))
    said = [
        f"{LABELS[what]}, {round(100 * score)} %"
        for what, score in sorted(best.items(), key=lambda one: -one[1])
    ]
    return f"Có vẻ là {'; '.join(said)}" if said else ""


def sureness(alert: Alert) -> str:
    """How sure the node is that somebody moved, with what speaks for and against it; empty when it did not say."""
    if alert.kind != "motion" or not alert.confidence:
        return ""
    word = "Chắc" if alert.confidence >= SURE else "Khá chắc" if alert.confidence >= LIKELY else "Chưa chắc"
    said = [REASONS[code] for code in alert.reasons if code in REASONS]
    return f"{word}: {', '.join(said)}" if said else word


def clip_said(alert: Alert) -> str:
    """What became of its clip, where there is none to play or not all of it; empty when all is well."""
    gone_at = alert.pictures_gone_at or alert.clip_gone_at
    if gone_at is not None:
        why = "theo hạn giữ hình" if alert.pictures_gone_at else "để lấy chỗ cho đoạn hình mới"
        return f"Đoạn hình đã xoá {why}, ngày {gone_at.astimezone(LOCAL):%-d/%-m/%Y}."
    if alert.kind != "motion":
        return ""
    if alert.has_clip:
        return alert.clip_reason
    if alert.clip:
        return "Đoạn hình đang được gửi về."
    if alert.clip_reason:
        return f"Không có đoạn hình: {alert.clip_reason}"
    return "Đoạn hình sẽ có sau khi hết chuyển động." if alert.ended_at is None else ""
