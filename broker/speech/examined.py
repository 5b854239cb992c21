"""What is known of a recording somebody brought, or why it is refused. Needs neither numpy nor PyAV."""

from __future__ import annotations

from dataclasses import dataclass

LONGEST_S = 600.0
"""Of one recording. A longer one is hardly heard to its end, and all of it has to fit into memory to be mastered."""
LONGEST_WHOLE_S = 900.0
"""Of all that is heard once in one announcement."""

SENTENCES = {
    "unreadable": "Máy không đọc được tệp này. Xin chọn tệp âm thanh mp3, m4a, wav, ogg hoặc webm.",
    "unusual": "Tệp này được ghi theo kiểu ít gặp nên máy không dùng được. Xin lưu lại thành tệp mp3 rồi gửi lại.",
    "busy": "Máy đang xem các bản ghi khác. Xin chờ ít phút rồi gửi lại.",
    "empty": "Tệp này trống, không có âm thanh nào. Xin ghi lại hoặc chọn tệp khác.",
    "truncated": "Tệp này bị mất phần cuối, có thể do sao chép dở dang. Xin chép lại tệp đầy đủ rồi thử lại.",
    "too-short": "Bản ghi quá ngắn, chưa được nửa giây. Xin ghi lại cho đủ lời.",
    "silent": "Bản ghi không có tiếng. Xin kiểm tra micrô rồi ghi lại.",
    "quiet": "Tiếng trong bản ghi quá nhỏ, phát ra loa sẽ không rõ. Xin nói gần micrô hơn và ghi lại.",
    "clipped": "Tiếng trong bản ghi bị rè vì quá to. Xin để micrô xa miệng hơn hoặc nói nhỏ hơn, rồi ghi lại.",
    "no-speech": "Bản ghi chỉ có tiếng ồn đều, không nghe thấy lời nói. Xin ghi lại ở nơi yên tĩnh hơn.",
}


class RecordingRefused(Exception):
    """A recording cannot be used."""

    def __init__(self, code: str, sentence: str) -> None:
        """sentence: one Vietnamese sentence or two for who brought it: what is wrong and what to do."""
        super().__init__(f"{code}: {sentence}")
        self.code = code
        self.sentence = sentence


@dataclass(frozen=True)
class Recording:
    """What is known of a recording that can be used."""

    duration_ms: int
    lufs: float
    """Loudness as it came."""
    media_type: str
    """What it really is, as audio/mpeg."""
    rate_hz: int
    channels: int


def refused(code: str) -> RecordingRefused:
    """With the sentence of a code in SENTENCES."""
    return RecordingRefused(code, SENTENCES[code])
