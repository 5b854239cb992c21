"""One emergency: its two signatures where nobody signed the words beforehand, then live, and how to end it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload
from werkzeug.wrappers import Response as AnyResponse

from broker.hub.announcing import emergency_running as urgent
from broker.hub.announcing import emergency_words, ending, signing
from broker.hub.announcing.emergency_signers import First, first_of, kept_first, may_sign, signers
from broker.hub.console import access
from broker.hub.console.day import Commune, commune_of
from broker.hub.console.desk import desk, is_part, now
from broker.hub.console.emergency import clicked_ms, onward, signing_of, stops_of
from broker.hub.console.emergency_choices import say_how
from broker.hub.console.emergency_live import live_of, say_elapsed
from broker.hub.console.faults import announce_trouble, broker_trouble
from broker.hub.console.progress import may_read
from broker.hub.console.signatures import signed_of_form
from broker.hub.console.urgent_line import READERS
from broker.hub.console.wording import hm, hms, when
from broker.hub.declined import Declined
from broker.hub.records import Account, Occurrence, Revision
from broker.look.villages import village_map

pages = Blueprint("emergency_one", __name__)

BEFORE = ("editor", "approver", "leader", "admin", "auditor")
"""Who may drop words that nobody has let speak yet, besides reading them."""


@pages.get("/emergency/<key>")
@access.allow(*READERS)
def one(key: str) -> AnyResponse | str:
    """The page of two signatures while it waits, the live page from then on; drills have a page of their own."""
    return _page(key)


@pages.get("/emergency/<key>/body")
@access.allow("approver")
def body(key: str) -> Response:
    """Exactly the text to be signed; 409 with a sentence while it cannot be."""
    with desk().database.reading() as db:
        revision = _found(db, key)
        try:
            text = emergency_words.body_of(db, signing.Desk.of(desk().settings), revision.id, now())
        except Declined as why:
            return Response(str(why), 409, {"X-Code": why.code}, mimetype="text/plain")
    return Response(text, mimetype="text/plain")


@pages.post("/emergency/<key>/sign")
@access.allow("approver")
def sign(key: str) -> AnyResponse | tuple[str, int]:
    """Take one of the two signatures; the second lets it speak."""
    try:
        with desk().database.session() as db:
            revision = _found(db, key)
            here = signing.Desk.of(desk().settings)
            emergency_words.sign(db, here, _me(db), revision.id, signed_of_form(), clicked_ms(), now())
    except Declined as why:
        if is_part():
            return f"{why}\n", 409
        shown = _page(key, trouble=str(why))
        return (shown, 409) if isinstance(shown, str) else shown
    return onward(url_for(".one", key=key))


@pages.post("/emergency/<key>/cancel")
@access.allow("approver")
def cancel(key: str) -> AnyResponse:
    """It falls silent everywhere and is not said again."""
    with desk().database.session() as db:
        revision = _found(db, key)
        urgent.cancel(db, _me(db), key, now())
        name = "drills.one" if revision.drill else ".one"
    return redirect(url_for(name, key=key))


@pages.post("/emergency/<key>/drop")
@access.allow(*BEFORE)
def drop(key: str) -> AnyResponse:
    """Words that wait for their signers are taken back: by who wrote them, or by an approver."""
    with desk().database.session() as db:
        revision = _found(db, key)
        if revision.state != "submitted":
            raise Declined("not-waiting", "Tin này không còn chờ ký; muốn loa im thì bấm Huỷ lượt phát.")
        ending.withdraw(db, _me(db), revision.id, now())
    return redirect(url_for("today.today"))


def _page(key: str, trouble: str = "") -> AnyResponse | str:
    at = now()
    with desk().database.reading() as db:
        revision = _found(db, key)
        if revision.drill:
            return redirect(url_for("drills.one", key=key))
        commune, dead = commune_of(db), broker_trouble(db, at) or announce_trouble(db, at)
        if revision.occurrences:
            return _live(db, commune, revision, dead)
        if not may_read(db, _me(db), revision, at):
            abort(403)
        if revision.state != "submitted":
            return redirect(url_for("progress.announcement", key=key))
        return _two(db, commune, revision, dead, trouble)


def _live(db: Session, commune: Commune, revision: Revision, dead: str) -> str:
    at = now()
    running = [one for one in urgent.running(db, at) if not one.is_drill]
    live = live_of(commune, revision, at, dead=dead)
    names = " và ".join(urgent.names_of(db, revision))
    drawn = village_map(
        commune.shapes(),
        live.states,
        label=f"Bản đồ xã, đang phát ở: {commune.say_places(revision.villages)}",
        river=desk().river(),
    )
    shown = {
        "revision": revision,
        "live": live,
        "map": drawn,
        "where": commune.say_places(revision.villages),
        "by": f"{names or 'Xã'} phát lúc {hms(revision.decided_at or at)}",
        "dead": dead,
        "elapsed": say_elapsed(live.since, live.until or at),
        "at_ms": int(at.timestamp() * 1000),
        "others": [one for one in running if one.announcement != revision.announcement_id],
        "stops": stops_of(running),
        "is_running": bool(running),
    }
    return render_template("_emergency-live.html" if is_part() else "emergency-live.html", **shown)


def _two(db: Session, commune: Commune, revision: Revision, dead: str, trouble: str) -> str:
    """The page for the first and the second signer."""
    at, here, me = now(), signing.Desk.of(desk().settings), _me(db)
    first, kept = first_of(db, here, revision, at), kept_first(db, revision)
    running = [one for one in urgent.running(db, at) if not one.is_drill]
    lapsed = kept is not None and first is None
    shown: dict[str, Any] = {
        "revision": revision,
        "where": commune.say_places(revision.villages),
        "names": commune.names,
        "how": say_how(revision.repeat, revision.every_s, revision.lasts_s),
        "written": f"{revision.author.full_name} viết lúc {when(revision.submitted_at or at, at)}",
        "first": first,
        "first_until": hm(first.until) if first else "",
        "is_mine": first is not None and first.account.id == me.id,
        "lapsed": _say_lapsed(kept, at) if kept is not None and lapsed else "",
        "may_sign": may_sign(db, here, me, at),
        "others": [each.full_name for each in signers(db, here, at, first.account.id if first else None)],
        "may_drop": revision.author_id == me.id or access.visitor().is_any("approver"),
        "address": f"{desk().settings.console_address or request.host_url.rstrip('/')}{request.path}",
        "dead": dead,
        "unheard": commune.unheard(revision.villages),
        "stops": stops_of(running),
        "is_running": bool(running),
        "trouble": trouble,
        **signing_of(db, me),
    }
    return render_template("_emergency-two.html" if is_part() else "emergency-two.html", **shown)


def _say_lapsed(kept: First, at: datetime) -> str:
    if at >= kept.until:
        return f"Chữ ký của {kept.account.full_name} đã quá mười phút nên không còn giá trị."
    return f"Chữ ký của {kept.account.full_name} không còn giá trị vì khoá hay quyền ký đã được thu lại."


def _found(db: Session, key: str) -> Revision:
    """The newest revision of an emergency. 404 when there is none, or it is none."""
    found = db.scalars(
        select(Revision)
        .where(Revision.announcement_id == key, Revision.kind == "emergency")
        .options(selectinload(Revision.occurrences).selectinload(Occurrence.plays))
        .order_by(Revision.number.desc())
        .limit(1)
    ).first()
    if found is None:
        abort(404)
    return found


def _me(db: Session) -> Account:
    return db.get_one(Account, access.visitor().id)
