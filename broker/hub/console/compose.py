"""Soạn bản tin: text left, exactly what will be spoken right, where, when, send for approval."""

from __future__ import annotations

import logging
import secrets
from dataclasses import replace
from datetime import timedelta
from typing import Any

from flask import Blueprint, abort, jsonify, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from broker.hub import stations
from broker.hub.announcing import patterns, recurrence, workflow
from broker.hub.console import access, repeating
from broker.hub.console.day import commune_of
from broker.hub.console.desk import desk, is_part, lexicon, now
from broker.hub.console.drafting import Sheet, sheet_of
from broker.hub.console.fields import (
    KINDS,
    OWN,
    Fields,
    fields_of_form,
    fields_of_revision,
    with_again,
)
from broker.hub.console.keeping import save, seen_as, seen_of
from broker.hub.console.progress import may_read
from broker.hub.console.recordings import ACCEPTED, sent_recording
from broker.hub.console.relaying import DEFAULT_MINUTES
from broker.hub.console.sound import preview_of
from broker.hub.console.tracks import choices_of, chosen_phrase, language_of, moved, rows_of, say_languages
from broker.hub.console.wording import day_name, hm, local
from broker.hub.declined import Declined
from broker.hub.recordings import TEXT, Track, settled, tracks_of, with_recording
from broker.hub.records import Account, Revision
from broker.hub.roles import villages_of
from broker.look.villages import village_map
from broker.speech.voice import VOICES

log = logging.getLogger(__name__)
pages = Blueprint("compose", __name__)

DAYS_AHEAD = 36


@pages.route("/announcements/new", methods=["GET", "POST"])
@access.allow(*workflow.WRITERS)
def new() -> str | Response | tuple[str, int]:
    """A new announcement: the empty page, one begun from a pattern (`mau`), and the first time it is kept or sent."""
    if request.method == "POST":
        return _act("")
    at = local(now())
    with desk().database.reading() as db:
        may = villages_of(db, _me(db), at, *workflow.WRITERS)
        draft = patterns.draft_of(db, request.args.get("mau", ""), may)
    own = sorted(may) if may is not None and len(may) == 1 else []  # one village: nothing to choose
    draft = replace(
        draft, villages=draft.villages or own, tracks=[TEXT], fresh_id=f"bt-{secrets.token_hex(5)}"
    )
    return _page(Fields(draft, day=f"{at:%Y-%m-%d}", time="", again=repeating.fresh(at)), "", None)


@pages.route("/announcements/<key>/edit", methods=["GET", "POST"])
@access.allow(*workflow.WRITERS)
def edit(key: str) -> str | Response | tuple[str, int]:
    """Go on with one: a draft as it is, anything else as a new revision once it is kept. `gia-han`: for longer."""
    if request.method == "POST":
        return _act(key)
    at = now()
    with desk().database.reading() as db:
        revision = _readable(db, key)
    fields = fields_of_revision(revision, at)
    if request.args.get("gia-han") and fields.draft.recurrence is not None:
        longer = recurrence.renewed(fields.draft.recurrence, at)
        fields = fields if longer is None else with_again(fields, repeating.again_of_rule(longer, at), at)
    return _page(fields, key, revision)


@pages.post("/announcements/preview")
@access.allow(*workflow.WRITERS)
def preview() -> Response:
    """What the page shows beside the fields, for the script while somebody types."""
    key = request.args.get("key", "")
    fields = _sent(key)
    if request.form.get("act") == "skip":
        fields = _without_clashes(fields, key)
    _, sheet, shown = _work_out(fields, key)
    parts = ("written", "spoken", "questions", "places", "when", "left", "missing", "relay")
    html = {part: render_template(f"_compose_{part}.html", **shown) for part in parts}
    html |= {"spoken-info": sheet.spoken_info, "places-info": sheet.places_info, "when-info": sheet.when_info}
    return jsonify({"html": html, "ready": sheet.is_ready, "skip": fields.again.skip})


@pages.post("/announcements/listen")
@access.allow(*workflow.WRITERS)
def listen() -> str:
    """The draft as it would be heard, as an audio element."""
    return render_template("_compose_hear.html", hear=preview_of(fields_of_form(request.form).draft))


@pages.post("/announcements/tracks")
@access.allow(*workflow.WRITERS)
def tracks() -> Response | tuple[str, int]:
    """What is heard, after a recording was added, moved or taken out, for the script; 409 with the reason."""
    fields = _sent(request.args.get("key", ""))
    try:
        fields = _changed(fields, request.form.get("act", ""))
    except Declined as why:
        return f"{why}\n", 409
    _, sheet, shown = _work_out(fields, request.args.get("key", ""))
    parts = ("tracks", "missing", "when", "left")
    html = {part: render_template(f"_compose_{part}.html", **shown) for part in parts}
    html |= {"spoken-info": sheet.spoken_info, "tracks-info": shown["tracks_info"]}
    return jsonify({"html": html, "ready": sheet.is_ready})


def _sent(key: str) -> Fields:
    """The form as it came. What the announcement already is heard as stays, however old the page."""
    with desk().database.reading() as db:
        had: list[Track] = tracks_of(_readable(db, key).tracks) if key else []
        return fields_of_form(request.form, had, stations.stations_of(db), now())


