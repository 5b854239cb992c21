"""Mẫu bản tin: bulletins said again and again in nearly the same words, to begin from."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from broker.hub.announcing import patterns as kept
from broker.hub.announcing import workflow
from broker.hub.announcing.patterns import Wording
from broker.hub.console import access
from broker.hub.console.day import commune_of
from broker.hub.console.desk import desk, now
from broker.hub.console.fields import KINDS
from broker.hub.console.wording import local, short_day
from broker.hub.declined import Declined
from broker.hub.records import Account
from broker.speech.voice import VOICES

pages = Blueprint("patterns", __name__)

NOTES = {"kept": "Đã cất mẫu. Khi soạn bản tin, chọn mẫu ở đầu trang.", "removed": "Đã bỏ mẫu."}


@pages.get("/patterns")
@access.allow(*workflow.WRITERS)
def shelf() -> str:
    """Every pattern, with a way to begin from it."""
    at = now()
    with desk().database.reading() as db:
        commune, rows = commune_of(db), kept.all_patterns(db)
        said = {
            row.id: " · ".join(
                part
                for part in (
                    KINDS.get(row.kind, row.kind),
                    commune.say_places(row.villages),
                    f"đọc {row.repeat} lần",
                    f"sửa {short_day(local(row.edited_at).date(), local(at).date())}",
                )
                if part
            )
            for row in rows
        }
    note = NOTES.get(request.args.get("note", ""), "")
    return render_template("patterns.html", here="write", rows=rows, said=said, note=note)


@pages.post("/patterns/begin")
@access.allow(*kept.KEEPERS)
def begin() -> str:
    """The form of a new pattern, filled in from what is being written; nothing is kept yet."""
    return _page(_wording(), None)


@pages.route("/patterns/new", methods=["GET", "POST"])
@access.allow(*kept.KEEPERS)
def new() -> str | Response | tuple[str, int]:
    """A new pattern."""
    return _keep(None) if request.method == "POST" else _page(Wording("", ""), None)


@pages.route("/patterns/<int:number>", methods=["GET", "POST"])
@access.allow(*kept.KEEPERS)
def one(number: int) -> str | Response | tuple[str, int]:
    """Change a pattern."""
    if request.method == "POST":
        return _keep(number)
    with desk().database.reading() as db:
        row = kept.pattern(db, number)
        wording = Wording(row.title, row.text, row.kind, tuple(row.villages), row.repeat, row.voice)
    return _page(wording, number)


@pages.post("/patterns/<int:number>/remove")
@access.allow(*kept.KEEPERS)
def remove(number: int) -> Response:
    """Offer it no more."""
    with desk().database.session() as db:
        kept.remove(db, _me(db), number, now())
    return redirect(url_for("patterns.shelf", note="removed"))


def _keep(number: int | None) -> Response | tuple[str, int]:
    wording = _wording()
    try:
        with desk().database.session() as db:
            kept.keep(db, _me(db), wording, now(), number)
    except Declined as why:
        return _page(wording, number, str(why)), 409
    return redirect(url_for("patterns.shelf", note="kept"))


def _wording() -> Wording:
    """What the form says; what it cannot mean is left as it usually is."""
    form = request.form
    repeat, voice, kind = form.get("repeat", "1"), form.get("voice", "vi"), form.get("kind", "routine")
    return Wording(
        title=form.get("title", ""),
        text=form.get("text", "").replace("\r\n", "\n"),
        kind=kind if kind in KINDS else "routine",
        villages=tuple(form.getlist("villages")),
        repeat=int(repeat) if repeat in ("1", "2", "3") else 1,
        voice=voice if voice in VOICES else "vi",
    )


def _page(wording: Wording, number: int | None, trouble: str = "") -> str:
    with desk().database.reading() as db:
        villages = commune_of(db).villages
    return render_template(
        "pattern.html",
        here="write",
        wording=wording,
        number=number,
        trouble=trouble,
        villages=villages,
        kinds={key: name for key, name in KINDS.items() if key != "emergency"},
        voices=VOICES,
    )


def _me(db: Session) -> Account:
    return db.get_one(Account, access.visitor().id)
