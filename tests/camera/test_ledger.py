"""What survives a power cut, how clips reach the hub, and what gives way."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from broker.contract import Identity
from broker.contract.camera import MotionEnded, MotionStarted
from broker.contract.hub import Media
from broker.link.media import MediaStore
from broker.link.outbox import OutboxFull
from edge.camera.chunk import Chunk
from edge.camera.ledger import Ledger, too_much
from edge.camera.reports import CUT_OFF, Reports
from edge.camera.uploads import Uploads, sweep
from tests.camera.film import chunks_of, yard
from tests.camera.town import NOW, ClipHub
from tests.fakes.clock import FakeClock
from tests.fakes.session import FakeSession
from tests.until import until

ENDED = NOW + timedelta(seconds=9)


@pytest.fixture(scope="module")
def chunks() -> list[Chunk]:
    """Two seconds of the yard."""
    return list(chunks_of(yard(2.0)))


class Desk:
    """The lasting part of a camera service, opened again and again on one folder."""

    def __init__(self, folder: Path) -> None:
        self.session = FakeSession(Identity("thon-01", "camera"), None, FakeClock(NOW, running=True))
        self.ledger = Ledger(folder / "ledger.db")
        self.store = MediaStore(folder / "clips")
        self.reports = Reports(self.session, self.ledger, self.store, folder / "work")

    def leave(self) -> None:
        """As after kill -9: nothing is tidied up."""
        self.ledger.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A fresh one."""
    opened = Desk(tmp_path)
    yield opened
    opened.leave()


def test_an_episode_cut_off_by_a_power_cut_is_told_once_with_its_reason(tmp_path: Path) -> None:
    first = Desk(tmp_path)
    episode = first.reports.motion_began("07", NOW, b"jpeg", [])
    first.leave()
    second = Desk(tmp_path)
    second.reports.resume()
    second.reports.tell()
    second.reports.tell()
    told = second.session.messages(MotionEnded)
    second.leave()
    assert [(m.episode, m.clip, m.reason) for m in told] == [(episode, None, CUT_OFF)]


def test_an_end_that_was_noted_but_not_told_is_told_after_the_power_cut(
    tmp_path: Path, chunks: list[Chunk]
) -> None:
    first = Desk(tmp_path)
    episode = first.reports.motion_began("07", NOW, b"jpeg", [])
    first.reports.motion_ended(episode, ENDED, chunks)
    first.leave()
    second = Desk(tmp_path)
    second.reports.resume()
    second.reports.tell()
    told = second.session.messages(MotionEnded)[0]
    assert (told.episode, told.ended_at, told.reason) == (episode, ENDED, "")
    assert [media.sha256 for media in second.ledger.waiting()] == [told.clip.sha256]
    second.leave()


def test_a_full_outbox_is_said_and_the_end_is_told_when_there_is_room(
    desk: Desk, chunks: list[Chunk]
) -> None:
    episode = desk.reports.motion_began("07", NOW, b"jpeg", [])
    desk.reports.motion_ended(episode, ENDED, chunks)
    desk.session.refuse = OutboxFull("Máy đã đầy.")
    desk.reports.tell()
    assert desk.session.problems["outbox-full"] == "Máy đã đầy."
    desk.session.refuse = None
    desk.reports.tell()
    assert desk.session.messages(MotionEnded)[0].episode == episode
    assert "outbox-full" not in desk.session.problems


def test_an_episode_without_pictures_says_why_it_has_no_clip(desk: Desk) -> None:
    episode = desk.reports.motion_began("07", NOW, b"jpeg", [])
    desk.reports.motion_ended(episode, ENDED, [])
    desk.reports.tell()
    told = desk.session.messages(MotionEnded)[0]
    assert told.clip is None
    assert "đoạn hình" in told.reason


def test_names_of_episodes_differ_even_in_the_same_second(desk: Desk) -> None:
    names = {desk.reports.motion_began("07", NOW, b"jpeg", []) for _ in range(20)}
    assert len(names) == 20
    assert len(desk.session.messages(MotionStarted)) == 20


def test_clips_wait_for_the_hub_and_go_when_it_is_back(desk: Desk, chunks: list[Chunk]) -> None:
    hub = ClipHub()
    hub.store, hub.away = desk.store, True
    uploads = Uploads(desk.session, desk.ledger, desk.store, hub, desk.reports.news)
    stop = threading.Event()
    worker = threading.Thread(target=uploads.run, args=(stop, lambda: None))
    worker.start()
    try:
        desk.reports.motion_ended(desk.reports.motion_began("07", NOW, b"jpeg", []), ENDED, chunks)
        until(lambda: hub.tries >= 1 and "clips-waiting" in desk.session.problems, 5.0)
        media = desk.ledger.waiting()[0]
        hub.away = False
        until(lambda: media.sha256 in hub.got, 10.0)
        until(lambda: desk.ledger.waiting() == [] and desk.store.path_of(media.sha256) is None, 5.0)
        until(lambda: "clips-waiting" not in desk.session.problems, 5.0)
    finally:
        stop.set()
        worker.join(5.0)
    assert not worker.is_alive()


def test_waiting_clips_never_take_more_than_their_share(desk: Desk) -> None:
    for second in range(4):
        some = list(chunks_of(yard(1.0, since_s=8.0 + second)))
        desk.reports.motion_ended(desk.reports.motion_began("07", NOW, b"jpeg", []), ENDED, some)
    sizes = [media.size for media in desk.ledger.waiting()]
    assert len(sizes) == 4
    hub = ClipHub()
    hub.away = True
    uploads = Uploads(desk.session, desk.ledger, desk.store, hub, desk.reports.news, sum(sizes[2:]))
    stop = threading.Event()
    worker = threading.Thread(target=uploads.run, args=(stop, lambda: None))
    worker.start()
    try:
        until(lambda: [media.size for media in desk.ledger.waiting()] == sizes[2:], 5.0)
        assert "clips-lost" in desk.session.problems
        until(lambda: sum(1 for path in desk.store.root.rglob("*") if path.is_file()) == 2, 5.0)
    finally:
        stop.set()
        worker.join(5.0)


def test_the_oldest_clips_give_way() -> None:
    clips = [Media(sha256=f"{n:064x}", size=10, type="video/mp4") for n in range(5)]
    assert too_much(clips, 50) == []
    assert too_much(clips, 25) == clips[:3]
    assert too_much([], 0) == []


def test_files_nobody_waits_for_are_swept(desk: Desk, chunks: list[Chunk]) -> None:
    desk.reports.motion_ended(desk.reports.motion_began("07", NOW, b"jpeg", []), ENDED, chunks)
    desk.store.add(b"left by a power cut", "video/mp4")
    assert sweep(desk.ledger, desk.store) == 1
    assert desk.store.path_of(desk.ledger.waiting()[0].sha256) is not None
