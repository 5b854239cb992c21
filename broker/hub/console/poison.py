"""Messages that could not be stored, in words: what was wrong, what to do, and their bytes as harmless text. Pure."""

from __future__ import annotations

from typing import NamedTuple

KINDS = {
    "AmplifierAlarm": "Báo động tăng âm",
    "AmplifierState": "Tình trạng tăng âm",
    "BoardStatus": "Tình trạng bo mạch",
    "CameraOutage": "Báo camera mất hình",
    "CameraPicture": "Hình chụp theo yêu cầu",
    "CameraStatus": "Tình trạng camera",
    "CameraTampered": "Báo camera bị che",
    "CamerasFound": "Camera tìm thấy trong mạng",
    "FeedbackSent": "Phản ánh của bà con",
    "HelperCalled": "Lời nhờ giúp",
    "LocalUse": "Báo người ở thôn tự dùng loa",
    "Lost": "Lời báo thiếu tin",
    "MotionEnded": "Báo hết chuyển động",
    "MotionLabelled": "Nhận dạng trong hình",
    "MotionStarted": "Báo chuyển động",
    "NodeHealth": "Sức khoẻ máy",
    "PlanApplied": "Báo nhận lịch phát",
    "PlayReceipt": "Biên nhận phát",
    "Readings": "Số đo",
    "ReadingsNow": "Số đo lúc này",
    "SearchMissed": "Lời tìm không thấy",
    "SensorAlarm": "Báo số đo vượt mức",
    "ServiceState": "Tình trạng dịch vụ",
    "SosAlarm": "Báo bấm nút SOS",
    "SpeakerStatus": "Tình trạng loa",
    "SpeakerTested": "Kết quả thử loa",
}
"""Names of messages as people know them."""

CLOCK = "Xem lại đồng hồ của máy này; đúng giờ rồi thì tin sau vào bình thường."
VERSION = "Phần mềm của máy này và của trung tâm khác bản: cập nhật cho cùng bản."
SENSOR = "Xem lại cảm biến, dây nối và tệp mô tả cảm biến của bo mạch."
PROGRAM = "Tải mẫu về và gửi người làm phần mềm."
STRANGER = "Xem ai đang dùng tài khoản này để gửi; nếu không phải máy của xã thì thu hồi chứng thư."
WRITER = "Sửa chương trình gửi: câu trả lời 400 của trung tâm ghi rõ dòng nào, vì sao."
TAGS = "Xem lại nhãn (tag) trong chương trình gửi: nhãn không được mang con số đổi luôn."
UNIT = "Xem lại đồng hồ và đơn vị thời gian (precision) của chương trình gửi."
COPY_TYPE = "Xoá loại số đo này trên máy chủ Influx, hoặc chép sang một nơi chứa mới."
COPY_AGE = "Muốn chép cả số đo cũ thì tăng thời hạn giữ (retention) trên máy chủ Influx."

_MEANINGS = (
    ("older than what is kept", "giờ đo đã quá 13 tháng", UNIT),
    ("ahead of the hub's clock", "giờ đo đi trước đồng hồ trung tâm hơn một ngày", UNIT),
    ("max-series-per-token", "chương trình này tạo quá nhiều loại số đo", TAGS),
    ("line protocol", "một dòng viết sai dạng", WRITER),
    ("field type conflict", "máy chủ Influx đã giữ số đo này theo kiểu khác", COPY_TYPE),
    ("beyond retention policy", "số đo cũ hơn thời hạn mà máy chủ Influx giữ", COPY_AGE),
    ("not-a-number", "giá trị không phải là một con số", SENSOR),
    ("too-old", "giờ đo đã quá 13 tháng", CLOCK),
    ("future", "giờ ghi trong tin đi trước đồng hồ trung tâm", CLOCK),
    ("lies before", "giờ ghi trong tin ở trước năm 1970", CLOCK),
    ("no-time-zone", "giờ ghi trong tin thiếu múi giờ", VERSION),
    ("no time zone", "giờ ghi trong tin thiếu múi giờ", VERSION),
    ("frame version", "tin đóng gói theo bản khác", VERSION),
    ("missing required field", "thiếu một mục bắt buộc", VERSION),
    ("Invalid enum value", "có một mục mang giá trị lạ", VERSION),
    ("Expected", "có một mục sai kiểu", VERSION),
    ("at most", "tin dài quá mức cho phép", PROGRAM),
    ("has no part in", "nguồn này không được gửi loại tin này", STRANGER),
    ("needs epoch and seq", "tin thiếu số thứ tự", VERSION),
    ("taken by another word", "mã phản ánh trùng với một phản ánh khác", PROGRAM),
    ("not a JPEG", "hình kèm theo không phải hình JPEG nên bị bỏ, cảnh báo vẫn giữ", VERSION),
    ("something else's", "mã của đợt này đã thuộc về một cảnh báo khác", PROGRAM),
    ("sealing key", "khoá niêm phong của camera không dùng được", PROGRAM),
    ("asked for this search", "không ai nhờ tìm camera", STRANGER),
    ("asked for this picture", "không ai xin hình này", STRANGER),
    ("malformed", "nội dung bị hỏng, không đọc được", PROGRAM),
    ("truncated", "nội dung bị cắt cụt", PROGRAM),
    ("Error", "trung tâm vấp lỗi khi cất", PROGRAM),
)
"""What stands in a reason as it is counted, what it means, what to do; the first that fits."""


class Said(NamedTuple):
    """A reason for people."""

    what: str
    advice: str


def say_reason(reason: str) -> Said:
    """What was wrong with a message, as one sentence, and what to do about it."""
    if reason == "other":
        return Said("Nhiều kiểu hỏng khác nữa.", "Xem các dòng khác của nguồn này trước.")
    first, colon, _ = reason.partition(":")
    kind = KINDS.get(first.split(" ")[0] if not colon else first, "")
    for part, meaning, advice in _MEANINGS:
        if part in reason:
            said = f"{kind}: {meaning}." if kind else f"{meaning[:1].upper()}{meaning[1:]}."
            return Said(said, advice)
    return Said(f"{kind or 'Tin'} không cất được.", PROGRAM)


def show_bytes(raw: bytes) -> str:
    """Bytes as text that only shows and never acts: control and invisible signs have a visible stand-in."""
    text = raw.decode("utf-8", errors="surrogateescape")
    return "".join(map(_show, text))


def _show(sign: str) -> str:
    code = ord(sign)
    if sign == "\n":
        return "⟨0a⟩\n"
    if code < 0x20 or code == 0x7F:
        return f"⟨{code:02x}⟩"
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no UTF-8
        return f"⟨{code - 0xDC00:02x}⟩"
    return sign if sign.isprintable() else f"⟨U+{code:04X}⟩"
