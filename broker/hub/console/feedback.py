"""Phản ánh, góp ý: what villagers sent from the kiosks; opened only for those who may read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from broker.hub import feedback as citizens
from broker.hub.console import access
from broker.hub.console.day import commune_of
from broker.hub.console.desk import desk, is_part, now
from broker.hub.console.wording import ago, when
from broker.hub.records import Account, Feedback

pages = Blueprint("feedback", __name__)

READERS = ("editor", "leader")
SHOWN = 200
TOPICS = {
    "light": "Đèn đường",
    "road": "Đường sá",
    "water": "Nước, mương, rác",
    "safety": "An ninh trật tự",
    "paper": "Giấy tờ, thủ tục",
    "other": "Việc khác",
}
STATES = {"new": ("look", "Mới"), "taken": ("wait", "Đang xử lý"), "answered": ("ok", "Đã trả lời")}


@dataclass(frozen=True)
class Entry:
    """One line of the inbox; the words themselves stay sealed until one is opened."""

    code: str
    shown: str
    place: str
    said: str
    weight: str
    state: str


@pages.get("/feedback")
@access.allow(*READERS)
def inbox() -> str:
    """All of it, newest first."""
    at = now()
    with desk().database.reading() as db:
        places = {node.name: node.label for node in commune_of(db).nodes}
        rows = db.scalars(select(Feedback).order_by(Feedback.received_at.desc()).limit(SHOWN)).all()
    entries = [_entry(row, places, at) for row in rows]
    new = sum(row.state == "new" for row in rows)
    return render_template(
        "_feedback.html" if is_part() else "feedback.html", here="say", entries=entries, new=new
    )


@pages.get("/feedback/<code>")
@access.allow(*READERS)
def one(code: str) -> str:
    """One, opened for this person; opening it is recorded."""
    at = now()
    with desk().database.session() as db:
        words = citizens.read(db, desk().settings, _me(db), code, at)
        row = db.get_one(Feedback, code)
        places = {node.name: node.label for node in commune_of(db).nodes}
        entry = _entry(row, places, at)
        names = commune_of(db).names
    return render_template(
        "feedback_one.html",
        here="say",
        entry=entry,
        words=words,
        row=row,
        topic=TOPICS.get(words.topic, "Việc khác"),
        spot=_spot(words, names),
    )


@pages.post("/feedback/<code>/take")
@access.allow(*READERS)
def take(code: str) -> Response:
    """I look after this one."""
    with desk().database.session() as db:
        citizens.take(db, _me(db), code, now())
    return redirect(url_for("feedback.one", code=code))


@pages.post("/feedback/<code>/answer")
@access.allow(*READERS)
def answer(code: str) -> Response:
    """What the commune answers; the villager reads it at the kiosk by the code."""
    with desk().database.session() as db:
        citizens.answer(db, _me(db), code, request.form.get("answer", ""), now())
    return redirect(url_for("feedback.one", code=code))


def grouped(code: str) -> str:
    """A code in the groups the villager was given: "4K7 QM2 XR8T"."""
    return f"{code[:3]} {code[3:6]} {code[6:]}" if len(code) == 10 else code


def _spot(words: citizens.Words, names: dict[str, str]) -> str:
    """Where it is, as the villager chose."""
    if words.spot == "village":
        name = names.get(words.village, words.village)  # the screen sends its village's name, "thôn Đông"
        return name[:1].upper() + name[1:] if name.casefold().startswith("thôn ") else f"Thôn {name}"
    return "Nơi khác trong xã" if words.spot == "elsewhere" else ""


def _entry(row: Feedback, places: dict[str, str], at: datetime) -> Entry:
    weight, state = STATES.get(row.state, ("look", row.state))
    said = f"Gửi {when(row.at, at)}, nhận {ago(row.received_at, at)}"
    return Entry(row.code, grouped(row.code), places.get(row.node, row.node), said, weight, state)


def _me(db: Session) -> Account:
    return db.get_one(Account, access.visitor().id)
