"""Fetching sound: the most urgent first, other bytes under the right name refused, a full disk told."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from broker.contract.hub import Media
from broker.link.media import MediaError
from edge.speaker.gathering import LEFT_FREE, Gathering
from tests.speaker.house import FakeHubMedia
from tests.speaker.office import Office
from tests.speaker.signers import MORNING, Signers, play_now
from tests.until import until

HOUR = timedelta(hours=1)


class Room:
    """A disk of which a test says how much is free."""

    def __init__(self) -> None:
        self.free = 10 * LEFT_FREE

    def __call__(self, folder: Path) -> int:
        assert folder.is_dir()
        return self.free


@pytest.fixture
def hub(office: Office) -> FakeHubMedia:
    return FakeHubMedia(office.store)


@contextmanager
def working(office: Office, hub: FakeHubMedia, room: Room | None = None) -> Iterator[Room]:
    """The worker runs while the block lasts."""
    room = room or Room()
    stop = threading.Event()
    worker = Gathering(office.desk, hub, room)
    thread = threading.Thread(target=worker.run, args=(stop, lambda: None))
    thread.start()
    try:
        yield room
    finally:
        stop.set()
        office.desk.gather_wake.set()
        thread.join(5)
        assert not thread.is_alive()


@pytest.fixture
def room(office: Office, hub: FakeHubMedia) -> Iterator[Room]:
    with working(office, hub) as found:
        yield found


def test_sound_is_fetched_long_before_its_time_and_the_soonest_first(
    office: Office, hub: FakeHubMedia, signers: Signers
) -> None:
    later, soon = hub.add(0.2, 300), hub.add(0.2, 600)
    office.hear(
        signers.plan(
            signers.announcement(MORNING + 9 * HOUR, audio=later),
            signers.announcement(MORNING + HOUR, audio=soon, announcement="A2"),
        )
    )
    with working(office, hub):
        until(lambda: office.told("A1")[-1:] == [("ready", "")], 10)
    assert hub.asked == [soon.sha256, later.sha256]


def test_what_is_to_be_at_hand_comes_after_all_plays_and_is_never_tidied_away(
    office: Office, hub: FakeHubMedia, signers: Signers
) -> None:
    kept, lost, wanted, old = (hub.add(0.2, hertz) for hertz in (300, 400, 500, 600))
    del hub.files[lost.sha256]
    office.store.add(hub.files[old.sha256], old.type)
    os.utime(office.store.place_of(old.sha256), (0, 0))
    planned = signers.announcement(MORNING + 9 * HOUR, audio=wanted)
    with working(office, hub):
        office.hear(signers.plan(planned, keep=[lost, kept]))
        until(lambda: office.store.path_of(kept.sha256) is not None, 10)
        assert hub.asked[:3] == [wanted.sha256, lost.sha256, kept.sha256], "one that cannot be had bars none"
        until(lambda: office.store.path_of(old.sha256) is None, 10)
    os.utime(office.store.place_of(kept.sha256), (0, 0))
    full = Room()
    full.free = LEFT_FREE
    hub.files[lost.sha256] = b"more than there is room for"
    office.clock.advance(120)
    with working(office, hub, full):
        until(lambda: "no-space" in office.session.problems, 10)
    assert office.store.path_of(kept.sha256) is not None, "for room it is not given up either"
    office.hear(signers.plan(planned, generation=2))
    with working(office, hub, full):
        until(lambda: office.store.path_of(kept.sha256) is None, 10)


def test_a_node_without_space_says_so_and_takes_the_sound_when_there_is_room(
    office: Office, hub: FakeHubMedia, room: Room, signers: Signers
) -> None:
    room.free = LEFT_FREE
    office.hear(signers.plan(signers.announcement(MORNING + HOUR, audio=hub.add(0.2))))
    until(lambda: ("fetching", "no-space") in office.told(), 10)
    assert "hết chỗ chứa" in office.session.problems["no-space"]
    assert hub.asked == [], "what must stay free for the journal is not touched"
    room.free = 10 * LEFT_FREE
    office.clock.advance(60)
    until(lambda: office.told()[-1] == ("ready", ""), 10)
    assert "no-space" not in office.session.problems


def test_a_play_whose_sound_never_found_room_failed_for_that_reason(
    office: Office, hub: FakeHubMedia, room: Room, signers: Signers
) -> None:
    room.free = 0
    office.hear(signers.plan(signers.announcement(audio=hub.add(0.2))))
    until(lambda: ("fetching", "no-space") in office.told(), 10)
    office.clock.advance(300)
    assert [one[1:] for one in office.desk.agenda().over] == [("failed", "no-space")]


def test_room_is_made_by_giving_up_sound_that_no_play_wants(
    office: Office, hub: FakeHubMedia, signers: Signers
) -> None:
    old = office.store.add(b"played yesterday", "audio/ogg")
    wanted = hub.add(0.2)

    class Freed(Room):
        def __call__(self, folder: Path) -> int:
            return 10 * LEFT_FREE if office.store.path_of(old.sha256) is None else 0

    office.hear(signers.plan(signers.announcement(MORNING + HOUR, audio=wanted)))
    with working(office, hub):
        until(lambda: office.told()[-1:] == [("ready", "")], 10)
    assert office.store.path_of(old.sha256) is not None, "with room nothing is given up"
    office.store.forget(wanted.sha256)
    with working(office, hub, Freed()):
        until(lambda: office.store.path_of(wanted.sha256) is not None, 10)
    assert office.store.path_of(old.sha256) is None


class LyingHub(FakeHubMedia):
    """Gives other bytes under the right name until it is mended; then a disk that fills while it is written."""

    lies = True

    def fetch(self, media: Media, stop: threading.Event) -> Path:
        if not self.lies:
            return super().fetch(media, stop)
        self.asked.append(media.sha256)
        self.store.part_of(media.sha256).write_bytes(b"other bytes")
        return self.store.finish(media.sha256)


def test_the_right_name_with_other_bytes_is_refused_told_and_fetched_again(
    office: Office, signers: Signers
) -> None:
    hub = LyingHub(office.store)
    office.hear(play_now(signers.announcement(audio=hub.add(0.2))))
    with working(office, hub):
        until(lambda: ("fetching", "wrong-audio") in office.told(), 10)
        assert "không đúng bản đã duyệt" in office.session.problems["wrong-audio"]
        hub.lies = False
        office.clock.advance(60)
        until(lambda: office.told()[-1] == ("ready", ""), 10)
    assert not office.session.problems


class FillingDisk(FakeHubMedia):
    """Every write ends with no space left."""

    def fetch(self, media: Media, stop: threading.Event) -> Path:
        raise MediaError("fetching") from OSError(errno.ENOSPC, "No space left on device")


def test_a_disk_that_fills_while_sound_comes_is_told_as_such(office: Office, signers: Signers) -> None:
    hub = FillingDisk(office.store)
    office.hear(play_now(signers.announcement(audio=hub.add(0.2))))
    with working(office, hub):
        until(lambda: ("fetching", "no-space") in office.told(), 10)
    assert "fetch-failed" not in office.session.problems
