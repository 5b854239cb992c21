"""Phòng trực công an: alerts as they come, what the camera saw, and what the officer does about it."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, abort, redirect, render_template, request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from broker.hub import alerts, incident_acts, quiet
from broker.hub.alert_kinds import CHOICES
from broker.hub.console import access, duty_pictures
from broker.hub.console.day import commune_of
from broker.hub.console.desk import desk, is_part, now
from broker.hub.console.duty_queue import queue_of
from broker.hub.console.shift_book import head_of
from broker.hub.console.watch import blind_of, reasons_of, scene_of
from broker.hub.console.wording import hm
from broker.hub.declined import Declined
from broker.hub.records import Account, Alert, Camera
from broker.hub.row_numbers import number_of

pages = Blueprint("duty", __name__)

Answer = Response | tuple[str, int]


@pages.get("/duty")
@access.allow("police")
def room() -> str:
    """The duty room with nothing opened: an alert is seen when somebody chose to, not when a page was loaded."""
    return _page(None)


@pages.get("/duty/<int:number>")
@access.allow("police")
def alert(number: int) -> str | Response:
    """One alert. Opening a raised one marks it as seen; a page that merely follows what happens does not."""
    if is_part():
        part = "_duty_info.html" if request.args.get("part") == "info" else "_duty_scene.html"
        with desk().database.reading() as db:
            return render_template(part, **scene_of(db, number, now()))
    with desk().database.session() as db:
        found = db.get(Alert, number)
        if found is None:
            abort(404)
        if found.state == "raised":
            alerts.mark_seen(db, _me(db), number, now())
    return _page(number)


@pages.get("/duty/queue")
@access.allow("police")
def queue() -> str:
    """The queue alone, for the script."""
    here = number_of(request.args.get("here", ""))
    with desk().database.reading() as db:
        found = queue_of(db, commune_of(db), now(), here)
    return render_template("_duty_queue.html", queue=found, number=here)


@pages.get("/duty/cameras")
@access.allow("police")
def cameras() -> str:
    """The strip of cameras that do not see, for the script."""
    with desk().database.reading() as db:
        blind, total = blind_of(db, now())
    return render_template("_duty_cameras.html", blind=blind, total=total)


@pages.get("/duty/<int:number>/snapshot")
@access.allow("police")
def snapshot(number: int) -> Response:
    """The picture that came with the alarm."""
    return duty_pictures.picture(number, "snapshot")


@pages.get("/duty/<int:number>/before")
@access.allow("police")
def before(number: int) -> Response:
    """What a tampered camera saw while all was well."""
    return duty_pictures.picture(number, "before")


@pages.get("/duty/<int:number>/best")
@access.allow("police")
def best(number: int) -> Response:
    """The picture that shows an episode best."""
    return duty_pictures.picture(number, "best")


@pages.get("/duty/<int:number>/clip")
@access.allow("police")
def clip(number: int) -> Response:
    """The clip."""
    return duty_pictures.clip(number)


@pages.post("/duty/<int:number>/take")
@access.allow("police")
def take(number: int) -> Answer:
    """Tôi nhận. Form: instead (yes: from who has it in hand)."""
    instead = request.form.get("instead") == "yes"
    return _act(number, lambda db, me: alerts.take(db, me, number, now(), upon=_upon(), instead=instead))


@pages.post("/duty/<int:number>/escalate")
@access.allow("police")
def escalate(number: int) -> Answer:
    """Chuyển cấp trên. Form: whom, note."""
    whom, note = request.form.get("whom", ""), request.form.get("note", "")
    return _act(number, lambda db, me: alerts.escalate(db, me, number, whom, note, now(), upon=_upon()))


@pages.post("/duty/<int:number>/close")
@access.allow("police")
def close(number: int) -> Answer:
    """Đóng, as true with a note or as false with the reason. Form: why, note."""
    why, note = request.form.get("why", ""), request.form.get("note", "")
    return _act(number, lambda db, me: alerts.close(db, me, number, why, note, now(), upon=_upon()))


@pages.post("/duty/<int:number>/note")
@access.allow("police")
def note(number: int) -> Answer:
    """Ghi chú. Form: note."""
    said = request.form.get("note", "")
    return _act(number, lambda db, me: alerts.add_note(db, me, number, said, now()))


@pages.post("/duty/<int:number>/reopen")
@access.allow("police")
def reopen(number: int) -> Answer:
    """Mở lại. Form: note (why)."""
    said = request.form.get("note", "")
    return _act(number, lambda db, me: alerts.reopen(db, me, number, said, now(), upon=_upon()))


@pages.post("/duty/<int:number>/take-all")
@access.allow("police")
def take_all(number: int) -> Answer:
    """Nhận cả: what is free of the incident. Form: incident, newest, upon."""
    incident, newest = _incident()
    return _act(number, lambda db, me: incident_acts.take_all(db, me, incident, newest, now(), upon=_upon()))


@pages.post("/duty/<int:number>/close-all")
@access.allow("police")
def close_all(number: int) -> Answer:
    """Đóng cả: what is open of the incident. Form: incident, newest, upon, why, note."""
    incident, newest = _incident()
    why, said = request.form.get("why", ""), request.form.get("note", "")
    return _act(
        number,
        lambda db, me: incident_acts.close_all(db, me, incident, newest, why, said, now(), upon=_upon()),
    )


@pages.post("/duty/<int:number>/quiet")
@access.allow("police")
def leave_quiet(number: int) -> Answer:
    """Bỏ qua chỗ này: what was offered for a false alarm. Form: mark, knows."""
    mark, knows = request.form.get("mark", ""), request.form.get("knows", "") == "yes"
    return _act(number, lambda db, me: quiet.apply(db, me, number, mark, now(), knows_true=knows))


@pages.post("/duty/<int:number>/quiet/<int:one>/undo")
@access.allow("police")
def tell_again(number: int, one: int) -> Answer:
    """Báo lại, hoàn tác."""
    return _act(number, lambda db, me: quiet.undo(db, me, one, now()))


@pages.post("/duty/<int:number>/quiet/<int:one>/keep")
@access.allow("police")
def keep_quiet(number: int, one: int) -> Answer:
    """Vẫn bỏ qua: asked again in a month."""
    return _act(number, lambda db, me: quiet.keep(db, me, one, now()))


def _act(number: int, act: Callable[[Session, Account], object]) -> Answer:
    """Do it and show the alert as it stands then; what is declined is said on the same page."""
    try:
        with desk().database.session() as db:
            act(db, _me(db))
    except Declined as why:
        if why.code in ("no-alert", "no-right"):
            raise
        return _page(number, str(why)), 409
    return redirect(url_for("duty.alert", number=number))


def _upon() -> int | None:
    """The last decisive step the page showed; None where it did not say, as of a form made by hand.

    What is no number is a page that showed nothing yet: then whatever others did counts as news.
    """
    said = request.form.get("upon")
    return None if said is None else number_of(said) or 0


def _incident() -> tuple[int, int]:
    incident, newest = (number_of(request.form.get(name, "")) or 0 for name in ("incident", "newest"))
    return incident, newest


def _page(number: int | None, trouble: str = "") -> str:
    at = now()
    with desk().database.reading() as db:
        commune = commune_of(db)
        queue = queue_of(db, commune, at, number)
        blind, total = blind_of(db, at)
        scene = scene_of(db, number, now()) if number is not None else {}
        count = db.scalar(select(func.count()).select_from(Camera).where(Camera.retired_at.is_(None))) or 0
        return render_template(
            "duty.html",
            here="duty",
            theme="night",
            queue=queue,
            trouble=trouble,
            typed=request.form.get("note", "") if trouble else "",
            sounds=CHOICES,
            blind=blind,
            total=total,
            cameras=count,
            clock=hm(at),
            at_ms=round(at.timestamp() * 1000),
            **head_of(db, at),
            **{"number": None, "reasons": reasons_of(), **scene},
        )


def _me(db: Session) -> Account:
    return db.get_one(Account, access.visitor().id)
