"""Taking the pictures of an alert out of the house, as one signed file. Written before a byte leaves."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any, Final

from flask import Blueprint, current_app, request, send_file
from flask.blueprints import BlueprintSetupState
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from broker.hub import alert_export
from broker.hub.alert_views import Reason, reason_of
from broker.hub.announcing.render import media_store
from broker.hub.console import access
from broker.hub.console.desk import desk, now
from broker.hub.console.wording import hm, local, when
from broker.hub.declined import Declined
from broker.hub.records import Account, Alert, Camera

pages = Blueprint("duty_export", __name__)

WAIT_S: Final = 20.0
"""So long a file waits for the one that is being made."""


@dataclass(frozen=True)
class Left:
    """One file that left the house."""

    at: str
    who: str
    reason: str
    sha256: str


@pages.post("/duty/<int:number>/export")
@access.allow("police")
def take(number: int) -> Response:
    """The signed file. Form: why, words."""
    at = now()
    chosen = request.form.get("why", "")
    if not chosen:
        raise Declined("no-reason", "Xin chọn lý do lấy hình ra tệp.")
    reason = reason_of(chosen, request.form.get("words", ""), alert_export.REASONS)
    out = tempfile.TemporaryFile(dir=desk().settings.data_dir)  # noqa: SIM115  (the answer closes it)
    try:
        with _one_at_a_time():
            written = _write(out, number, reason, at)
        with desk().database.session() as db:
            alert_export.note(db, _me(db), number, reason, written, at)
    except OSError as why:
        out.close()
        raise Declined(
            "disk-full", "Trung tâm hết chỗ ghi nên chưa làm được tệp, xin báo người quản trị."
        ) from why
    except BaseException:
        out.close()
        raise
    out.seek(0)
    name = f"canh-bao-{number}-{local(at):%Y%m%d-%H%M}.zip"
    answer = send_file(out, mimetype="application/zip", as_attachment=True, download_name=name, etag=False)
    answer.headers["Content-Length"] = str(written.size)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def facts_of(db: Session, alert: Alert, at: datetime) -> dict[str, Any]:
    """For the page of an alert: its camera's day, the reasons to choose, and every file of it that ever left."""
    people = {one.id: one.full_name for one in db.execute(select(Account.id, Account.full_name))}
    return {
        "has_day": db.get(Camera, (alert.node, alert.camera)) is not None,
        "alert_day": local(alert.started_at).date().isoformat(),
        "export_reasons": [
            (code, words[0].upper() + words[1:]) for code, words in alert_export.REASONS.items()
        ],
        "exports": [
            Left(_when(one.at, at), people.get(one.account_id, ""), one.reason, one.sha256)
            for one in alert_export.exports_of(db, alert.id)
        ],
    }


def _when(moment: datetime, at: datetime) -> str:
    """With the year where it is another: these lines are read years later."""
    there = local(moment)
    return when(moment, at) if there.year == local(at).year else f"{hm(moment)} {there:%-d/%-m/%Y}"


def _write(out: IO[bytes], number: int, reason: Reason, at: datetime) -> alert_export.Written:
    here = desk()
    with here.database.reading() as db:
        me = _me(db)
        with alert_export.held(db, me, number, media_store(here.settings), at) as found:
            return alert_export.write(db, here.settings, out, found, me, reason, at)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Wait for the file that is being made. Raises Declined when that takes too long."""
    lock: threading.Lock = current_app.extensions["alert-exports"]
    if not lock.acquire(timeout=WAIT_S):
        raise Declined("busy", "Trung tâm đang làm một tệp khác, xin thử lại sau một phút.")
    try:
        yield
    finally:
        lock.release()


@pages.record
def _keep_lock(state: BlueprintSetupState) -> None:
    state.app.extensions["alert-exports"] = threading.Lock()


def _me(db: Session) -> Account:
    return db.get_one(Account, access.visitor().id)
