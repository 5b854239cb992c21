"""What a camera's findings become: the picture that is told is the one its boxes belong to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from broker.contract import Identity
from broker.contract.camera import Box, CameraTampered, MotionEnded, MotionStarted
from broker.link.media import MediaStore
from edge.camera.analysis import Finding
from edge.camera.chunk import Decoder
from edge.camera.findings import GRAB_EVERY_S, Desk, Findings
from edge.camera.finishing import Finishing
from edge.camera.ledger import Ledger
from edge.camera.picture import Colour, Picture
from edge.camera.recording import Recorder
from edge.camera.reports import Reports
from edge.camera.ring import Ring
from edge.camera.troubles import Troubles
from edge.camera.views import Views
from tests.camera.film import chunks_of
from tests.camera.town import NOW, Town
from tests.fakes.clock import FakeClock
from tests.fakes.session import FakeSession
from tests.until import until

SECONDS = 8
BOX = (0.1, 0.2, 0.3, 0.4)
LATER = (0.5, 0.2, 0.3, 0.4)


def _brighter() -> Iterator[Colour]:
    """Each second 25 levels lighter than the one before."""
    for number in range(SECONDS * 10):
        yield np.full((180, 320, 3), 20 + 25 * (number // 10), np.uint8)


class Place:
    """One camera's findings, and what of them reaches the hub."""

    def __init__(self, folder: Path) -> None:
        self.session = FakeSession(Identity("thon-01", "camera"), None, FakeClock(NOW, running=True))
        self.ledger = Ledger(folder / "ledger.db")
        self.reports = Reports(self.session, self.ledger, Troubles(folder / "troubles.json", "boot"))
        recorder = Recorder(folder / "work")
        self.finishing = Finishing(self.reports, self.ledger, MediaStore(folder / "clips"), recorder)
        self.ring = Ring()
        for chunk in chunks_of(_brighter()):
            self.ring.add(chunk)
        desk = Desk(self.reports, recorder, self.finishing, Views(folder / "views"))
        self.findings = Findings(Town().setup("07", "x"), desk, lambda: self.ring)
        found = Decoder().alone(self.ring.since(0.0)[0])
        assert found is not None
        self.first: Picture = found

    def began(self) -> None:
        """A movement begins with the first picture."""
        finding = Finding("motion", "began", 0.0, 0.0, boxes=[BOX], confidence=0.4)
        self.findings.take(finding, self.first, watching=True)

    def over(self, best_s: float) -> MotionEnded:
        """It ends, and was seen best then."""
        finding = Finding("motion", "ended", 0.0, 7.5, boxes=[LATER], confidence=0.9, best_s=best_s)
        self.findings.take(finding, None, watching=True)
        stop = threading.Event()
        worker = threading.Thread(target=self.finishing.run, args=(stop, lambda: None))
        worker.start()
        try:
            until(lambda: any(each.said for each in self.ledger.untold()), 10.0)
        finally:
            stop.set()
            worker.join(10.0)
        self.reports.tell()
        said: list[MotionEnded] = self.session.messages(MotionEnded)
        assert len(said) == 1
        return said[0]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A fresh one."""
    opened = Place(tmp_path)
    yield opened
    opened.ledger.close()


def _second_of(jpeg: bytes | None) -> int:
    """Which second of the film a picture shows."""
    assert jpeg
    grey = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    return round((float(np.mean(np.asarray(grey))) - 20) / 25)


def _box(x: float) -> Box:
    return Box(x=x, y=0.2, w=0.3, h=0.4)


def test_a_best_picture_has_the_boxes_of_its_own_moment(place: Place) -> None:
    place.began()
    place.findings.look_better(3.5, [BOX], 5.0)
    said = place.over(best_s=3.5 - GRAB_EVERY_S)
    assert (_second_of(said.best), said.boxes) == (3, [_box(0.1)])


def test_a_best_moment_after_the_last_look_is_shown_at_the_end(place: Place) -> None:
    place.began()
    place.findings.look_better(3.5, [BOX], 5.0)
    said = place.over(best_s=5.5)
    assert (_second_of(said.best), said.boxes, said.confidence) == (5, [_box(0.5)], 0.9)


def test_a_best_moment_that_is_not_kept_any_more_leaves_the_earlier_picture(place: Place) -> None:
    place.began()
    place.findings.look_better(3.5, [BOX], 5.0)
    place.ring.clear()
    said = place.over(best_s=5.5)
    assert (_second_of(said.best), said.boxes) == (3, [_box(0.1)])


def test_an_episode_that_was_never_seen_better_sends_no_second_picture(place: Place) -> None:
    place.began()
    assert len(place.session.messages(MotionStarted)) == 1
    said = place.over(best_s=place.first.at_s)
    assert (said.best, said.boxes) == (None, [])


def test_a_tampering_says_how_sure_it_is_and_shows_the_view_of_before_it_was_suspected(place: Place) -> None:
    finding = Finding("tamper", "began", 7.0, 7.5, "covered", confidence=0.75, healthy_s=4.5)
    place.findings.take(finding, place.first, watching=True)
    (said,) = place.session.messages(CameraTampered)
    assert said.confidence == 0.75
    assert _second_of(said.before) <= 2
