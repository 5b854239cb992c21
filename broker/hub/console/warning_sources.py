"""Where warnings are fetched, which of them make a template stand ready, and by what codes the commune goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from broker.hub.announcing import emergency
from broker.hub.cap import intake, rules, said, sources
from broker.hub.cap.rules import Rule
from broker.hub.console import access
from broker.hub.console.desk import desk, now
from broker.hub.console.warnings import READERS
from broker.hub.console.wording import ago, lasting
from broker.hub.declined import Declined
from broker.hub.records import Account, CapSource
from broker.hub.roles import has_role

pages = Blueprint("warning_sources", __name__)

EVERY = ((60, "1 phút"), (300, "5 phút"), (900, "15 phút"), (3600, "1 giờ"))
NOTES = {
    "added": "Đã thêm nguồn; trung tâm hỏi ngay bây giờ.",
    "removed": "Đã bỏ nguồn. Cảnh báo đã nhận vẫn còn.",
    "asked": "Trung tâm sẽ hỏi nguồn này trong vài giây.",
    "rule": "Đã thêm quy tắc.",
    "rule-removed": "Đã bỏ quy tắc.",
    "codes": "Đã cất mã vùng của xã.",
}


@dataclass(frozen=True)
class Line:
    """One source as it is shown."""

    id: int
    name: str
    address: str
    told: str
    weight: str
    state: str
    problem: str


@dataclass(frozen=True)
class Ruling:
    """One rule as a sentence."""

    id: str
    said: str
    template: str


@pages.get("/warnings/sources")
@access.allow(*READERS)
def page() -> str:
    """Sources, rules and codes; forms for who keeps them."""
    return _page()


@pages.post("/warnings/sources")
@access.allow(*rules.KEEPERS)
def add() -> Response | tuple[str, int]:
    """Add a source. Form: name, address, every_s, certificate, writer."""
    form = request.form
    every = form.get("every_s", "")
    try:
        with desk().database.session() as db:
            sources.add_source(
                db,
                _me(db),
                form.get("name", ""),
                form.get("address", ""),
                int(every) if every.isascii() and every.isdigit() and len(every) < 7 else 0,
                form.get("certificate", ""),
                form.get("writer", ""),
                now(),
            )
    except Declined as why:
        return _page(str(why)), 409
    return _back("added")


@pages.post("/warnings/sources/<int:number>/<act>")
@access.allow(*rules.KEEPERS)
def change(number: int, act: str) -> Response | tuple[str, int]:
    """ask (now) or remove."""
    try:
        with desk().database.session() as db:
            if act == "remove":
                sources.remove_source(db, _me(db), number, now())
            elif act == "ask":
                sources.ask_soon(db, _me(db), number, now())
            else:
                raise Declined("no-act", "Không có việc này trên nguồn.")
    except Declined as why:
        return _page(str(why)), 409
    return _back("removed" if act == "remove" else "asked")


@pages.post("/warnings/rules")
@access.allow(*rules.KEEPERS)
def add_rule() -> Response | tuple[str, int]:
    """Add a rule. Form: event, severity, urgency, certainty, template."""
    form = request.form
    wanted = Rule(
        id="",
        event=form.get("event", ""),
        severity=form.get("severity", ""),
        urgency=form.get("urgency", ""),
        certainty=form.get("certainty", ""),
        template=form.get("template", ""),
    )
    try:
        with desk().database.session() as db:
            rules.add_rule(db, _me(db), wanted, now())
    except Declined as why:
        return _page(str(why)), 409
    return _back("rule")


@pages.post("/warnings/rules/<name>/remove")
@access.allow(*rules.KEEPERS)
def remove_rule(name: str) -> Response | tuple[str, int]:
    """Take a rule off the list."""
    try:
        with desk().database.session() as db:
            rules.remove_rule(db, _me(db), name, now())
    except Declined as why:
        return _page(str(why)), 409
    return _back("rule-removed")


@pages.post("/warnings/codes")
@access.allow(*rules.KEEPERS)
def put_codes() -> Response | tuple[str, int]:
    """Keep the codes of the commune. Form: codes, one a line."""
    try:
        with desk().database.session() as db:
            rules.put_codes(db, _me(db), request.form.get("codes", ""), now())
    except Declined as why:
        return _page(str(why)), 409
    return _back("codes")


def _back(note: str) -> Response:
    return redirect(url_for("warning_sources.page", note=note))


def _page(trouble: str = "") -> str:
    at, place = now(), desk().settings.place
    with desk().database.reading() as db:
        lines = [_line(each, at) for each in sources.all_sources(db)]
        rulings = [
            Ruling(each.id, _say(each), rules.title_of(db, each.template)) for each in rules.rules_of(db)
        ]
        templates = emergency.ready_templates(db, at)
        own, *others = rules.codes_of(db, place)
        writers = _writers(db, at)
    return render_template(
        "warning-sources.html",
        here="warnings",
        lines=lines,
        rulings=rulings,
        templates=templates,
        own_code=own,
        codes="\n".join(others),
        writers=writers,
        every=EVERY,
        severities=_choices(said.SEVERITIES),
        urgencies=_choices(said.URGENCIES),
        certainties=_choices(said.CERTAINTIES),
        may_edit=access.visitor().is_any(*rules.KEEPERS),
        ours=url_for("cap_out.feed", _external=True),
        form=request.form,
        note=NOTES.get(request.args.get("note", ""), ""),
        trouble=trouble,
    )


def _choices(words: object) -> Sequence[tuple[str, str]]:
    """The two or three gravest words of a scale: a rule for less would make a template ready for everything."""
    assert hasattr(words, "items")  # noqa: S101  (a mapping of said)
    return [(code, f"{word[:1].upper()}{word[1:]}") for code, word in list(words.items())[:3]]


def _writers(db: Session, at: datetime) -> list[tuple[str, str]]:
    """Who may write drafts from warnings: username and name."""
    return [
        (row.username, row.full_name)
        for row in db.scalars(select(Account).order_by(Account.full_name))
        if has_role(db, row, at, *intake.WRITERS)
    ]


def _line(source: CapSource, at: datetime) -> Line:
    told = f"hỏi lại sau {lasting(source.every_s)}"
    if source.answered_at is not None:
        told += f", trả lời {ago(source.answered_at, at)}"
    if source.problem:
        weight, state = "look", "Có trục trặc"
    elif source.answered_at is None:
        weight, state = "wait", "Chưa trả lời lần nào"
    else:
        weight, state = "ok", "Trả lời tốt"
    if source.certificate:
        told += ", phải ký đúng"
    return Line(source.id, source.name, source.address, told, weight, state, source.problem)


def _say(rule: Rule) -> str:
    about = f"có chữ “{rule.event}”" if rule.event else "bất kỳ"
    return (
        f"Cảnh báo {about}, từ mức {said.SEVERITIES[rule.severity]}, {said.URGENCIES[rule.urgency]} trở lên, "
        f"{said.CERTAINTIES[rule.certainty]} trở lên"
    )


def _me(db: Session) -> Account:
    return db.get_one(Account, access.visitor().id)
