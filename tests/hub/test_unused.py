"""Recordings that stand nowhere are counted and put away after a week; whatever is heard somewhere stays."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from broker.contract.hub import Media
from broker.hub import phrases
from broker.hub.announcing import service
from broker.hub.declined import Declined
from broker.hub.recordings import TEXT, Track
from broker.hub.records import Revision
from broker.hub.unused import LASTS, MOST_A_DAY, note_brought, put_away, refuse_many
from broker.link.media import MediaStore
from tests.fakes.clock import FakeClock
from tests.hub.town import NOW, Town
from tests.until import until

LATER = NOW + LASTS + timedelta(minutes=1)


@pytest.fixture
def store(tmp_path: Path) -> MediaStore:
    return MediaStore(tmp_path / "media")


def brought(town: Town, store: MediaStore, words: str) -> Media:
    media = store.add(words.encode(), "audio/ogg", 3000)
    with town.database.session() as db:
        note_brought(db, town.hoa, media, NOW)
    return media


def test_only_what_stands_nowhere_is_put_away_after_a_week(town: Town, store: MediaStore) -> None:
    lost, track, phrase, sound = (brought(town, store, name) for name in ("lost", "track", "phrase", "sound"))
    other = store.add(b"a clip of a camera", "video/mp4")
    town.draft(tracks=[TEXT, Track("tyz", track)])
    revision = town.submitted(audio=False)
    with town.database.session() as db:
        phrases.add_phrase(db, town.hoa, "Chào", "vi", phrase, NOW)
        db.get_one(Revision, revision).audio = msgspec.to_builtins(sound)
    with town.database.session() as db:
        assert put_away(db, store, NOW + LASTS - timedelta(minutes=1)) == 0
        assert put_away(db, store, LATER) == 1
        assert put_away(db, store, LATER) == 0
    here = [store.path_of(one.sha256) is not None for one in (lost, track, phrase, sound, other)]
    assert here == [False, True, True, True, True]


def test_a_person_brings_so_much_a_day_without_using_it(town: Town) -> None:
    big = Media(sha256="ab" * 32, size=MOST_A_DAY - 10, type="audio/wav", duration_ms=3000)
    with town.database.session() as db:
        note_brought(db, town.hoa, big, NOW)
        refuse_many(db, town.hoa, 10, NOW)
        with pytest.raises(Declined, match="chưa dùng"):
            refuse_many(db, town.hoa, 11, NOW)
        refuse_many(db, town.binh, 11, NOW)
        refuse_many(db, town.hoa, 11, NOW + timedelta(days=1, minutes=1))
    town.draft(tracks=[TEXT, Track("tyz", big)])
    with town.database.reading() as db:
        refuse_many(db, town.hoa, 11, NOW)


def test_the_service_puts_them_away(town: Town, store: MediaStore) -> None:
    lost = brought(town, store, "lost")
    stop = threading.Event()
    worker = service.putting_away(town.database, store, FakeClock(LATER))
    thread = threading.Thread(target=worker.run, args=(stop, lambda: None))
    thread.start()
    try:
        until(lambda: store.path_of(lost.sha256) is None, 10)
    finally:
        stop.set()
        thread.join(10)
