"""What survives a power cut of the camera service, and how the hub comes to hear of it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import cv2
import pytest

from broker.contract import Identity
from broker.contract.camera import Box, MotionEnded
from broker.contract.hub import Media
from broker.link.media import MediaStore
from broker.link.outbox import OutboxFull
from edge.camera.chunk import Chunk
from edge.camera.finishing import AGAIN_S, Ending, Finishing, Over
from edge.camera.ledger import TO_SAY_MOST, Ledger
from edge.camera.recording import CUT_OFF, Recorder
from edge.camera.reports import REFUSED_WAIT_S, Reports
from edge.camera.ring import Ring
from edge.camera.troubles import Troubles
from tests.camera.film import chunks_of, yard
from tests.camera.town import NOW
from tests.fakes.clock import FakeClock
from tests.fakes.session import FakeSession
from tests.until import until

ENDED = NOW + timedelta(seconds=9)
CLIP = Media(sha256="ab" * 32, size=7, type="video/mp4", duration_ms=9000)


@pytest.fixture(scope="module")
def chunks() -> list[Chunk]:
    """Two seconds of the yard."""
    return list(chunks_of(cv2.resize(each, (320, 180)) for each in yard(2.0)))


class Desk:
    """The lasting part of a camera service, opened again and again on one folder."""

    def __init__(self, folder: Path) -> None:
        self.session = FakeSession(Identity("thon-01", "camera"), None, FakeClock(NOW, running=True))
        self.ledger = Ledger(folder / "ledger.db")
        self.store = MediaStore(folder / "clips")
        self.recorder = Recorder(folder / "work")
        self.reports = Reports(self.session, self.ledger, Troubles(folder / "troubles.json", "boot"))
        self.finishing = Finishing(self.reports, self.ledger, self.store, self.recorder)

    def leave(self) -> None:
        """As after kill -9: nothing is tidied up."""
        self.ledger.close()

    def finish_until(self, episode: str) -> None:
        """Let the worker work until the end of this episode is noted."""
        stop = threading.Event()
        worker = threading.Thread(target=self.finishing.run, args=(stop, lambda: None))
        worker.start()
        try:
            until(lambda: any(each.said and each.episode == episode for each in self.ledger.untold()), 10.0)
        finally:
            stop.set()
            worker.join(10.0)

    def told(self) -> list[MotionEnded]:
        self.reports.tell()
        self.reports.tell()
        return self.session.messages(MotionEnded)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A fresh one."""
    opened = Desk(tmp_path)
    yield opened
    opened.leave()


def test_an_episode_cut_off_by_a_power_cut_keeps_the_clip_that_was_written(
    tmp_path: Path, chunks: list[Chunk]
) -> None:
    first = Desk(tmp_path)
    first.ledger.began("e1", "07", NOW)
    recording = first.recorder.begin("e1", Ring(), 0.0)
    for chunk in chunks:
        recording.add(chunk)
    recording.write()
    first.leave()
    second = Desk(tmp_path)
    second.finish_until("e1")
    (told,) = second.told()
    assert (told.episode, told.reason) == ("e1", CUT_OFF)
    assert told.lasted_ms == round(chunks[-1].at_s * 1000)
    assert told.ended_at == NOW + timedelta(milliseconds=told.lasted_ms)
    assert told.clip is not None
    assert second.store.path_of(told.clip.sha256) is not None
    assert [each.media for each in second.ledger.waiting()] == [told.clip]
    assert list(second.recorder.folder.iterdir()) == []
    second.leave()


def test_an_episode_of_which_nothing_was_written_is_told_once_with_its_reason(tmp_path: Path) -> None:
    first = Desk(tmp_path)
    first.ledger.began("e1", "07", NOW)
    first.leave()
    second = Desk(tmp_path)
    second.finish_until("e1")
    assert [(each.episode, each.clip, each.reason) for each in second.told()] == [("e1", None, CUT_OFF)]
    second.leave()


def test_an_end_that_was_noted_but_not_told_is_told_whole_after_the_power_cut(
    tmp_path: Path, chunks: list[Chunk]
) -> None:
    first = Desk(tmp_path)
    first.ledger.began("e1", "07", NOW)
    recording = first.recorder.begin("e1", Ring(), 0.0)
    for chunk in chunks:
        recording.add(chunk)
    ending = Ending(9000, b"best", [(0.1, 0.2, 0.3, 0.4)], 0.8, ("travels",))
    first.finishing.add(Over("e1", NOW, 99.0, recording, ending))
    first.finish_until("e1")
    first.leave()
    second = Desk(tmp_path)
    (told,) = second.told()
    assert (told.episode, told.ended_at, told.lasted_ms, told.reason) == ("e1", ENDED, 9000, "")
    assert (told.best, told.boxes, told.reasons) == (b"best", [Box(x=0.1, y=0.2, w=0.3, h=0.4)], ["travels"])
    assert [each.media for each in second.ledger.waiting()] == [told.clip]
    second.leave()


def test_a_full_outbox_is_said_and_the_end_is_told_when_there_is_room(desk: Desk) -> None:
    desk.ledger.began("e1", "07", NOW)
    desk.ledger.ended("e1", ENDED, None, "Không có.")
    desk.session.refuse = OutboxFull("Máy đã đầy.")
    desk.reports.tell()
    assert desk.session.problems["outbox-full"] == "Máy đã đầy."
    desk.session.refuse = None
    assert desk.told() == []  # it is not tried at every turn
    desk.session.clock.advance(REFUSED_WAIT_S + 1)
    assert [each.episode for each in desk.told()] == ["e1"]
    assert "outbox-full" not in desk.session.problems