def _changed(fields: Fields, act: str) -> Fields:
    """The form after a button of the tracks. Raises Declined."""
    heard = fields.draft.tracks
    if act == "track-record":
        heard = with_recording(heard, Track(language_of(request.form), sent_recording("track-file")))
    elif act == "track-phrase":
        with desk().database.reading() as db:
            heard = [*heard, chosen_phrase(db, request.form)]
    else:
        heard = moved(heard, act)
    return replace(fields, draft=replace(fields.draft, tracks=heard))


def _act(key: str) -> str | Response | tuple[str, int]:
    """Keep, preview, listen or send, as the pressed button says."""
    fields, act = _sent(key), request.form.get("act", "preview")
    is_forced = request.form.get("force") == "1"
    if act == "listen":
        return _page(fields, key, None, hear=preview_of(fields.draft))
    if act.startswith("track-"):
        try:
            return _page(_changed(fields, act), key, None)
        except Declined as why:
            return _page(fields, key, None, trouble=str(why)), 409
    if act == "skip":
        return _page(_without_clashes(fields, key), key, None)
    if act == "instead":
        fields = replace(fields, draft=replace(fields.draft, text=stations.INSTEAD))
    if act not in ("save", "submit") and not is_forced:
        return _page(fields, key, None)
    try:
        revision = save(fields, key, is_forced=is_forced)
        if act == "submit":
            _submit(revision.id)
            return redirect(url_for("progress.announcement", key=revision.announcement_id, note="sent"))
    except Declined as why:
        if is_part():
            return Response(f"{why}\n", 409, {"X-Code": why.code}, mimetype="text/plain")
        return _page(fields, key, None, trouble=str(why), may_force=why.code == "changed"), 409
    address = url_for("compose.edit", key=revision.announcement_id)
    if is_part():
        said = f"Bản nháp, tự cất lúc {hm(revision.edited_at)}"
        return jsonify({"address": address, "said": said, "seen": seen_of(revision)})
    return redirect(address)


def _without_clashes(fields: Fields, key: str) -> Fields:
    """The form with every day left out on which something is in the way."""
    _, sheet, _ = _work_out(fields, key)
    bad = sorted({local(each.at).date() for each in sheet.times.in_trouble}) if sheet.times else []
    return with_again(fields, replace(fields.again, skip=repeating.with_skipped(fields.again, bad)), now())


def _submit(revision: int) -> None:
    with desk().database.session() as db:
        workflow.submit(db, _me(db), revision, lexicon(), now())


def _page(
    fields: Fields,
    key: str,
    revision: Revision | None,
    *,
    trouble: str = "",
    hear: Any = None,
    may_force: bool = False,
) -> str:
    revision, _, shown = _work_out(fields, key, revision)
    me = access.visitor().id
    is_mine = revision is None or (revision.state == "draft" and revision.author_id == me)
    return render_template(
        "compose.html",
        here="write",
        trouble=trouble,
        may_force=may_force,
        seen=seen_as(revision),
        hear=hear,
        choose=repeating.shown(),
        kinds=KINDS,
        voices=VOICES,
        revision=revision,
        is_mine=is_mine,
        days=_days(fields.day),
        accepted=ACCEPTED,
        kept=f"Bản nháp, cất lúc {hm(revision.edited_at)}" if revision is not None and is_mine else "",
        **shown,
    )


def _work_out(
    fields: Fields, key: str, revision: Revision | None = None
) -> tuple[Revision | None, Sheet, dict[str, Any]]:
    """The sheet beside the fields, and what the templates of the page's parts need."""
    at = now()
    with desk().database.reading() as db:
        commune = commune_of(db)
        if key and revision is None:
            revision = _readable(db, key)
        sheet = sheet_of(db, commune, fields, lexicon(), at, key)
        may = villages_of(db, _me(db), at, *workflow.WRITERS)
        tracks = settled(fields.draft.tracks)
        heard = {
            "tracks": rows_of(db, tracks),
            "choices": choices_of(db),
            "tracks_info": say_languages(tracks),
            "stations": stations.stations_of(db),
            "patterns": patterns.all_patterns(db),
        }
    drawn = village_map(
        commune.shapes(),
        dict.fromkeys(fields.draft.villages, "pick"),
        label=f"Bản đồ xã, đã chọn: {commune.say_places(fields.draft.villages) or 'chưa chọn thôn nào'}",
        cls="little",
        river=desk().river(),
    )
    villages = [each for each in commune.villages if may is None or each.code in may]
    shown = {"sheet": sheet, "fields": fields, "draft": fields.draft, "key": key, "map": drawn, "own": OWN}
    shown |= {"instead": stations.INSTEAD, "default_minutes": DEFAULT_MINUTES}
    shown["may_list"] = access.visitor().is_any(*stations.KEEPERS)
    return revision, sheet, {**shown, **heard, "villages": villages, "hm": hm, "local": local}


def _readable(db: Session, key: str) -> Revision:
    """The newest revision, for whoever may read it; 403 for others. Raises Declined when there is none."""
    revision = workflow.newest_revision(db, key)
    if not may_read(db, _me(db), revision, now()):
        abort(403)
    return revision


def _days(chosen: str) -> list[tuple[str, str]]:
    """Days to choose from: the next five weeks, and the chosen one where it lies elsewhere."""
    today = local(now()).date()
    days = [today + timedelta(days=n) for n in range(DAYS_AHEAD)]
    found = [(day.isoformat(), day_name(day, today)) for day in days]
    return found if not chosen or chosen in dict(found) else [(chosen, chosen), *found]


def _me(db: Session) -> Account:
    return db.get_one(Account, access.visitor().id)
