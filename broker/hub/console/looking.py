"""Looking at a camera now: live for a minute, or one picture. Both ask why before anything is shown."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, abort, current_app, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from broker.hub import alert_views, live_view, stills
from broker.hub.announcing.render import media_store
from broker.hub.camera_sight import sights_of
from broker.hub.console import access
from broker.hub.console.cameras import say_sight
from broker.hub.console.day import commune_of
from broker.hub.console.desk import desk, is_part, now
from broker.hub.console.live_stream import KIND, OVER, Feed
from broker.hub.console.pictures import send_media
from broker.hub.console.wording import hms
from broker.hub.declined import Declined
from broker.hub.live_pictures import LivePictures
from broker.hub.records import Account, Alert, Camera, CameraStill
from broker.hub.row_numbers import number_of
from broker.look.serving import UNSENT

pages = Blueprint("looking", __name__)

Answer = Response | str | tuple[str, int]


@pages.get("/duty/look")
@access.allow("police")
def cameras() -> str:
    """Every camera in use and whether it sees; each leads to its day, where one may look at it now."""
    at = now()
    with desk().database.reading() as db:
        names, sights = commune_of(db).names, sights_of(db, at)
        rows = db.scalars(select(Camera).where(Camera.retired_at.is_(None)).order_by(Camera.name)).all()
    found = [
        (names.get(row.village, row.village), row, *say_sight(sights[row.node, row.camera], at))
        for row in rows
    ]
    return render_template("duty-cameras.html", here="duty", theme="night", found=found)


@pages.get("/duty/look/<node>/<camera>")
@access.allow("police", "admin")
def part(node: str, camera: str) -> str:
    """How looking at a camera stands for this person, for the script."""
    return _panel(node, camera)


@pages.post("/duty/look/<node>/<camera>")
@access.allow("police", "admin")
def start(node: str, camera: str) -> Answer:
    """Xem trực tiếp."""
    try:
        with desk().database.session() as db:
            why = _reason(db, node, camera)
            live_view.start(db, _me(db), node, camera, why, now())
    except Declined as refused:
        return _refused(node, camera, refused)
    return _answer(node, camera)


@pages.post("/duty/look/<node>/<camera>/still")
@access.allow("police", "admin")
def shoot(node: str, camera: str) -> Answer:
    """Chụp ngay."""
    try:
        with desk().database.session() as db:
            why = _reason(db, node, camera)
            stills.ask(db, _me(db), node, camera, now(), why.logged)
    except Declined as refused:
        return _refused(node, camera, refused)
    return _answer(node, camera)


@pages.get("/duty/still/<wish>")
@access.allow("police", "admin")
def still(wish: str) -> Response:
    """A picture this person asked for; nobody else's reason opens it."""
    with desk().database.reading() as db:
        row = db.get(CameraStill, wish)
    is_mine = row is not None and row.asked_by == access.visitor().id
    if row is None or not is_mine or not row.picture or stills.outcome_of(row, now()) != "came":
        abort(404)
    return send_media(media_store(desk().settings), row.picture, "image/jpeg")


@pages.get("/duty/live/<view>")
@access.allow("police", "admin")
def pictures(view: str) -> Response | tuple[str, int]:
    """The pictures of a view as they come, to the one who asked for them and to one page at a time."""
    here, person, visit, live = desk(), access.visitor(), access.visit(), _live()
    with here.database.reading() as db:
        row = live_view.own(db, person.id, view)
    if not live_view.is_running(row, now()):
        return f"{OVER}\n", 410
    looker = live.join(view)
    feed = Feed(
        here,
        live,
        view,
        looker,
        still_may=lambda: access.still_may(here, visit, person),
        unsent=request.environ.get(UNSENT, lambda: 0),
    )
    answer = Response(feed.parts(), content_type=KIND)
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Accel-Buffering"] = "no"
    answer.call_on_close(lambda: live.leave(view, looker))
    return answer


@pages.post("/duty/live/<view>/more")
@access.allow("police", "admin")
def go_on(view: str) -> Answer:
    """Xem tiếp."""
    with desk().database.session() as db:
        row = live_view.own(db, access.visitor().id, view)
        try:
            live_view.go_on(db, _me(db), view, now())
        except Declined as refused:
            return _refused(row.node, row.camera, refused)
    return _answer(row.node, row.camera)


