"""Hôm nay: what will be said today, where, whether the loudspeakers are ready, and what waits for a person."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Blueprint, redirect, render_template, url_for
from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, aliased
from werkzeug.wrappers import Response

from broker.hub import feedback as citizens
from broker.hub import trusted
from broker.hub.announcing.rules import rules_of
from broker.hub.console import access, steps
from broker.hub.console.approvals import pressing
from broker.hub.console.day import (
    Commune,
    Row,
    bounds,
    commune_of,
    lines,
    rows_of,
    start_of,
    today_of,
    waiting,
)
from broker.hub.console.desk import desk, is_part, now
from broker.hub.console.faults import broker_trouble, faults_of
from broker.hub.console.outlook import headline, hush_of, ready_of, stuck_of, well_of
from broker.hub.console.renewals import renewals_of, templates_end
from broker.hub.console.sources import todo_for
from broker.hub.console.warnings import note_today
from broker.hub.console.wording import ago, hm, long_day, when
from broker.hub.content_shown import ContentMissing, overlaid, released
from broker.hub.records import Account, HelperCall, NodeRecord, Occurrence, Revision
from broker.hub.roles import villages_of
from broker.hub.silence import silence_of
from broker.trust.quiet import quiet_on

pages = Blueprint("today", __name__)

CALLS_SHOWN_S = 12 * 3600
READERS = ("editor", "approver", "leader", "admin", "auditor", "village", "helper")


@dataclass(frozen=True)
class Wait:
    """An announcement that waits for approval."""

    announcement: str
    title: str
    said: str
    is_own: bool


@dataclass(frozen=True)
class Draft:
    """Something this person began to write."""

    announcement: str
    title: str
    said: str


@dataclass(frozen=True)
class Call:
    """Somebody at a kiosk asks for a person."""

    call: str
    where: str
    said: str
    about: str
    """The procedure whose page they were at; empty when it was another page."""


@pages.get("/")
@access.allow(*READERS)
def today() -> str:
    """The page, or only its changing part for the script."""
    at = now()
    with desk().database.reading() as db:
        commune, dead, silence = commune_of(db), broker_trouble(db, at), silence_of(db, at)
        held = sorted(waiting(db), key=pressing)
        rows = rows_of(db, commune, today_of(at), at, held)
        quiet = rules_of(db).quiet
        faults = faults_of(db, commune, at)
        found = {
            "rows": _order(rows),
            "head": headline(rows, at, is_dark=bool(dead), is_silent=silence is not None),
            "ready": ready_of(db, commune, faults, silence, dead),
            "well": well_of(commune, silence, dead),
            "stuck": stuck_of(rows, at),
            "line": lines(rows, quiet_on(quiet, today_of(at)), at),
            "waits": _waits(held, at),
            "faults": faults,
            "warned": note_today(db, at),
            "lacks_key": _lacks_key(db, at),
            "dead": dead,
            "todo": todo_for(db, access.visitor(), at),
            "first": _first_steps(db, at),
            "calls": _calls(db, commune, db.get_one(Account, access.visitor().id), at),
            "after": _after(db, at),
            "quiet_said": hush_of(quiet, at),
            "drafts": _drafts(db, at),
            "renewals": renewals_of(db, access.visitor(), at),
            "templates_end": templates_end(db, desk().settings, access.visitor(), at),
            "day": long_day(today_of(at)),
            "hm": hm,
        }
    return render_template("_today.html" if is_part() else "today.html", here="today", **found)


@pages.get("/tomorrow")
@access.allow(*READERS)
def tomorrow() -> str:
    """What will be said tomorrow."""
    at = now()
    day = today_of(at) + timedelta(days=1)
    with desk().database.reading() as db:
        commune = commune_of(db)
        rows = rows_of(db, commune, day, at)
        quiet = quiet_on(rules_of(db).quiet, day)
    return render_template(
        "tomorrow.html", here="today", rows=rows, day=long_day(day), line=lines(rows, quiet, None)
    )


@pages.post("/helper-calls/<call>/take")
@access.allow(*citizens.MAY_GO)
def take_call(call: str) -> Response:
    """I am going to the one who called."""
    with desk().database.session() as db:
        citizens.take_call(db, db.get_one(Account, access.visitor().id), call, now())
    return redirect(url_for("today.today"))


def _first_steps(db: Session, at: datetime) -> str:
    """What a fresh hub still lacks, for its admin; empty once a node has played something."""
    if not access.visitor().is_any("admin") or steps.is_finished(db):
        return ""
    return steps.headline(steps.stairs_of(db, desk().settings, at))


def _lacks_key(db: Session, at: datetime) -> str:
    """What an approver without a key that the loudspeakers believe must know; empty for everybody else."""
    if not access.visitor().is_any("approver"):
        return ""
    me = db.get_one(Account, access.visitor().id)
    if trusted.usable_keys(db, desk().settings, me, at):
        return ""
    if trusted.keys_of(db, me):
        return "Khoá ký của anh/chị chưa có trong danh sách tin cậy: chờ người giữ khoá gốc của xã ký."
    return "Anh/chị chưa có khoá ký nên chưa duyệt được bản tin nào."


def _order(rows: Sequence[Row]) -> list[Row]:
    """What is still to come first, then what is over."""
    return [*(r for r in rows if not r.is_past), *(r for r in rows if r.is_past)]


def _waits(held: Sequence[Revision], at: datetime) -> list[Wait]:
    me = access.visitor().id
    return [Wait(one.announcement_id, one.title, _sent(one, at), one.author_id == me) for one in held]


def _sent(one: Revision, at: datetime) -> str:
    sent = f"{one.author.full_name} gửi {when(one.submitted_at or one.edited_at, at)}"
    if one.relay is not None:
        sent = f"{sent} · tiếp sóng {one.relay['station']}"
    if one.play_now:
        return f"{sent} · phát ngay khi duyệt"
    starts = [start_of(item) for item in one.starts]
    return f"{sent} · phát {when(min(starts), at)}" if starts else sent


def _drafts(db: Session, at: datetime) -> list[Draft]:
    """What this person began or got back and has not sent; of each announcement only its newest revision counts."""
    later = aliased(Revision)
    is_newest = ~exists().where(
        later.announcement_id == Revision.announcement_id, later.number > Revision.number
    )
    query = (
        select(Revision)
        .where(
            Revision.author_id == access.visitor().id, Revision.state.in_(("draft", "returned")), is_newest
        )
        .order_by(Revision.edited_at.desc())
        .limit(5)
    )
    return [_draft(one, at) for one in db.scalars(query)]


def _draft(one: Revision, at: datetime) -> Draft:
    title = one.title or "Chưa có tên"
    if one.state == "returned":
        return Draft(one.announcement_id, title, f"Được trả lại: {one.return_note}")
    return Draft(one.announcement_id, title, f"Cất {ago(one.edited_at, at)}")


def _calls(db: Session, commune: Commune, me: Account, at: datetime) -> list[Call]:
    """Calls nobody has taken that this person may go to, newest first."""
    names: dict[str, NodeRecord] = {node.name: node for node in commune.nodes}
    where = villages_of(db, me, at, *citizens.MAY_GO)
    query = select(HelperCall).where(
        HelperCall.taken_at.is_(None), HelperCall.received_at > at - timedelta(seconds=CALLS_SHOWN_S)
    )
    found = [
        c
        for c in db.scalars(query.order_by(HelperCall.received_at.desc()))
        if where is None or (c.node in names and names[c.node].village in where)
    ]
    titles = _titles(db, {procedure_at(c.page) for c in found} - {""})
    return [
        Call(
            c.call,
            names[c.node].label if c.node in names else c.node,
            ago(c.received_at, at),
            titles.get(procedure_at(c.page), ""),
        )
        for c in found
    ]


def procedure_at(page: str) -> str:
    """The code of the procedure that a page of the screen is about; empty for any other page."""
    parts = page.partition("?")[0].split("/")
    return parts[2] if len(parts) > 2 and parts[:2] == ["", "tt"] else ""


def _titles(db: Session, codes: Set[str]) -> dict[str, str]:
    """By code: what screens call these procedures. A hub without content still shows who calls."""
    if not codes:
        return {}
    try:
        shown = overlaid(db, released(desk().settings.data_dir))
    except (ContentMissing, OSError):
        return {}
    titles = {each.code: each.title for each in shown.procedures}
    titles |= {each.code: each.name for each in shown.named if each.code not in titles}
    return {code: titles[code] for code in codes if code in titles}


def _after(db: Session, at: datetime) -> str:
    """What tomorrow brings."""
    begin, end = bounds(today_of(at) + timedelta(days=1))
    tomorrow = (Occurrence.start >= begin, Occurrence.start < end, Occurrence.cancelled_at.is_(None))
    count = db.scalar(select(func.count()).select_from(Occurrence).where(*tomorrow)) or 0
    first = db.scalar(select(Occurrence.start).where(*tomorrow).order_by(Occurrence.start).limit(1))
    if not count or first is None:
        return "Mai chưa có lượt phát nào được duyệt."
    return f"Mai có {count} lượt phát, từ {hm(first)}."
