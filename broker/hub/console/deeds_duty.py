"""Deeds of the duty room as the audit log tells them: action → sentence (deeds.ACTIONS)."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

DUTY: Final = MappingProxyType(
    {
        "alert.seen": "mở xem cảnh báo số {alert}",
        "alert.taken": "nhận xử lý cảnh báo số {alert}",
        "alert.escalated": "chuyển cấp trên cảnh báo số {alert}",
        "alert.closed": "đóng cảnh báo số {alert}",
        "alert.pictures-deleted": "xoá {files} hình và đoạn hình của {alerts} cảnh báo đã hết ngày giữ",
        "alert.pictures-viewed": "xem hình của cảnh báo số {alert}{reason}",
        "alert.exported": "lấy hình của cảnh báo số {alert} ra tệp{reason}",
        "clip.viewed": "xem đoạn hình của cảnh báo số {alert}{reason}",
        "clip.deleted": "xoá {files} đoạn hình cũ nhất của {alerts} cảnh báo đã kết thúc để lấy chỗ",
        "camera.live": "xem trực tiếp camera {camera}{reason}",
        "camera.live-longer": "xem trực tiếp camera {camera} thêm một phút{reason}",
        "camera.quiet": "cho camera {camera} bỏ qua một chỗ hay báo nhầm",
        "camera.quiet-undone": "cho camera {camera} báo lại một chỗ đã bỏ qua",
        "camera.quiet-kept": "giữ một chỗ bỏ qua của camera {camera}",
        "alert.noted": "ghi chú vào cảnh báo số {alert}",
        "alert.reopened": "mở lại cảnh báo số {alert}{reason}",
        "duty.phone-added": "thêm nơi gọi của phòng trực: {subject}",
        "duty.phone-removed": "bỏ nơi gọi của phòng trực: {subject}",
        "duty.phone-tried": "gửi tin thử tới nơi gọi của phòng trực: {subject}",
        "duty.unseen-set": "đặt sau {seconds} giây không ai mở thì coi cảnh báo là chưa ai xem",
        "duty.shift-taken": "nhận ca trực",
        "duty.shift-relieved": "nhận ca trực thay {for} khi ca chưa được giao",
        "duty.shift-handed": "giao ca trực",
        "duty.shift-forgotten": "kết thúc ca trực của {person}: 16 giờ không ai giao",
    }
)
