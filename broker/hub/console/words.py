"""Từ của xã: how the commune says its own abbreviations and names; who wrote them; what officials keep choosing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from broker.hub import words as table
from broker.hub.console import access
from broker.hub.console.desk import desk, is_part, lexicon, now
from broker.hub.console.linked import linked
from broker.hub.console.menu import OFFICE, VOICE_LISTENERS
from broker.hub.console.pager import page_of
from broker.hub.console.trial import Heard, Way, hear
from broker.hub.console.wording import when
from broker.hub.declined import Declined
from broker.hub.records import Account, AuditRow
from broker.hub.settled import example_of, read_otherwise, settled_often
from broker.hub.word_file import LARGEST_FILE, file_of, words_of_file
from broker.speech.normalise import normalise
from broker.speech.voice import VOICES

pages = Blueprint("words", __name__)

PAGE = 60
"""Words on one page of the table."""
SEARCH_FROM = 12
"""Words from which on a field to look for one is shown."""


@dataclass(frozen=True)
class Line:
    """One word of the table."""

    written: str
    said: str
    by: str
    """Who wrote it so and when; empty where the log does not say."""
    is_overriding: bool


@dataclass(frozen=True)
class Shown:
    """A sentence with a word in it, as it is said now and as it would be said."""

    written: Markup
    before: Markup
    after: Markup
    spoken: str
    warning: str


@pages.get("/words")
@access.allow(*OFFICE)
def page() -> str:
    """The table; `word` asks to change one or to add it, `said` proposes how."""
    written, said = (request.args.get(name, "")[: table.LONGEST_SAID] for name in ("word", "said"))
    return _page(written=written, said=said if written else "", tried=True)


@pages.post("/words")
@access.allow(*table.EDITORS)
def save() -> str | Response | tuple[str, int]:
    """Add a word or change how it is said."""
    written, said = _typed()
    if request.form.get("act") == "try":
        return _page(written=written, said=said, tried=True)
    try:
        with desk().database.session() as db:
            kept = table.put_word(db, written, said, access.visitor().username, now())
    except Declined as why:
        return _page(str(why), written=written, said=said), 409
    return redirect(url_for("words.page", kept=kept))


@pages.post("/words/trial")
@access.allow(*table.EDITORS)
def trial() -> str:
    """A sentence before and after, or why the word cannot be said so; for the script while somebody types."""
    return render_template("_words_trial.html", **_tried(*_typed()))


@pages.post("/words/hear")
@access.allow(*VOICE_LISTENERS)
def listen() -> str:
    """A word in a sentence, read aloud."""
    written, said = _typed()
    heard = _heard(written, said)
    if is_part():
        return render_template("_words_heard.html", one=heard)
    return _page(heard={written: heard})


@pages.post("/words/remove")
@access.allow(*table.EDITORS)
def remove() -> Response | tuple[str, int]:
    """Take a word away; the page offers it back."""
    written = request.form.get("written", "")
    try:
        with desk().database.session() as db:
            said = table.remove_word(db, written, access.visitor().username, now())
    except Declined as why:
        return _page(str(why)), 409
    return redirect(url_for("words.page", gone=written, said=said))


@pages.get("/words/file")
@access.allow(*OFFICE)
def export() -> Response:
    """The table as a TOML file."""
    with desk().database.reading() as db:
        own = table.own_words(db)
    body = file_of(own, f"Từ của {desk().commune_name}")
    answer = Response(body, mimetype="application/toml")
    answer.headers["Content-Disposition"] = "attachment; filename=tu-cua-xa.toml"
    return answer


@pages.post("/words/file")
@access.allow(*table.EDITORS)
def take_file() -> str | tuple[str, int]:
    """Take the words of a TOML file; what cannot be said is told."""
    file = request.files.get("file")
    try:
        found = words_of_file(file.stream.read(LARGEST_FILE + 1) if file else b"")
        good, left = table.sift(found)
        with desk().database.session() as db:
            taken = table.put_words(db, good, access.visitor().username, now())
    except Declined as why:
        return _page(str(why)), 409
    taken.left = left
    return _page(taken=taken)


def _typed() -> tuple[str, str]:
    return request.form.get("written", "")[:200], request.form.get("said", "")[:400]


def _page(trouble: str = "", *, written: str = "", said: str = "", tried: bool = False, **more: Any) -> str:
    at = now()
    with desk().database.reading() as db:
        own = table.own_words(db)
        lines = _lines(db, own, at)
        offers = settled_often(db, own)
        otherwise = [(each.announcement_id, each.title) for each in read_otherwise(db, lexicon(), at)]
    sought = request.args.get("q", "").strip().casefold()
    is_change = written in own and not trouble
    said = said or own.get(written, "")
    may_edit = access.visitor().is_any(*table.EDITORS)
    return render_template(
        "words.html",
        here="words",
        trouble=trouble,
        page=page_of(
            [line for line in lines if sought in f"{line.written} {line.said}".casefold()],
            request.args.get("trang", ""),
            PAGE,
        ),
        turn=partial(_turn, sought),
        total=len(lines),
        sought=sought,
        may_search=len(lines) >= SEARCH_FROM,
        may_edit=may_edit,
        may_hear=access.visitor().is_any(*VOICE_LISTENERS),
        offers=offers if may_edit else [],
        otherwise=otherwise,
        written=written,
        said=said,
        is_change=is_change,
        note=_note(own),
        **(_tried(written, said) if may_edit and (tried or is_change) and said else {}),
        **more,
    )


def _turn(sought: str, name: str, number: int) -> str:
    """Address of another page of the table."""
    asked: dict[str, Any] = {"q": sought or None, name: number}
    return url_for("words.page", **asked)


def _note(own: dict[str, str]) -> dict[str, str]:
    """What was just done, by the address this page was sent to."""
    kept, gone = request.args.get("kept", ""), request.args.get("gone", "")
    if kept in own:
        return {"text": f"Từ nay “{kept}” đọc là “{own[kept]}”."}
    if gone and gone not in own:
        return {"text": f"Đã bỏ “{gone}”.", "written": gone, "said": request.args.get("said", "")}
    return {}


def _lines(db: Session, own: dict[str, str], at: datetime) -> list[Line]:
    """The table in order, each word with who wrote it last."""
    names = {each.username: each.full_name for each in db.scalars(select(Account))}
    query = select(AuditRow.subject, AuditRow.actor, AuditRow.at).where(
        AuditRow.action.in_(("word.added", "word.changed")), AuditRow.subject.in_(list(own))
    )
    last = {subject: (actor, then) for subject, actor, then in db.execute(query.order_by(AuditRow.id))}
    lines = []
    for written, said in table.in_order(own):
        actor, then = last.get(written, ("", at))
        by = f"{names.get(actor, actor)}, {when(then, at)}" if actor else ""
        lines.append(Line(written, said, by, table.is_overriding(written, said)))
    return lines


def _tried(written: str, said: str) -> dict[str, Any]:
    """`shown` or `refusal` for a word that somebody is typing; neither while half of it is missing."""
    if not written.strip() or not said.strip():
        return {"shown": None, "refusal": ""}
    try:
        written, said = table.checked(written, said)
    except Declined as why:
        return {"shown": None, "refusal": str(why)}
    return {"shown": _shown(written, said), "refusal": ""}


def _shown(written: str, said: str) -> Shown:
    sentence = table.CARRIER.format(written)
    if access.visitor().is_any(*table.EDITORS):  # others do not read what is still being written
        with desk().database.reading() as db:
            sentence = example_of(db, written)
    base = lexicon()
    after = normalise(sentence, base.with_words({written: said}))
    sides = linked(sentence, after)
    before = linked(sentence, normalise(sentence, base)).spoken
    return Shown(sides.written, before, sides.spoken, after.text, table.warning_of(written, said))


def _heard(written: str, said: str) -> Heard:
    """The sentence with the word, as the loudspeaker would say it."""
    tried = _tried(written, said)
    if tried["shown"] is None:
        return Heard(trouble=tried["refusal"] or "Xin ghi từ và cách đọc trước khi nghe.")
    voice = desk().settings.speech.voice
    return hear(tried["shown"].spoken, Way(voice if voice in VOICES else "vi"), "kiosk", 1.0)
