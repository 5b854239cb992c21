"""Pictures and clips go when their days or their room are over: never an open alert's, never what others use."""

from __future__ import annotations

import hashlib
import os
import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import msgspec
import pytest
from sqlalchemy import select

from broker.contract.hub import Media
from broker.hub import alerts, retention
from broker.hub.records import (
    Alert,
    AuditRow,
    CameraNotice,
    CameraStill,
    EmergencyTemplate,
    Revision,
    put_setting,
    setting,
)
from broker.hub.retention import Room
from broker.link.media import MediaStore
from tests.fakes.clock import FakeClock
from tests.hub.town import NOW, Town
from tests.until import until

LATER = NOW + timedelta(days=31)
PLENTY = Room(10**9, free_least_bytes=0)


class Shelf:
    """Alerts with pictures and clips whose bytes are in the store."""

    def __init__(self, town: Town, store: MediaStore) -> None:
        self.database, self.store, self.town = town.database, store, town

    def alert(
        self,
        name: str,
        *,
        closed: datetime | None = NOW,
        raised: datetime = NOW,
        picture: bytes | None = None,
        clip: bytes | None = None,
    ) -> int:
        """One alert; `closed` None leaves it open."""
        clip = clip if clip is not None else f"clip of {name}".encode()
        media = self.store.add(clip, "video/mp4", 9000)
        pictures = [
            self.store.add(each, "image/jpeg").sha256
            for each in (picture or f"snapshot of {name}".encode(), f"before {name}".encode())
        ]
        with self.database.session() as db:
            row = Alert(
                kind="motion",
                node="thon-01",
                camera="cong",
                episode=name,
                state="closed" if closed else "in-hand",
                started_at=raised,
                raised_at=raised,
                closed_at=closed,
                snapshot=pictures[0],
                before=pictures[1],
                best=pictures[0],
                clip=msgspec.to_builtins(media),
                clip_sha256=media.sha256,
                has_clip=True,
            )
            db.add(row)
            db.flush()
            return row.id

    def row(self, number: int) -> Alert:
        with self.database.reading() as db:
            return db.get_one(Alert, number)

    def has(self, data: bytes) -> bool:
        return self.store.path_of(hashlib.sha256(data).hexdigest()) is not None

    def deeds(self) -> list[AuditRow]:
        kinds = ("alert.pictures-deleted", "clip.deleted")
        with self.database.reading() as db:
            return list(db.scalars(select(AuditRow).where(AuditRow.action.in_(kinds)).order_by(AuditRow.id)))

    def tend(
        self, now: datetime = LATER, room: Room = PLENTY, state: Literal["trusted", "unknown"] = "trusted"
    ) -> None:
        retention.tend(self.database, self.store, FakeClock(now, state), room, lambda: None)


@pytest.fixture
def shelf(town: Town, tmp_path: Path) -> Shelf:
    return Shelf(town, MediaStore(tmp_path / "media"))


def test_only_closed_alerts_lose_their_pictures_after_the_days_and_the_log_proves_it(shelf: Shelf) -> None:
    old, opened = shelf.alert("old"), shelf.alert("open", closed=None)
    fresh = shelf.alert("fresh", raised=LATER - timedelta(days=29), closed=LATER - timedelta(days=28))
    late = shelf.alert("late", closed=LATER - timedelta(hours=3))
    shelf.tend()
    row = shelf.row(old)
    assert (row.snapshot, row.before, row.best, row.has_clip) == (None, None, None, False)
    assert row.pictures_gone_at == LATER
    here = [shelf.has(f"clip of {name}".encode()) for name in ("old", "open", "fresh", "late")]
    assert here == [False, True, True, True]
    assert not shelf.has(b"snapshot of old")
    assert not shelf.has(b"before old")
    assert all(shelf.row(each).pictures_gone_at is None for each in (opened, fresh, late))
    (deed,) = shelf.deeds()
    gone = sorted(
        hashlib.sha256(each).hexdigest() for each in (b"clip of old", b"snapshot of old", b"before old")
    )
    digest = hashlib.sha256("\n".join(gone).encode()).hexdigest()
    assert deed.detail == {"files": "3", "alerts": "1", "digest": digest}
    shelf.tend()
    assert len(shelf.deeds()) == 1


def test_the_days_are_those_the_public_was_told(shelf: Shelf) -> None:
    with shelf.database.session() as db:
        db.add(CameraNotice(id=1, purpose="p", keeper="k", contact="c", kept_days=3, edited_at=NOW))
    number = shelf.alert("week")
    shelf.tend(NOW + timedelta(days=3))
    assert shelf.row(number).has_clip
    shelf.tend(NOW + timedelta(days=3, minutes=1))
    assert not shelf.row(number).has_clip


