"""Pictures of an alert on their way to an officer: none before it is written who looks and why."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from flask import Blueprint, abort, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from broker.hub import alert_views
from broker.hub.announcing.render import media_store
from broker.hub.camera_notice import kept_days
from broker.hub.console import access
from broker.hub.console.desk import desk, now
from broker.hub.console.pictures import send_media
from broker.hub.console.wording import local
from broker.hub.records import Account, Alert

pages = Blueprint("duty_pictures", __name__)

Which = Literal["snapshot", "before", "best"]
ICONS: Final = {"handover": "people", "verify": "check", "complaint": "note", "device": "camera"}
_REST = re.compile(r"bytes=[1-9][0-9]*-[0-9]*", re.ASCII)
"""A player that goes on with a clip; everything else begins to look at it."""


@pages.post("/duty/<int:number>/look")
@access.allow("police")
def give_reason(number: int) -> Response:
    """Why the pictures of a closed alert are looked at. Form: why, words."""
    reason = alert_views.reason_of(request.form.get("why", ""), request.form.get("words", ""))
    with desk().database.session() as db:
        alert_views.give_reason(db, _me(db), number, reason, now())
    return redirect(url_for("duty.alert", number=number))


def picture(number: int, which: Which) -> Response:
    """One of its pictures; who looks is written first. 404 when there is none, Declined while a reason is missing."""
    with desk().database.reading() as db:
        found = db.get(Alert, number)
        sha256 = _hash_of(found, which) if found else None
        is_noted = found is not None and alert_views.is_noted(db, access.visitor().id, found, now())
    if not sha256:
        abort(404)
    if not is_noted:
        with desk().database.session() as db:
            alert_views.note_view(db, _me(db), number, now())
    return send_media(media_store(desk().settings), sha256, "image/jpeg")


def clip(number: int) -> Response:
    """The clip. Ranges work; each opening is written, whatever part of it is asked for first."""
    with desk().database.reading() as db:
        found = db.get(Alert, number)
        if found is None or not found.has_clip or not found.clip_sha256:
            abort(404)
        is_rest = _REST.fullmatch(request.headers.get("Range", "")) is not None
        goes_on = is_rest and alert_views.has_played(db, access.visitor().id, found, now())
        if request.method == "HEAD" and not alert_views.reason_now(db, access.visitor().id, found, now()):
            abort(409)
    if request.method == "GET" and not goes_on:
        with desk().database.session() as db:
            alert_views.note_clip(db, _me(db), number, now())
    kind = (found.clip or {}).get("type") or "video/mp4"
    return send_media(media_store(desk().settings), found.clip_sha256, kind)


def facts_of(db: Session, alert: Alert, at: datetime) -> dict[str, Any]:
    """For the page of an alert: whether its pictures may be shown to who looks, the reasons to choose, how long they
    are kept."""
    reason = alert_views.reason_now(db, access.visitor().id, alert, at)
    return {
        "is_hidden": not reason and alert_views.has_pictures(alert),
        "look_reasons": [
            (code, ICONS[code], words[0].upper() + words[1:]) for code, words in alert_views.REASONS.items()
        ],
        "look_reason": reason,
        "kept_said": _kept(db, alert),
    }


def _kept(db: Session, alert: Alert) -> str:
    """How long its pictures stay; empty where there are none."""
    if not alert_views.has_pictures(alert):
        return ""
    days = kept_days(db)
    if alert.state != "closed":
        return f"Hình được giữ cho tới khi đóng cảnh báo, ít nhất {days} ngày."
    return f"Hình tự xoá sau {days} ngày, ngày {local(alert.raised_at + timedelta(days=days)):%-d/%-m/%Y}."


def _hash_of(alert: Alert, which: Which) -> str | None:
    return {"snapshot": alert.snapshot, "before": alert.before, "best": alert.best}[which]


def _me(db: Session) -> Account:
    return db.get_one(Account, access.visitor().id)
