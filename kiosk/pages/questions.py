"""A life event: one question a screen until the right procedure is known, or the plain list of its procedures.

The answers are in the address and nowhere else: choices in the order they were made.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from flask import Blueprint, abort, redirect, render_template, request
from werkzeug.wrappers import Response as Answer

from broker.contract.content import LifeEvent
from kiosk.flow import answers_of, asked, most_left, outcome_of
from kiosk.house import House
from kiosk.pages.guide import found_in
from kiosk.visitor import is_large

A_PAGE = {
    ("wide", False): 6,
    ("wide", True): 4,
    ("tall", False): 10,
    ("tall", True): 6,
    ("small", False): 4,
    ("small", True): 2,
    ("lookup", False): 6,
    ("lookup", True): 6,
}
"""Procedures on one page of a list."""


def pages(house: House) -> Blueprint:
    """The blueprint of the nine life events."""
    job = Blueprint("questions", __name__)

    def event_of(code: str) -> LifeEvent:
        found = next((each for each in house.content().life_events if each.code == code), None)
        if found is None:
            abort(404)
        return found

    @job.get("/su-kien/<code>")
    def event(code: str) -> str:
        found = event_of(code)
        procedures = house.content().of_event(code, house.today())
        size = A_PAGE[house.panel.layout, is_large()]
        count = max(1, ceil(len(procedures) / size))
        page = min(max(request.args.get("trang", 1, int), 1), count)
        shown = procedures[(page - 1) * size : page * size]
        return render_template("event.html", event=found, procedures=shown, page=page, pages=count)

    @job.get("/su-kien/<code>/hoi", defaults={"given": ""})
    @job.get("/su-kien/<code>/hoi/<path:given>")
    def question(code: str, given: str) -> str | Answer:
        found = event_of(code)
        if not found.questions:
            return redirect(f"/su-kien/{code}", 302)
        chosen = given.split("/") if given else []
        answers = answers_of(found, chosen)
        if answers is None:
            return redirect(f"/su-kien/{code}/hoi", 302)
        up = "/".join(["/su-kien", code, "hoi", *chosen[:-1]]) if chosen else "/nha"
        next_one = asked(found, answers)
        if next_one is None:
            return _outcome(found, answers, up)
        return render_template(
            "question.html",
            event=found,
            question=next_one,
            number=len(answers) + 1,
            of=len(answers) + most_left(found, answers),
            up=up,
        )

    def _outcome(found: LifeEvent, answers: dict[str, str], up: str) -> str:
        content = house.content()
        outcome = outcome_of(found, answers)
        return render_template(
            "outcome.html",
            event=found,
            answer=found_in(content, outcome.code),
            follows=_follows(outcome.also),
            tips=outcome.tips,
            up=up,
        )

    def _follows(codes: Sequence[str]) -> list[object]:
        content = house.content()
        return [follow for code in codes if (follow := found_in(content, code))]

    return job