def test_what_somebody_else_uses_stays(shelf: Shelf) -> None:
    """Also where a node claimed the sound of an emergency as its clip: the loudspeakers keep theirs."""
    names = (b"open too", b"still", b"announcement", b"template", b"recording")
    for number, each in enumerate(names):
        shelf.alert(f"a{number}", clip=each, picture=b"shared picture")
    shelf.alert("open", closed=None, clip=b"open too", picture=b"shared picture")
    revision = shelf.town.submitted(audio=False)
    sounds = [
        msgspec.to_builtins(Media(sha256=hashlib.sha256(each).hexdigest(), size=9, type="audio/ogg"))
        for each in names
    ]
    with shelf.database.session() as db:
        db.get_one(Revision, revision).audio = sounds[2]
        template = EmergencyTemplate(
            code="t", number=1, author_id=shelf.town.hoa.id, created_at=NOW, edited_at=NOW, audio=sounds[3]
        )
        still = CameraStill(
            request="r",
            node="thon-01",
            camera="cong",
            asked_at=NOW,
            asked_by=shelf.town.hoa.id,
            picture=hashlib.sha256(b"still").hexdigest(),
        )
        db.add_all((template, still))
        put_setting(
            db, "recordings.unused", {sounds[4]["sha256"]: {"by": 1, "size": 9, "at": NOW.timestamp()}}, NOW
        )
    shelf.tend()
    assert [shelf.has(each) for each in names] == [True] * len(names)
    assert shelf.has(b"shared picture")
    assert not shelf.has(b"before a0")


def test_a_clip_that_comes_after_its_days_goes_too(shelf: Shelf) -> None:
    number = shelf.alert("old")
    shelf.tend()
    shelf.store.add(b"clip of old", "video/mp4")
    with shelf.database.session() as db:
        alerts.clip_arrived(db, hashlib.sha256(b"clip of old").hexdigest(), LATER)
    shelf.tend(LATER + timedelta(hours=1))
    assert not shelf.has(b"clip of old")
    assert not shelf.row(number).has_clip


def test_a_power_cut_before_the_files_go_leaves_no_promise_and_the_next_round_deletes_them(
    shelf: Shelf,
) -> None:
    number = shelf.alert("old")
    assert retention.give_up_old(shelf.database, LATER) == 1
    assert shelf.has(b"clip of old")  # and now the power is gone
    row = shelf.row(number)
    assert (row.has_clip, row.snapshot) == (False, None)
    with shelf.database.reading() as db:
        assert len(setting(db, retention.LEAVING, [])) == 3
    shelf.tend()
    assert not shelf.has(b"clip of old")
    with shelf.database.reading() as db:
        assert setting(db, retention.LEAVING, []) == []


def test_the_oldest_closed_clips_give_way_to_the_share_and_pictures_stay(shelf: Shelf) -> None:
    megabyte = 1 << 20
    numbers = [
        shelf.alert(f"c{day}", raised=NOW + timedelta(days=day), clip=bytes([day]) * megabyte)
        for day in (3, 1, 2)
    ]
    opened = shelf.alert("open", closed=None, clip=b"o" * megabyte)
    shelf.tend(NOW + timedelta(days=4), Room(round(2.5 * megabyte), 0))
    assert [shelf.row(each).has_clip for each in (*numbers, opened)] == [True, False, False, True]
    assert shelf.row(numbers[1]).clip_gone_at == NOW + timedelta(days=4)
    assert shelf.row(numbers[1]).snapshot is not None
    assert not shelf.has(bytes([1]) * megabyte)
    assert [(each.action, each.detail["files"]) for each in shelf.deeds()] == [("clip.deleted", "2")]
    shelf.tend(NOW + timedelta(days=4), Room(10, 0))
    assert [shelf.row(each).has_clip for each in (*numbers, opened)] == [False, False, False, True]


def test_a_disk_that_is_nearly_full_costs_clips_of_closed_alerts(shelf: Shelf) -> None:
    closed, opened = shelf.alert("closed"), shelf.alert("open", closed=None)
    shelf.tend(NOW, Room(10**12, free_least_bytes=10**18))
    assert [shelf.row(each).has_clip for each in (closed, opened)] == [False, True]


def test_a_clock_nobody_believes_costs_no_picture(shelf: Shelf) -> None:
    number = shelf.alert("old")
    shelf.tend(state="unknown")
    assert shelf.row(number).has_clip


def test_parts_of_uploads_that_never_ended_go(shelf: Shelf) -> None:
    old, new = shelf.store.part_of("ab" * 32), shelf.store.part_of("cd" * 32)
    for part, at in ((old, NOW), (new, LATER)):
        part.write_bytes(b"half a clip")
        os.utime(part, (at.timestamp(), at.timestamp()))
    shelf.tend()
    assert (old.exists(), new.exists()) == (False, True)


def test_more_than_one_batch_goes_in_one_round(shelf: Shelf) -> None:
    with shelf.database.session() as db:
        hashes = [shelf.store.add(str(n).encode(), "image/jpeg").sha256 for n in range(130)]
        retention.give_up(db, [*hashes, "no hash at all"], NOW)
    assert retention.delete_leaving(shelf.database, shelf.store, NOW, lambda: None) == 130
    assert not any(path.is_file() for path in shelf.store.root.rglob("*"))


def test_the_service_does_it(shelf: Shelf) -> None:
    number = shelf.alert("old")
    stop = threading.Event()
    worker = retention.worker(shelf.database, shelf.store, FakeClock(LATER), 20.0)
    thread = threading.Thread(target=worker.run, args=(stop, lambda: None))
    thread.start()
    try:
        until(lambda: shelf.row(number).pictures_gone_at is not None and not shelf.has(b"clip of old"), 10)
    finally:
        stop.set()
        thread.join(10)
