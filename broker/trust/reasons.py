"""Why something signed was not believed or not spoken: codes for programs, a sentence for people.

The codes travel in receipts (`PlayReceipt.reason`, `Refusal.reason`) and in `Refused.code`.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

REASONS: Final = MappingProxyType(
    {
        # who signed it
        "unsigned": "Bản tin chưa có chữ ký của người duyệt nên loa không phát.",
        "unknown-key": "Chữ ký không thuộc người nào trong danh sách tin cậy của xã.",
        "bad-signature": "Chữ ký không khớp: nội dung đã bị sửa sau khi ký, hoặc được ký ở nơi khác.",
        "wrong-role": "Người ký không có quyền cho loại việc này.",
        "key-expired": "Chữ ký dùng khoá đã hết hạn hoặc chưa đến ngày hiệu lực.",
        "one-signer": "Tin khẩn cấp cần hai người có quyền: cùng ký, hoặc một người ký mẫu và người khác phát.",
        "template-differs": "Tin khẩn cấp không đúng với mẫu đã ký trước.",
        "template-expired": "Mẫu tin khẩn cấp đã hết hạn hoặc chưa có hiệu lực.",
        "no-trust": "Điểm này chưa nhận được danh sách tin cậy của xã.",
        "malformed": "Nội dung gửi đến không đúng khuôn mẫu nên không dùng được.",
        "not-canonical": "Nội dung gửi đến không đúng cách viết đã ký nên không dùng được.",
        # whom and when it is for
        "wrong-commune": "Bản tin này của xã khác.",
        "wrong-node": "Lịch phát này của điểm khác.",
        "wrong-village": "Bản tin này không dành cho thôn ở đây.",
        "wrong-announcement": "Lịch phát ghi một đằng, bản tin đã ký một nẻo.",
        "old-generation": "Lịch phát gửi đến cũ hơn lịch đang dùng.",
        "expired": "Bản tin đã hết hiệu lực.",
        "start-not-signed": "Giờ phát này không có trong danh sách giờ đã ký duyệt.",
        "too-early": "Chưa đến giờ phát đã ký duyệt.",
        "too-late": "Đã quá giờ phát cho phép; loa không phát bù.",
        "replayed": "Lượt phát này đã phát rồi nên không phát lại.",
        "cancelled": "Lượt phát này đã được huỷ.",
        # what the village's ears are spared
        "quiet-hours": "Đang trong giờ yên tĩnh; chỉ tin khẩn cấp mới được phát.",
        "quiet-hours-end": "Bản tin sẽ kéo dài sang giờ yên tĩnh nên không phát.",
        "clock-unknown": "Điểm chưa biết chắc giờ nên coi như giờ yên tĩnh; chỉ tin khẩn cấp mới được phát.",
        "session-limit": "Buổi phát này sẽ dài quá mức cho phép.",
        "day-limit": "Hôm nay loa đã phát hết số phút cho phép.",
        # what happened while playing
        "no-audio": "Chưa tải được âm thanh của bản tin và máy không tự đọc được.",
        "wrong-audio": "Âm thanh tải về không đúng bản đã duyệt.",
        "spoken-here": "Chưa tải được âm thanh nên điểm tự đọc đúng lời đã duyệt.",
        "stopped": "Đã dừng theo lệnh.",
        "revoked": "Đã dừng vì xã không còn tin khoá của người ký.",
        "preempted": "Nhường cho bản tin quan trọng hơn.",
        "power": "Điểm mất điện hoặc khởi động lại giữa lúc phát.",
        "sound-failed": "Thiết bị âm thanh không nhận hoặc ngừng nhận âm thanh.",
        "disk-full": "Điểm hết chỗ ghi nên không dám phát (không ghi được nhật ký).",
        "journal-lost": "Nhật ký phát của điểm bị hỏng, không chắc lượt này đã phát chưa nên loa không phát lại.",
        "no-journal": "Điểm không mở được nhật ký phát nên không dám phát; chỉ tin khẩn cấp mới được phát.",
        "silenced": "Xã đang cho loa im lặng nên không phát.",
        "muted-here": "Khoá im lặng ở điểm đang bật nên loa không phát.",
        "local-use": "Người ở thôn đang nói vào micro nên loa nhường.",
        "clock-changed": "Đồng hồ của điểm vừa đổi ngay trước giờ phát nên loa không phát.",
        "no-space": "Điểm hết chỗ chứa nên chưa tải được âm thanh.",
        "relay-lost": "Không bắt được đài nên loa đọc lời dự phòng.",
        "relay-ended": "Đài ngừng giữa chừng nên loa dừng.",
        "tested-lately": "Loa vừa thử xong, mười phút sau mới thử lại được.",
        "next-due": "Đã đến lần nhắc sau của tin khẩn cấp nên bỏ lần này.",
        "drill-waits": "Loa đang phát bản tin nên không diễn tập được lúc này.",
        "busy": "Loa đang phát bản tin khác đến hết giờ cho phép.",
    }
)
"""Code → sentence. A code is never reused for another meaning."""


def sentence(code: str) -> str:
    """The Vietnamese sentence for a code; an unknown code of a newer node is shown as it is."""
    return REASONS.get(code, f"Lý do khác ({code}).") if code else ""
