"""What the kiosks show: the commune's content and what the loudspeakers said lately, as one bundle."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from pathlib import Path

import msgspec
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from broker.contract.content import Approved, Bundle, Heard
from broker.hub.content_shown import BASE, ContentMissing, overlaid, released
from broker.hub.records.announcement import Occurrence, Play, Revision
from broker.hub.records.plan import ContentBundle
from broker.link.clock import LOCAL
from broker.link.media import MediaStore
from broker.trust.envelope import Instant
from broker.trust.files import write_atomically

HEARD_KEPT = 20
"""Announcements that can be heard again at the kiosk."""

APPROVED_KEPT = 40
"""Announcements still to come that a kiosk is told of, the next first."""
AHEAD = timedelta(days=3)

TYPE = "application/json"
__all__ = ["ContentMissing", "current", "set_base"]


class _Signed(msgspec.Struct):
    expires: Instant


def set_base(data: Path, bundle: bytes) -> None:
    """Make `bundle` (JSON of contract.content.Bundle) the commune's content. Raises msgspec errors, OSError."""
    msgspec.json.decode(bundle, type=Bundle)
    write_atomically(data / BASE, bundle, mode=0o644)


def current(db: Session, data: Path, store: MediaStore, commune_name: str, now: datetime) -> ContentBundle:
    """The bundle that nodes should show; a new generation when its content has changed since the last.

    db: inside a write transaction. Raises ContentMissing, OSError.
    """
    bundle = _compose(db, data, commune_name, now)
    raw = msgspec.json.encode(bundle)
    sha256 = hashlib.sha256(raw).hexdigest()
    newest = db.scalars(select(ContentBundle).order_by(ContentBundle.generation.desc()).limit(1)).first()
    if newest is not None and newest.sha256 == sha256 and store.path_of(sha256):
        return newest
    media = store.add(raw, TYPE)
    generation = int(db.scalar(select(func.max(ContentBundle.generation))) or 0) + 1
    row = ContentBundle(generation=generation, sha256=media.sha256, size=media.size, type=TYPE, made_at=now)
    db.add(row)
    db.flush()
    return row


def _compose(db: Session, data: Path, commune_name: str, now: datetime) -> Bundle:
    """The bundle as content decides, not as time passes: on one day the same content gives the same bytes."""
    base = overlaid(db, released(data))
    heard, approved = _heard(db), _approved(db, now)
    made_at = max([base.made_at, *(each.at for each in heard)])
    return msgspec.structs.replace(
        base, commune_name=commune_name, heard=heard, approved=approved, made_at=made_at
    )


def _approved(db: Session, now: datetime) -> list[Approved]:
    """What is still to be said in the days ahead, and emergencies that hold: what starts next comes first."""
    midnight = datetime.combine(now.astimezone(LOCAL).date(), time(), LOCAL)
    rows = db.scalars(
        select(Occurrence)
        .join(Revision)
        .where(
            Revision.state == "approved",
            Revision.drill.is_(False),
            Occurrence.cancelled_at.is_(None),
            Occurrence.start >= midnight,
            Occurrence.start < midnight + AHEAD,
        )
        .order_by(Occurrence.start, Occurrence.id)
    )
    starts: dict[int, list[Occurrence]] = {}
    for row in rows:
        starts.setdefault(row.revision_id, []).append(row)
    kept = [own for own in starts.values() if not _is_ended_emergency(own[0].revision)]
    return [_approved_one(own) for own in kept[:APPROVED_KEPT]]


def _is_ended_emergency(revision: Revision) -> bool:
    """Whether somebody ended an emergency, by silence too: what it said before that is no warning any more."""
    return revision.kind == "emergency" and any(row.cancelled_at is not None for row in revision.occurrences)


def _approved_one(rows: Sequence[Occurrence]) -> Approved:
    revision, last = rows[0].revision, rows[-1]
    until = last.start + timedelta(seconds=last.tolerance_s + last.duration_s)
    if revision.kind == "emergency" and revision.envelope:
        until = msgspec.json.decode(revision.envelope, type=_Signed).expires
    return msgspec.convert(
        {
            "announcement": revision.announcement_id,
            "title": revision.title,
            "text": revision.text or revision.spoken,
            "kind": revision.kind,
            "villages": revision.villages,
            "starts": [row.start for row in rows],
            "until": until,
        },
        Approved,
    )


def _heard(db: Session) -> list[Heard]:
    """The last announcements that at least one loudspeaker began to play, newest first."""
    first_play = func.min(Play.started_at)
    rows = db.execute(
        select(Revision, first_play)
        .join(Occurrence, Occurrence.revision_id == Revision.id)
        .join(Play, Play.occurrence == Occurrence.id)
        # What a station said nobody has kept, and a drill said nothing.
        .where(Play.started_at.is_not(None), Revision.relay.is_(None), Revision.drill.is_(False))
        .group_by(Revision.id)
        .order_by(first_play.desc())
        .limit(HEARD_KEPT)
    ).all()
    return [
        msgspec.convert(
            {
                "announcement": revision.announcement_id,
                "title": revision.title,
                "text": revision.text,
                "at": at,
                "kind": revision.kind,
                "villages": revision.villages,
                "audio": revision.audio,
            },
            Heard,
        )
        for revision, at in rows
        if revision.audio
    ]