@pages.post("/duty/live/<view>/stop")
@access.allow("police", "admin")
def stop(view: str) -> Answer:
    """Dừng xem."""
    with desk().database.session() as db:
        row = live_view.stop(db, _me(db), view, now())
    _live().forget(view)
    return _answer(row.node, row.camera)


@pages.app_template_global("live_of")
def live_of(node: str, camera: str, alert: int | None = None) -> dict[str, Any] | None:
    """What `_live_view.html` shows as `live` to the visitor; None for what is no camera in use.

    alert: what led here.
    """
    at = now()
    with desk().database.reading() as db:
        return _facts(db, node, camera, alert, at)


def _facts(db: Session, node: str, camera: str, alert: int | None, at: datetime) -> dict[str, Any] | None:
    row = db.get(Camera, (node, camera))
    if row is None or row.retired_at is not None:
        return None
    me = access.visitor().id
    choices = _choices(db, node, camera, alert)
    running = live_view.running_of(db, me, node, camera, at)
    own = select(CameraStill).where(
        CameraStill.node == node, CameraStill.camera == camera, CameraStill.asked_by == me
    )
    opened = db.get(Alert, alert) if alert else None
    if opened is not None:  # what was asked for another matter is not how things stood in this one
        own = own.where(CameraStill.asked_at >= opened.raised_at)
    asked = db.scalars(own.order_by(CameraStill.asked_at.desc(), CameraStill.request).limit(1)).first()
    return {
        "node": node,
        "camera": camera,
        "name": row.name,
        "alert": alert if "alert" in choices else "",
        "choices": [*choices.items(), (alert_views.OTHER, alert_views.OTHER_SAID)],
        "view": running,
        "may_go_on": running is not None and live_view.may_go_on(running),
        "left_s": round((running.until - at).total_seconds()) if running else 0,
        "still": _still(asked, at),
        "trouble": "",
    }


def _still(asked: CameraStill | None, at: datetime) -> dict[str, object]:
    """What became of the picture this person asked for last."""
    if asked is None:
        return {}
    outcome = stills.outcome_of(asked, at)
    troubles = {"silent": stills.SILENT, "refused": asked.reason}
    return {
        "request": asked.request if outcome == "came" else "",
        "taken": hms(asked.taken_at) if asked.taken_at else "",
        "is_waiting": outcome == "waiting",
        "trouble": troubles.get(outcome, ""),
    }


def _choices(db: Session, node: str, camera: str, alert: int | None) -> dict[str, str]:
    """Reasons to choose from; first the open alert of this camera that led here."""
    found = db.get(Alert, alert) if alert else None
    is_open = found is not None and (found.node, found.camera) == (node, camera) and found.state != "closed"
    return {**({"alert": f"cảnh báo {alert}"} if is_open else {}), **live_view.REASONS}


def _reason(db: Session, node: str, camera: str) -> alert_views.Reason:
    """What was chosen and written. Raises Declined."""
    choices = _choices(db, node, camera, _alert())
    return alert_views.reason_of(request.form.get("why", ""), request.form.get("words", ""), choices)


def _alert() -> int | None:
    """The number of the alert that led here."""
    return number_of(request.values.get("alert", ""))


def _panel(node: str, camera: str, trouble: str = "") -> str:
    live = live_of(node, camera, _alert())
    if live is None:
        abort(404)
    return render_template("_live_panel.html", live={**live, "trouble": trouble})


def _refused(node: str, camera: str, why: Declined) -> Answer:
    """The panel with what stands in the way; without a script a page that says it."""
    if not is_part() or why.code == "no-camera":
        raise why
    return _panel(node, camera, str(why)), 409


def _answer(node: str, camera: str) -> Answer:
    if is_part():
        return _panel(node, camera)
    alert = _alert()
    if not access.visitor().is_any("police"):
        return redirect(url_for("camera_page.one", node=node, camera=camera))
    if alert is not None:
        return redirect(url_for("duty.alert", number=alert))
    return redirect(url_for("duty_day.one", node=node, camera=camera))


def _live() -> LivePictures:
    found: LivePictures = current_app.extensions["live-pictures"]
    return found


def _me(db: Session) -> Account:
    return db.get_one(Account, access.visitor().id)
