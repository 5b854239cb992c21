"""The camera service from plan to clip, with real pictures and everything else real but the network."""

from __future__ import annotations

import threading
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from broker.contract.camera import SNAPSHOT_LIMIT, CameraStatus, CameraTampered, MotionEnded, MotionStarted
from broker.contract.hub import CameraPlan, Signed
from tests.camera.film import write_film, yard
from tests.camera.town import CameraHouse, ClipHub, Town
from tests.until import until


@pytest.fixture
def town() -> Town:
    """Fresh keys."""
    return Town()


@pytest.fixture
def hub() -> ClipHub:
    """A hub that takes clips."""
    return ClipHub()


def _state(house: CameraHouse, camera: str) -> str:
    said = house.session.messages(CameraStatus)
    found = [each.state for each in said[-1].cameras if each.camera == camera] if said else []
    return found[0] if found else ""


def test_movement_becomes_an_alarm_with_picture_and_a_clip_at_the_hub(
    tmp_path: Path, town: Town, hub: ClipHub, yard_film: Path
) -> None:
    with CameraHouse(tmp_path, town, hub) as house:
        house.session.deliver(town.trust())
        house.session.deliver(town.cameras(1, {"07": str(yard_film), "08": "/dev/video97"}))
        started = house.session.wait_for(MotionStarted, timeout_s=25.0)
        ended = house.session.wait_for(MotionEnded, timeout_s=30.0)
        assert started.camera == "07"
        assert 0 < len(started.snapshot) <= SNAPSHOT_LIMIT
        assert started.boxes
        assert ended.episode == started.episode
        assert ended.started_at == started.started_at
        assert 6 < (ended.ended_at - ended.started_at).total_seconds() < 12
        assert ended.clip is not None
        until(lambda: ended.clip.sha256 in hub.got, 10.0)
        path = tmp_path / "clip.mp4"
        path.write_bytes(hub.got[ended.clip.sha256])
        with av.open(str(path)) as clip:
            count = sum(1 for _ in clip.decode(video=0))
        assert count / 10 == pytest.approx((ended.clip.duration_ms or 0) / 1000, abs=0.5)
        assert count / 10 > 14, "the clip holds the seconds before the movement too"
        until(lambda: hub.store is not None and hub.store.path_of(ended.clip.sha256) is None, 5.0)
        assert _state(house, "07") == "live"
        until(lambda: _state(house, "08") == "offline", 15.0)
        detail = next(c.detail for c in house.session.messages(CameraStatus)[-1].cameras if c.camera == "08")
        assert "Không thấy camera" in detail
        assert not house.failed
    picture = cv2.imdecode(np.frombuffer(started.snapshot, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None


def test_the_service_starts_from_its_disk_without_a_hub(
    tmp_path: Path, town: Town, hub: ClipHub, yard_film: Path
) -> None:
    with CameraHouse(tmp_path, town, hub) as house:
        assert house.session.wait(lambda: "no-plan" in house.session.problems)
        house.session.deliver(town.cameras(1, {"07": str(yard_film)}))
        house.session.deliver(town.trust())
        until(lambda: _state(house, "07") == "live", 10.0)
        assert "no-plan" not in house.session.problems
    with CameraHouse(tmp_path, town, hub) as again:
        until(lambda: _state(again, "07") == "live", 10.0)
        assert "no-plan" not in again.session.problems


def test_forged_foreign_and_old_plans_change_nothing(
    tmp_path: Path, town: Town, hub: ClipHub, yard_film: Path
) -> None:
    with CameraHouse(tmp_path, town, hub) as house:
        house.session.deliver(town.trust())
        house.session.deliver(town.cameras(5, {"07": str(yard_film)}))
        until(lambda: _state(house, "07") == "live", 10.0)
        forged = Town().cameras(9, {"66": "scene:"})
        foreign = town.cameras(9, {"66": "scene:"}, node="thon-02")
        rubbish = CameraPlan(generation=9, signed=Signed(body="{", signatures=[]))
        for plan, problem in (
            (forged, "Chữ ký không khớp"),
            (foreign, "của điểm khác"),
            (rubbish, "không đúng khuôn mẫu"),
        ):
            house.session.deliver(plan)
            assert house.session.wait(lambda: problem in house.session.problems.get("plan-refused", ""))  # noqa: B023
        house.session.deliver(town.cameras(4, {"66": "scene:"}))
        house.session.deliver(town.cameras(6, {"07": str(yard_film), "08": "/dev/video97"}))
        until(lambda: _state(house, "08") != "", 10.0)
        assert "plan-refused" not in house.session.problems
        assert all(c.camera != "66" for s in house.session.messages(CameraStatus) for c in s.cameras)


def test_a_camera_taken_from_the_plan_falls_silent_and_the_others_stay(
    tmp_path: Path, town: Town, hub: ClipHub, yard_film: Path
) -> None:
    with CameraHouse(tmp_path, town, hub) as house:
        house.session.deliver(town.trust())
        house.session.deliver(town.cameras(1, {"07": str(yard_film), "08": str(yard_film)}))
        until(lambda: _state(house, "07") == _state(house, "08") == "live", 15.0)
        house.session.deliver(town.cameras(2, {"07": str(yard_film)}))
        until(lambda: _state(house, "08") == "", 10.0)
        until(lambda: not any(t.name == "camera-08" for t in threading.enumerate()), 5.0)
        assert _state(house, "07") == "live"


def test_an_episode_cut_off_by_the_end_of_the_service_is_told_at_the_next_start(
    tmp_path: Path, town: Town, hub: ClipHub, yard_film: Path
) -> None:
    hub.away = True
    with CameraHouse(tmp_path, town, hub) as house:
        house.session.deliver(town.trust())
        house.session.deliver(town.cameras(1, {"07": str(yard_film)}))
        started = house.session.wait_for(MotionStarted, timeout_s=25.0)
        assert house.close() <= 1.5
        assert house.session.messages(MotionEnded) == []
    hub.away = False
    with CameraHouse(tmp_path, town, hub) as again:
        ended = again.session.wait_for(MotionEnded, timeout_s=10.0)
        assert ended.episode == started.episode
        assert ended.clip is not None or ended.reason
        if ended.clip is not None:
            until(lambda: ended.clip.sha256 in hub.got, 10.0)


def test_a_covered_camera_is_an_alarm_with_a_picture_and_an_end(
    tmp_path: Path, town: Town, hub: ClipHub
) -> None:
    def pictures() -> list[np.ndarray]:
        still = [picture // 1 for picture in yard(6.0)]
        dark = [(picture // 20 + 8).astype(np.uint8) for picture in yard(5.5)]
        return still + dark + still[:30]

    film = write_film(tmp_path / "covered.mp4", pictures())
    with CameraHouse(tmp_path, town, hub) as house:
        house.session.deliver(town.trust())
        house.session.deliver(town.cameras(1, {"07": str(film)}))
        began = house.session.wait_for(CameraTampered, timeout_s=25.0)
        assert began.what == "covered"
        assert began.ended_at is None
        assert began.snapshot
        over = house.session.wait_for(CameraTampered, lambda m: m.ended_at is not None, 20.0)
        assert over.tampering == began.tampering
        assert over.ended_at >= over.started_at == began.started_at
