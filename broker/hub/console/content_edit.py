"""The form of one procedure: written, looked at as a screen shows it, kept, and sent to be approved."""

from __future__ import annotations

import re
from collections.abc import Sequence

from flask import Blueprint, abort, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from broker.contract.content import Bundle, Procedure
from broker.hub import content_review as review
from broker.hub.console import access
from broker.hub.console.content_changes import changes, told
from broker.hub.console.content_form import (
    DOUBTS,
    LABELS,
    Filled,
    blank,
    filled_from,
    filled_of,
    procedure_from,
)
from broker.hub.console.content_one import NOTES
from broker.hub.console.content_shelf import PANELS, as_approved, base_now, me, preview_of, titles, today
from broker.hub.console.desk import desk, now
from broker.hub.content_shown import decided, procedure_of
from broker.hub.declined import Declined
from broker.hub.records import ContentRevision
from broker.look.procedure_lint import Fault, faults, is_sendable

pages = Blueprint("content_edit", __name__)

_SHOW = re.compile(r"show-([a-z]+)-([0-9]{1,2})", re.ASCII)


@pages.get("/noi-dung/<code>/sua")
@access.allow(*review.WRITERS)
def form(code: str) -> str:
    """The form, filled with the version being written, else with what screens tell, else with the name alone."""
    base = base_now()
    with desk().database.reading() as db:
        written = _written(db, code)
        kept = _kept(db, base, code, written)
        read = review.stamp(review.shown_now(db, base, code), written)
    return _page(base, kept, filled_from(kept), read, note=NOTES.get(request.args.get("note", ""), ""))


@pages.post("/noi-dung/<code>/sua")
@access.allow(*review.WRITERS)
def edit(code: str) -> Response | str | tuple[str, int]:
    """What was typed. Form: the fields of content_form; read; act: save, over, send, preview, a screen, a row."""
    base, act = base_now(), request.form.get("act", "preview")
    with desk().database.reading() as db:
        kept = _kept(db, base, code, _written(db, code))
    filled = filled_of(request.form)
    procedure, wrong = procedure_from(filled, kept, today())
    read = request.form.get("newest" if act == "over" else "read", "")
    if act not in ("save", "over", "send"):
        return _page(base, kept, filled.with_rows(act), read, act=act)
    if wrong:
        return _page(base, kept, filled.with_rows(), read, trouble=wrong[0].sentence), 409
    try:
        with desk().database.session() as db:
            revision = review.save(db, me(db), base, procedure, read, now())
            number, read = revision.id, review.stamp(review.shown_now(db, base, code), revision)
    except Declined as why:
        is_raced = why.code == "changed-meanwhile"
        return _page(base, kept, filled.with_rows(), read, trouble=str(why), is_raced=is_raced), 409
    if act != "send":
        return redirect(url_for("content_one.one", code=code, note="saved"))
    try:
        with desk().database.session() as db:
            review.send(db, me(db), number, now())
    except Declined as why:
        note = NOTES["saved"]
        return _page(base, kept, filled.with_rows(), read, trouble=str(why), note=note), 409
    return redirect(url_for("content_one.one", code=code, note="sent"))


def _written(db: Session, code: str) -> ContentRevision | None:
    """The version being written. 404 for what is no code."""
    if not review.CODE.fullmatch(code):
        abort(404)
    return review.being_written(db, code)


def _kept(db: Session, base: Bundle, code: str, written: ContentRevision | None) -> Procedure:
    """What the form begins with."""
    draft = procedure_of(written) if written is not None else None
    own = decided(db).get(code)
    shown = draft or review.shown_now(db, base, code) or (own.procedure if own else None)
    if shown is not None:
        return shown
    named = next((each for each in base.named if each.code == code), None)
    known = (named.name, named.field, list(named.aliases)) if named else ("", "", [])
    return blank(code, *known, today())


def _page(
    base: Bundle,
    kept: Procedure,
    filled: Filled,
    read: str,
    *,
    act: str = "",
    trouble: str = "",
    note: str = "",
    is_raced: bool = False,
) -> str:
    procedure, wrong = procedure_from(filled, kept, today())
    fields, events = titles(base)
    with desk().database.reading() as db:
        shown = review.shown_now(db, base, kept.code)
        newest = review.being_written(db, kept.code)
        stamp = review.stamp(shown, newest)
    against = (procedure_of(newest) if is_raced and newest is not None else None) or shown
    before = told(against, fields, events) if against else {}
    found = _SHOW.fullmatch(act)
    panel, step = (found[1], found[2]) if found else (request.form.get("man", ""), "")
    told_wrong = [*wrong, *faults(procedure, today())]
    return render_template(
        "content_edit.html",
        here="content",
        code=kept.code,
        procedure=procedure,
        filled=filled,
        fields=fields,
        events=events,
        labels=LABELS,
        doubts=DOUBTS,
        read=read,
        newest=stamp,
        faults=_by_field(told_wrong),
        is_sendable=is_sendable(told_wrong),
        wrong=[each for each in told_wrong if each.level == "fault"],
        changes=changes(before, told(procedure, fields, events)),
        is_new=against is None,
        preview=preview_of(as_approved(procedure), panel, step),
        panels=PANELS,
        note=note,
        trouble=trouble,
        is_raced=is_raced,
        reason=newest.reason if newest is not None and newest.state == "returned" else "",
        act=act,
    )


def _by_field(found: Sequence[Fault]) -> dict[str, list[Fault]]:
    """Sentences beside their fields."""
    kept: dict[str, list[Fault]] = {}
    for each in found:
        kept.setdefault(each.field, []).append(each)
    return kept
