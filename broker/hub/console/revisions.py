"""Các bản sửa: every revision of an announcement, who decided it, and what one changed in another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, abort, render_template, request
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from broker.hub.announcing import schedule
from broker.hub.announcing.difference import Difference, Wording, differ, is_same
from broker.hub.console import access
from broker.hub.console.day import Commune, commune_of
from broker.hub.console.desk import desk, now
from broker.hub.console.drafting import KINDS
from broker.hub.console.progress import READERS, may_read
from broker.hub.console.relaying import say_relay
from broker.hub.console.standing import STATES_SAID
from broker.hub.console.tracks import say_languages
from broker.hub.console.wording import lasting, when
from broker.hub.recordings import tracks_of
from broker.hub.records import Account, Revision
from broker.hub.stations import relay_of
from broker.speech.engine import VOICES

pages = Blueprint("revisions", __name__)

MOST_TIMES = 40
"""So many moved hours are listed; beyond them only their number."""


@dataclass(frozen=True)
class Line:
    """One revision in the list."""

    number: int
    state: str
    written: str
    decided: str
    note: str
    """Why it was given back."""


@dataclass(frozen=True)
class Moved:
    """Hours or places that went or came, in words."""

    removed: Sequence[str]
    added: Sequence[str]
    kept: str
    """What stayed, in a word or a number."""


@pages.get("/announcements/<key>/revisions")
@access.allow(*READERS)
def history(key: str) -> str:
    """All revisions this person may read, and two of them side by side: `tu` the older, `den` the newer number."""
    at = now()
    with desk().database.reading() as db:
        found = _readable(db, key, at)
        newer = _chosen(found, request.args.get("den", "")) or found[0]
        older = _chosen(found, request.args.get("tu", "")) or base_of(found, newer)
        commune = commune_of(db)
        pair = None
        if older is not None and older.number != newer.number:
            older, newer = sorted((older, newer), key=lambda one: one.number)
            pair = difference_of(older, newer)
        return render_template(
            "revisions.html",
            here="today",
            key=key,
            title=found[0].title or "Chưa có tên",
            lines=[_line(one, at) for one in found],
            older=older if pair else None,
            newer=newer,
            pair=pair,
            said=say_changes(pair) if pair else "",
            places=_places(commune, pair) if pair else None,
            times=_times(pair, at) if pair else None,
            same=is_same,
        )


def base_of(revisions: Sequence[Revision], of: Revision) -> Revision | None:
    """What a revision is best compared with: the last one that was approved before it, else the last one sent.

    revisions: newest first.
    """
    older = [one for one in revisions if one.number < of.number]
    approved = (one for one in older if one.envelope and one.approver_id is not None and one.decided_at)
    sent = (one for one in older if one.submitted_at is not None)
    return next(approved, None) or next(sent, None) or (older[0] if older else None)


def difference_of(older: Revision, newer: Revision) -> Difference:
    """What `newer` changed. Spoken words are compared once both were sent: before, nothing fixed them."""
    both = bool(older.spoken and newer.spoken)
    return differ(_wording(older, with_spoken=both), _wording(newer, with_spoken=both))


def say_changes(found: Difference) -> str:
    """What changed, in a few words: "lời đọc, giờ phát"; empty when nothing did."""
    parts = (
        ("tên", is_same(found.title)),
        ("lời viết", is_same(found.written)),
        ("lời đọc", is_same(found.spoken)),
        ("nơi phát", found.places.is_same),
        ("giờ phát", found.times.is_same),
    )
    names = [name for name, is_kept in parts if not is_kept]
    return ", ".join([*names, *(fact.name.lower() for fact in found.facts)])


def changes_for_signer(db: Session, revision: Revision) -> tuple[int, str] | None:
    """For whoever signs a correction: the number it is compared with, and what changed in words; None for a first."""
    if revision.number == 1:
        return None
    query = select(Revision).where(Revision.announcement_id == revision.announcement_id)
    base = base_of(db.scalars(query.order_by(Revision.number.desc())).all(), revision)
    return None if base is None else (base.number, say_changes(difference_of(base, revision)))


def _readable(db: Session, key: str, at: datetime) -> list[Revision]:
    """Revisions of an announcement that this person may read, newest first."""
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
    kept = db.scalars(query).all()
    if not kept:
        abort(404)
    person = db.get_one(Account, access.visitor().id)
    found = [one for one in kept if may_read(db, person, one, at)]
    if not found:
        abort(403)
    return found


def _chosen(revisions: Sequence[Revision], number: str) -> Revision | None:
    return next((one for one in revisions if str(one.number) == number), None)


def _wording(one: Revision, *, with_spoken: bool) -> Wording:
    facts = {
        "Loại": KINDS.get(one.kind, one.kind),
        "Số lần đọc": f"{one.repeat} lần",
        "Nghỉ giữa hai lần": lasting(one.gap_s) if one.repeat > 1 else "",
        "Giọng": VOICES.get(one.voice, one.voice),
        "Cách phát": "Ngay khi ký" if one.play_now else "",
        "Tiếp sóng": say_relay(relay_of(one.relay)),
        "Bản ghi": say_languages(tracks_of(one.tracks)) if one.tracks else "",
        "Nhắc lại": f"{lasting(one.every_s)} một lần trong {lasting(one.lasts_s)}" if one.every_s else "",
    }
    return Wording(
        title=one.title,
        written=one.text,
        spoken=one.spoken if with_spoken else "",
        villages=one.villages,
        starts=[] if one.play_now else [each.at for each in schedule.starts_of(one)],
        facts={name: said for name, said in facts.items() if said},
    )


def _line(one: Revision, at: datetime) -> Line:
    decided = ""
    if one.approver is not None and one.decided_at is not None:
        verb = "trả lại" if one.return_note else "ký duyệt"
        decided = f"{one.approver.full_name} {verb} {when(one.decided_at, at)}"
    return Line(
        number=one.number,
        state=STATES_SAID.get(one.state, one.state),
        written=f"{one.author.full_name} viết {when(one.edited_at, at)}",
        decided=decided,
        note=one.return_note,
    )


def _places(commune: Commune, pair: Difference) -> Moved:
    names = commune.names
    kept = ", ".join(f"thôn {names.get(code, code)}" for code in pair.places.kept)
    return Moved(
        [f"thôn {names.get(code, code)}" for code in pair.places.removed],
        [f"thôn {names.get(code, code)}" for code in pair.places.added],
        f"giữ nguyên: {kept}" if kept else "",
    )


def _times(pair: Difference, at: datetime) -> Moved:
    kept = len(pair.times.kept)
    return Moved(
        _moments(pair.times.removed, at),
        _moments(pair.times.added, at),
        f"giữ nguyên {kept} giờ" if kept else "",
    )


def _moments(starts: Sequence[datetime], at: datetime) -> list[str]:
    said = [when(start, at) for start in starts[:MOST_TIMES]]
    left = len(starts) - MOST_TIMES
    return [*said, f"và {left} giờ nữa"] if left > 0 else said
