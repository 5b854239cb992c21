"""Toạ độ của điểm: the admin says where the loudspeakers of a node stand."""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

from broker.hub.console import access, nodes
from broker.hub.console.desk import desk, now
from broker.hub.console.spot import Spot
from broker.hub.declined import Declined
from broker.hub.records import Account
from broker.hub.whereabouts import place_node, point_from

pages = Blueprint("placing", __name__)


@pages.post("/nodes/<name>/place")
@access.allow("admin")
def place(name: str) -> Response | tuple[str, int]:
    """Keep where it stands; both fields empty take it away."""
    north, east = request.form.get("north", "")[:60], request.form.get("east", "")[:60]
    try:
        point = point_from(north, east)
        with desk().database.session() as db:
            place_node(db, db.get_one(Account, access.visitor().id), nodes.node_of(db, name), point, now())
    except Declined as why:
        return nodes.show(name, Spot(north, east, [], str(why))), 409
    return redirect(url_for("nodes.one_node", name=name, _anchor="toa-do"))
