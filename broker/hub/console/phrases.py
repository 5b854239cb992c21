"""Câu ghi sẵn: what a person says once in each language, to be used in many announcements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from broker.contract.hub import Media
from broker.hub import phrases as shelf
from broker.hub.console import access
from broker.hub.console.desk import desk, now
from broker.hub.console.recordings import ACCEPTED, sent_recording
from broker.hub.console.tracks import choices_of, language_of, named, sealed
from broker.hub.console.wording import lasting, short_day
from broker.hub.declined import Declined
from broker.hub.recordings import Track
from broker.hub.records import Account, Phrase
from broker.speech.languages import LANGUAGES

pages = Blueprint("phrases", __name__)

NOTES = {
    "kept": "Đã cất câu này. Khi soạn bản tin anh/chị chọn nó ở phần Bản ghi.",
    "removed": "Đã bỏ bản ghi.",
}


@dataclass(frozen=True)
class Line:
    """One recording of a phrase."""

    id: int
    language: str
    length: str
    address: str
    made: str
    """Who, and when."""


@dataclass(frozen=True)
class Group:
    """What a phrase says, its recordings, and the languages of the commune it lacks: code and name."""

    label: str
    lines: Sequence[Line]
    missing: Sequence[tuple[str, str]]


@pages.get("/phrases")
@access.allow(*shelf.KEEPERS)
def all_phrases() -> str:
    """The shelf and a form to add. `cau` and `tieng` fill the form in for a recording that is missing."""
    label, language = request.args.get("cau", ""), request.args.get("tieng", "")
    return _page(label=label[: shelf.LONGEST_LABEL], language=language)


@pages.post("/phrases")
@access.allow(*shelf.KEEPERS)
def add() -> Response | tuple[str, int]:
    """Keep what was recorded or brought. Form: label, track-language, and the file recording."""
    form = request.form
    try:
        language = language_of(form)
        if not form.get("label", "").strip():
            raise Declined("empty-label", "Xin ghi câu này nói gì, bằng tiếng Việt.")
        recording = sent_recording("recording")
        with desk().database.session() as db:
            shelf.add_phrase(db, _me(db), form["label"], language, recording, now())
    except Declined as why:
        return _page(str(why), label=form.get("label", ""), language=form.get("track-language", "")), 409
    return redirect(url_for("phrases.all_phrases", note="kept"))


@pages.post("/phrases/<int:number>/remove")
@access.allow(*shelf.KEEPERS)
def remove(number: int) -> Response | tuple[str, int]:
    """Offer one no more; announcements that use it keep it."""
    try:
        with desk().database.session() as db:
            shelf.remove_phrase(db, _me(db), number, now())
    except Declined as why:
        return _page(str(why)), 409
    return redirect(url_for("phrases.all_phrases", note="removed"))


def _page(trouble: str = "", *, label: str = "", language: str = "") -> str:
    at = now()
    with desk().database.reading() as db:
        names = {row.username: row.full_name for row in db.scalars(select(Account))}
        said = shelf.by_words(shelf.all_phrases(db), shelf.languages_here(db))
        choices = choices_of(db)
    groups = [
        Group(
            one.label,
            [_line(row, names, at) for row in one.recordings],
            [(code, LANGUAGES[code]) for code in one.missing],
        )
        for one in said
    ]
    return render_template(
        "phrases.html",
        here="phrases",
        groups=groups,
        choices=choices,
        accepted=ACCEPTED,
        note=NOTES.get(request.args.get("note", ""), ""),
        trouble=trouble,
        label=label,
        language=language,
    )


def _line(row: Phrase, names: dict[str, str], at: datetime) -> Line:
    track = Track(row.language, msgspec.convert(row.recording, Media), row.id)
    return Line(
        row.id,
        named(row.language),
        lasting(track.duration_s),
        url_for("recordings.sound", token=sealed(track)),
        f"{names.get(row.made_by, row.made_by)}, {short_day(row.made_at.date(), at.date())}",
    )


def _me(db: Session) -> Account:
    return db.get_one(Account, access.visitor().id)
