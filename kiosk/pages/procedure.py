"""One procedure: its page or its steps, the papers one has and lacks, and what is known by name only."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Blueprint, abort, redirect, render_template, request
from werkzeug.wrappers import Response as Answer

from broker.contract.content import Procedure
from broker.look.procedure import Code, list_text, page_of, parts_of, standing
from kiosk.house import House
from kiosk.visitor import came_from, is_large


def address(path: str, **values: object) -> str:
    """`path` with its question."""
    return f"{path}?{urlencode(values)}"


def pages(house: House) -> Blueprint:
    """The blueprint of procedures."""
    job = Blueprint("procedure", __name__)

    @job.get("/tt/<code>")
    def procedure(code: str) -> str | Answer:
        content = house.content()
        found = content.procedure(code)
        if found is not None:
            return _guide(found) if found.code == code else redirect(_to(found.code), 302)
        named = content.named.get(content.bundle.redirects.get(code, code))
        if named is None:
            abort(404)
        return render_template("named.html", title=named.name, up=_back_to(named.code))

    def _guide(found: Procedure) -> str:
        shown = page_of(
            found,
            house.today(),
            house.panel.layout,
            large=is_large(),
            step=request.args.get("buoc", 0, int),
            own_domain=house.domain,
        )
        if not shown.is_told:
            return render_template("untold.html", shown=shown, up=_back_to(found.code))
        to = {"done": "/nha", "check": _to(found.code, "/kiem-giay")}
        if house.print is not None:
            to["print"] = _to(found.code, "/in")
        if shown.step > 1:
            to["before"] = _to(found.code, buoc=shown.step - 1)
        if shown.step < shown.steps:
            to["after"] = _to(found.code, buoc=shown.step + 1)
        return render_template("guide.html", shown=shown, to=to, up=_back_to(found.code))

    def _to(code: str, more: str = "", **values: object) -> str:
        return address(f"/tt/{code}{more}", **values, tu=came_from())

    def _back_to(code: str) -> str:
        """The page before; a long list opens again at the row one came from."""
        return f"{came_from()}#{code}" if came_from().startswith("/linh-vuc/") else came_from()

    def _told(code: str) -> Procedure:
        found = house.content().procedures.get(code)
        if found is None or standing(found, house.today()) not in ("fresh", "due") or not found.documents:
            abort(404)
        return found

    @job.route("/tt/<code>/kiem-giay", methods=["GET", "POST"])
    def papers(code: str) -> str:
        """What one has and lacks. GET: as larger letters or another language come back to it, with the ticks."""
        found = _told(code)
        ticked = {n for n, _ in enumerate(found.documents) if str(n) in request.values.getlist("co")}
        is_asked = request.method == "POST" or "xem" in request.args
        if not is_asked or "sua" in request.values:
            return _ticking(found, ticked)
        missing = [each for n, each in enumerate(found.documents) if n not in ticked]
        there = [each for n, each in enumerate(found.documents) if n in ticked]
        return render_template(
            "lacking.html",
            procedure=found,
            missing=missing,
            there=there,
            ticked=sorted(ticked),
            doubts=parts_of(found, house.today())[0].lines,
            code=Code(list_text(found, missing)),
            slip=_to(found.code, "/in") if house.print is not None else "",
            up=_to(code, "/kiem-giay"),
            here=f"{_to(code, '/kiem-giay')}&{urlencode([('xem', 1), *(('co', n) for n in sorted(ticked))])}",
        )

    def _ticking(found: Procedure, ticked: set[int]) -> str:
        return render_template("papers.html", procedure=found, ticked=ticked, up=_to(found.code))

    return job
