"""Search as villagers type: without marks, with slips, in Telex, in dialect, in their own words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.content import shipped
from kiosk.search import Search
from kiosk.spelling import fold, is_near, sound, without_telex

SEARCH = Search(shipped().entries())
TUNING = Path(__file__).resolve().parents[3] / "shared" / "data" / "search-queries.json"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("lam giay khai sinh cho con", "1.001193"),
        ("Đăng ký tạm trú", "1.004194"),
        ("dang ky tam tru", "1.004194"),
        ("ddawng kys keets hoon", "1.000894"),
        ("giấy trứng tử", "1.000656"),
        ("bảo hiễm y tế hộ gia đình", "1.014137"),
        ("nghỉa vụ quân xự", "1.013133"),
        ("sang tên sổ đỏ", "1.013831"),
        ("mở quán phở", "1.001612"),
        ("khia tu", "1.000656"),
        ("mat the bao him", "1.002759"),
    ],
)
def test_the_right_procedure_is_among_the_first_three(query: str, code: str) -> None:
    assert code in [hit.code for hit in SEARCH.find(query)[:3]]


@pytest.mark.parametrize("query", ["chong chet", "chong mat", "vo mat", "vợ chết", "Chồng mất"])
def test_a_death_in_the_family_leads_to_its_papers_first(query: str) -> None:
    assert SEARCH.find(query)[0].code in ("2.002913", "1.000656")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("lua dao", "canh-bao"),
        ("bị lừa đảo", "canh-bao"),
        ("tin nhan lua dao", "canh-bao/tin-nhan-la"),
        ("cong an goi dien doi tien", "canh-bao/gia-cong-an"),
    ],
)
def test_scam_warnings_are_found(query: str, code: str) -> None:
    assert SEARCH.find(query)[0].code == code


def test_marks_agree_or_not_the_same_answer_leads() -> None:
    for procedure in shipped().procedures.values():
        bare = " ".join(map(fold, procedure.title.lower().split()))
        assert procedure.code in [hit.code for hit in SEARCH.find(bare, 5)], procedure.title


@pytest.mark.parametrize("query", ["", " ", "?!", "zzzzqqq xxwwkk", "12345"])
def test_what_is_like_nothing_finds_nothing(query: str) -> None:
    assert SEARCH.find(query) == []


@given(st.text(max_size=200))
def test_nothing_typed_makes_it_fail(query: str) -> None:
    hits = SEARCH.find(query)
    assert len(hits) <= 5
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_a_key_held_down_for_an_hour_is_answered_too() -> None:
    assert isinstance(SEARCH.find("a " * 100_000), list)


def test_words_are_compared_without_marks_and_by_sound() -> None:
    assert fold("Đường") == "duong"
    assert sound("trung") == sound("chung")
    assert sound("nghia") == sound("ngia")
    assert without_telex("ddawng") == "dang"
    assert is_near("hoon", "hon")
    assert is_near("hte", "the")
    assert not is_near("khai", "khac sinh")


@pytest.mark.skipif(not TUNING.exists(), reason="the tuning set stands beside the project, not in it")
def test_the_tuning_set_stays_found() -> None:
    queries = json.loads(TUNING.read_text(encoding="utf-8"))["queries"]
    third = sum(any(hit.code in each["expect"] for hit in SEARCH.find(each["text"])[:3]) for each in queries)
    assert third >= 0.95 * len(queries)
