"""Cameras side by side in one service: movement, masks, covering, outages, pictures on demand, hours of watching."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from broker.contract.camera import (
    SNAPSHOT_LIMIT,
    CameraOutage,
    CameraPicture,
    CameraState,
    CameraStatus,
    CameraTampered,
    MotionEnded,
    MotionStarted,
)
from broker.contract.hub import PictureWanted
from broker.trust.envelope import QuietArea, Span
from tests.camera.film import write_film, yard
from tests.camera.town import CameraHouse, ClipHub, Town
from tests.until import until

UPPER_LEFT = [(0.0, 0.0), (0.5, 0.0), (0.5, 0.5), (0.0, 0.5)]
OTHER_DAYS = [Span(days=[3], since_min=0, until_min=1)]
"""Today is a Saturday."""
EVERY_HOUR = [Span(days=list(range(7)), since_min=0, until_min=1440)]
LEFT = [(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)]
EVERYWHERE = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]


class Evening:
    """A service with cameras that all have something to tell at the same time."""

    def __init__(self, folder: Path, yard_film: Path) -> None:
        self.folder, self._film, self._town, self._hub = folder, yard_film, Town(), ClipHub()
        self.house = CameraHouse(folder, self._town, self._hub)
        self.since = self.house.clock.now()
        """When the service heard of the cameras."""

    def begin(self) -> None:
        """Hand over the plan."""
        still = [picture.copy() for picture in yard(6.0)]
        dark = [(picture // 20 + 8).astype(np.uint8) for picture in still[:55]]
        covered = str(write_film(self.folder / "covered.mp4", [*still, *dark, *still[:30]]))
        make = self._town.setup
        setups = [
            make("open", str(self._film)),
            make("masked", str(self._film), masks=[UPPER_LEFT]),
            make("half", str(self._film), quiet=[QuietArea(corners=LEFT, hours=EVERY_HOUR)]),
            make("covered", covered),
            make("off-duty", covered, schedule=OTHER_DAYS),
            make("gone", "/dev/video97"),
        ]
        self.since = self.house.clock.now()
        self.house.session.deliver(self._town.trust())
        self.house.session.deliver(self._town.plan(1, setups))

    def started(self, camera: str) -> MotionStarted:
        """The first movement there."""
        return self.house.session.wait_for(MotionStarted, lambda m: m.camera == camera, 40.0)

    def ended(self, camera: str) -> MotionEnded:
        """The end of the first movement there."""
        return self.house.session.wait_for(MotionEnded, lambda m: m.camera == camera, 60.0)

    def tampered(self, camera: str, *, over: bool = False) -> CameraTampered:
        """The first tampering there, or its end."""
        return self.house.session.wait_for(
            CameraTampered, lambda m: m.camera == camera and (m.ended_at is not None) == over, 40.0
        )

    def ask(self, camera: str, request: str) -> CameraPicture:
        """A picture on demand."""
        self.house.session.deliver(PictureWanted(request=request, camera=camera))
        return self.house.session.wait_for(CameraPicture, lambda m: m.request == request, 15.0)

    def clip(self, ended: MotionEnded) -> Path:
        """The clip as the hub has it."""
        assert ended.clip is not None
        sha256 = ended.clip.sha256
        until(lambda: sha256 in self._hub.got, 20.0)
        until(lambda: self._hub.store is not None and self._hub.store.path_of(sha256) is None, 10.0)
        path = self.folder / f"{ended.camera}.mp4"
        path.write_bytes(self._hub.got[sha256])
        return path


@pytest.fixture(scope="module")
def evening(tmp_path_factory: pytest.TempPathFactory, yard_film: Path) -> Iterator[Evening]:
    """All of it runs while the tests look at one camera after the other. Nothing fails meanwhile."""
    stage = Evening(tmp_path_factory.mktemp("evening"), yard_film)
    with stage.house:
        stage.begin()
        yield stage
    assert not stage.house.failed


def _state(house: CameraHouse, camera: str) -> CameraState | None:
    said = house.session.messages(CameraStatus)
    return next((each for each in said[-1].cameras if each.camera == camera), None) if said else None


def _is(house: CameraHouse, camera: str, state: str) -> bool:
    said = _state(house, camera)
    return said is not None and said.state == state


def _picture(jpeg: bytes | None) -> np.ndarray:
    assert jpeg
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return np.asarray(picture)


def _pictures(clip: Path) -> list[np.ndarray]:
    with av.open(str(clip)) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]


def _dark(picture: np.ndarray) -> bool:
    height, width = picture.shape[:2]
    return int(picture[: height // 2 - 8, : width // 2 - 8].max()) < 60


def test_movement_becomes_an_alarm_with_picture_and_a_clip_at_the_hub(evening: Evening) -> None:
    started, ended = evening.started("open"), evening.ended("open")
    assert 0 < len(started.snapshot) <= SNAPSHOT_LIMIT
    assert not _dark(_picture(started.snapshot))
    assert started.boxes
    assert (ended.episode, ended.started_at) == (started.episode, started.started_at)
    assert 6 < (ended.ended_at - ended.started_at).total_seconds() < 12
    count = len(_pictures(evening.clip(ended)))
    assert ended.clip is not None
    assert count / 10 == pytest.approx((ended.clip.duration_ms or 0) / 1000, abs=0.5)
    assert count / 10 > 14, "the clip holds the seconds before the movement too"
    assert _is(evening.house, "open", "live")


def test_who_walks_out_of_a_quiet_area_is_told_from_there(evening: Evening) -> None:
    everything, beside = evening.started("open"), evening.started("half")
    assert 3 < (beside.started_at - everything.started_at).total_seconds() < 8
    assert everything.boxes[0].x + everything.boxes[0].w / 2 < 0.5 < beside.boxes[0].x + beside.boxes[0].w / 2
    assert len(_pictures(evening.clip(evening.ended("half")))) / 10 > 9, (
        "the seconds in the area are kept too"
    )


def test_masks_are_burnt_into_every_picture_and_the_whole_clip(evening: Evening) -> None:
    snapshot = _picture(evening.started("masked").snapshot)
    assert _dark(snapshot)
    assert int(snapshot[:, snapshot.shape[1] // 2 + 20 :].max()) > 150
    still = evening.ask("masked", "r1")
    assert (still.camera, still.reason) == ("masked", "")
    assert _dark(_picture(still.jpeg))
    ended = evening.ended("masked")
    if ended.best is not None:
        assert _dark(_picture(ended.best))
    pictures = _pictures(evening.clip(ended))
    assert len(pictures) > 20
    assert all(_dark(picture) for picture in pictures)


def test_a_covered_camera_is_an_alarm_with_a_picture_and_an_end(evening: Evening) -> None:
    began, over = evening.tampered("covered"), evening.tampered("covered", over=True)
    assert (began.what, began.tampering) == ("covered", over.tampering)
    assert began.snapshot
    assert over.ended_at is not None
    assert over.ended_at >= over.started_at == began.started_at


def test_outside_its_hours_movement_raises_no_alert_and_covering_still_does(evening: Evening) -> None:
    told = evening.tampered("off-duty")
    assert told.before is not None, "what it saw while all was well"
    assert _picture(told.before).mean() > 3 * _picture(told.snapshot).mean()
    assert all(m.camera != "off-duty" for m in evening.house.session.messages(MotionStarted))
    evening.tampered("covered", over=True)
    told_states = [
        each for m in evening.house.session.messages(CameraStatus) for each in m.cameras if each.codec
    ]
    said = [each for each in told_states if each.camera == "off-duty"]
    assert (said[-1].watching, said[-1].codec) == (False, "h264")
    assert any(each.tampering == "covered" for each in said)


def test_a_camera_that_is_not_there_is_told_within_the_bound_and_others_go_on(evening: Evening) -> None:
    never = evening.house.session.wait_for(CameraOutage, timeout_s=25.0)
    assert (never.camera, never.last_picture_at, never.why) == ("gone", None, "missing")
    assert timedelta(seconds=7) < never.told_at - evening.since < timedelta(seconds=25)
    until(lambda: _is(evening.house, "gone", "offline"), 15.0)
    said = _state(evening.house, "gone")
    assert said is not None
    assert "Không thấy camera" in said.detail
    assert "chưa chụp được" in evening.ask("gone", "r2").reason
    assert "không có camera ấy" in evening.ask("no-such", "r3").reason
    assert {m.camera for m in evening.house.session.messages(CameraOutage)} == {"gone"}


def test_quiet_hours_hold_by_a_known_clock_only_and_end_while_the_camera_runs(
    tmp_path: Path, yard_film: Path
) -> None:
    town = Town()
    with CameraHouse(tmp_path, town, ClipHub()) as house:
        setup = town.setup("07", str(yard_film), quiet=[QuietArea(corners=EVERYWHERE, hours=EVERY_HOUR)])
        house.session.deliver(town.trust())
        house.session.deliver(town.plan(1, [setup]))
        until(lambda: _is(house, "07", "live"), 15.0)
        walks_s = house.clock.monotonic() + 6.5
        until(lambda: house.clock.monotonic() > walks_s, 10.0)
        assert house.session.messages(MotionStarted) == []
        before = house.clock.now()
        house.clock.believe("unknown")
        told = house.session.wait_for(MotionStarted, timeout_s=5.0)
        assert timedelta(seconds=-0.5) < told.started_at - before < timedelta(seconds=3)


def test_an_outage_goes_on_under_its_name_over_a_restart_and_ends_with_its_gap(
    tmp_path: Path, yard_film: Path
) -> None:
    town, hub = Town(), ClipHub()
    with CameraHouse(tmp_path, town, hub) as house:
        house.session.deliver(town.trust())
        house.session.deliver(town.cameras(1, {"07": str(tmp_path / "none.mp4"), "08": "/dev/video97"}))
        until(lambda: _is(house, "07", "connecting") and _is(house, "08", "connecting"), 15.0)
        house.clock.advance(11.0)
        told = {m: house.session.wait_for(CameraOutage, lambda o, m=m: o.camera == m) for m in ("07", "08")}
        os.link(yard_film, tmp_path / "none.mp4")  # the camera is plugged in
        back = house.session.wait_for(CameraOutage, lambda m: m.ended_at is not None, 40.0)
        assert back.outage == told["07"].outage
        assert back.lasted_ms > 10_000
        assert back.ended_at - back.told_at < timedelta(seconds=2)
    with CameraHouse(tmp_path, town, hub) as again:
        until(lambda: _is(again, "07", "live") and _is(again, "08", "connecting"), 20.0)
        again.session.deliver(town.cameras(2, {"08": "/dev/video97"}))
        until(lambda: _state(again, "07") is None, 10.0)
        again.clock.advance(11.0)
        until(lambda: _is(again, "08", "offline"), 20.0)
        assert again.session.messages(CameraOutage) == []
        again.session.deliver(town.cameras(3, {"08": "scene:"}))
        back = again.session.wait_for(CameraOutage, timeout_s=15.0)
        assert (back.outage, back.ended_at is not None) == (told["08"].outage, True)
