"""What changed between two revisions is found, all of it and nothing else."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from broker.hub.announcing.difference import Piece, Wording, compare_words, differ, is_same

NINE = datetime(2026, 11, 22, 9, tzinfo=UTC)


def test_an_hour_that_moved_is_the_only_thing_marked() -> None:
    assert compare_words("Cắt điện từ 8:00 đến 11:00 Chủ nhật.", "Cắt điện từ 7:30 đến 11:00 Chủ nhật.") == (
        Piece("Cắt điện từ ", "same"),
        Piece("8:00", "removed"),
        Piece("7:30", "added"),
        Piece(" đến 11:00 Chủ nhật.", "same"),
    )


def test_changed_neighbours_are_one_change_and_money_is_one_word() -> None:
    assert compare_words("thu quỹ 50.000 đồng", "thu phí 60.000 đồng") == (
        Piece("thu ", "same"),
        Piece("quỹ 50.000", "removed"),
        Piece("phí 60.000", "added"),
        Piece(" đồng", "same"),
    )


@pytest.mark.parametrize(
    ("before", "after", "marks"),
    [
        ("", "", []),
        ("", "Kính mời", ["added"]),
        ("Kính mời", "", ["removed"]),
        ("a", "a", ["same"]),
        ("Mời họp 🎉", "Mời họp", ["same", "removed"]),
        (
            "Ho\u0323p",
            "Họp",
            ["removed", "added"],
        ),  # NFD is another text: what was signed is told apart by bytes
        ("<b>x</b>", "<i>x</i>", ["removed", "added"]),
    ],
)
def test_texts_that_are_empty_or_strange(before: str, after: str, marks: list[str]) -> None:
    assert [piece.mark for piece in compare_words(before, after)] == marks


def test_both_texts_come_back_from_their_pieces_whatever_they_are() -> None:
    dice = random.Random(7)
    words = ["thôn", "Đông", "8:00", "50.000đ", ",", ".", "\n", " ", "  ", "“họp”", "(1)", "东", "🎉"]
    for _ in range(400):
        before = " ".join(dice.choices(words, k=dice.randrange(30)))
        after = " ".join(dice.choices(words, k=dice.randrange(30)))
        pieces = compare_words(before, after)
        assert "".join(p.text for p in pieces if p.mark != "added") == before
        assert "".join(p.text for p in pieces if p.mark != "removed") == after
        assert is_same(pieces) is (before == after)


def test_a_hundred_kilobytes_of_the_same_words_take_no_time_to_speak_of() -> None:
    """Without a bound two such texts take difflib hours: that it ends at all is the test."""
    before, after = "a b " * 25_000, "b a a " * 17_000
    pieces = compare_words(before, after)
    assert "".join(p.text for p in pieces if p.mark != "removed") == after


def test_places_times_and_facts_say_what_went_and_what_came() -> None:
    before = Wording(villages=["dong", "ben"], starts=[NINE], facts={"Loại": "Thông thường", "Đọc": "1 lần"})
    after = Wording(
        villages=["ben", "ha"],
        starts=[NINE, NINE + timedelta(hours=1)],
        facts={"Loại": "Ưu tiên", "Đọc": "1 lần", "Tiếp sóng": "Đài tỉnh"},
    )
    found = differ(before, after)
    assert (found.places.kept, found.places.removed, found.places.added) == (("ben",), ("dong",), ("ha",))
    assert (found.times.removed, found.times.added) == ((), (NINE + timedelta(hours=1),))
    assert [(fact.name, fact.before, fact.after) for fact in found.facts] == [
        ("Loại", "Thông thường", "Ưu tiên"),
        ("Tiếp sóng", "", "Đài tỉnh"),
    ]
    assert not found.is_none


def test_the_same_wording_has_no_difference() -> None:
    same = Wording("Mời họp", "19h30", "mười chín giờ ba mươi", ["dong"], [NINE], {"Loại": "Thông thường"})
    assert differ(same, same).is_none
