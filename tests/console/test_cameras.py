"""The camera pages: adding, setting up, areas and hours that cannot be, passwords that stay, pictures on demand."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from werkzeug.test import TestResponse

from broker.contract.camera import CameraPicture
from broker.hub import alerts, camera_setup, cameras, stills
from broker.hub.announcing.render import media_store
from broker.hub.records import AuditRow, Camera, CameraSeen, CameraStill, ServiceSeen, audit_rows
from broker.trust.envelope import CameraAddress
from tests.console.stage import CAMERA_FORM, JPEG, NOW, Stage

HERE = "/cameras/thon-01/cong"


def save(stage: Stage, **change: Any) -> TestResponse:
    made_of = {"made_of": cameras.fingerprint(kept(stage))}
    return stage.post(stage.client("quan"), HERE, CAMERA_FORM | made_of | change, page=HERE)


def page(stage: Stage, path: str = HERE) -> str:
    return stage.client("quan").get(path).get_data(as_text=True)


def kept(stage: Stage) -> Camera:
    with stage.database.reading() as db:
        return db.get_one(Camera, ("thon-01", "cong"))


def address(stage: Stage) -> CameraAddress:
    private = camera_setup.hub_opener(stage.settings.keys_dir)
    return camera_setup.address_of(kept(stage), private)


def last_deed(stage: Stage) -> tuple[str, dict[str, str]]:
    with stage.database.reading() as db:
        entries = [row.entry for row in audit_rows(db)]
    entry = [each for each in entries if each.action.startswith("camera.")][-1:] or entries[:1]
    return entry[0].action, dict(entry[0].detail)


def area(kind: str, corners: str, name: str = "") -> dict[str, list[str]]:
    return {"kind": [kind], "area": [name], "corners": [corners]}


def test_a_camera_is_added_and_its_password_is_nowhere_in_clear(stage: Stage) -> None:
    form = {
        "node": "thon-01",
        "name": "Cổng chùa",
        "source": "rtsp://a:ge-heim@10.0.0.8/1",
        "sensitivity": "0.7",
    }
    answer = stage.post(stage.client("quan"), "/cameras", form, page="/cameras")
    assert answer.location.endswith("/cameras/thon-01/cong-chua")
    with stage.database.reading() as db:
        row = db.get_one(Camera, ("thon-01", "cong-chua"))
    assert (row.source, row.village, row.sensitivity) == ("rtsp://a:•••@10.0.0.8/1", "dong", 0.7)
    assert b"ge-heim" not in (row.sealed or b"ge-heim")
    assert "ge-heim" not in page(stage, "/cameras") + page(stage, "/cameras/thon-01/cong-chua")


def test_everything_that_can_be_set_is_kept_shown_and_written_down_without_addresses(stage: Stage) -> None:
    drawn = {
        "kind": ["zone", "ignored", "mask", "zone"],
        "area": ["Cổng", "", "", ""],
        "corners": ["10,10; 60,10; 60,60.5", "0,80; 100,80; 100,100", "70,0 ; 90,0 ; 90,2,5", ""],
    }
    drawn["corners"][2] = "70 0; 90 0; 90,5 20"  # decimals as people here write them
    hours = {"hours": "spans", "days0": ["0", "6"], "since0": "22h", "until0": "5:30"}
    sub = "rtsp://u:•••@10.0.0.9/2"
    answer = save(stage, name="Kho lúa", sub_source=sub, day="0.7", night="0.3", **drawn, **hours)
    assert answer.status_code == 302
    row = kept(stage)
    assert row.zones == [{"name": "Cổng", "corners": [[0.1, 0.1], [0.6, 0.1], [0.6, 0.605]]}]
    assert row.masks == [{"corners": [[0.7, 0.0], [0.9, 0.0], [0.905, 0.2]]}]
    assert row.schedule == [{"days": [0, 6], "since_min": 1320, "until_min": 330}]
    assert (row.name, row.sensitivity, row.night_sensitivity) == ("Kho lúa", 0.7, 0.3)
    assert address(stage) == CameraAddress(
        source="rtsp://u:bí-mật@10.0.0.9/1", sub_source="rtsp://u:bí-mật@10.0.0.9/2"
    )
    action, detail = last_deed(stage)
    assert action == "camera.changed"
    assert set(detail) == {"name", "sub", "day", "night", "zones", "ignored", "masks", "schedule"}
    assert "10.0.0.9" not in str(detail)
    shown = page(stage)
    for said in (
        'value="10,10; 60,10; 60,60.5"',
        'value="Cổng"',
        'value="22:00"',
        'value="05:30"',
        'class="mask"',
    ):
        assert said in shown, said
    assert "bí-mật" not in shown
    assert "đổi luồng phụ" in page(stage, "/audit")


def test_saving_without_a_change_writes_nothing_down(stage: Stage) -> None:
    before = last_deed(stage)
    assert "note=same" in save(stage).location
    assert last_deed(stage) == before


def test_a_form_older_than_the_settings_is_refused_shown_again_and_uncovers_nothing(stage: Stage) -> None:
    save(stage, day="0.3")  # its address is sealed now
    older = cameras.fingerprint(kept(stage))
    save(stage, day="0.3", **area("mask", "70,0; 90,0; 90,20"))
    answer = save(stage, made_of=older, name="Kho B", **area("zone", "10,10; 60,10; 60,60", "Sân"))
    shown = answer.get_data(as_text=True)
    assert answer.status_code == 409
    assert "Có người vừa đổi cài đặt của camera này" in shown
    assert "mở ra: vùng che kín. Chưa lưu gì." in shown
    assert (kept(stage).name, kept(stage).masks) == (
        "Cửa kho lúa",
        [{"corners": [[0.7, 0.0], [0.9, 0.0], [0.9, 0.2]]}],
    )
    for each in ('value="Kho B"', 'value="Sân"', 'value="10,10; 60,10; 60,60"', 'value="70,0; 90,0; 90,20"'):
        assert each in shown, each
    assert f'name="made_of" value="{cameras.fingerprint(kept(stage))}"' in shown  # saved again, it is meant
    assert (
        save(stage, day="0.3", made_of=older, **area("mask", "70,0; 90,0; 90,20")).status_code == 302
    )  # sent twice
    assert save(stage, made_of="", name="Kho C").status_code == 409
    assert save(stage, made_of="x" * 30_000, name="Kho C").status_code == 409


def test_after_another_address_the_camera_is_not_said_to_see_until_its_node_speaks(stage: Stage) -> None:
    save(stage, source="rtsp://u:sai@10.0.0.9/1")
    shown = stage.client("quan").get(f"{HERE}?part=sight", headers={"X-Part": "1"}).get_data(as_text=True)
    assert "Đang nối lại theo địa chỉ vừa lưu" in shown
    assert "Đang nhìn" not in shown
    see(stage, state="offline", detail="Camera từ chối: sai tên hoặc mật khẩu.")
    shown = stage.client("quan").get(f"{HERE}?part=sight", headers={"X-Part": "1"}).get_data(as_text=True)
    assert "sai tên hoặc mật khẩu" in shown


def test_what_was_done_is_said_with_its_hour_and_not_by_an_address_opened_later(stage: Stage) -> None:
    place = save(stage, name="Kho").location
    assert "Đã lưu lúc 16:42:00." in page(stage, place)
    stage.clock.step(180)
    assert "Đã lưu" not in page(stage, place) + page(stage, f"{HERE}?note=set&at=x")


def test_a_password_typed_anew_replaces_the_old_and_another_path_keeps_it(stage: Stage) -> None:
    save(stage, source="rtsp://u:mới@10.0.0.9/1")
    assert address(stage).source == "rtsp://u:mới@10.0.0.9/1"
    save(stage, source="rtsp://u:•••@10.0.0.9/khac")
    assert address(stage).source == "rtsp://u:mới@10.0.0.9/khac"
    assert last_deed(stage) == ("camera.changed", {"address": "yes"})


def test_what_was_drawn_is_shown_again_beside_its_fault(stage: Stage) -> None:
    answer = save(stage, **area("mask", "10,10; 160,10; 60,60"), source="rtsp://u:chua-luu@10.0.0.9/1")
    shown = answer.get_data(as_text=True)
    assert answer.status_code == 409
    assert "Vùng che kín thứ 1 có góc ra ngoài hình" in shown
    assert 'value="10,10; 160,10; 60,60"' in shown
    assert kept(stage).masks == []
    assert "chua-luu" not in shown
    assert "xin gõ lại" in shown


def test_taking_a_camera_away_forgets_its_address(stage: Stage) -> None:
    save(stage, source="rtsp://u:mới@10.0.0.9/1")
    stage.post(stage.client("quan"), HERE, {"act": "remove"}, page=HERE)
    row = kept(stage)
    assert (row.source, row.sealed, row.retired_at is not None) == ("", None, True)
    assert stage.client("quan").get(HERE).status_code == 404
    assert last_deed(stage)[0] == "camera.removed"


def see(stage: Stage, **change: Any) -> None:
    with stage.database.session() as db:
        seen = db.get_one(CameraSeen, ("thon-01", "cong"))
        for name, value in change.items():
            setattr(seen, name, value)


def test_the_list_says_how_each_camera_stands_and_what_could_be_set_better(stage: Stage) -> None:
    assert "Camera nào cũng đang nhìn." in page(stage, "/cameras")
    client = stage.client("quan")
    for change, said in (
        ({"codec": "hevc"}, "nên đặt camera gửi H.264"),
        ({"gop_s": 4.2}, "mỗi 4,2 giây"),
        ({"watching": False}, "ngoài giờ canh"),
        ({"tampering": "covered"}, "Bị che"),
        ({"state": "offline"}, "Mất hình từ"),
        ({"detail": "Camera từ chối: sai tên hoặc mật khẩu."}, "sai tên hoặc mật khẩu"),
        ({"state": "connecting"}, "Đang nối"),
    ):
        see(stage, **change)
        assert said in client.get("/cameras").get_data(as_text=True), said


def test_where_a_whole_node_is_gone_its_cameras_see_nothing(stage: Stage) -> None:
    with stage.database.session() as db:
        db.get_one(ServiceSeen, "thon-01.camera").state = "lost"
    shown = page(stage, "/cameras")
    assert "Điểm mất nối từ" in shown
    assert "1 camera không nhìn được." in shown


def test_alerts_of_today_are_counted(stage: Stage) -> None:
    stage.alarm()
    assert "1 cảnh báo hôm nay" in page(stage, "/cameras")
    assert "1 cảnh báo hôm nay" in page(stage)


def take(stage: Stage) -> None:
    """The node answers the newest request."""
    sha256 = media_store(stage.settings).add(JPEG, "image/jpeg").sha256
    with stage.database.session() as db:
        row = db.scalars(select(CameraStill).order_by(CameraStill.asked_at.desc())).first()
        assert row is not None
        said = CameraPicture(request=row.request, camera="cong", taken_at=stage.now(), jpeg=JPEG)
        stills.take(db, row, said, sha256, stage.now())


def test_a_picture_is_asked_for_waited_for_shown_with_its_age_and_gone_after_a_day(stage: Stage) -> None:
    client = stage.client("quan")
    assert client.get(f"{HERE}/picture").status_code == 404
    assert "Chụp một hình" in page(stage)
    assert stage.post(client, f"{HERE}/picture", {}, page=HERE).status_code == 302
    assert "Đang chờ hình" in page(stage)
    assert "Đang chờ hình" in stage.post(client, f"{HERE}/picture", {}, page=HERE).get_data(as_text=True)
    take(stage)
    stage.clock.step(180)
    shown = page(stage)
    assert "Không phải hình trực tiếp" in shown
    assert "3\N{NO-BREAK SPACE}phút trước" in shown
    assert client.get(f"{HERE}/picture").data == JPEG
    assert last_deed(stage)[0] == "camera.looked"
    stage.clock.step(timedelta(days=1).total_seconds())
    assert stage.client("quan").get(f"{HERE}/picture").status_code == 404


def test_a_camera_that_does_not_answer_is_said_to_be_silent(stage: Stage) -> None:
    stage.post(stage.client("quan"), f"{HERE}/picture", {}, page=HERE)
    stage.clock.step(21)
    assert "không gửi hình trong 20 giây" in page(stage)


def test_who_turned_a_camera_on_purpose_says_so_and_the_node_learns_the_view_anew(stage: Stage) -> None:
    with stage.database.session() as db:
        row = db.get(CameraSeen, ("thon-01", "cong")) or CameraSeen(node="thon-01", camera="cong")
        row.state, row.since, row.seen_at, row.tampering = "live", NOW, NOW, "moved"
        db.add(row)
    quan = stage.client("quan")
    assert "Hướng nhìn này là đúng" in quan.get("/cameras/thon-01/cong").get_data(as_text=True)
    answer = stage.post(quan, "/cameras/thon-01/cong", {"act": "view"}, follow_redirects=True)
    assert "học lại hướng nhìn" in answer.get_data(as_text=True)
    with stage.database.session() as db:
        assert camera_setup.setup_of(db.get_one(Camera, ("thon-01", "cong")), b"").view == 1
        assert db.query(AuditRow).filter_by(action="camera.view-accepted").count() == 1
        db.get_one(CameraSeen, ("thon-01", "cong")).tampering = ""
    assert "Hướng nhìn này là đúng" not in quan.get("/cameras/thon-01/cong").get_data(as_text=True)


def test_drawn_areas_are_tried_on_stored_alerts_before_they_are_saved(stage: Stage) -> None:
    assert "không có cảnh báo nào để thử" in save(stage, act="try").get_data(as_text=True)
    false, true = stage.alarm(), stage.alarm(camera="cong", node="thon-01")
    assert false == true, "the same moment is the same episode"
    stage.clock.advance(7200)
    stage.alarm()
    with stage.database.session() as db:
        alerts.close(db, stage.people["khoa"], false, "weather", "", stage.now())
    over_it = area("ignored", "50,30; 80,30; 80,80; 50,80")
    shown = save(stage, act="try", **over_it).get_data(as_text=True)
    rows = re.findall(r"<th scope=\"row\">([^<]+)</th>" + r"<td class=\"num[^\"]*\">(\d+)</td>" * 4, shown)
    assert rows == [
        ("1 giờ qua", "0", "0", "1", "1"),
        ("24 giờ qua", "0", "0", "2", "1"),
        ("30 ngày qua", "0", "0", "2", "1"),
    ]
    assert "50,30; 80,30; 80,80; 50,80" in shown, "what was drawn is still in the form"
    assert kept(stage).ignored == [], "nothing is saved"
    beside = save(stage, act="try", **area("zone", "0,0; 20,0; 20,20; 0,20")).get_data(as_text=True)
    assert '<td class="num">0</td><td class="num">0</td><td class="num">2</td>' in beside
    part = save(stage, act="try", **area("mask", "50,30; 61,30; 61,80; 50,80")).get_data(as_text=True)
    assert '<td class="num">0</td><td class="num">2</td><td class="num">0</td>' in part
    assert "Chưa chắc" in part, "half of what moved is covered"
