"""What people write down is said slowly and in groups; everything else stays as it is."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.speech import lexicon
from broker.speech.normalise import normalise
from broker.speech.pacing import AT_A_HORN, CALM, SPELLING_RATE, pieces


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def _slow(written: str) -> list[str]:
    """The groups that are said slowly of a written sentence."""
    spoken = normalise(written, lexicon.load()).text
    return [piece.text.rstrip(",.") for piece in pieces(spoken) if piece.rate == SPELLING_RATE]


@pytest.mark.parametrize(
    ("written", "groups"),
    [
        ("Gọi số 0912.345.678 để được hỗ trợ.", ["không chín một hai", "ba bốn năm", "sáu bảy tám"]),
        ("Khi có cháy gọi 114 ngay.", ["một một bốn"]),
        ("Hotline 1900 1234.", ["một chín không không", "một hai ba bốn"]),
        ("Xe biển số 36A-123.45 đỗ sai chỗ.", ["ba sáu a", "một hai ba", "bốn năm"]),
        ("Tổng đài 19006769.", ["một chín không không", "sáu bảy sáu chín"]),
        ("Thủ tục mã 1.001193.", ["một chấm không không một", "một chín ba"]),
        ("Nộp tại dichvucong.gov.vn.", ["chấm gờ ô vê", "chấm vê en"]),
        ("Số CCCD 038090001234.", ["không ba tám", "không chín không", "không không một", "hai ba bốn"]),
    ],
)
def test_numbers_people_write_down_are_said_in_groups(written: str, groups: list[str]) -> None:
    assert _slow(written) == groups


@pytest.mark.parametrize(
    "written",
    [
        "Họp lúc 19h30 ngày 2/3/2025 tại nhà văn hóa thôn.",
        "Cơn bão số 3 ở vĩ độ 18,512 độ Bắc, giật cấp 12.",
        "Tỷ số 2-1, Lan 3 điểm.",
        "Tổng kinh phí 1.234.567.890 đồng.",
        "Tiêm cho trẻ lớp 1, 2, 3, 4 và 5.",
        "Lớp 5A1, 9B2 nghỉ học.",
        "Gia đình ông Năm, bà Ba, anh Hai.",
        "Quyết định số 135/QĐ-TTg.",
        "Chung kết: thôn 2 thắng thôn 7 3-2.",
        "Rút lương hưu ở cây ATM Agribank.",
    ],
)
def test_what_nobody_writes_down_is_said_in_one_go(written: str) -> None:
    spoken = normalise(written, lexicon.load()).text
    assert [(piece.text, piece.rate, piece.rest_ms) for piece in pieces(spoken)] == [(spoken, 1.0, 0)]


@pytest.mark.parametrize(
    "spoken",
    [
        "Hai ba năm nữa đường mới xong.",
        "Các em ba bốn năm tuổi đi mẫu giáo.",
        "Mười tám phẩy một hai ba.",
        "Các em ca hát em nghe.",
        "Mồng một, hai, ba, bốn Tết.",
    ],
)
def test_small_numbers_in_speech_are_no_codes(spoken: str) -> None:
    assert len(pieces(spoken)) == 1


def test_a_long_number_without_groups_is_cut_by_threes_and_fours() -> None:
    said = pieces("Mã một hai ba bốn năm sáu bảy tám chín không.")
    assert [len(_words(piece.text)) for piece in said[1:]] == [4, 3, 3]


def test_the_voice_stays_up_and_rests_within_a_number_and_comes_down_at_its_end() -> None:
    said = pieces("Gọi không chín một hai, ba bốn năm.")
    assert [piece.text for piece in said] == ["Gọi,", "không chín một hai,", "ba bốn năm."]
    assert said[0].rest_ms < said[1].rest_ms
    assert said[-1].rest_ms == 0
    assert all(150 <= piece.rest_ms <= 400 for piece in said[1:-1])


@given(
    st.lists(
        st.sampled_from(
            [
                "không",
                "một",
                "hai",
                "năm,",
                "bê",
                "a",
                "chấm",
                "gạch ngang",
                "trăm",
                "phẩy",
                "bà con",
                "(",
                "—",
            ]
        ),
        max_size=30,
    ).map(" ".join)
)
def test_no_word_is_lost_doubled_or_moved(sentence: str) -> None:
    said = pieces(sentence)
    assert _words(" ".join(piece.text for piece in said)) == _words(sentence)
    assert said
    assert said[-1].rest_ms == 0
    if len(said) > 1:
        assert all(any(char.isalnum() for char in piece.text) for piece in said)


def test_a_horn_is_spoken_to_slower_than_a_kiosk() -> None:
    assert AT_A_HORN.rate < CALM.rate == 1.0
    assert AT_A_HORN.pitch > CALM.pitch == 1.0
