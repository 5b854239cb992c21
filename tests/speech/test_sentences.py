"""Texts are cut into the sentences that are highlighted and kept."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from broker.speech.sentences import LONGEST, sentences


def _texts(text: str) -> list[str]:
    return [piece.text for piece in sentences(text)]


def test_full_stops_question_marks_and_lines_end_sentences() -> None:
    assert _texts("Kính thưa bà con. Hôm nay có gì?\nMời bà con dự họp!") == [
        "Kính thưa bà con.",
        "Hôm nay có gì?",
        "Mời bà con dự họp!",
    ]


def test_a_full_stop_inside_a_number_or_after_a_title_ends_nothing() -> None:
    text = "Nộp 1.200.000 đồng cho TP. Đà Nẵng, gặp BS. Hoa, gọi 0912.345.678."
    assert _texts(text) == [text]


def test_a_number_that_opens_a_line_is_no_sentence() -> None:
    assert _texts("1. Về thời gian: sáng mai.\n2. Về địa điểm: nhà văn hóa.") == [
        "1. Về thời gian: sáng mai.",
        "2. Về địa điểm: nhà văn hóa.",
    ]


def test_what_has_nothing_to_say_is_left_out() -> None:
    assert _texts("…\n---\n***\n") == []


def test_a_text_without_full_stops_is_cut_at_clauses() -> None:
    pieces = sentences("bà con chú ý, " * 400)
    assert len(pieces) > 5
    assert all(len(piece.text) <= LONGEST for piece in pieces)
    assert all(piece.text.endswith(",") for piece in pieces)


@given(st.text(alphabet='aăô1. ,;:!?\n\t…"”/', max_size=300) | st.text(max_size=200))
def test_sentences_lie_in_order_where_they_say_and_lose_no_word(text: str) -> None:
    at = 0
    for piece in sentences(text):
        assert at <= piece.start < piece.end <= len(text)
        assert text[piece.start : piece.end] == piece.text == piece.text.strip()
        assert not any(char.isalnum() for char in text[at : piece.start])
        at = piece.end
    assert not any(char.isalnum() for char in text[at:])
