"""Nhật ký: who decided what and when, whether the log is what it was, and the code by which anyone can tell."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from broker.hub import audit
from broker.hub.console import access
from broker.hub.console.deeds import GROUPS
from broker.hub.console.desk import desk, now
from broker.hub.console.logbook import (
    Choice,
    HeadSaid,
    State,
    by_day,
    kept_by,
    lines_of,
    names_of,
)
from broker.hub.console.pager import Page, turn
from broker.hub.console.wording import hms, local, number
from broker.hub.records import AuditRow, write_audit
from broker.hub.records.audit import chosen_rows
from broker.look.qr import qr
from broker.trust.audit import START, Row

pages = Blueprint("audit", __name__)

READERS = ("leader", "admin", "auditor")
ON_A_PAGE, ON_PAPER = 60, 1500
"""Rows."""


@pages.get("/audit")
@access.allow(*READERS)
def log() -> str:
    """The page; `ai`, `viec`, `tu`, `den` choose rows, `trang` turns."""
    at, choice = now(), Choice.asked()
    with desk().database.reading() as db:
        page = _page(db, choice)
        names = names_of(db, page.items)
        actors = [(one, names.actor(one)) for one in db.scalars(select(AuditRow.actor).distinct())]
        state = State.of(db, desk().settings)
    return render_template(
        "audit.html",
        here="audit",
        page=page,
        days=list(by_day(lines_of(page.items, names), local(at).date())),
        choice=choice,
        chosen=choice.said(names),
        actors=sorted(actors, key=lambda each: each[1].casefold()),
        groups=[(key, words) for key, (words, _) in GROUPS.items()],
        was_looked=request.args.get("soi") == "xong",
        turn=turn,
        **_words(state, at),
    )


@pages.post("/audit/look")
@access.allow(*READERS)
def look_through() -> Response:
    """Look through the whole log now. That, too, is written."""
    at = now()
    with desk().database.reading() as db:
        finding = audit.inspect(db, desk().settings)  # a long one: writers go on meanwhile
    agreeing = sum(each.is_signed and each.is_well for each in finding.nodes if each.head != START)
    result = {"result": "whole" if finding.is_well else "touched", "nodes": str(agreeing)}
    with desk().database.session() as db:
        audit.note_look(db, finding, at)
        rows = str(finding.verdict.head.index)
        write_audit(db, at, access.visitor().username, "audit.verified", rows, result)
    return redirect(url_for("audit.log", soi="xong"))


@pages.get("/audit/print")
@access.allow(*READERS)
def paper() -> str:
    """The chosen rows for paper, oldest first, with the head of the log. Written before it is shown."""
    at, choice = now(), Choice.asked()
    with desk().database.session() as db:
        chosen = choice.said(names_of(db))
        write_audit(db, at, access.visitor().username, "audit.printed", chosen)
    with desk().database.reading() as db:
        rows = chosen_rows(db, choice.wanted(), 0, ON_PAPER + 1)
        lines = lines_of(rows[:ON_PAPER][::-1], names_of(db, rows))
        state = State.of(db, desk().settings)
    return render_template(
        "audit-print.html",
        here="audit",
        chosen=chosen,
        days=list(by_day(lines, None)),
        count=number(len(lines)),
        most=number(ON_PAPER) if len(rows) > ON_PAPER else "",
        square=qr(f"{state.head.index}:{state.head.hash}", "Mã sổ đầy đủ"),
        at=_clock(at),
        back=url_for("audit.log") + choice.address(),
        **_words(state, at),
    )


def note_export(answer: Response) -> Response:
    """After a request to the API: whoever carries readings away as a file is written down, before a byte leaves."""
    if answer.mimetype == "text/csv" and answer.status_code == 200:
        asked = [request.args.get(name, "") for name in ("node", "series")]
        with desk().database.session() as db:
            subject = "/".join(each for each in asked if each)[:200] or "*"
            write_audit(db, now(), access.visitor().username, "readings.exported", subject)
    return answer


def printed_head() -> dict[str, str]:
    """For the foot of printed reports: `index` and `code` of the log as it stands now, and `at`."""
    at = now()
    with desk().database.reading() as db:
        head = HeadSaid.of(audit.newest(db))
    return {"index": head.index, "code": head.code, "at": _clock(at)}


def _clock(at: datetime) -> str:
    return f"{hms(at)} ngày {local(at):%-d/%-m/%Y}"


def _words(state: State, at: datetime) -> dict[str, Any]:
    """Whether the log is what it was, for both templates."""
    return {
        "title": state.headline(),
        "said": state.length(at),
        "troubles": state.troubles(),
        "doubts": state.doubts(),
        "head": HeadSaid.of(state.head),
        "nodes": [kept_by(each, at) for each in state.nodes],
        "bad_row": state.bad_row,
        "bad_page": max(0, state.head.index - state.bad_row) // ON_A_PAGE + 1,
    }


def _page(db: Session, choice: Choice) -> Page[Row]:
    """The page that was asked for: the log may be far too long to read whole."""
    wanted = choice.wanted()
    total = db.scalar(select(func.count()).select_from(AuditRow).where(*wanted)) or 0
    last = max(1, -(-total // ON_A_PAGE))
    asked = request.args.get("trang", "")
    page = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 9 else 1
    page = min(max(1, page), last)
    return Page(chosen_rows(db, wanted, (page - 1) * ON_A_PAGE, ON_A_PAGE), page, last, total)
