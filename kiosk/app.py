"""The Flask app of the touch screen. Nothing of a visitor is kept on the server: what is typed stays on the page."""

from __future__ import annotations

import hashlib
import logging
import re
from pathlib import Path
from urllib.parse import urlsplit

from flask import Flask, Response, abort, render_template, request
from werkzeug.exceptions import HTTPException

from broker.look import dress
from broker.look.icons import drawn
from kiosk.feedback import Desk
from kiosk.helper import Bell
from kiosk.house import House
from kiosk.identity import holds_identity
from kiosk.pages import (
    alive,
    choose,
    feedback,
    fields,
    guide,
    help_call,
    listen,
    notice,
    procedure,
    questions,
    slip,
    village,
)
from kiosk.visit import Visit
from kiosk.visitor import asked_language, came_from, is_large, is_low, theme, way_of_typing

log = logging.getLogger(__name__)

ROOM = Path(__file__).parent
LARGEST_BODY = 32 * 1024
OWN_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
"""The kiosk listens on loopback only."""
ADDRESSES = frozenset({"ve", "tu", "trang"})
"""Values that are addresses of our own pages, unless somebody made them up."""
_ANNOUNCEMENT = re.compile(r"/loa/[a-z]{2}-[0-9a-f]{10}(?![0-9a-z])", re.ASCII)
"""One announcement's: its name may happen to be nine figures and a letter."""
NOT_TYPED = frozenset({"mot_lan", "cau"})
"""Values that no visitor typed: the random name of a form, a sentence of our own page that is read aloud."""


def create_app(house: House) -> Flask:
    """The screen of one house. Needs no broker and no network: `house` has all it asks for."""
    app = Flask(__name__, static_folder=None, template_folder=str(ROOM / "templates"))
    app.config.update(MAX_CONTENT_LENGTH=LARGEST_BODY)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters["capital"] = lambda text: text[:1].upper() + text[1:]
    app.jinja_env.globals["drawn"] = drawn
    dress(
        app,
        static=ROOM / "static",
        catalogues=[ROOM / "catalogues", ROOM / "shipped"],
        language=asked_language,
    )
    _serve_panel(app, house)
    visit = Visit(house.visit_over)
    app.before_request(_keep_out_strangers)
    app.before_request(_refuse_identity)
    app.after_request(visit.note_leaving)
    app.context_processor(lambda: _page_facts(house, visit))
    app.register_error_handler(HTTPException, lambda why: _sorry(why.code or 500))
    app.register_error_handler(Exception, _broken)
    for pages in (
        notice.pages(house),
        guide.pages(house),
        questions.pages(house),
        fields.pages(house),
        procedure.pages(house),
        slip.pages(house),
        village.pages(house),
        feedback.pages(house, Desk(house)),
        help_call.pages(house, Bell(house)),
        choose.pages(),
        listen.pages(house),
        alive.pages(house),
    ):
        app.register_blueprint(pages)
    return app


def _keep_out_strangers() -> None:
    """Other pages that might be open in the browser may not press our buttons."""
    if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        abort(403)
    own = urlsplit(request.host_url)
    if own.hostname not in OWN_NAMES:
        abort(403)  # a name of somebody else's that was made to lead here
    origin = request.headers.get("Origin", "")
    if origin and urlsplit(origin).netloc != own.netloc:
        abort(403)


def _refuse_identity() -> tuple[str, int] | None:
    """A number of a person is neither searched for, nor sent, nor kept, nor logged."""
    sent = [*request.args.items(multi=True), *request.form.items(multi=True)]
    typed = [
        (name, _ANNOUNCEMENT.sub("/loa/", value) if name in ADDRESSES else value) for name, value in sent
    ]
    if any(holds_identity(value) for name, value in typed if name not in NOT_TYPED):
        return render_template("refused.html", here=request.path), 422
    return None


def _serve_panel(app: Flask, house: House) -> None:
    css = house.panel.css()
    address = f"/panel-{hashlib.sha256(css.encode()).hexdigest()[:12]}.css"

    def panel() -> Response:
        return Response(css, mimetype="text/css", headers={"Cache-Control": "public, max-age=31536000"})

    app.add_url_rule(address, "panel", panel)
    app.jinja_env.globals["panel_css"] = address


def _page_facts(house: House, visit: Visit) -> dict[str, object]:
    """What every page's frame needs."""
    return {
        "layout": house.panel.layout,
        "large": is_large(),
        "low": is_low() and house.panel.layout != "lookup",
        "way": way_of_typing(),
        "lock": visit.lock,
        "theme": theme(house.theme),
        "commune": house.commune,
        "village": house.village,
        "here": request.full_path.rstrip("?"),
        "came_from": came_from(),
    }


def _sorry(status: int) -> tuple[str, int]:
    return render_template("sorry.html", missing=status == 404, full=status == 413), status


def _broken(why: Exception) -> tuple[str, int]:
    # Whatever went wrong on one page, the visitor gets a page that says what to do, and the log gets the trace.
    log.error("page failed: %s", request.endpoint, exc_info=why, extra={"event": "page-failed"})
    return _sorry(500)
