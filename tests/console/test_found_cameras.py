"""Cameras found on a point's network, in the console: list, login, streams, adding, and what stands in the way."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from broker.contract.camera import CamerasFound, FoundCamera, FoundStream
from broker.hub import camera_search, camera_setup
from broker.hub.console.found_cameras import smaller_of
from broker.hub.records import Camera, CameraSeal, CameraSearch, ServiceSeen
from broker.trust.seal import make_seal_key
from tests.console.stage import Stage

LIST = "/cameras"
FOUND = [
    FoundCamera(device="http://10.0.0.9/onvif/device_service", address="10.0.0.9", name="<script>x"),
    FoundCamera(device="http://10.0.0.8:8000/onvif", address="10.0.0.8", hardware="IPC"),
]
STREAMS = [
    FoundStream(source="rtsp://10.0.0.8:554/main?a=1", codec="hevc", width_px=2560, height_px=1440),
    FoundStream(source="rtsp://10.0.0.8:554/sub", codec="h264", width_px=640, height_px=360),
]
LOGIN = {"user": "quản lý", "password": "p@ss/1"}


@pytest.fixture
def desk(stage: Stage) -> Stage:
    """A console whose point has told its key."""
    with stage.database.session() as db:
        public = make_seal_key()[1].decode()
        db.add(CameraSeal(node="thon-01", public=public, seen_at=stage.now()))
    return stage


def post(stage: Stage, path: str, form: dict[str, Any] | None = None) -> TestResponse:
    return stage.post(stage.client("quan"), path, form or {}, page=LIST)


def search(stage: Stage) -> str:
    return post(stage, "/camera-search", {"node": "thon-01"}).location


def answer(stage: Stage, place: str, **said: Any) -> None:
    request = place.rpartition("/")[2]
    with stage.database.session() as db:
        row = db.get_one(CameraSearch, request)
        camera_search.take(db, row, CamerasFound(request=request, **said), stage.now())


def page(stage: Stage, place: str) -> str:
    return stage.client("quan").get(place).get_data(as_text=True)


def found(stage: Stage) -> str:
    place = search(stage)
    answer(stage, place, devices=FOUND)
    return place


def told(stage: Stage, streams: list[FoundStream] = STREAMS) -> str:
    place = post(stage, f"{found(stage)}/ask", {"device": "1", **LOGIN}).location
    answer(stage, place, streams=streams)
    return place


def test_a_camera_is_found_asked_and_added_without_typing_an_address(desk: Stage) -> None:
    place = search(desk)
    assert "Đang tìm camera" in page(desk, place)
    answer(desk, place, devices=FOUND)
    listed = page(desk, place)
    assert "2 thiết bị" in listed
    assert "<script>x" not in listed
    assert "Đã thêm: Cửa kho lúa" in listed  # the camera that stands at 10.0.0.9
    asked = post(desk, f"{place}/ask", {"device": "1", **LOGIN})
    with desk.database.reading() as db:
        assert db.scalars(select(CameraSearch).where(CameraSearch.device != "")).one().sealed
    answer(desk, asked.location, streams=STREAMS)
    shown = page(desk, asked.location)
    assert "2560×1440, H.265" in shown
    assert LOGIN["password"] not in shown
    added = post(desk, f"{asked.location}/add", {"name": "Cổng làng", "main": "0", "sub": "1", **LOGIN})
    assert added.location == "/cameras/thon-01/cong-lang"
    with desk.database.reading() as db:
        row = db.get_one(Camera, ("thon-01", "cong-lang"))
        private = camera_setup.hub_opener(desk.settings.keys_dir)
        address = camera_setup.address_of(row, private)
    who = "qu%E1%BA%A3n%20l%C3%BD:p%40ss%2F1"
    assert address.source == f"rtsp://{who}@10.0.0.8:554/main?a=1"
    assert address.sub_source == f"rtsp://{who}@10.0.0.8:554/sub"
    assert row.source == "rtsp://qu%E1%BA%A3n%20l%C3%BD:•••@10.0.0.8:554/main?a=1"


def test_a_search_that_waits_or_brings_nothing_says_so(desk: Stage) -> None:
    place = search(desk)
    part = desk.client("quan").get(place, headers={"X-Part": "1"}).get_data(as_text=True)
    assert "đang tìm" in part
    desk.clock.advance(31)
    assert camera_search.SILENT in page(desk, place)
    again = search(desk)
    answer(desk, again, reason="Không có camera nào trả lời.")
    assert "Chưa tìm thấy camera nào." in page(desk, again)
    refused = post(desk, f"{found(desk)}/ask", {"device": "0", **LOGIN}).location
    answer(desk, refused, reason="Camera từ chối: sai tên hoặc mật khẩu.")
    assert "Chưa hỏi được camera 10.0.0.9." in page(desk, refused)
    assert "sai tên hoặc mật khẩu" in page(desk, refused)


def test_what_cannot_be_asked_is_said(desk: Stage) -> None:
    assert "chọn điểm" in post(desk, "/camera-search", {"node": "x"}).get_data(as_text=True)
    place = found(desk)
    for form, said in (
        ({"device": "0", "user": "", "password": ""}, "Xin nhập tên và mật khẩu"),
        ({"device": "2", **LOGIN}, "Không thấy thiết bị"),
        ({"device": "-1", **LOGIN}, "Không thấy thiết bị"),
    ):
        answer_ = post(desk, f"{place}/ask", form)
        assert answer_.status_code == 409
        assert said in answer_.get_data(as_text=True)
    assert desk.client("quan").get("/camera-search/none").status_code == 404
    with desk.database.session() as db:
        db.get_one(ServiceSeen, "thon-01.camera").state = "lost"
    assert "mất nối" in post(desk, "/camera-search", {"node": "thon-01"}).get_data(as_text=True)


def test_what_cannot_be_added_is_said_and_what_was_typed_stays(desk: Stage) -> None:
    place = told(desk)
    name = {"name": "Cổng", **LOGIN}
    for form, said in (
        ({**name, "main": "7"}, "chọn luồng chính"),
        ({**name, "main": "1", "sub": "1"}, "trùng với luồng chính"),
        ({**name, "main": "0", "name": ""}, "đặt tên camera"),
        ({**name, "main": "0", "password": "ấ" * 200}, "nhiều nhất"),
    ):
        shown = post(desk, f"{place}/add", form).get_data(as_text=True)
        assert said in shown
        assert 'value="quản lý"' in shown
        assert LOGIN["password"] not in shown
    secret = [FoundStream(source="rtsp://10.0.0.8/user=a&password=geheim&channel=1")]
    with desk.database.session() as db:
        db.delete(db.scalars(select(CameraSearch).where(CameraSearch.device != "")).one())
    shown = post(desk, f"{told(desk, secret)}/add", {**name, "main": "0"}).get_data(as_text=True)
    assert "mật khẩu ở giữa" in shown
    assert "geheim" not in shown


@pytest.mark.parametrize(
    ("heights", "chosen"),
    [([], None), ([1080], None), ([1080, 1080], None), ([1440, 720, 360, 240], 2), ([1440, 240, 180], 1)],
)
def test_the_sub_stream_proposed_is_small_and_still_good_enough(
    heights: list[int], chosen: int | None
) -> None:
    assert smaller_of([{"height_px": each} for each in heights]) == chosen
