"""How long pictures and clips of alerts are kept: for the commune's days, and within its share of the disk.

The public is told of the days (camera_notice.py). Only closed alerts lose theirs; what is open stays whole. It goes in
two steps: first the records forget the hashes and the setting "retention.leaving" names them, in one transaction with
the audit entry; then the files go, inside a writing transaction, where nobody uses them. A power cut between the two
leaves names in the list, and the next round goes on there.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import threading
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from broker.hub.camera_notice import kept_days
from broker.hub.records import (
    REFUSALS,
    Alert,
    CameraStill,
    ContentBundle,
    Database,
    EmergencyTemplate,
    note_change,
    put_setting,
    setting,
    write_audit,
)
from broker.hub.unused import brought_in, heard_as
from broker.link.clock import Clock
from broker.link.media import MediaError, MediaStore
from broker.link.service import Beat, Worker

log = logging.getLogger(__name__)

LEAVING = "retention.leaving"
EVERY_S = 600.0
AT_ONCE = 100
"""Alerts, and files, of one transaction: whoever else writes waits as long."""
SECOND_THOUGHTS = timedelta(days=1)
"""An alert closed by mistake keeps its pictures this long, however old it is."""
PART_LASTS = timedelta(days=30)
"""What came of a clip whose node never sent the rest."""
FREE_LEAST_BYTES = 2 * 1024**3
PICTURES = (Alert.snapshot, Alert.before, Alert.best)


def worker(database: Database, store: MediaStore, clock: Clock, share_gb: float) -> Worker:
    """The worker `retention`. share_gb: what the clips of all alerts may take of the disk."""
    room = Room(round(share_gb * 1024**3))

    def run(stop: threading.Event, beat: Beat) -> None:
        next_s = 0.0
        while not stop.is_set():
            beat()
            if clock.monotonic() >= next_s:
                next_s = clock.monotonic() + EVERY_S
                try:
                    tend(database, store, clock, room, beat)
                except (*REFUSALS, OSError) as why:
                    log.error("retention: %s", why, extra={"event": "retention-failed"})
            stop.wait(1.0)

    return Worker("retention", run, patience_s=120.0)


@dataclass(frozen=True)
class Room:
    """What clips may take of the disk."""

    share_bytes: int
    """All of them together."""
    free_least_bytes: int = FREE_LEAST_BYTES
    """They give way, too, when less than this is free."""


def tend(database: Database, store: MediaStore, clock: Clock, room: Room, beat: Beat) -> None:
    """One round. Raises REFUSALS, OSError; what was not finished is done by the next round."""
    beat()
    delete_leaving(database, store, clock.now(), beat)
    if clock.state() == "trusted":  # a clock that leapt ahead must not cost evidence
        while give_up_old(database, clock.now()):
            beat()
        drop_parts(store, clock.now())
    while make_room(database, store, clock.now(), room):
        beat()
        delete_leaving(database, store, clock.now(), beat)
    delete_leaving(database, store, clock.now(), beat)


def give_up_old(database: Database, now: datetime) -> int:
    """Pictures and clips of closed alerts whose days are over; how many alerts. At most AT_ONCE at a time."""
    with database.session() as db:
        held = (*(each.is_not(None) for each in PICTURES), Alert.has_clip)
        query = select(Alert).where(
            Alert.state == "closed",
            Alert.raised_at < now - timedelta(days=kept_days(db)),
            Alert.closed_at < now - SECOND_THOUGHTS,
            or_(*held),
        )
        found = db.scalars(query.order_by(Alert.id).limit(AT_ONCE)).all()
        gone: set[str] = set()
        for alert in found:
            gone |= {each for each in (alert.snapshot, alert.before, alert.best) if each}
            gone |= _clip_of(alert)
            alert.snapshot = alert.before = alert.best = None
            alert.has_clip, alert.pictures_gone_at = False, now
        if found:
            subject, detail = _left(db, found, gone, now)
            write_audit(db, now, "hub", "alert.pictures-deleted", subject, detail)
        return len(found)


def make_room(database: Database, store: MediaStore, now: datetime, room: Room) -> int:
    """The oldest clips of closed alerts give way until the others fit; how many. Raises OSError.

    Never those of open alerts: where these alone are too much, nothing is deleted.
    """
    with database.session() as db:
        sizes = _sizes(db, store)
        free = shutil.disk_usage(store.root).free
        over = max(sum(sizes.values()) - room.share_bytes, room.free_least_bytes - free)
        if over <= 0:
            return 0
        query = select(Alert).where(Alert.state == "closed", Alert.has_clip).order_by(Alert.raised_at)
        found, gone = [], set()
        for alert in db.scalars(query.limit(AT_ONCE)):
            if over <= 0:
                break
            over -= sum(sizes.pop(each, 0) for each in _clip_of(alert))
            gone |= _clip_of(alert)
            alert.has_clip, alert.clip_gone_at = False, now
            found.append(alert)
        if found:
            subject, detail = _left(db, found, gone, now)
            write_audit(db, now, "hub", "clip.deleted", subject, detail)
        return len(found)


def give_up(db: Session, hashes: Collection[str], now: datetime) -> None:
    """Have these files deleted where nobody else uses them, once this transaction has come true."""
    if hashes:
        put_setting(db, LEAVING, sorted({*setting(db, LEAVING, []), *hashes}), now)


def delete_leaving(database: Database, store: MediaStore, now: datetime, beat: Beat) -> int:
    """Delete the files that the records forgot; how many. Raises OSError: what could not be deleted stays named."""
    count = 0
    while True:
        beat()
        with database.session() as db:  # nobody begins to use a file meanwhile: writers take turns
            leaving: list[str] = setting(db, LEAVING, [])
            batch = leaving[:AT_ONCE]
            if not batch:
                return count
            for sha256 in sorted(set(batch) - used(db, batch)):
                count += _forget(store, sha256)
            put_setting(db, LEAVING, leaving[AT_ONCE:], now)


def used(db: Session, hashes: Collection[str]) -> set[str]:
    """Which of these somebody uses: another alert, an asked-for picture, anything that is heard or shown."""
    found: set[str | None] = set()
    for column in (*PICTURES, CameraStill.picture, ContentBundle.sha256):
        found |= set(db.scalars(select(column).where(column.in_(hashes))))
    promised = (Alert.clip_sha256.in_(hashes), Alert.pictures_gone_at.is_(None), Alert.clip_gone_at.is_(None))
    found |= set(db.scalars(select(Alert.clip_sha256).where(*promised)))
    found |= {one["sha256"] for one in db.scalars(select(EmergencyTemplate.audio)) if one}
    heard = heard_as(db) | set(brought_in(db))
    return {each for each in hashes if each in found or each in heard}


def drop_parts(store: MediaStore, now: datetime) -> int:
    """Delete what came of uploads that nobody has gone on with for long; how many. Raises OSError."""
    before_s = (now - PART_LASTS).timestamp()
    old = [path for path in store.root.glob("??/*.part") if path.stat().st_mtime < before_s]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def _clip_of(alert: Alert) -> set[str]:
    return {alert.clip_sha256} if alert.has_clip and alert.clip_sha256 else set()


def _sizes(db: Session, store: MediaStore) -> dict[str, int]:
    """Bytes of every clip that is here, by hash: what is on the disk, not what was promised."""
    here: Iterable[str | None] = db.scalars(select(Alert.clip_sha256).where(Alert.has_clip).distinct())
    paths = {each: store.path_of(each) for each in here if each}
    return {each: path.stat().st_size for each, path in paths.items() if path is not None}


def _left(
    db: Session, found: Sequence[Alert], gone: Collection[str], now: datetime
) -> tuple[str, dict[str, str]]:
    """Names the files to be deleted. Returns what the audit log says as proof: how many files of which alerts, and
    the SHA-256 over their hashes in order, one a line."""
    give_up(db, gone, now)
    for alert in found:
        note_change(db, "alert", str(alert.id), now)
    digest = hashlib.sha256("\n".join(sorted(gone)).encode()).hexdigest()
    numbers = [alert.id for alert in found]
    detail = {"files": str(len(gone)), "alerts": str(len(found)), "digest": digest}
    return f"alert {min(numbers)}–{max(numbers)}", detail


def _forget(store: MediaStore, sha256: str) -> bool:
    try:
        is_here = store.path_of(sha256) is not None
        store.forget(sha256)
    except MediaError:  # a name that is no hash: there is no such file
        return False
    return is_here
