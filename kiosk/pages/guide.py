"""Làm giấy tờ: home, the nine life events, search, and one procedure as one page or as steps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from math import ceil
from urllib.parse import urlsplit

from flask import Blueprint, abort, redirect, render_template, request
from werkzeug.wrappers import Response as Answer

from broker.contract.content import LifeEvent, Procedure
from broker.link.clock import LOCAL
from broker.look import say
from kiosk.house import House
from kiosk.pages.notice import board_of, today_of
from kiosk.pages.village import doors_of
from kiosk.visitor import came_from, is_large, language

ANSWERS = 3
"""Big answers on the search page; more would be read as a list, not as a choice."""
SHORTCUTS = 6
QUERY_LONGEST = 120

_CUT = re.compile(r"(?:;|(?<=[^\W\d_]{2})\.(?=\s))(?![^(]*\))\s*")
"""At a semicolon or a full stop, never inside brackets: half a bracket is no sentence."""


@dataclass(frozen=True)
class Part:
    """One of the four questions a villager has, and what answers it."""

    icon: str
    title: str
    items: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    first: int = 1
    """Number of the first item when the list goes on from the step before."""
    link: bool = False


def sentences_of(text: str) -> list[str]:
    """A clerk's long line cut into short ones, each with a capital and a full stop."""
    pieces = [piece.strip(" .") for piece in _CUT.split(text)]
    return [piece[0].upper() + piece[1:] + "." for piece in pieces if piece]


def parts_of(procedure: Procedure) -> list[Part]:
    """Mang gì đi, bao lâu, bao nhiêu tiền, làm ở đâu. What the source leaves open is said to be open.

    Content, so always in Vietnamese, like the records it comes from.
    """
    ask = "Chưa rõ. Bác hỏi cán bộ một cửa."
    time = sentences_of(procedure.processing_time) or [ask]
    if procedure.deadline:
        time.append(f"Hạn của bác: {_lower(procedure.deadline.strip(' .'))}.")
    fee = [line for each in procedure.fees for line in sentences_of(each.text)] or [ask]
    if procedure.fee_exempt:
        fee.append(f"Được miễn: {_lower(procedure.fee_exempt.strip(' .'))}.")
    if "fee" in procedure.uncertain and procedure.fees:
        fee.append("Bác hỏi lại ở xã cho chắc.")
    where = sentences_of(procedure.where) or [ask]
    if procedure.online:
        where.append("Làm trên điện thoại cũng được.")
    return [
        Part("list", "Mang gì đi", [each.name.rstrip(".") + "." for each in procedure.documents])
        if procedure.documents
        else Part("list", "Mang gì đi", lines=[ask]),
        Part("clock", "Bao lâu", lines=time),
        Part("money", "Bao nhiêu tiền", lines=fee),
        Part("pin", "Làm ở đâu", lines=where),
    ]


def _lower(text: str) -> str:
    """Lower-case the first letter unless the word is an abbreviation."""
    return text if text[:2].isupper() else text[:1].lower() + text[1:]


@dataclass(frozen=True)
class Room:
    """How much text a page has room for: letters a line and lines, in the layout at hand."""

    letters: int
    lines: int


def lines_needed(part: Part, letters: int) -> float:
    """Lines a part takes, its heading counted as two; an item of a list takes its number's width and a gap."""
    items = sum(ceil(len(item) / (letters - 4)) + 0.3 for item in part.items)
    return 2.0 + items + sum(ceil(len(line) / letters) for line in part.lines)


def fits_one_page(parts: list[Part], room: Room) -> bool:
    """Whether the four parts fit in two rows of two."""
    upper = max(lines_needed(parts[0], round(room.letters * 1.15)), lines_needed(parts[1], room.letters))
    lower = max(lines_needed(parts[2], round(room.letters * 1.15)), lines_needed(parts[3], room.letters))
    return upper + lower <= room.lines


def steps_of(parts: list[Part], room: Room) -> list[Part]:
    """The parts one after another, each cut so that it fits a page; the last one carries the code."""
    steps = [piece for part in parts for piece in _pieces(part, room)]
    return [*steps, Part("phone", "Xem trên điện thoại", link=True)]


def _pieces(part: Part, room: Room) -> Iterator[Part]:
    kept: list[str] = []
    used, first = 0, 1
    rows = part.items or part.lines
    for n, row in enumerate(rows, 1):
        need = ceil(len(row) / room.letters)
        if kept and used + need > room.lines:
            yield _piece(part, kept, first)
            kept, used, first = [], 0, n
        kept.append(row)
        used += need
    yield _piece(part, kept, first)


def _piece(part: Part, rows: list[str], first: int) -> Part:
    if part.items:
        return Part(part.icon, part.title, items=rows, first=first)
    return Part(part.icon, part.title, lines=rows)


ONE_PAGE = {"wide": Room(31, 13), "tall": Room(28, 26)}
"""Where the four parts may stand on one page, with ordinary letters."""
ONE_STEP = {
    ("wide", False): Room(54, 6),
    ("wide", True): Room(38, 4),
    ("tall", False): Room(38, 12),
    ("tall", True): Room(36, 10),
    ("small", False): Room(50, 5),
    ("small", True): Room(30, 2),
}
A_PAGE = {
    ("wide", False): 6,
    ("wide", True): 4,
    ("tall", False): 10,
    ("tall", True): 6,
    ("small", False): 4,
    ("small", True): 2,
}
"""Procedures on one page of a list."""


def checked(procedure: Procedure) -> str:
    """Who vouches for it and since when."""
    day = f"{procedure.checked_on:%d/%m/%Y}"
    if procedure.approved:
        return say("Kiểm tra ngày %(day)s", day=day)
    return say("Đối chiếu ngày %(day)s, chưa được xã duyệt", day=day)


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
        if found is None or (found.valid_to and found.valid_to < today()):
            abort(404)
        if found.code != code:
            return redirect(f"/tt/{found.code}?tu={came_from()}", 302)
        return _guide(found)

    def _guide(found: Procedure) -> str:
        parts = parts_of(found)
        link = found.address or found.source.url
        facts = {
            "procedure": found,
            "link": link,
            "link_host": urlsplit(link).hostname,
            "checked": checked(found),
        }
        room = ONE_PAGE.get(house.panel.layout)
        if room and not is_large() and "buoc" not in request.args and fits_one_page(parts, room):
            return render_template("guide.html", parts=parts, **facts)
        steps = steps_of(parts, ONE_STEP[house.panel.layout, is_large()])
        step = min(max(request.args.get("buoc", 1, int), 1), len(steps))
        after = steps[step].title if step < len(steps) and steps[step].title != steps[step - 1].title else ""
        return render_template(
            "guide_step.html", part=steps[step - 1], step=step, steps=len(steps), next_title=after, **facts
        )

    return job
