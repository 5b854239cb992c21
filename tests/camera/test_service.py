"""The camera service from plan to clip, with real pictures and everything else real but the network."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from broker.contract.camera import CameraStatus, MotionEnded, MotionStarted
from broker.contract.hub import CameraPlan, Signed
from broker.link.media import MediaStore
from edge.camera.finishing import AGAIN_S
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


def test_a_ledger_that_cannot_be_opened_costs_no_alert_and_no_clip_that_waits(
    tmp_path: Path, town: Town, hub: ClipHub, yard_film: Path
) -> None:
    with CameraHouse(tmp_path, town, hub) as house:
        file = house.settings.data_dir / "camera" / "ledger.db"
        store = MediaStore(house.settings.data_dir / "camera" / "clips")
    for each in (file, file.with_name("ledger.db-wal"), file.with_name("ledger.db-shm")):
        each.unlink(missing_ok=True)
    file.mkdir()
    media = store.add(b"a clip that waits", "video/mp4", 1)
    with CameraHouse(tmp_path, town, hub) as house:
        assert "disk" in house.session.problems
        house.session.deliver(town.trust())
        house.session.deliver(town.cameras(1, {"07": str(yard_film)}))
        house.session.wait_for(MotionStarted, timeout_s=25.0)
        file.rmdir()
        house.clock.advance(AGAIN_S + 1)
        until(lambda: "disk" not in house.session.problems, 10.0)
    assert house.failed == []
    assert file.is_file()
    assert store.path_of(media.sha256) is not None


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


def test_the_service_says_which_plan_it_follows_and_never_one_that_it_refused(
    tmp_path: Path, town: Town, hub: ClipHub, yard_film: Path
) -> None:
    def followed(house: CameraHouse) -> list[int]:
        return [said.generation for said in house.session.messages(CameraStatus)]

    with CameraHouse(tmp_path, town, hub) as house:
        house.session.deliver(town.trust())
        house.session.deliver(town.cameras(3, {"07": str(yard_film)}))
        until(lambda: followed(house)[-1:] == [3], 10.0)
        house.session.deliver(Town().cameras(9, {"07": "scene:"}))
        assert house.session.wait(lambda: "plan-refused" in house.session.problems)
        house.session.deliver(town.cameras(4, {"07": str(yard_film)}))
        until(lambda: followed(house)[-1:] == [4], 10.0)
        assert set(followed(house)) <= {0, 3, 4}
    with CameraHouse(tmp_path, town, hub) as again:
        until(lambda: followed(again)[-1:] == [4], 10.0)


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
