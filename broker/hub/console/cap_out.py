"""The commune's emergencies for everybody's machines: an Atom feed of CAP 1.2 messages, and each message."""

from __future__ import annotations

import hashlib

from flask import Blueprint, abort, request, url_for
from werkzeug.wrappers import Response

from broker.hub.cap import outgoing
from broker.hub.cap.feeds import CAP_TYPE
from broker.hub.console import access
from broker.hub.console.desk import desk, now

pages = Blueprint("cap_out", __name__)


@pages.get("/cap/feed.atom")
@access.public
def feed() -> Response:
    """What was let speak in the last days; drills are in it as exercises."""
    here = desk()
    with here.database.reading() as db:
        found = outgoing.messages(db, here.settings.place, now())
    name = here.settings.place.commune_name
    return _answer(outgoing.feed(found, name, _address("feed"), _of, now()), "application/atom+xml")


@pages.get("/cap/<identifier>.xml")
@access.public
def message(identifier: str) -> Response:
    """One message."""
    here = desk()
    with here.database.reading() as db:
        found = outgoing.one_message(db, here.settings.place, identifier, now())
    if found is None:
        abort(404)
    return _answer(found.xml, CAP_TYPE)


def _of(identifier: str) -> str:
    return _address("message", identifier=identifier)


def _address(name: str, **values: str) -> str:
    return url_for(f"cap_out.{name}", _external=True, **values)


def _answer(data: bytes, kind: str) -> Response:
    """Bytes with their mark, so that whoever asks every minute gets them once."""
    answer = Response(data, mimetype=kind)
    answer.set_etag(hashlib.sha256(data).hexdigest()[:32])
    answer.headers["Cache-Control"] = "public, max-age=20"
    return answer.make_conditional(request)
