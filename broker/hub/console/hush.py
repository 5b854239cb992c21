"""The red line while silence is ordered: until when, by whom, who has confirmed, and the word that ends it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Blueprint, redirect, render_template, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from broker.hub.console import access
from broker.hub.console.desk import desk, now
from broker.hub.console.stopping import ANSWERS, SWITCH_OFF
from broker.hub.console.urgent_line import urgent_now
from broker.hub.console.wording import hm
from broker.hub.records import Account, NodeRecord
from broker.hub.silence import Hushed, Silence, hushed, lift_silence, silence_of

pages = Blueprint("hush", __name__)

_NAMED = 4
"""Houses named in the line; of more only their number, the page of the loudspeakers shows all."""
_SECOND = timedelta(seconds=1)
"""Silence is kept in whole seconds."""


@dataclass(frozen=True)
class Hush:
    """What the line says."""

    until: str
    by: str
    is_sure: bool
    """Whether every loudspeaker that may speak has said that it is silent."""
    said: str
    """How many have said so, which have not, and what to do about those."""


@pages.get("/live/silence")
@access.allow()
def line() -> str:
    """The lines alone, an emergency's before that of silence, for the script of a page that stays open; asking under
    /live does not count as use."""
    return render_template("_lines.html", hush=hush_now(), urgent=urgent_now())


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
    at = now()
    found = silence_of(db, at)
    if found is None:
        return None
    name = db.scalar(select(Account.full_name).where(Account.username == found.by))
    known = hushed(db, found)
    return Hush(hm(found.until), name or found.by, not known.waiting, say_hushed(known, found, at))


def say_hushed(known: Hushed, silence: Silence, at: datetime) -> str:
    """Who has confirmed, in words; of who has not, by name once an answer is overdue."""
    done, missing = len(known.confirmed), len(known.waiting)
    if not missing:
        off = f" {len(known.off)} cụm đang tắt." if known.off else ""
        confirmed = f"Cả {done} cụm loa đã báo im." if done > 1 else "Cụm loa đã báo im." if done else ""
        return f"{confirmed}{off} Tin khẩn cấp cũng không phát.".strip()
    some = f"{done} trên {done + missing} cụm loa đã báo im."
    if at - silence.since <= ANSWERS + _SECOND:
        return f"{some} Đang chờ loa báo."
    return f"{some} Chưa báo đã im, có thể vẫn đang nói: {_names(known.waiting)}. {SWITCH_OFF}"


def _names(nodes: Sequence[NodeRecord]) -> str:
    named = "; ".join(node.label for node in nodes[:_NAMED])
    return f"{named} và {len(nodes) - _NAMED} cụm khác" if len(nodes) > _NAMED else named
