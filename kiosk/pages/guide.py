"""Làm giấy tờ: home, the nine life events, search, and one procedure as one page or as steps."""

from __future__ import annotations

from datetime import date
from math import ceil
from urllib.parse import urlencode

from flask import Blueprint, abort, redirect, render_template, request
from werkzeug.wrappers import Response as Answer

from broker.contract.content import LifeEvent, Procedure
from broker.link.clock import LOCAL
from broker.look.procedure import page_of
from kiosk.house import House
from kiosk.pages.notice import board_of, today_of
from kiosk.pages.village import doors_of
from kiosk.visitor import came_from, is_large, language

ANSWERS = 3
"""Big answers on the search page; more would be read as a list, not as a choice."""
SHORTCUTS = 6
QUERY_LONGEST = 120

A_PAGE = {
    ("wide", False): 6,
    ("wide", True): 4,
    ("tall", False): 10,
    ("tall", True): 6,
    ("small", False): 4,
    ("small", True): 2,
}
"""Procedures on one page of a list."""


def address(path: str, **values: object) -> str:
    """`path` with its question."""
    return f"{path}?{urlencode(values)}"


def pages(house: House) -> Blueprint:
    """The blueprint of paperwork."""
    job = Blueprint("guide", __name__)

    def today() -> date:
        return house.clock.now().astimezone(LOCAL).date()

    def search(query: str) -> dict[str, object]:
        content = house.content()
        hits = house.find(query, ANSWERS) if query.strip() else []
        found = [content.procedures[hit.code] for hit in hits if hit.code in content.procedures]
        events = {event.code: event for event in content.life_events}
        return {
            "query": query,
            "hits": [
                (each, next((events[code] for code in each.life_events if code in events), None))
                for each in found
            ],
            "shortcuts": content.life_events[:SHORTCUTS],
            "more_icons": sorted({"next", "note", *(event.icon for event in events.values())}),
        }

    @job.get("/nha")
    def home() -> str:
        lead, _ = board_of(house)
        return render_template(
            "home.html",
            life_events=house.content().life_events,
            doors=doors_of(house),
            today=today_of(house.clock.now(), language()),
            lead=lead,
            warning=house.content().warning_of(today()),
        )

    @job.get("/su-kien/<code>")
    def event(code: str) -> str:
        content = house.content()
        found = next((each for each in content.life_events if each.code == code), None)
        if found is None:
            abort(404)
        return _list(found, content.of_event(code, today()))

    def _list(found: LifeEvent, procedures: list[Procedure]) -> str:
        size = A_PAGE[house.panel.layout, is_large()]
        count = max(1, ceil(len(procedures) / size))
        page = min(max(request.args.get("trang", 1, int), 1), count)
        shown = procedures[(page - 1) * size : page * size]
        return render_template("event.html", event=found, procedures=shown, page=page, pages=count)

    @job.get("/tim")
    def find() -> str:
        return render_template("search.html", **search(request.args.get("q", "")[:QUERY_LONGEST]))

    @job.post("/tim/goi-y")
    def suggest() -> str:
        return render_template("found.html", **search(request.form.get("q", "")[:QUERY_LONGEST]))

    @job.get("/tt/<code>")
    def procedure(code: str) -> str | Answer:
        found = house.content().procedure(code)
        if found is None:
            abort(404)
        if found.code != code:
            return redirect(f"/tt/{found.code}?tu={came_from()}", 302)
        return _guide(found)

    def _guide(found: Procedure) -> str:
        shown = page_of(
            found, today(), house.panel.layout, large=is_large(), step=request.args.get("buoc", 0, int)
        )
        turn = {"tu": came_from()}
        to = {"done": "/nha"}
        if shown.step > 1:
            to["before"] = address(f"/tt/{found.code}", buoc=shown.step - 1, **turn)
        if shown.step < shown.steps:
            to["after"] = address(f"/tt/{found.code}", buoc=shown.step + 1, **turn)
        return render_template("guide.html", shown=shown, to=to)

    return job
