"""The threads of the cameras: one that fails stops no other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from broker.contract.camera import CameraState
from broker.link.service import Beat
from broker.trust.envelope import CameraAddress, CameraSetup, QuietArea
from edge.camera.crew import AGAIN_S, HUNG_S, LEAVE_S, Body, Crew, Hung, Watched
from edge.camera.live import Look
from tests.camera.town import NOW
from tests.fakes.clock import FakeClock
from tests.until import until


def _setup(camera: str, source: str = "scene:") -> Watched:
    return Watched(CameraSetup(camera=camera, name=camera, sealed=b""), CameraAddress(source=source))


class Stage:
    """Cameras that do what a test wants: live, fail, or hang."""

    def __init__(self) -> None:
        self.clock = FakeClock(NOW, running=True)
        self.does: dict[str, str] = {}
        self.starts: list[str] = []
        self.asked: list[str] = []
        self.shown: list[Look] = []
        self.hushed: list[CameraSetup] = []
        self.release = threading.Event()
        self.crew = Crew(self._make, self.clock)

    def _make(self, watched: Watched, say: Callable[[CameraState], None]) -> Body:
        setup = watched.setup

        def run(stop: threading.Event, beat: Beat) -> None:
            self.starts.append(setup.camera)
            does = self.does.get(setup.camera, "live")
            if does == "fail":
                raise RuntimeError("fault of this camera's own")
            say(CameraState(camera=setup.camera, state="live", since=self.clock.now()))
            while not (self.release if does == "hang" else stop).wait(0.02):
                if does != "hang":
                    beat()

        return Body(run, self.asked.append, self.shown.append, self.hushed.append)

    def states(self) -> dict[str, str]:
        """State by camera, as last changed."""
        found = self.crew.take_states()
        return {each.camera: each.state for each in found or []}


@pytest.fixture
def stage() -> Iterator[Stage]:
    """Ended after the test."""
    made = Stage()
    yield made
    made.release.set()
    made.crew.close(2.0)


def test_a_camera_that_fails_is_offline_and_the_others_live(stage: Stage) -> None:
    stage.does["08"] = "fail"
    stage.crew.apply([_setup("07"), _setup("08")])
    until(lambda: stage.states() == {"07": "live", "08": "offline"}, 5.0)


def test_a_failed_camera_is_started_again_after_a_growing_pause(stage: Stage) -> None:
    stage.does["08"] = "fail"
    stage.crew.apply([_setup("08")])
    until(lambda: stage.states().get("08") == "offline", 5.0)
    stage.crew.tend()
    assert stage.starts == ["08"]
    stage.does["08"] = "live"
    stage.clock.advance(AGAIN_S + 0.1)
    stage.crew.tend()
    until(lambda: stage.states().get("08") == "live", 5.0)


def test_a_changed_setup_replaces_the_thread_and_an_unchanged_one_stays(stage: Stage) -> None:
    stage.crew.apply([_setup("07"), _setup("08")])
    until(lambda: len(stage.starts) == 2, 5.0)
    stage.crew.apply([_setup("07"), _setup("08", "/dev/video0")])
    until(lambda: sorted(stage.starts) == ["07", "08", "08"], 5.0)


def test_a_new_quiet_area_reaches_the_running_thread_and_replaces_none(stage: Stage) -> None:
    stage.crew.apply([_setup("07")])
    until(lambda: stage.states() == {"07": "live"}, 5.0)
    corners = [(0.1, 0.1), (0.4, 0.1), (0.4, 0.4)]
    setup = CameraSetup(camera="07", name="07", sealed=b"", quiet=[QuietArea(corners=corners)])
    stage.crew.apply([Watched(setup, CameraAddress(source="scene:"))])
    stage.crew.apply([_setup("07")])
    assert [each.quiet for each in stage.hushed] == [setup.quiet, []]
    assert stage.starts == ["07"]


@pytest.mark.parametrize("ends", [True, False])
def test_a_successor_waits_for_the_old_thread_but_not_for_ever(stage: Stage, *, ends: bool) -> None:
    stage.does["08"] = "hang"
    stage.crew.apply([_setup("08")])
    until(lambda: stage.starts == ["08"], 5.0)
    stage.does["08"] = "live"
    stage.crew.apply([_setup("08", "/dev/video0")])
    stage.crew.tend()
    assert stage.starts == ["08"]
    if ends:
        stage.release.set()
        until(lambda: not any(t.name == "camera-08" for t in threading.enumerate()), 5.0)
    else:
        stage.clock.advance(LEAVE_S + 0.1)
    stage.crew.tend()
    until(lambda: stage.starts == ["08", "08"], 5.0)


def test_a_camera_out_of_the_plan_is_forgotten(stage: Stage) -> None:
    stage.crew.apply([_setup("07"), _setup("08")])
    until(lambda: stage.states() == {"07": "live", "08": "live"}, 5.0)
    stage.crew.apply([_setup("07")])
    assert stage.states() == {"07": "live"}


def test_a_hanging_thread_is_named(stage: Stage) -> None:
    stage.does["08"] = "hang"
    stage.crew.apply([_setup("08")])
    until(lambda: stage.starts == ["08"], 5.0)
    stage.clock.advance(HUNG_S + 1)
    with pytest.raises(Hung, match="08"):
        stage.crew.tend()


def test_all_end_together(stage: Stage) -> None:
    stage.crew.apply([_setup(f"{n:02}") for n in range(12)])
    until(lambda: len(stage.starts) == 12, 5.0)
    before = stage.clock.monotonic()
    stage.crew.close(0.6)
    assert stage.clock.monotonic() - before < 0.6
    assert not any(t.name.startswith("camera-") for t in threading.enumerate())


def test_a_picture_is_asked_of_the_camera_itself_and_of_no_other(stage: Stage) -> None:
    assert not stage.crew.ask("07", "r1")
    stage.crew.apply([_setup("07")])
    until(lambda: stage.starts == ["07"], 5.0)
    assert stage.crew.ask("07", "r2")
    assert not stage.crew.ask("08", "r3")
    assert stage.asked == ["r2"]
