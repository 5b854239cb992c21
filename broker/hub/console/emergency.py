"""The red page: what happened, where, and speak. One signature lets a template speak; in calm colours it is a drill."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, abort, jsonify, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from broker.hub import trusted
from broker.hub.announcing import emergency as urgent
from broker.hub.announcing import emergency_words, ending, signing
from broker.hub.announcing.emergency_running import Running
from broker.hub.announcing.emergency_running import running as running_now
from broker.hub.announcing.emergency_signers import may_sign, signers
from broker.hub.announcing.render import media_store, spoken_of
from broker.hub.announcing.rules import rules_of
from broker.hub.announcing.trials import OPUS
from broker.hub.announcing.workflow import Draft
from broker.hub.cap.shelf import prepared
from broker.hub.console import access
from broker.hub.console.day import commune_of
from broker.hub.console.desk import desk, is_part, lexicon, now
from broker.hub.console.drafting import OWN as OWN_WORDS
from broker.hub.console.drafting import Fields, fields_of_form, questions_of
from broker.hub.console.emergency_choices import (
    EVERY_S,
    LASTS_S,
    OWN,
    REPEAT,
    Pick,
    Warned,
    picks_of,
    places_of,
    say_how,
    say_places,
    title_of,
    warned_of,
)
from broker.hub.console.faults import announce_trouble, broker_trouble, faults_of
from broker.hub.console.pictures import send_media
from broker.hub.console.signatures import passkeys_of, signed_of_form
from broker.hub.console.signin import own_path
from broker.hub.declined import Declined
from broker.hub.records import Account, EmergencyTemplate
from broker.look.icons import symbols
from broker.look.villages import VillageState, village_map
from broker.trust.passkey import use_of
from broker.trust.quiet import is_quiet

pages = Blueprint("emergency", __name__)

WRITERS = ("editor", "approver")
"""Who opens the page: whoever may write the words; only keys of emergency signers let them be heard."""


@pages.get("/emergency")
@access.allow(*WRITERS)
def page() -> str:
    """What happened, where, what is said; `template` chooses one beforehand, `own` the words of one's own.

    `words`: a template whose words stand there as one's own, for two to sign.
    """
    return choose(is_drill=False)


@pages.post("/emergency/body")
@access.allow("approver")
def body() -> Response:
    """Exactly the text to be signed. Form: template, villages, drill; 409 with a sentence where it cannot be."""
    with desk().database.reading() as db:
        text = urgent.trigger_body(
            db,
            signing.Desk.of(desk().settings),
            _me(db),
            _template(),
            request.form.getlist("villages"),
            now(),
            drill=request.form.get("drill") == "1",
        )
    return Response(text, mimetype="text/plain")


@pages.post("/emergency/speak")
@access.allow("approver")
def speak() -> AnyResponse:
    """Take what was signed: it is on its way when this answers. Form: as signatures read it, and clicked_ms."""
    with desk().database.session() as db:
        revision = urgent.trigger(
            db, signing.Desk.of(desk().settings), _me(db), signed_of_form(), clicked_ms(), now()
        )
        name = "drills.one" if revision.drill else "emergency_one.one"
        return onward(url_for(name, key=revision.announcement_id))


@pages.post("/emergency/words")
@access.allow(*WRITERS)
def words() -> AnyResponse | str | tuple[str, int]:
    """Words that no template has: kept and given to two signers, once every doubt is settled."""
    fields = fields_of_form(request.form)
    draft = fields.draft
    try:
        with desk().database.session() as db:
            revision = emergency_words.write(
                db,
                _me(db),
                emergency_words.Words(
                    title=title_of(draft.text),
                    text=draft.text,
                    villages=draft.villages,
                    answers=draft.answers,
                    repeat=REPEAT,
                    every_s=EVERY_S,
                    lasts_s=LASTS_S,
                ),
                lexicon(),
                now(),
            )
            address = url_for("emergency_one.one", key=revision.announcement_id)
    except Declined as why:
        if is_part():
            return f"{why}\n", 409
        return choose(is_drill=False, fields=fields, trouble=str(why)), 409
    return onward(address)


@pages.post("/emergency/words/preview")
@access.allow(*WRITERS)
def preview() -> str:
    """How the words will be said and what is in doubt, for the script while somebody types."""
    return render_template("_emergency_spoken.html", **_spoken(fields_of_form(request.form)))


@pages.get("/emergency/sounds/<int:template>")
@access.allow(*WRITERS, "leader", "admin", "auditor")
def sound(template: int) -> AnyResponse:
    """The sound of a signed template."""
    with desk().database.reading() as db:
        row = db.get(EmergencyTemplate, template)
        if row is None or not row.audio:
            abort(404)
        sha256 = str(row.audio["sha256"])
    return send_media(media_store(desk().settings), sha256, OPUS)


@pages.post("/emergency/silence")
@access.allow("approver")
def silence() -> AnyResponse:
    """Silence over the whole commune, from the button that is always there. Form: back, the page it stands on."""
    with desk().database.session() as db:
        ending.stop(db, _me(db), "", now())
    back = request.form.get("back", "")
    return redirect(back if is_own_path(back) else url_for(".page"))


def choose(*, is_drill: bool, fields: Fields | None = None, trouble: str = "") -> str:
    """The page of three cards, red or, for a drill, calm."""
    at, here = now(), signing.Desk.of(desk().settings)
    with desk().database.reading() as db:
        me, commune = _me(db), commune_of(db)
        templates = urgent.ready_templates(db, at, here)
        if fields is None and not is_drill:
            fields = _borrowed(templates)
        lone = {row.id for row in templates if not is_drill and urgent.needs_other(db, here, me, row, at)}
        picks, warned = picks_of(templates, symbols(), lone), warned_of(prepared(db, at), templates, at)
        chosen = _chosen(picks, fields, is_drill=is_drill)
        allowed = chosen.villages if chosen else None
        ticked = fields.draft.villages if fields else _warned_villages(warned) or allowed or ()
        places = places_of(commune, faults_of(db, commune, at), ticked, allowed)
        everything = running_now(db, at)
        alarms = [one for one in everything if not one.is_drill]
        shown: dict[str, Any] = {
            "picks": picks,
            "warned": [] if is_drill else warned,
            "places": places,
            "running": [one for one in everything if one.is_drill == is_drill],
            "alarms": alarms if is_drill else [],
            "stops": stops_of(everything),
            "is_running": bool(alarms),
            "dead": broker_trouble(db, at) or announce_trouble(db, at),
            "is_hushed": is_drill and is_quiet(rules_of(db).quiet, at, at + timedelta(seconds=10)),
            "may_sign": may_sign(db, here, me, at),
            "holders": [one.full_name for one in signers(db, here, at, without=me.id)],
            **signing_of(db, me),
        }
    red: dict[str, VillageState] = {place.code: "red" for place in places if place.is_chosen}
    drawn = village_map(
        commune.shapes(), red, label="Bản đồ xã, thôn được chọn tô màu đậm", river=desk().river()
    )
    return render_template(
        "emergency.html",
        is_drill=is_drill,
        chosen=chosen,
        is_own=not is_drill and (fields is not None or request.args.get("template") == OWN or not picks),
        own_value=OWN,
        map=drawn,
        trouble=trouble,
        places_said=say_places(places),
        own_how=say_how(REPEAT, EVERY_S, LASTS_S),
        **_spoken(fields or Fields()),
        **shown,
    )


def signing_of(db: Session, me: Account) -> dict[str, Any]:
    """What the page must know of this person's keys for emergencies."""
    use = use_of(desk().settings.console_address)
    keys = trusted.usable_keys(db, desk().settings, me, now(), "emergency")
    return {"use": use, "has_key": bool(keys), "passkeys": passkeys_of(keys, use)}


