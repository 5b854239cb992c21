"""Diễn tập: the whole way of an emergency with a short chime, and a certificate for each loudspeaker that is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, abort, render_template
from sqlalchemy import Select, select
from sqlalchemy.orm import Session, selectinload

from broker.hub.announcing.emergency_running import names_of
from broker.hub.console import access
from broker.hub.console.certificates import certificate_of
from broker.hub.console.day import Commune, commune_of
from broker.hub.console.desk import desk, is_part, now
from broker.hub.console.emergency import choose
from broker.hub.console.faults import broker_trouble
from broker.hub.console.wording import hms, local, long_day, when
from broker.hub.records import EmergencyTemplate, Occurrence, Revision

pages = Blueprint("drills", __name__)

READERS = ("editor", "approver", "leader", "admin", "auditor")
MOST = 60


@dataclass(frozen=True)
class Past:
    """One drill of the list."""

    key: str
    when: str
    where: str
    by: str
    said: str
    weight: str


@pages.get("/drills")
@access.allow(*READERS)
def all_drills() -> str:
    """Every drill with what it showed, newest first."""
    at = now()
    with desk().database.reading() as db:
        commune = commune_of(db)
        query = _drills().order_by(Revision.id.desc()).limit(MOST)
        rows = [_past(commune, row, at) for row in db.scalars(query)]
    return render_template("drills.html", here="drills", drills=rows)


@pages.get("/drills/new")
@access.allow("approver")
def new() -> str:
    """The page of an emergency in calm colours."""
    return choose(is_drill=True)


@pages.get("/drills/<key>")
@access.allow(*READERS)
def one(key: str) -> str:
    """The certificate, live until every loudspeaker answered or a minute is over; made for paper too."""
    at = now()
    with desk().database.reading() as db:
        revision = db.scalars(_drills().where(Revision.announcement_id == key)).first()
        if revision is None:
            abort(404)
        commune = commune_of(db)
        certificate = certificate_of(commune, revision, at)
        pressed = certificate.clicked or revision.decided_at or at
        shown = {
            "revision": revision,
            "certificate": certificate,
            "where": commune.say_places(revision.villages),
            "by": " và ".join(names_of(db, revision)),
            "pressed": hms(pressed),
            "day": long_day(local(pressed).date()),
            "template": _template(db, revision),
            "printed": when(at, at),
            "dead": broker_trouble(db, at),
            "may_stop": access.visitor().is_any("approver") and not certificate.is_final,
        }
        return render_template("_drill.html" if is_part() else "drill.html", here="drills", **shown)


def _past(commune: Commune, revision: Revision, at: datetime) -> Past:
    found = certificate_of(commune, revision, at)
    return Past(
        revision.announcement_id,
        when(found.clicked or revision.created_at, at),
        commune.say_places(revision.villages),
        revision.approver.full_name if revision.approver else "",
        found.head,
        found.weight,
    )


def _template(db: Session, revision: Revision) -> str:
    """Which template was walked: its title and number."""
    row = db.get(EmergencyTemplate, revision.template_id) if revision.template_id else None
    return f"{row.title}, bản {row.number}" if row else revision.title


def _drills() -> Select[Revision]:
    return (
        select(Revision)
        .where(Revision.drill.is_(True), Revision.kind == "emergency")
        .options(
            selectinload(Revision.occurrences).selectinload(Occurrence.plays),
            selectinload(Revision.approver),
        )
    )
