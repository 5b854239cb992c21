"""One announcement after it was sent: each loudspeaker's stages live, what it says, and how to make it stop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload
from werkzeug.wrappers import Response

from broker.hub.announcing import workflow
from broker.hub.console import access
from broker.hub.console.access import Visitor
from broker.hub.console.day import Commune, commune_of, length_of, progress_rows
from broker.hub.console.desk import desk, is_part, now
from broker.hub.console.drafting import KINDS
from broker.hub.console.faults import broker_trouble
from broker.hub.console.relaying import say_relay
from broker.hub.console.stages import STAGES, Progress
from broker.hub.console.standing import status_of
from broker.hub.console.times import times_of_revision
from broker.hub.console.tracks import say_languages
from broker.hub.console.wording import hm, lasting, local, when
from broker.hub.recordings import tracks_of
from broker.hub.records import Account, Occurrence, Revision, Stop
from broker.hub.roles import has_role, villages_of
from broker.hub.stations import relay_of

pages = Blueprint("progress", __name__)

READERS = ("editor", "approver", "leader", "admin", "auditor", "village", "helper")
_WHOLE = ("editor", "approver")
"""Who reads every draft: they write, correct and decide them."""
_HANDED_IN = ("submitted", "approved", "expired")
"""States of what its author has let go of, besides whatever was once approved."""
NOTES = {
    "sent": "Đã gửi duyệt. Người duyệt sẽ thấy bản tin này ở trang Hôm nay.",
    "approved": "Đã ký duyệt. Từng cụm loa báo lại ở dưới.",
    "returned": "Đã trả lại cho người viết.",
    "stopped": "Đã ra lệnh dừng. Cụm loa nào đã báo im thì ghi ở dưới.",
    "silenced": "Đã ra lệnh tắt tiếng cả xã và giữ im mười phút. Dòng đỏ cho biết cụm loa nào đã báo im.",
    "lifted": "Loa cả xã được nói lại. Lượt phát đã dừng thì không tự phát lại.",
    "withdrawn": "Đã gỡ bản tin này.",
}


@dataclass(frozen=True)
class Sums:
    """The row of figures above the table."""

    got: int
    playing: int
    played: int
    heard: int
    unmeasured: int
    filed: int
    stuck: int


@dataclass(frozen=True)
class Other:
    """Another playing of the same announcement."""

    when: str
    said: str
    href: str
    is_here: bool


@dataclass(frozen=True)
class Beside:
    """Another revision of the same announcement that matters now."""

    said: str
    href: str
    action: str


@pages.get("/announcements/<key>")
@access.allow(*READERS)
def announcement(key: str) -> str:
    """The page, or only its changing part for the script. `lan` chooses one playing."""
    at = now()
    with desk().database.reading() as db:
        revision, beside = _shown(db, key, request.args.get("lan", ""))
        commune = commune_of(db)
        occurrence = _chosen(revision, request.args.get("lan", ""), at)
        found = _found(commune, revision, occurrence, _stopped_by(db, occurrence), at)
        found["dead"] = broker_trouble(db, at)
        found["beside"] = beside
        template = "_progress.html" if is_part() else "progress.html"
        note = NOTES.get(request.args.get("note", ""), "")
        return render_template(template, here="play", note=note, **found)


@pages.post("/occurrences/<occurrence>/stop")
@access.allow("editor", "approver")
def stop(occurrence: str) -> Response:
    """Silence one playing; workflow lets approvers stop any and authors their own."""
    with desk().database.session() as db:
        account = db.get_one(Account, access.visitor().id)
        workflow.stop(db, account, occurrence, now())
        row = db.get_one(Occurrence, occurrence)
        key = row.revision.announcement_id
    return redirect(url_for("progress.announcement", key=key, lan=occurrence, note="stopped"))


@pages.post("/silence")
@access.allow("approver")
def silence() -> Response:
    """Silence whatever plays anywhere in the commune."""
    with desk().database.session() as db:
        workflow.stop(db, db.get_one(Account, access.visitor().id), "", now())
    return redirect(url_for("speakers.points", note="silenced"))


def sums_of(rows: Sequence[Progress]) -> Sums:
    """Count the rows by stage."""
    return Sums(
        got=sum(row.done >= 1 for row in rows),
        playing=sum(row.state == "playing" for row in rows),
        played=sum(row.done >= 4 for row in rows),
        heard=sum(row.done >= 5 for row in rows),
        unmeasured=sum(row.done == 4 and row.state == "played" for row in rows),
        filed=sum(row.is_filed for row in rows),
        stuck=sum(row.needs_person for row in rows),
    )


def may_read(db: Session, person: Account, revision: Revision, at: datetime) -> bool:
    """Whether a person may read these words, as sound.audio lets them hear.

    Drafts are for their author, editors and approvers; what was handed in is for the whole commune's officers, and
    for the people of a village when it is for that village. Words of an emergency that nobody let speak are no news for
    the villages yet: there only their author reads them.
    """
    if revision.author_id == person.id or has_role(db, person, at, *_WHOLE):
        return True
    if revision.state == "draft":
        return False
    may = villages_of(db, person, at, *READERS)
    if may is None and has_role(db, person, at, "leader", "admin", "auditor"):
        return True
    if is_unsigned(revision) or (revision.state not in _HANDED_IN and not revision.occurrences):
        return False
    return may is None or not may.isdisjoint(revision.villages)


def is_unsigned(revision: Revision) -> bool:
    """Whether these are words for an emergency that nobody let speak."""
    return revision.kind == "emergency" and not revision.occurrences


def _shown(db: Session, key: str, asked: str) -> tuple[Revision, Beside | None]:
    """The revision to show, and the one that stands beside it.

    It is the one a playing was asked of (`asked`), else the approved one while a newer draft is being written, else
    the newest one may read. Plays are read for the chosen playing alone: a daily bulletin has thousands.
    """
    query = (
        select(Revision)
        .where(Revision.announcement_id == key)
        .options(
            selectinload(Revision.occurrences),
            selectinload(Revision.author),
            selectinload(Revision.approver),
        )
        .order_by(Revision.number.desc())
    )
    kept, at = db.scalars(query).all(), now()
    if not kept:
        abort(404)
    person = db.get_one(Account, access.visitor().id)
    revisions = [one for one in kept if may_read(db, person, one, at)]
    if not revisions:
        abort(403)
    approved = next((one for one in revisions if one.occurrences), None)
    of_playing = (one for one in revisions if any(row.id == asked for row in one.occurrences))
    is_drafting = revisions[0].state in ("draft", "withdrawn")
    shown = next(of_playing, approved if approved is not None and is_drafting else revisions[0])
    return shown, _beside(shown, revisions[0], approved, at)


def _beside(shown: Revision, newest: Revision, approved: Revision | None, at: datetime) -> Beside | None:
    """A correction that waits beside what is still to be heard, and the other way round."""
    if newest.state != "submitted" or approved is None or approved.state != "approved":
        return None
    key = newest.announcement_id
    if shown is not newest:
        said = f"Bản sửa {newest.number} đang chờ duyệt. Bản này vẫn phát cho đến khi bản sửa được duyệt."
        return Beside(said, url_for("progress.announcement", key=key), "Xem bản sửa")
    row = _chosen(approved, "", at)
    if row is None or row.cancelled_at is not None:
        return None
    said = f"Bản {approved.number} đã duyệt vẫn phát, lượt {when(row.start, at)}, cho đến khi bản sửa này được duyệt."
    return Beside(said, url_for("progress.announcement", key=key, lan=row.id), "Xem lượt đó")


def _chosen(revision: Revision, asked: str, at: datetime) -> Occurrence | None:
    """The playing that matters most: the one asked for, the one under way, the next, the last."""
    rows = revision.occurrences
    for row in rows:
        if row.id == asked:
            return row
    for row in rows:
        if row.start + timedelta(seconds=row.duration_s + 120) > at:
            return row
    return rows[-1] if rows else None


def _stopped_by(db: Session, occurrence: Occurrence | None) -> str:
    """Full name of who silenced this playing, alone or with the whole commune; empty for what was withdrawn."""
    if occurrence is None or occurrence.cancelled_at is None:
        return ""
    query = (
        select(Account.full_name)
        .join(Stop, Stop.account_id == Account.id)
        .where(Stop.at == occurrence.cancelled_at, Stop.occurrence.in_((occurrence.id, "")))
    )
    return db.scalars(query.limit(1)).first() or ""


def _found(
    commune: Commune, revision: Revision, occurrence: Occurrence | None, stopped_by: str, at: datetime
) -> dict[str, Any]:
    rows = progress_rows(commune, occurrence, at) if occurrence else []
    person = access.visitor()
    return {
        "revision": revision,
        "occurrence": occurrence,
        "rows": rows,
        "sums": sums_of(rows),
        "stages": STAGES,
        "asked": _asked(occurrence, at),
        "status": status_of(revision, occurrence, rows, at, stopped_by),
        "facts": _facts(commune, revision, at),
        "others": _others(revision, occurrence, at),
        "times": times_of_revision(revision, at),
        "audio": _audio(revision, person),
        "may_stop": occurrence is not None and _may_stop(person, revision, occurrence, rows, at),
        "may_approve": revision.state == "submitted"
        and person.is_any("approver")
        and revision.author_id != person.id,
        "may_edit": person.is_any("editor", "approver")
        or (person.is_any("village") and revision.author_id == person.id),
        "edit_name": "Viết tiếp" if revision.state == "draft" else "Sửa thành bản mới",
    }


def _asked(occurrence: Occurrence | None, at: datetime) -> dict[str, str]:
    """What to ask on the page that explains a silent loudspeaker, once the hour has come; nothing before."""
    if occurrence is None or occurrence.start > at:
        return {}
    return {"day": f"{local(occurrence.start):%Y-%m-%d}", "at": hm(occurrence.start)}


def _audio(revision: Revision, person: Visitor) -> str:
    hears = person.is_any("editor", "approver", "leader", "admin", "auditor") or (
        person.is_any("village")
        and (
            revision.author_id == person.id
            or (not is_unsigned(revision) and not set(person.villages).isdisjoint(revision.villages))
        )
    )
    if not revision.audio or not hears:
        return ""
    return url_for("sound.audio", key=revision.announcement_id, sha256=revision.audio["sha256"])


def _may_stop(
    person: Visitor, revision: Revision, occurrence: Occurrence, rows: Sequence[Progress], at: datetime
) -> bool:
    is_over = occurrence.start + timedelta(seconds=occurrence.tolerance_s + occurrence.duration_s) < at
    is_done = bool(rows) and all(row.done >= 4 or row.needs_person for row in rows)
    if occurrence.cancelled_at is not None or is_over or is_done:
        return False
    return person.is_any("approver") or (person.is_any("editor") and revision.author_id == person.id)


def _facts(commune: Commune, revision: Revision, at: datetime) -> dict[str, str]:
    length_s = length_of(revision)
    return {
        "kind": KINDS.get(revision.kind, revision.kind),
        "where": commune.say_places(revision.villages),
        "unheard": commune.warn_unheard(revision.villages),
        "length": lasting(length_s) if length_s and revision.relay is None else "",
        "relay": say_relay(relay_of(revision.relay)),
        "languages": say_languages(tracks_of(revision.tracks)) if revision.tracks else "",
        "decided": "Người trả lại" if revision.state == "returned" else "Người duyệt",
        "decided_at": when(revision.decided_at, at) if revision.decided_at else "",
    }


def _around(rows: Sequence[Occurrence], here: Occurrence | None) -> Sequence[Occurrence]:
    """Of a long list the playings before and after the one that is shown."""
    at = next((n for n, row in enumerate(rows) if here is not None and row.id == here.id), 0)
    return rows[max(0, at - 10) : at + 30]


def _others(revision: Revision, here: Occurrence | None, at: datetime) -> list[Other]:
    if len(revision.occurrences) < 2:
        return []
    return [
        Other(
            when(row.start, at),
            "Đã dừng" if row.cancelled_at else "Đã qua" if row.start < at else "Sắp tới",
            url_for("progress.announcement", key=revision.announcement_id, lan=row.id),
            here is not None and row.id == here.id,
        )
        for row in _around(revision.occurrences, here)
    ]
