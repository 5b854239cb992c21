"""Đài tiếp sóng: the stations that may be relayed, who put them there, and what still uses them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from broker.hub import stations as shelf
from broker.hub.console import access
from broker.hub.console.desk import desk, now
from broker.hub.declined import Declined
from broker.hub.records import Account

pages = Blueprint("stations", __name__)

READERS = ("editor", "approver", "leader", "admin", "auditor")
NOTES = {
    "added": "Đã thêm đài. Khi soạn bản tin, chọn “Tiếp sóng đài” sẽ thấy.",
    "removed": "Đã bỏ đài. Bản tin đã duyệt vẫn phát như lúc ký; không muốn nữa thì gỡ bản tin.",
}


@dataclass(frozen=True)
class Line:
    """One station, and the approved announcements that relay it: key and title."""

    name: str
    address: str
    is_live: bool
    """A live microphone of the commune, which no browser can open."""
    uses: Sequence[tuple[str, str]]


@pages.get("/stations")
@access.allow(*READERS)
def all_stations() -> str:
    """The list, and for an approver or an admin a form to add."""
    return _page()


@pages.post("/stations")
@access.allow(*shelf.KEEPERS)
def add() -> Response | tuple[str, int]:
    """Put one on the list. Form: name, address."""
    form = request.form
    try:
        with desk().database.session() as db:
            me = db.get_one(Account, access.visitor().id)
            shelf.add_station(db, me, form.get("name", ""), form.get("address", ""), now())
    except Declined as why:
        return _page(str(why), form.get("name", ""), form.get("address", "")), 409
    return redirect(url_for("stations.all_stations", note="added"))


@pages.post("/stations/remove")
@access.allow(*shelf.KEEPERS)
def remove() -> Response | tuple[str, int]:
    """Take one off the list. Form: name."""
    try:
        with desk().database.session() as db:
            me = db.get_one(Account, access.visitor().id)
            shelf.remove_station(db, me, request.form.get("name", ""), now())
    except Declined as why:
        return _page(str(why)), 409
    return redirect(url_for("stations.all_stations", note="removed"))


def _page(trouble: str = "", name: str = "", address: str = "") -> str:
    with desk().database.reading() as db:
        kept = shelf.stations_of(db)
        uses = shelf.users_of(db, kept)
    lines = [
        Line(
            one.name,
            one.address,
            one.address.startswith("snap:"),
            [(row.announcement_id, row.title) for row in uses[one.name]],
        )
        for one in kept
    ]
    return render_template(
        "stations.html",
        here="stations",
        lines=lines,
        may_edit=access.visitor().is_any(*shelf.KEEPERS),
        note=NOTES.get(request.args.get("note", ""), ""),
        trouble=trouble,
        name=name,
        address=address,
    )
