"""Live views on the node: how soon, how small, masked, how often, and that they end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from broker.contract.camera import CameraStatus
from broker.contract.hub import LiveWanted
from broker.link.media import MediaError
from edge.camera.live import LARGEST_BYTES, MOST, MOST_WAITING, WIDTH_PX, LiveViews, Look, Tap
from edge.camera.ring import Ring
from tests.camera.film import chunks_of, yard
from tests.camera.town import CameraHouse, ClipHub, Town
from tests.fakes.clock import FakeClock
from tests.until import until

UPPER_LEFT = [(0.0, 0.0), (0.5, 0.0), (0.5, 0.5), (0.0, 0.5)]


class Hub:
    """What came of each view; `over` are refused as by a hub where nobody looks, `away` fails."""

    def __init__(self) -> None:
        self.got: dict[str, list[tuple[bytes, int]]] = {}
        self.over: set[str] = set()
        self.away = False
        self.refused = 0

    def show(self, view: str, jpeg: bytes, age_ms: int) -> bool:
        """One picture. Raises MediaError."""
        if self.away:
            self.refused += 1
            raise MediaError("the hub is away")
        self.got.setdefault(view, []).append((jpeg, age_ms))
        return view not in self.over

    def count(self, view: str) -> int:
        """Pictures of a view so far."""
        return len(self.got.get(view, []))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, yard_film: Path) -> Iterator[tuple[CameraHouse, Hub]]:
    """A node with an open and a masked camera, both seeing."""
    town, hub = Town(), Hub()
    with CameraHouse(tmp_path_factory.mktemp("live"), town, ClipHub(), lambda: hub) as made:
        made.session.deliver(town.trust())
        film = str(yard_film)
        made.session.deliver(
            town.plan(1, [town.setup("open", film), town.setup("masked", film, masks=[UPPER_LEFT])])
        )
        until(lambda: _live(made) == {"open", "masked"}, 15.0)
        yield made, hub
    assert not made.failed


def _live(house: CameraHouse) -> set[str]:
    said = house.session.messages(CameraStatus)
    return {each.camera for each in said[-1].cameras if each.state == "live"} if said else set()


def _want(house: CameraHouse, view: str, camera: str, seconds: float = 50.0) -> None:
    until_at = house.clock.now() + timedelta(seconds=seconds)
    house.session.deliver(LiveWanted(view=view, camera=camera, until=until_at))


def _picture(jpeg: bytes) -> np.ndarray:
    found = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert found is not None
    return np.asarray(found)


def _threads(camera: str) -> int:
    return sum(each.name == f"live-{camera}" for each in threading.enumerate())


def test_pictures_come_at_once_small_and_end_when_nobody_looks(house: tuple[CameraHouse, Hub]) -> None:
    node, hub = house
    _want(node, "v1", "open")
    until(lambda: hub.count("v1") >= 4, 10.0)
    jpegs = [jpeg for jpeg, _ in hub.got["v1"]]
    assert all(len(jpeg) <= LARGEST_BYTES for jpeg in jpegs)
    assert _picture(jpegs[0]).shape[1] == WIDTH_PX
    assert len(set(jpegs)) == len(jpegs), "no picture is sent twice as if it were new"
    assert max(age for _, age in hub.got["v1"][1:]) < 3000
    hub.over.add("v1")
    until(lambda: _threads("open") == 0, 5.0)


def test_masks_are_burnt_into_live_pictures_too(house: tuple[CameraHouse, Hub]) -> None:
    node, hub = house
    _want(node, "v2", "masked")
    until(lambda: hub.count("v2") >= 2, 10.0)
    for jpeg, _ in hub.got["v2"]:
        picture = _picture(jpeg)
        height, width = picture.shape[:2]
        assert int(picture[: height // 2 - 8, : width // 2 - 8].max()) < 60
        assert int(picture[:, width // 2 + 20 :].max()) > 150
    hub.over.add("v2")
    until(lambda: _threads("masked") == 0, 5.0)


def test_a_view_ends_at_its_time_and_alerts_go_first(house: tuple[CameraHouse, Hub]) -> None:
    node, hub = house
    node.session.waiting = True
    _want(node, "v3", "open", 1.5)
    until(lambda: _threads("open") == 1, 5.0)
    until(lambda: _threads("open") == 0, 5.0)
    assert hub.count("v3") == 0, "an alert waited for the line all the time"
    node.session.waiting = False


def test_a_camera_set_up_anew_goes_on_with_its_new_masks(tmp_path: Path, yard_film: Path) -> None:
    town, hub = Town(), Hub()
    with CameraHouse(tmp_path, town, ClipHub(), lambda: hub) as node:
        node.session.deliver(town.trust())
        node.session.deliver(town.plan(1, [town.setup("07", str(yard_film))]))
        until(lambda: _live(node) == {"07"}, 15.0)
        _want(node, "v", "07")
        until(lambda: hub.count("v") >= 1, 10.0)
        node.session.deliver(town.plan(2, [town.setup("07", str(yard_film), masks=[UPPER_LEFT])]))

        def is_masked() -> bool:
            picture = _picture(hub.got["v"][-1][0])
            return int(picture[: picture.shape[0] // 2 - 8, : picture.shape[1] // 2 - 8].max()) < 60

        until(is_masked, 15.0)
        assert _threads("07") == 1
    assert not node.failed


def test_a_node_sends_no_more_views_than_its_line_takes() -> None:
    clock = FakeClock()
    asked: dict[str, Look] = {}
    views = LiveViews(clock, Hub, lambda look: asked.setdefault(look.view, look), lambda: False)
    for number in range(MOST + 1):
        views.want(LiveWanted(view=f"v{number}", camera="07", until=clock.now() + timedelta(seconds=60)))
    assert list(asked) == [f"v{n}" for n in range(MOST)]
    clock.advance(59)
    views.want(LiveWanted(view="v0", camera="07", until=clock.now() + timedelta(seconds=60)))
    clock.advance(2)
    assert [look.is_over for look in asked.values()] == [False, True]
    views.close()
    assert all(look.is_over for look in asked.values())


def test_a_clock_that_knows_no_time_does_not_shorten_a_view() -> None:
    clock = FakeClock(state="unknown")
    asked: dict[str, Look] = {}
    views = LiveViews(clock, Hub, lambda look: asked.setdefault(look.view, look), lambda: False)
    views.want(LiveWanted(view="v", camera="07", until=clock.now() - timedelta(days=20)))
    assert asked["v"].until_s - clock.monotonic() == pytest.approx(60)
    views.close()


def test_a_hub_that_is_away_costs_pictures_and_not_the_view() -> None:
    clock, hub, ring = FakeClock(running=True), Hub(), Ring()
    look = Look("v", "07", clock.monotonic() + 30, hub, clock, lambda: False)
    tap, hub.away = Tap([]), True
    tap.add(look)
    chunks = list(chunks_of(yard(4.0)))
    for chunk in chunks * (1 + MOST_WAITING // len(chunks)):  # more than may wait: the oldest are given up
        ring.add(chunk)
        tap.pass_on(chunk, ring)
    thread = threading.Thread(target=look.run)
    thread.start()
    try:
        tap.pass_on(chunks[0], ring)
        until(lambda: hub.refused > 0, 5.0)
        hub.away = False
        tap.pass_on(chunks[1], ring)
        until(lambda: hub.count("v") > 0, 5.0)
        assert _picture(hub.got["v"][0][0]).shape[1] == WIDTH_PX
    finally:
        look.close()
        thread.join(5.0)
    assert not thread.is_alive()
