"""The live feed of open pages, as server-sent events."""

from __future__ import annotations

from flask import Blueprint, Response, abort, request

from broker.hub.console import access
from broker.hub.console.desk import desk
from broker.hub.console.live import TOPIC_ROLES
from broker.hub.declined import Declined

pages = Blueprint("stream", __name__)

TOPICS = frozenset(
    {
        *("alert", "play", "service", "announcement", "plan", "stop", "camera", "speaker", "node"),
        *("board", "feedback", "helper", "content", "reading", "gap", "quarantine"),
        *("rights", "revocation", "village", "account", "key", "trust", "warning", "search"),
    }
)

_LONGEST = 100
"""Digits of a number that is worth reading."""


@pages.get("/live")
@access.allow()
def live() -> Response:
    """A stream of changes under `topics` (by comma); 503 when too many pages are open, 429 when one's own are."""
    person = access.visitor()
    asked = frozenset(request.args.get("topics", "").split(",")) & TOPICS
    may = frozenset(topic for topic in asked if person.is_any(*TOPIC_ROLES.get(topic, person.roles)))
    if not may:
        abort(400)
    here = desk()
    try:
        listener = here.broadcaster.join(may, person.id)
    except Declined as why:
        return Response(f"{why}\n", 429 if why.code == "many-own-pages" else 503, {"Retry-After": "30"})
    visit = access.visit()
    last = request.headers.get("Last-Event-ID", "")
    body = here.broadcaster.stream(
        listener,
        int(last) if last.isascii() and last.isdigit() and len(last) < _LONGEST else None,
        lambda: access.still_may(here, visit, person),
    )
    answer = Response(body, mimetype="text/event-stream")
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Accel-Buffering"] = "no"
    answer.call_on_close(lambda: here.broadcaster.leave(listener))
    return answer