def test_thousands_of_ends_are_brought_in_small_parts_and_in_order(desk: Desk) -> None:
    names = [f"e{number:02}" for number in range(TO_SAY_MOST * 2 + 5)]
    desk.ledger.began("goes on", "07", NOW)
    for name in names:
        desk.ledger.began(name, "07", NOW)
        desk.ledger.ended(name, ENDED, None, "Không có.")
    for count in (TO_SAY_MOST, TO_SAY_MOST * 2, len(names), len(names)):
        desk.reports.tell()
        assert [each.episode for each in desk.session.messages(MotionEnded)] == names[:count]
    assert [each.episode for each in desk.ledger.untold()] == ["goes on"]


def test_an_end_that_was_sent_but_not_marked_is_not_sent_again(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.ledger.began("e1", "07", NOW)
    desk.ledger.ended("e1", ENDED, None, "Không có.")
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    other.execute("CREATE TRIGGER full BEFORE DELETE ON begun BEGIN SELECT RAISE(ABORT, 'full'); END")
    with pytest.raises(sqlite3.Error):
        desk.reports.tell()
    other.execute("DROP TRIGGER full")
    other.close()
    desk.session.clock.advance(REFUSED_WAIT_S + 1)
    assert [each.episode for each in desk.told()] == ["e1"]
    assert desk.ledger.untold() == []
    desk.leave()


def test_a_disk_that_is_full_at_the_start_stops_nothing_and_is_tried_again(
    tmp_path: Path, chunks: list[Chunk]
) -> None:
    first = Desk(tmp_path)
    for name in ("with a clip", "without"):
        first.ledger.began(name, "07", NOW)
    recording = first.recorder.begin("with a clip", Ring(), 0.0)
    for chunk in chunks:
        recording.add(chunk)
    recording.write()
    first.leave()
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    other.execute("CREATE TRIGGER full BEFORE UPDATE ON begun BEGIN SELECT RAISE(ABORT, 'full'); END")
    second = Desk(tmp_path)
    stop = threading.Event()
    worker = threading.Thread(target=second.finishing.run, args=(stop, lambda: None))
    worker.start()
    try:
        assert second.session.wait(lambda: "disk" in second.session.problems)
        assert second.told() == []
        other.execute("DROP TRIGGER full")
        other.close()

        def over() -> bool:
            second.session.clock.advance(AGAIN_S)
            return len(second.told()) == 2

        until(over, 10.0)
        until(lambda: "disk" not in second.session.problems, 5.0)
    finally:
        stop.set()
        worker.join(10.0)
    assert not worker.is_alive()
    clips = {each.episode: each.clip is not None for each in second.told()}
    assert clips == {"with a clip": True, "without": False}
    assert list(second.recorder.folder.iterdir()) == []
    second.leave()


def test_what_was_kept_in_memory_moves_to_the_disk_when_it_takes_something(tmp_path: Path) -> None:
    earlier = Ledger(tmp_path / "ledger.db")
    earlier.began("e0", "07", NOW)
    earlier.close()
    ledger = Ledger(tmp_path / "ledger.db", lasting=False)
    ledger.began("e1", "07", NOW)
    ledger.ended("e1", ENDED, CLIP, "")
    ledger.prove()
    assert ledger.lasting
    ledger.close()
    again = Ledger(tmp_path / "ledger.db")
    assert {each.episode: each.clip for each in again.untold()} == {"e0": None, "e1": CLIP}
    assert [each.media for each in again.waiting()] == [CLIP]
    again.close()


def test_a_lost_clip_is_told_with_its_reason_after_its_end_was_told(desk: Desk) -> None:
    desk.ledger.began("e1", "07", NOW)
    desk.ledger.ended("e1", ENDED, CLIP, "", lasted_ms=9000, best=b"best")
    assert len(desk.told()) == 1
    desk.ledger.lost(CLIP.sha256, "Hỏng rồi.")
    first, again = desk.told()
    assert (first.clip, first.best, first.reason) == (CLIP, b"best", "")
    assert (again.episode, again.clip, again.reason, again.lasted_ms) == ("e1", None, "Hỏng rồi.", 9000)
    assert desk.ledger.waiting() == []
    desk.ledger.lost(CLIP.sha256, "Hỏng rồi.")
    assert len(desk.told()) == 2


def test_a_clip_lost_before_its_end_was_told_costs_neither_picture_nor_message(desk: Desk) -> None:
    desk.ledger.began("e1", "07", NOW)
    desk.ledger.ended("e1", ENDED, CLIP, "", best=b"best")
    desk.ledger.lost(CLIP.sha256, "Hỏng rồi.")
    (told,) = desk.told()
    assert (told.clip, told.best, told.reason) == (None, b"best", "Hỏng rồi.")


def test_an_end_without_a_beginning_changes_nothing(desk: Desk) -> None:
    desk.ledger.ended("e9", ENDED, CLIP, "")
    assert desk.ledger.untold() == []
    assert desk.ledger.waiting() == []


def test_a_damaged_file_is_put_aside_and_cameras_go_on(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    file.write_bytes(b"this is no database, whatever its name says" * 100)
    ledger = Ledger(file)
    ledger.began("e1", "07", NOW)
    assert [each.episode for each in ledger.untold()] == ["e1"]
    assert any("damaged" in path.name for path in tmp_path.iterdir())
    ledger.close()
