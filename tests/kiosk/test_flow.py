"""Questions of a life event: who is asked what, and that every way ends somewhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from broker.contract.content import Choice, LifeEvent, Outcome, Question
from kiosk.content import shipped
from kiosk.flow import answers_of, asked, most_left, outcome_of


def question(code: str, *choices: str, only_if: dict[str, list[str]] | None = None) -> Question:
    return Question(
        code=code,
        title=f"Hỏi {code}?",
        why="Vì cần.",
        choices=[Choice(code=each, title=each, icon="note") for each in choices],
        only_if=only_if or {},
    )


EVENT = LifeEvent(
    code="sinh-con",
    title="Sinh con",
    hint="Khai sinh",
    icon="cradle",
    questions=[
        question("cho", "vien", "nha", "chua-ro"),
        question("nguoi", "co", "khong", only_if={"cho": ["nha"]}),
        question("han", "som", "muon"),
    ],
    outcomes=[
        Outcome(when={"cho": ["nha"], "nguoi": ["khong"]}, code=""),
        Outcome(when={"han": ["som"]}, code="A"),
        Outcome(code="B"),
    ],
)


def test_a_question_is_asked_only_of_whom_it_concerns() -> None:
    assert asked(EVENT, {}) is EVENT.questions[0]
    assert asked(EVENT, {"cho": "vien"}) is EVENT.questions[2]
    assert asked(EVENT, {"cho": "nha"}) is EVENT.questions[1]
    assert asked(EVENT, {"cho": "vien", "han": "som"}) is None


@pytest.mark.parametrize(
    ("given", "code"),
    [("nha khong som", ""), ("nha co som", "A"), ("vien som", "A"), ("chua-ro muon", "B")],
)
def test_the_first_outcome_that_fits_holds(given: str, code: str) -> None:
    answers = answers_of(EVENT, given.split())
    assert answers is not None
    assert outcome_of(EVENT, answers).code == code


@pytest.mark.parametrize("given", ["vien vien", "som", "vien som co", "nha som", "x", "vien som som"])
def test_a_choice_that_was_never_offered_is_no_answer(given: str) -> None:
    assert answers_of(EVENT, given.split()) is None


def test_what_is_left_is_counted_along_the_longest_way() -> None:
    assert most_left(EVENT, {}) == 3
    assert most_left(EVENT, {"cho": "vien"}) == 1
    assert most_left(EVENT, {"cho": "vien", "han": "som"}) == 0


def test_an_event_without_outcomes_leads_to_an_official() -> None:
    bare = LifeEvent(code="x", title="X", hint="", icon="note")
    assert asked(bare, {}) is None
    assert outcome_of(bare, {}).code == ""


def ways(event: LifeEvent, given: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every sequence of choices that ends the questions."""
    answers = answers_of(event, given)
    assert answers is not None
    next_one = asked(event, answers)
    if next_one is None:
        yield given
        return
    for each in next_one.choices:
        yield from ways(event, (*given, each.code))


@pytest.mark.parametrize("event", shipped().life_events, ids=lambda each: each.code)
def test_every_way_through_a_shipped_event_leads_to_what_is_there(event: LifeEvent) -> None:
    content = shipped()
    known = {*content.procedures, *content.named, ""}
    for given in ways(event):
        answers = answers_of(event, given)
        assert answers is not None
        found = outcome_of(event, answers)
        assert {found.code, *found.also} <= known, given
        assert len(given) <= 5
