"""The red line while the commune is silent: until when, by whom, and the word that lets loudspeakers speak again."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, redirect, render_template, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from broker.hub.console import access
from broker.hub.console.desk import desk, now
from broker.hub.console.wording import hm
from broker.hub.records import Account
from broker.hub.silence import lift_silence, silence_of

pages = Blueprint("hush", __name__)


@dataclass(frozen=True)
class Hush:
    """What the line says."""

    until: str
    by: str


@pages.get("/live/silence")
@access.allow()
def line() -> str:
    """The line alone, for the script of a page that stays open; asking under /live does not count as use."""
    return render_template("_hush.html", hush=hush_now())


@pages.post("/silence/lift")
@access.allow("approver")
def lift() -> Response:
    """Loudspeakers may speak again."""
    with desk().database.session() as db:
        lift_silence(db, db.get_one(Account, access.visitor().id), now())
    return redirect(url_for("speakers.points", note="lifted"))


def hush_now() -> Hush | None:
    """The silence of this moment in words, None where loudspeakers may speak."""
    with desk().database.reading() as db:
        return _hush(db)


def _hush(db: Session) -> Hush | None:
    found = silence_of(db, now())
    if found is None:
        return None
    name = db.scalar(select(Account.full_name).where(Account.username == found.by))
    return Hush(hm(found.until), name or found.by)
