"""The threads of the cameras: one that fails stops no other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from broker.contract.camera import CameraState
from broker.link.service import Beat
from broker.trust.envelope import CameraSetup
from edge.camera.crew import AGAIN_S, HUNG_S, Crew, Hung, Run
from edge.camera.presence import OFFLINE_S, Presence
from tests.camera.town import NOW
from tests.fakes.clock import FakeClock
from tests.until import until


def _setup(camera: str, source: str = "scene:") -> CameraSetup:
    return CameraSetup(camera=camera, name=camera, source=source, sensitivity=0.5)


class Stage:
    """Cameras that do what a test wants: live, fail, or hang."""

    def __init__(self) -> None:
        self.clock = FakeClock(NOW, running=True)
        self.does: dict[str, str] = {}
        self.starts: list[str] = []
        self.release = threading.Event()
        self.crew = Crew(self._make, self.clock)

    def _make(self, setup: CameraSetup, say: Callable[[CameraState], None]) -> Run:
        def run(stop: threading.Event, beat: Beat) -> None:
            self.starts.append(setup.camera)
            does = self.does.get(setup.camera, "live")
            if does == "fail":
                raise RuntimeError("fault of this camera's own")
            say(CameraState(camera=setup.camera, state="live", since=self.clock.now()))
            while not (self.release if does == "hang" else stop).wait(0.02):
                if does != "hang":
                    beat()

        return run

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


def _name(presence: Presence) -> str:
    return presence.state


def test_presence_goes_from_connecting_to_live_to_offline_and_back() -> None:
    presence = Presence(0.0)
    assert _name(presence) == "connecting"
    assert not presence.look(5.0)
    assert presence.picture(6.0)
    assert _name(presence) == "live"
    assert not presence.look(6.0 + OFFLINE_S)
    assert presence.look(6.1 + OFFLINE_S)
    assert _name(presence) == "offline"
    assert presence.pictures_per_s == 0.0
    assert presence.picture(40.0)
    assert (_name(presence), presence.since_s) == ("live", 40.0)


def test_a_camera_that_never_answers_is_offline_after_ten_seconds() -> None:
    presence = Presence(100.0)
    assert not presence.look(109.0)
    assert presence.look(110.5)
    assert presence.state == "offline"


def test_presence_measures_the_rate_of_pictures() -> None:
    presence = Presence(0.0)
    for number in range(200):
        presence.picture(number / 8)
    assert presence.pictures_per_s == pytest.approx(8.0, abs=0.3)
