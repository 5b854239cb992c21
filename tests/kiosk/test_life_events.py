"""Questions of the shipped life events: where each way ends, and that nothing stands there in vain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from broker.contract.content import LifeEvent, Outcome
from broker.look.icons import symbols
from kiosk.content import shipped
from kiosk.flow import asked, outcome_of

EVENTS = {each.code: each for each in shipped().life_events}

FOUR_IN_ONE, PLAIN, WITH_FATHER, WITH_PAPERS = "3.000722", "1.001193", "1.000689", "1.004772"

BIRTH = {
    "roi": {"60-ngay": FOUR_IN_ONE, "duoi-6": FOUR_IN_ONE, "tu-6": WITH_PAPERS, "chua-ro": FOUR_IN_ONE},
    "chua": {"60-ngay": WITH_FATHER, "duoi-6": WITH_FATHER, "tu-6": WITH_FATHER, "chua-ro": WITH_FATHER},
    "me": {"60-ngay": PLAIN, "duoi-6": PLAIN, "tu-6": WITH_PAPERS, "chua-ro": PLAIN},
    "chua-ro": {"60-ngay": PLAIN, "duoi-6": PLAIN, "tu-6": WITH_PAPERS, "chua-ro": PLAIN},
}
"""Are the parents married → how old is the child → procedure, for parents with a residence."""


def ways(event: LifeEvent, answers: dict[str, str] | None = None) -> Iterator[dict[str, str]]:
    """Every set of answers that a villager can end with."""
    answers = answers or {}
    question = asked(event, answers)
    if question is None:
        yield answers
        return
    for choice in question.choices:
        yield from ways(event, {**answers, question.code: choice.code})


def births() -> Iterator[tuple[dict[str, str], Outcome]]:
    for answers in ways(EVENTS["sinh-con"]):
        yield answers, outcome_of(EVENTS["sinh-con"], answers)


def test_every_combination_about_a_birth_ends_at_its_procedure() -> None:
    met = Counter[str]()
    for answers, found in births():
        code = BIRTH[answers["cuoi"]][answers["tuoi"]]
        if code == FOUR_IN_ONE and answers["thuong-tru"] == "khong":
            code = PLAIN
        assert found.code == code, answers
        met[code] += 1
    assert sum(met.values()) == 2 * 3 * (3 * 4 + 1) * 3 + 2 * 3 * 4 * 3
    assert set(met) == {FOUR_IN_ONE, PLAIN, WITH_FATHER, WITH_PAPERS}


def test_a_birth_at_home_asks_for_a_witness_and_one_in_hospital_for_its_certificate() -> None:
    for answers, found in births():
        if found.code == WITH_PAPERS:
            continue
        told = " ".join(found.tips)
        assert ("mang giấy người làm chứng" in told) == (answers["noi-sinh"] != "vien"), answers
        assert ("viện chưa gửi" in told or "viện gửi" in told) == (answers["noi-sinh"] == "vien"), answers


def test_a_card_that_is_wished_for_is_not_forgotten() -> None:
    for answers, found in births():
        named = "1.014062" in found.also or "chọn thêm thẻ căn cước" in " ".join(found.tips)
        assert named == (answers["can-cuoc"] == "co"), answers


def test_who_comes_late_is_told_that_it_may_cost() -> None:
    for answers, found in births():
        if found.code == FOUR_IN_ONE:
            assert ("có thể mất tiền" in " ".join(found.tips)) == (answers["tuoi"] != "60-ngay"), answers


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ({"khai-tu": "moi", "luong-huu": "co"}, "2.002913"),
        ({"khai-tu": "chua-ro", "luong-huu": "chua-ro", "dien": "chua-ro"}, "2.002913"),
        ({"khai-tu": "lau"}, "1.000656"),
        ({"khai-tu": "roi", "luong-huu": "co"}, "2.000821"),
        ({"khai-tu": "roi", "luong-huu": "khong", "dien": "tuoi-gia"}, "1.014028"),
        ({"khai-tu": "roi", "luong-huu": "khong", "dien": "xa-hoi"}, "1.001731"),
        ({"khai-tu": "roi", "luong-huu": "khong", "dien": "co-cong", "co-cong": "thuong-binh"}, "1.010824"),
        (
            {"khai-tu": "roi", "luong-huu": "khong", "dien": "co-cong", "co-cong": "cuu-chien-binh"},
            "2.002307",
        ),
        ({"khai-tu": "roi", "luong-huu": "khong", "dien": "chua-ro"}, "1.003197"),
    ],
)
def test_after_a_death_the_next_paper_depends_on_what_is_done(answers: dict[str, str], code: str) -> None:
    assert asked(EVENTS["nha-co-tang"], answers) is None
    assert outcome_of(EVENTS["nha-co-tang"], answers).code == code


def test_the_money_for_a_burial_follows_the_joined_papers() -> None:
    for answers in ways(EVENTS["nha-co-tang"]):
        found = outcome_of(EVENTS["nha-co-tang"], answers)
        if found.code == "2.002913" and answers["luong-huu"] == "co":
            assert found.also[0] == "2.000821", answers
        if found.code == "2.002913" and answers.get("dien") == "tuoi-gia":
            assert found.also[0] == "1.014028", answers


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ({"viec": "cuoi", "nuoc-ngoai": "khong", "lan-truoc": "chua"}, "1.000894"),
        ({"viec": "cuoi", "nuoc-ngoai": "co"}, "2.000806"),
        ({"viec": "chua-ro", "nuoc-ngoai": "chua-ro"}, ""),
        ({"viec": "doc-than", "de-lam-gi": "nha-dat", "da-co": "chua"}, "1.004873"),
        ({"viec": "mat-giay"}, "2.000635"),
    ],
)
def test_a_wedding_leads_to_its_paper(answers: dict[str, str], code: str) -> None:
    assert asked(EVENTS["ket-hon"], answers) is None
    assert outcome_of(EVENTS["ket-hon"], answers).code == code


@pytest.mark.parametrize(
    ("age", "poor", "code"),
    [
        ("tu-75", None, "1.014027"),
        ("70-74", "co", "1.014027"),
        ("70-74", "khong", ""),
        ("chua-ro", None, "1.014027"),
    ],
)
def test_money_in_old_age_depends_on_years_and_means(age: str, poor: str | None, code: str) -> None:
    answers = {"viec": "tien", "luong-huu": "khong", "tuoi": age}
    if poor:
        answers["nha-ngheo"] = poor
    assert asked(EVENTS["tuoi-gia"], answers) is None
    assert outcome_of(EVENTS["tuoi-gia"], answers).code == code


@pytest.mark.parametrize("code", EVENTS)
def test_no_question_and_no_outcome_stands_in_vain(code: str) -> None:
    event = EVENTS[code]
    put, used = set[str](), list[Outcome]()
    for answers in ways(event):
        assert len(answers) <= 5
        put |= set(answers)
        used.append(next(each for each in event.outcomes if each is outcome_of(event, answers)))
    assert put == {each.code for each in event.questions}
    assert [each for each in event.outcomes if not any(each is one for one in used)] == []


@pytest.mark.parametrize("code", EVENTS)
def test_every_outcome_names_procedures_that_are_there(code: str) -> None:
    event, content = EVENTS[code], shipped()
    known = {*content.procedures, *content.named}
    assert event.outcomes[-1].when == {}
    assert all(each.when for each in event.outcomes[:-1])
    for each in event.outcomes:
        assert {each.code, *each.also} - {""} <= known
        assert len({each.code, *each.also}) == 1 + len(each.also)


@pytest.mark.parametrize("code", EVENTS)
def test_conditions_name_questions_and_choices_that_are_there(code: str) -> None:
    event = EVENTS[code]
    offered = {each.code: {choice.code for choice in each.choices} for each in event.questions}
    assert len(offered) == len(event.questions)
    for place, question in enumerate(event.questions):
        before = {each.code for each in event.questions[:place]}
        assert set(question.only_if) <= before
    for condition in [*(each.only_if for each in event.questions), *(each.when for each in event.outcomes)]:
        for name, choices in condition.items():
            assert set(choices) <= offered[name]
            assert set(choices) != offered[name]


@pytest.mark.parametrize("code", EVENTS)
def test_questions_are_short_and_every_answer_has_its_picture(code: str) -> None:
    for question in EVENTS[code].questions:
        assert len(question.title.split()) <= 10
        assert question.title.endswith("?")
        assert sentences_fit(question.why)
        assert 2 <= len(question.choices) <= 4
        for choice in question.choices:
            assert len(choice.title.split()) <= 4
            assert len(choice.hint.split()) <= 6
            assert choice.icon in symbols()
    for outcome in EVENTS[code].outcomes:
        assert all(sentences_fit(tip) for tip in outcome.tips)


def sentences_fit(text: str) -> bool:
    """At most fifteen words in every sentence."""
    return all(len(each.split()) <= 15 for each in text.replace("?", ".").split("."))