def stops_of(running: Sequence[Running]) -> list[dict[str, str]]:
    """What the button "Huỷ lượt phát" offers, for those who may: address and title of each that runs."""
    if not access.visitor().is_any("approver"):
        return []
    return [
        {"href": url_for("emergency_one.cancel", key=one.announcement), "title": one.revision.title}
        for one in running
    ]


def clicked_ms() -> int:
    """Milliseconds between the button and the request, as the browser measured; 0 for anything else."""
    said = request.form.get("clicked_ms", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 10 else 0


def onward(address: str) -> AnyResponse:
    """To a page: told to a script, else by a redirect."""
    return jsonify({"to": address}) if is_part() else redirect(address)


def is_own_path(path: str) -> bool:
    """Whether it is one of the red pages, and nowhere outside."""
    return own_path(path).partition("?")[0].split("/")[1:2] in (["emergency"], ["drills"])


def _chosen(picks: Sequence[Pick], fields: Fields | None, *, is_drill: bool) -> Pick | None:
    """The template that was asked for by address. None is chosen beforehand: the wrong one would be heard."""
    asked = "" if fields is not None else request.args.get("template", "")
    found = next((pick for pick in picks if str(pick.id) == asked), None)
    return picks[0] if found is None and is_drill and picks else found


def _borrowed(templates: Sequence[EmergencyTemplate]) -> Fields | None:
    """The words of a template as words of one's own, where the address asks for them."""
    asked = request.args.get("words", "")
    row = next((row for row in templates if str(row.id) == asked), None)
    if row is None:
        return None
    return Fields(Draft(text=row.text, answers=row.answers, villages=list(row.villages)))


def _warned_villages(warned: Sequence[Warned]) -> Sequence[str]:
    """Where the warning is for by whose notice somebody came here."""
    asked = request.args.get("warning", "")
    return next((one.villages for one in warned if str(one.message) == asked), ())


def _spoken(fields: Fields) -> dict[str, Any]:
    words_of, is_long = lexicon(), len(fields.draft.text) > emergency_words.LONGEST_WORDS
    return {
        "fields": fields,
        "draft": fields.draft,
        "own": OWN_WORDS,
        "said": "" if is_long else spoken_of(fields.draft.text, fields.draft.answers, words_of).text,
        "sheet": {"questions": [] if is_long else questions_of(fields, words_of)},
    }


def _template() -> int:
    said = request.form.get("template", "")
    if not (said.isascii() and said.isdigit() and len(said) < 10):
        raise Declined("no-template", "Xin chọn một mẫu đã ký.")
    return int(said)


def _me(db: Session) -> Account:
    return db.get_one(Account, access.visitor().id)
