"""What could not be stored is shown as text that never acts, and its reason as a sentence with something to do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.hub.console.poison import CLOCK, KINDS, PROGRAM, SENSOR, STRANGER, VERSION, say_reason, show_bytes


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ('{"nước": 2.1}'.encode(), '{"nước": 2.1}'),
        (b"\x00\x1b[2J\x7f", "⟨00⟩⟨1b⟩[2J⟨7f⟩"),
        (b"a\r\n\tb", "a⟨0d⟩⟨0a⟩\n⟨09⟩b"),
        (b"\xff\xd8\xff\xe0JFIF", "⟨ff⟩⟨d8⟩⟨ff⟩⟨e0⟩JFIF"),
        ("\u202egnp.exe\u2069".encode(), "⟨U+202E⟩gnp.exe⟨U+2069⟩"),
        ("a\u200b\u00a0\ufeffb".encode(), "a⟨U+200B⟩⟨U+00A0⟩⟨U+FEFF⟩b"),
        ("đ".encode()[:1], "⟨c4⟩"),
        (b"", ""),
    ],
)
def test_every_byte_has_a_visible_stand_in(raw: bytes, shown: str) -> None:
    assert show_bytes(raw) == shown


@given(st.binary(max_size=200))
def test_whatever_comes_is_printable_and_can_be_sent_to_a_browser(raw: bytes) -> None:
    shown = show_bytes(raw)
    assert shown.replace("\n", "").isprintable()
    assert len(shown.encode()) >= len(raw)


@pytest.mark.parametrize(
    ("reason", "said", "advice"),
    [
        ("Readings: future", "Số đo: giờ ghi trong tin đi trước đồng hồ trung tâm.", CLOCK),
        ("Readings: not-a-number", "Số đo: giá trị không phải là một con số.", SENSOR),
        ("HelperCalled: at lies before 1970", "Lời nhờ giúp: giờ ghi trong tin ở trước năm 1970.", CLOCK),
        ("PlayReceipt: missing required field `a`", "Biên nhận phát: thiếu một mục bắt buộc.", VERSION),
        ("frame: JSON is malformed: invalid", "Nội dung bị hỏng, không đọc được.", PROGRAM),
        ("Readings packet has 9 bytes, at most 8", "Số đo: tin dài quá mức cho phép.", PROGRAM),
        ("thon-01.kiosk has no part in Readings", "Nguồn này không được gửi loại tin này.", STRANGER),
        ("FeedbackSent: DataError", "Phản ánh của bà con: trung tâm vấp lỗi khi cất.", PROGRAM),
        ("something never seen", "Tin không cất được.", PROGRAM),
    ],
)
def test_a_reason_is_a_sentence_with_something_to_do(reason: str, said: str, advice: str) -> None:
    assert say_reason(reason) == (said, advice)


def test_every_message_the_hub_stores_has_a_name_for_people() -> None:
    from broker.hub.arrivals import KNOWN

    assert {each.__name__ for each in KNOWN} <= set(KINDS)
