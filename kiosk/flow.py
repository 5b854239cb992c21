"""The questions of a life event: what is asked next, and where the answers lead. Pure; answers: question → choice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from broker.contract.content import LifeEvent, Outcome, Question

Answers = Mapping[str, str]


def asked(event: LifeEvent, answers: Answers) -> Question | None:
    """The next question, None when there is nothing left to ask."""
    return next(
        (each for each in event.questions if each.code not in answers and _fits(each.only_if, answers)), None
    )


def outcome_of(event: LifeEvent, answers: Answers) -> Outcome:
    """Where the answers lead. What no outcome foresees is for an official to say."""
    return next((each for each in event.outcomes if _fits(each.when, answers)), Outcome(code=""))


def answers_of(event: LifeEvent, given: Sequence[str]) -> dict[str, str] | None:
    """Choices in the order they were made, as answers; None when one of them was never offered."""
    answers: dict[str, str] = {}
    for choice in given:
        question = asked(event, answers)
        if question is None or choice not in {each.code for each in question.choices}:
            return None
        answers[question.code] = choice
    return answers


def most_left(event: LifeEvent, answers: Answers) -> int:
    """How many questions may still come, in the longest way."""
    question = asked(event, answers)
    if question is None:
        return 0
    return 1 + max(most_left(event, {**answers, question.code: each.code}) for each in question.choices)


def _fits(wanted: Mapping[str, Sequence[str]], answers: Answers) -> bool:
    return all(answers.get(question) in choices for question, choices in wanted.items())
