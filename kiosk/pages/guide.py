"""Làm giấy tờ: home with its nine life events, and search."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response as Answer

from broker.contract.content import LifeEvent
from broker.look.icons import drawn
from kiosk.content import WARNINGS, Content
from kiosk.house import House
from kiosk.pages.notice import board_of, today_of
from kiosk.pages.village import doors_of
from kiosk.visitor import language

ANSWERS = {"wide": 3, "tall": 5, "small": 2, "lookup": 2}
"""Big answers on the search page; more would be read as a list, not as a choice."""
SHORTCUTS = 6
QUERY_LONGEST = 120


@dataclass(frozen=True)
class Found:
    """One answer of the search: where it leads, what it is called, and what it belongs to."""

    code: str
    title: str
    event: LifeEvent | None = None
    is_warning: bool = False
    is_sensitive: bool = False
    """Read aloud only after asking."""

    @property
    def path(self) -> str:
        """Where it leads."""
        return f"/{self.code}" if self.is_warning else f"/tt/{self.code}"


def found_in(content: Content, code: str) -> Found | None:
    """What the content says of a code; None when it knows none."""
    if code in content.procedures:
        procedure = content.procedures[code]
        events = (each for each in content.life_events if each.code in procedure.life_events)
        return Found(code, procedure.title, next(events, None), is_sensitive=procedure.sensitive)
    if code == WARNINGS and content.warnings:
        return Found(code, "Coi chừng lừa đảo", is_warning=True)
    warning = next((each for each in content.warnings if code == f"{WARNINGS}/{each.code}"), None)
    if warning is not None:
        return Found(code, warning.title, is_warning=True)
    named = content.named.get(code)
    return Found(code, named.name) if named else None


def pages(house: House) -> Blueprint:
    """The blueprint of paperwork."""
    job = Blueprint("guide", __name__)

    def search(query: str, *, is_whole: bool) -> dict[str, object]:
        content = house.content()
        hits = house.find(query, ANSWERS[house.panel.layout]) if query.strip() else []
        if is_whole and query.strip() and not hits:
            house.missed(query)
        events = content.life_events
        return {
            "query": query,
            "hits": [found for hit in hits if (found := found_in(content, hit.code))],
            "shortcuts": events[:SHORTCUTS],
            "more_icons": sorted({"next", "note", "shield", *(drawn(event.icon) for event in events)}),
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
            warning=house.content().warning_of(house.today()),
        )

    @job.route("/tim", methods=["GET", "POST"])
    def find() -> str | Answer:
        if house.panel.layout == "lookup":
            return redirect("/linh-vuc", 302)
        return render_template(
            "search.html", **search(request.values.get("q", "")[:QUERY_LONGEST], is_whole=True)
        )

    @job.post("/tim/goi-y")
    def suggest() -> str:
        query, is_whole = request.form.get("q", "")[:QUERY_LONGEST], "tim" in request.form
        return render_template("found.html", **search(query, is_whole=is_whole))

    return job
