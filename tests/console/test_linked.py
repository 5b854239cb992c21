"""Both sides of a text: nothing is lost on either, and every piece finds its other half."""

from __future__ import annotations

import re
from html import unescape

import pytest

from broker.hub.announcing.render import spoken_of
from broker.hub.console.linked import linked, units_of
from broker.speech.lexicon import load
from broker.speech.normalise import normalise

TEXTS = [
    "UBND xã họp lúc 7h30, gọi 0912.345.678.\nMang theo CCCD.",
    "- Giá 5.000đ/kg <b>& rẻ</b>\n- 🎉 Tổ 3: 36A-123.45",
    "Ho\u0323p tha\u0302n lu\u0301c 8h, \U0001f600 nhà 12 ngách 3/4",  # NFD
    "XQZK gửi qua KHXQ (+) và 3*4",
    "",
    "\n\n  ",
]


def text_of(markup: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", markup))


def pieces(markup: str) -> dict[str, str]:
    found = re.findall(r'<(?:u|mark) data-piece="(\d+)"[^>]*>(.*?)</(?:u|mark)>', markup, re.DOTALL)
    return {number: unescape(words) for number, words in found}


@pytest.mark.parametrize("text", TEXTS)
def test_both_sides_are_the_whole_texts(text: str) -> None:
    spoken = normalise(text, load())
    sides = linked(text, spoken)
    assert text_of(sides.written) == text
    assert text_of(sides.spoken) == spoken.text


@pytest.mark.parametrize("text", TEXTS)
def test_every_piece_has_its_other_half_and_knows_its_place(text: str) -> None:
    sides = linked(text, normalise(text, load()))
    left, right = pieces(sides.written), pieces(sides.spoken)
    assert left.keys() == right.keys()
    units = text.encode("utf-16-le")
    for number, start, end in re.findall(
        r'data-piece="(\d+)" data-from="(\d+)" data-to="(\d+)"', sides.spoken
    ):
        there = units[2 * int(start) : 2 * int(end)].decode("utf-16-le")
        assert there.strip() == left[number]


def test_a_piece_is_marked_on_both_sides() -> None:
    sides = linked("Họp 8h.", normalise("Họp 8h.", load()))
    assert sides.written == 'Họp <u data-piece="1">8h</u>.'
    assert sides.spoken == 'Họp <u data-piece="1" data-from="4" data-to="6">tám giờ</u>.'


def test_a_doubt_is_a_mark_that_names_its_question_and_is_none_once_it_is_settled() -> None:
    text = "Gặp BTC lúc 8h."
    open_ = linked(text, spoken_of(text, {}, load()), ["BTC"])
    assert '<mark data-piece="1" data-asks="1">BTC</mark>' in open_.written
    settled = linked(text, spoken_of(text, {"BTC": "ban tổ chức"}, load()), ["BTC"])
    assert '<u data-piece="1" data-asks="1">BTC</u>' in settled.written
    assert "<mark" not in settled.spoken


def test_what_people_typed_is_never_markup() -> None:
    sides = linked("<script>alert(1)</script> 8h", normalise("<script>alert(1)</script> 8h", load()))
    assert "<script>" not in sides.written + sides.spoken


def test_places_count_as_a_browser_counts() -> None:
    assert (units_of("ạ"), units_of("\U0001f600"), units_of("")) == (1, 2, 0)


def test_a_doubt_of_which_nothing_is_said_yet_is_marked_too() -> None:
    text = "Họp lúc ½ giờ."
    found = linked(text, spoken_of(text, {}, load()), ["½"])
    assert "½</mark>" in found.written
    assert "<mark" in found.spoken
