"""Deeds about what screens say, as the audit log tells them: action → sentence (deeds.ACTIONS)."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

CONTENT: Final = MappingProxyType(
    {
        "content.sent": "gửi duyệt thủ tục “{title}” của màn hình, mã {subject}",
        "content.approved": "duyệt thủ tục “{title}” cho màn hình, mã {subject}",
        "content.returned": "trả lại thủ tục “{title}”, mã {subject}{reason}",
        "content.retired": "thôi hướng dẫn thủ tục “{title}” trên màn hình, mã {subject}{reason}",
        "content.checked": "soát thủ tục “{title}”, vẫn đúng, mã {subject}",
        "content.word": "xếp từ “{subject}” bà con tìm không thấy vào mã {code}",
    }
)
