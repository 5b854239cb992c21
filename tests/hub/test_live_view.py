"""Looking at a camera as it is now: who may and why, how many at once, the command, the pictures' way, the end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from broker.contract.hub import LiveWanted
from broker.hub import live_view
from broker.hub.accounts import create_account
from broker.hub.alert_views import Reason
from broker.hub.declined import Declined
from broker.hub.live_pictures import NOBODY_S, LivePictures
from broker.hub.records import Account, Camera, CameraLive, CameraSeen, NodeRecord, ServiceSeen, audit_rows
from broker.link.media import MediaError
from tests.fakes.clock import FakeClock
from tests.hub.house import CAMERA, JPEG, House, state
from tests.hub.studio import Studio
from tests.hub.test_devices import Port, port
from tests.hub.town import NOW, PASSWORD, Town

__all__ = ["port"]

HUGE = JPEG.replace(bytes.fromhex("080001000101"), bytes.fromhex("080001200001"))
"""One that would be 8192 px wide."""

WHY = Reason("lý do khác: nhà ông Tư báo có người lạ", "lý do khác")


def life(node: str = "thon-01", state: str = "ready") -> ServiceSeen:
    return ServiceSeen(
        identity=f"{node}.camera", node=node, service="camera", state=state, since=NOW, boot="b",
        version="1", seen_at=NOW,
    )  # fmt: skip


@pytest.fixture
def officers(town: Town) -> list[Account]:
    """Four officers, and five points with two cameras each that see."""
    with town.database.session() as db:
        for number in range(1, 6):
            node = f"thon-{number:02d}"
            if db.get(NodeRecord, node) is None:
                db.add(NodeRecord(name=node, village="dong", label=node, registered_at=NOW))
            db.add(life(node))
            for camera in ("a", "b", "c"):
                db.add(Camera(node=node, camera=camera, name=camera, village="dong", source="rtsp://x"))
                db.add(CameraSeen(node=node, camera=camera, state="live", since=NOW, seen_at=NOW))
        return [
            create_account(
                db, username=f"ca-{n}", full_name=f"Công an {n}", password=PASSWORD, roles=["police"], now=NOW
            )
            for n in range(4)
        ]


def look(town: Town, who: Account, camera: str = "thon-01.a", at: datetime = NOW) -> CameraLive:
    node, _, name = camera.partition(".")
    with town.database.session() as db:
        return live_view.start(db, who, node, name, WHY, at)


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(Declined) as found:
        act()
    return str(found.value)


def test_a_view_is_told_to_its_node_once_and_written_down_with_the_reason(
    studio: Studio, officers: list[Account]
) -> None:
    view = look(studio.town, officers[0])
    sent = [(to, m) for to, m in studio.step() if isinstance(m, LiveWanted)]
    assert sent == [("thon-01.camera", LiveWanted(view=view.view, camera="a", until=view.until))]
    assert [m for _, m in studio.step() if isinstance(m, LiveWanted)] == []
    with studio.town.database.reading() as db:
        last = list(audit_rows(db))[-1].entry
    assert (last.actor, last.action, last.subject) == ("ca-0", "camera.live", "thon-01.a")
    assert last.detail["reason"] == "lý do khác", "own words may name people"
    assert view.reason == WHY.said
    assert look(studio.town, officers[0]).view == view.view, "pressed twice it is one view"


def test_a_view_asked_for_again_within_its_minute_is_written_down_with_its_own_reason(
    town: Town, officers: list[Account]
) -> None:
    first = look(town, officers[0])
    other = Reason("theo dõi tiếp sau cảnh báo", "theo dõi tiếp sau cảnh báo")
    with town.database.session() as db:
        again = live_view.start(db, officers[0], "thon-01", "a", other, NOW + timedelta(seconds=20))
        live_view.start(db, officers[0], "thon-01", "a", other, NOW + timedelta(seconds=30))
    assert (again.view, again.until) == (first.view, first.until), "it lasts no longer for that"
    assert again.reason == f"{WHY.said}; rồi {other.said}"
    with town.database.reading() as db:
        told = [row.entry.detail["reason"] for row in audit_rows(db) if row.entry.action == "camera.live"]
    assert told == ["lý do khác", other.logged, other.logged]


def test_a_view_bears_five_reasons_and_a_sixth_asks_for_a_view_of_its_own(
    town: Town, officers: list[Account]
) -> None:
    def again(words: str) -> CameraLive:
        with town.database.session() as db:
            reason = Reason(f"lý do khác: {words}", "lý do khác")
            return live_view.start(db, officers[0], "thon-01", "a", reason, NOW + timedelta(seconds=20))

    look(town, officers[0])
    for number in range(live_view.MOST_REASONS - 1):
        row = again(f"việc thứ {number}")
    assert "đã ghi 5 lý do" in refusal(lambda: again("thêm một việc nữa"))
    assert again("việc thứ 0").reason == row.reason, "one that was given already is no other"


def test_it_goes_on_once_and_its_node_hears_of_that(studio: Studio, officers: list[Account]) -> None:
    view = look(studio.town, officers[0])
    studio.step()
    later = NOW + timedelta(seconds=50)
    with studio.town.database.session() as db:
        live_view.go_on(db, officers[0], view.view, later)
    sent = [m for _, m in studio.step() if isinstance(m, LiveWanted)]
    assert [m.until for m in sent] == [NOW + timedelta(seconds=120)]
    with studio.town.database.session() as db:
        assert "một lần" in refusal(lambda: live_view.go_on(db, officers[0], view.view, later))
        assert "Không tìm thấy" in refusal(lambda: live_view.go_on(db, officers[1], view.view, later))
        gone = NOW + timedelta(seconds=120)
        assert "đã hết" in refusal(lambda: live_view.go_on(db, officers[0], view.view, gone))


def test_a_camera_service_that_starts_again_is_asked_anew_for_the_views_that_still_run(
    studio: Studio, officers: list[Account], tmp_path: Path
) -> None:
    running, left = look(studio.town, officers[0]), look(studio.town, officers[0], "thon-01.b")
    look(studio.town, officers[1], "thon-02.a")
    studio.step()
    with studio.town.database.session() as db:
        live_view.end(db, left.view, NOW)
    house = House(studio.town.database, tmp_path / "said")
    house.clock.step((NOW - house.clock.now()).total_seconds())
    for said in (state("lost", "b"), state("starting", "b2")):
        house.take(house.entry(CAMERA, said))
        assert [m for _, m in studio.step() if isinstance(m, LiveWanted)] == [], "it could not hear it yet"
    house.take(house.entry(CAMERA, state("ready", "b2")))
    sent = [(to, m) for to, m in studio.step() if isinstance(m, LiveWanted)]
    assert sent == [("thon-01.camera", LiveWanted(view=running.view, camera="a", until=running.until))]
    house.take(house.entry(CAMERA, state("ready", "b2")))
    assert [m for _, m in studio.step() if isinstance(m, LiveWanted)] == [], "it goes on as it was"


def test_no_right_no_camera(town: Town, officers: list[Account]) -> None:
    assert "quyền" in refusal(lambda: look(town, town.hoa))
    assert "Không tìm thấy" in refusal(lambda: look(town, officers[0], camera="thon-01.z"))


def test_a_point_or_camera_that_is_away_says_so(town: Town, officers: list[Account]) -> None:
    with town.database.session() as db:
        db.get_one(ServiceSeen, "thon-01.camera").state = "lost"
        db.get_one(CameraSeen, ("thon-02", "a")).state = "offline"
    assert "mất nối" in refusal(lambda: look(town, officers[0]))
    assert "không có hình" in refusal(lambda: look(town, officers[0], camera="thon-02.a"))


def test_two_of_one_person_two_of_one_point_six_in_all(town: Town, officers: list[Account]) -> None:
    look(town, officers[0])
    second = look(town, officers[0], camera="thon-02.a")
    assert "2 camera" in refusal(lambda: look(town, officers[0], camera="thon-03.a"))
    look(town, officers[1], camera="thon-01.b")
    assert "đường truyền" in refusal(lambda: look(town, officers[2], camera="thon-01.c"))
    look(town, officers[1], camera="thon-03.a")
    look(town, officers[2], camera="thon-04.a")
    look(town, officers[2], camera="thon-04.b")
    assert "6 camera" in refusal(lambda: look(town, officers[3], camera="thon-05.a"))
    with town.database.session() as db:
        live_view.stop(db, officers[0], second.view, NOW)
    look(town, officers[3], camera="thon-05.a")
    assert look(town, officers[0], at=NOW + timedelta(seconds=60)).asked_at > NOW, (
        "a minute later all is free"
    )


def start(port: Port, officers: list[Account]) -> CameraLive:
    return look(port.town, officers[0], at=port.clock.now())


def bring(port: Port, view: str, data: bytes = JPEG, **more: object) -> int:
    return port.ask("POST", f"/live/{view}", "camera", data=data, **more).status_code


def test_pictures_go_from_the_node_to_who_looks_and_nowhere_else(port: Port, officers: list[Account]) -> None:
    view = start(port, officers).view
    looker = port.live.join(view)
    assert bring(port, view, headers={"X-Age-Ms": "400"}) == 204
    shot = port.live.next(view, 0, 1.0)
    assert shot is not None
    assert (shot.jpeg, port.live.age_ms(shot)) == (JPEG, 400)
    assert not [each for each in port.store.root.rglob("*") if each.is_file()], "never on the disk"
    port.live.leave(view, looker)
    assert bring(port, view) == 204, "a page that lost its line may come back"
    port.clock.advance(NOBODY_S + 1)
    assert bring(port, view) == 410
    assert port.live.count() == 0
    with port.town.database.reading() as db:
        assert db.get_one(CameraLive, view).ended_at == port.clock.now(), "its place is free again"


def test_a_view_that_is_over_or_unknown_takes_no_picture(port: Port, officers: list[Account]) -> None:
    view = start(port, officers).view
    port.live.join(view)
    port.clock.advance(61)
    assert bring(port, view) == 410
    assert bring(port, "h-unknown") == 410
    assert bring(port, "x" * 3000) == 410


def test_the_node_s_own_client_brings_them_and_learns_of_the_end(
    port: Port, officers: list[Account], tmp_path: Path
) -> None:
    view = start(port, officers).view
    port.live.join(view)
    client, _ = port.client("camera", tmp_path)
    assert client.show(view, JPEG, 250)
    shot = port.live.next(view, 0, 1.0)
    assert shot is not None
    assert (shot.jpeg, port.live.age_ms(shot)) == (JPEG, 250)
    port.clock.advance(61)
    assert not client.show(view, JPEG, 0)
    port.stop.set()
    port.thread.join(2)
    with pytest.raises(MediaError):
        client.show(view, JPEG, 0)


@pytest.mark.parametrize(
    ("data", "status"),
    [(b"", 413), (JPEG + bytes(70_000), 413), (b"<script>" * 40, 422), (JPEG[:12], 422), (HUGE, 422)],
)
def test_only_a_small_picture_is_taken(port: Port, officers: list[Account], data: bytes, status: int) -> None:
    view = start(port, officers).view
    port.live.join(view)
    assert bring(port, view, data) == status
    assert port.live.next(view, 0, 0.01) is None


def test_only_the_camera_service_of_that_point_may_bring_pictures(
    port: Port, officers: list[Account]
) -> None:
    view = look(port.town, officers[0], camera="thon-02.a", at=port.clock.now()).view
    assert CAMERA.node != "thon-02"
    assert bring(port, view) == 403
    for service in ("speaker", "node", "kiosk", "board"):
        assert port.ask("POST", f"/live/{view}", service, data=JPEG).status_code == 403
    assert port.ask("GET", f"/live/{view}", "camera").status_code == 405


def test_only_the_newest_picture_is_held_and_only_the_newest_page_looks() -> None:
    clock = FakeClock(NOW)
    live = LivePictures(clock.monotonic)
    first = live.join("v")
    assert live.put("v", b"1", 0)
    assert live.put("v", b"2", -5)
    shot = live.next("v", 0, 0.01)
    assert shot is not None
    assert (shot.jpeg, live.age_ms(shot)) == (b"2", 0)
    assert live.next("v", shot.number, 0.01) is None
    second = live.join("v")
    assert (live.is_looking("v", first), live.is_looking("v", second)) == (False, True)
    live.leave("v", first)
    assert live.is_looking("v", second), "who was replaced ends nothing"
    live.leave("v", second)
    clock.advance(NOBODY_S + 1)
    live.join("w")
    assert live.count() == 1, "what nobody looks at any more is not held"
