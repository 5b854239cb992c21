"""Các thôn: the villages of the commune by name, before and beside the drawn map."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from broker.hub import villages as places
from broker.hub.console import access
from broker.hub.console.desk import desk, now
from broker.hub.declined import Declined
from broker.hub.records import Village
from broker.look.villages import VillageShape, village_map
from broker.speech.languages import LANGUAGES, SPOKEN

pages = Blueprint("places", __name__)


@pages.get("/villages")
@access.allow("admin")
def villages() -> str:
    """The list, the map as it stands, and a form to add."""
    return _page()


@pages.post("/villages")
@access.allow("admin")
def add() -> Response | tuple[str, int]:
    """Add villages by name, one a line."""
    names = places.named(request.form.get("names", ""))
    try:
        with desk().database.session() as db:
            places.add_villages(db, names, access.visitor().username, now())
    except Declined as why:
        return _page(str(why)), 409
    return _onward()


@pages.post("/villages/<code>/remove")
@access.allow("admin")
def remove(code: str) -> Response | tuple[str, int]:
    """Take a village away that nothing refers to."""
    try:
        with desk().database.session() as db:
            places.remove_village(db, code, access.visitor().username, now())
    except Declined as why:
        return _page(str(why)), 409
    return _onward()


@pages.post("/villages/languages")
@access.allow("admin")
def languages() -> Response | tuple[str, int]:
    """Note where a language is spoken beside Vietnamese. Form: language, villages."""
    form = request.form
    try:
        with desk().database.session() as db:
            person = access.visitor().username
            places.speak_here(db, form.get("language", ""), form.getlist("villages"), person, now())
    except Declined as why:
        return _page(str(why)), 409
    return redirect(url_for("places.villages", _anchor="tieng-noi"))


def _onward() -> Response:
    """Back to where the form stood."""
    is_first = request.form.get("from") == "first-steps"
    return redirect(url_for("firststeps.first_steps" if is_first else "places.villages"))


def _page(trouble: str = "") -> str:
    with desk().database.reading() as db:
        rows = db.scalars(select(Village).order_by(Village.rank, Village.code)).all()
        used = {row.code for row in rows if places.is_used(db, row.code)}
    spoken = {code for row in rows for code in row.languages}
    shapes = [VillageShape(v.code, v.name, v.path, v.centre_x, v.centre_y) for v in rows]
    drawn = village_map(shapes, {}, label="Bản đồ các thôn", river=desk().river())
    return render_template(
        "villages.html",
        here="nodes",
        villages=rows,
        used=used,
        map=drawn,
        spoken=[(code, name) for code, name in LANGUAGES.items() if code in spoken],
        unspoken=[(code, name) for code, name in LANGUAGES.items() if code not in spoken and code != SPOKEN],
        trouble=trouble,
        typed=request.form.get("names", "") if trouble else "",
    )
