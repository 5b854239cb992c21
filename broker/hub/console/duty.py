"""Phòng trực công an: alerts as they come, what the camera saw, and what the officer does about it."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from broker.hub import alerts
from broker.hub.console import access, duty_pictures
from broker.hub.console.day import commune_of
from broker.hub.console.desk import desk, is_part, now
from broker.hub.console.watch import blind_of, queue_of, reasons_of, scene_of
from broker.hub.console.wording import hm
from broker.hub.records import Account, Alert, Camera

pages = Blueprint("duty", __name__)


@pages.get("/duty")
@access.allow("police")
def room() -> str | Response:
    """The duty room with the newest alert that nobody has closed, or none."""
    with desk().database.reading() as db:
        query = select(Alert.id).where(Alert.state != "closed")
        newest = db.scalar(query.order_by(Alert.raised_at.desc(), Alert.id.desc()).limit(1))
    if newest is not None:
        return redirect(url_for("duty.alert", number=newest))
    return _page(None)


@pages.get("/duty/<int:number>")
@access.allow("police")
def alert(number: int) -> str | Response:
    """One alert. Opening a raised one marks it as seen."""
    with desk().database.session() as db:
        found = db.get(Alert, number)
        if found is None:
            abort(404)
        if found.state == "raised":
            alerts.mark_seen(db, _me(db), number, now())
    if is_part():
        with desk().database.reading() as db:
            return render_template("_duty_scene.html", **scene_of(db, number, now()))
    return _page(number)


@pages.get("/duty/queue")
@access.allow("police")
def queue() -> str:
    """The queue alone, for the script."""
    here = request.args.get("here", 0, type=int)
    with desk().database.reading() as db:
        entries, unseen = queue_of(db, commune_of(db), now())
    return render_template("_duty_queue.html", entries=entries, unseen=unseen, number=here)


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
def take(number: int) -> Response:
    """Tôi nhận."""
    with desk().database.session() as db:
        alerts.take(db, _me(db), number, now())
    return redirect(url_for("duty.alert", number=number))


@pages.post("/duty/<int:number>/escalate")
@access.allow("police")
def escalate(number: int) -> Response:
    """Chuyển cấp trên, with a note to whom and why."""
    with desk().database.session() as db:
        alerts.escalate(
            db, _me(db), number, request.form.get("whom", ""), request.form.get("note", ""), now()
        )
    return redirect(url_for("duty.alert", number=number))


@pages.post("/duty/<int:number>/close")
@access.allow("police")
def close(number: int) -> Response:
    """Đóng, as true with a note or as false with the reason."""
    why, note = request.form.get("why", ""), request.form.get("note", "")
    with desk().database.session() as db:
        alerts.close(db, _me(db), number, why, note, now())
    return redirect(url_for("duty.alert", number=number))


def _page(number: int | None) -> str:
    at = now()
    with desk().database.reading() as db:
        commune = commune_of(db)
        entries, unseen = queue_of(db, commune, at)
        blind, total = blind_of(db, at)
        scene = scene_of(db, number, now()) if number is not None else {}
        count = db.scalar(select(func.count()).select_from(Camera).where(Camera.retired_at.is_(None))) or 0
        return render_template(
            "duty.html",
            here="duty",
            theme="night",
            entries=entries,
            unseen=unseen,
            blind=blind,
            total=total,
            cameras=count,
            clock=hm(at),
            at_ms=round(at.timestamp() * 1000),
            **{"number": None, "reasons": reasons_of(), **scene},
        )


def _me(db: Session) -> Account:
    return db.get_one(Account, access.visitor().id)
