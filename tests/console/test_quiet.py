"""After a false alarm the duty room offers to leave its place out, says what that would hide, and takes it back."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import msgspec
from sqlalchemy import select

from broker.hub import alerts, quiet
from broker.hub.camera_heed import note_held
from broker.hub.camera_setup import quiet_of, setup_of
from broker.hub.records import Alert, Camera, CameraQuiet, Plan
from tests.console.stage import NOW, Stage


def closed(stage: Stage, reason: str = "weather") -> int:
    number = stage.alarm()
    with stage.database.session() as db:
        alerts.close(db, stage.people["khoa"], number, reason, "cành cây", stage.now())
    stage.clock.advance(600)
    return number


def page(stage: Stage, number: int) -> str:
    return stage.client("khoa").get(f"/duty/{number}").get_data(as_text=True)


def press(stage: Stage, number: int, path: str, **form: str) -> str:
    answer = stage.post(stage.client("khoa"), path, dict(form), page=f"/duty/{number}", follow_redirects=True)
    return str(answer.get_data(as_text=True))


def mark_of(shown: str) -> str:
    found = re.search(r'name="mark" value="([0-9a-f]+)"', shown)
    assert found is not None
    return found[1]


def test_a_false_alarm_is_offered_applied_and_undone(stage: Stage) -> None:
    closed(stage)
    number = closed(stage)
    shown = page(stage, number)
    assert "Bỏ qua chỗ cây lay, mưa gió?" in shown
    assert "giấu 2 báo nhầm" in shown
    assert "0 báo thật" in shown
    done = press(stage, number, f"/duty/{number}/quiet", mark=mark_of(shown))
    assert "Đã đặt bỏ qua chỗ cây lay, mưa gió" in done
    assert "Từ lúc máy ở điểm nhận được thì chuyển động ở chỗ này mới thôi báo" in done
    assert "không báo nữa" not in done, "the node may not have it yet"
    assert "Chưa rõ máy ở điểm đã nhận chưa" in done, "it never said which plan it follows"
    assert "vừa xong, Khoa" in done
    with stage.database.reading() as db:
        (row,) = db.scalars(select(CameraQuiet)).all()
    again = press(stage, number, f"/duty/{number}/quiet/{row.id}/undo")
    assert "Bỏ qua chỗ cây lay, mưa gió?" in again
    assert "Camera này đang bỏ qua" not in again


def test_true_alarms_that_would_be_hidden_are_named_and_must_be_confirmed(stage: Stage) -> None:
    true = closed(stage, "handled")
    number = closed(stage)
    shown = page(stage, number)
    assert "1 báo thật" in shown
    assert f'href="/duty/{true}"' in shown
    assert "sẽ giấu cả báo thật" in press(stage, number, f"/duty/{number}/quiet", mark=mark_of(shown))
    done = press(stage, number, f"/duty/{number}/quiet", mark=mark_of(shown), knows="yes")
    assert "Đã đặt bỏ qua" in done


def test_an_alert_that_nobody_opened_is_not_called_true(stage: Stage) -> None:
    stage.alarm()
    stage.clock.advance(900)
    shown = page(stage, closed(stage))
    assert "0 báo thật" in shown
    assert "1 chưa ai xem" in shown
    assert "Tôi đã xem" not in shown, "nobody can tell"
    assert shown.index('id="h-bo-qua"') < shown.index('id="mo-lai"'), "what comes next stands first"


def test_an_only_alarm_says_that_there_is_nothing_to_try_it_on(stage: Stage) -> None:
    assert "không có cảnh báo nào khác để thử" in page(stage, closed(stage))


def test_a_page_that_is_old_is_told_that_things_changed(stage: Stage) -> None:
    number = closed(stage)
    shown = page(stage, number)
    closed(stage)
    assert "máy đã tính lại" in press(stage, number, f"/duty/{number}/quiet", mark=mark_of(shown))


def test_nothing_is_offered_for_true_open_and_other_alerts(stage: Stage) -> None:
    assert "Bỏ qua chỗ" not in page(stage, closed(stage, "handled"))
    assert "Bỏ qua chỗ" not in page(stage, stage.alarm())


def test_where_nothing_lower_can_be_set_the_page_says_why_nothing_is_offered(stage: Stage) -> None:
    number = closed(stage)
    with stage.database.session() as db:
        alert = db.get_one(Alert, number)
        alert.boxes = alert.best_boxes = []
        db.get_one(Camera, (alert.node, alert.camera)).sensitivity = 0.1
    shown = page(stage, number)
    assert "mức báo của camera lúc đó đã thấp nhất" in shown
    assert 'name="mark"' not in shown


def test_what_was_left_out_a_month_ago_is_asked_about(stage: Stage) -> None:
    number = closed(stage)
    with stage.database.session() as db:
        offer = quiet.offer_for(db, db.get_one(Alert, number), stage.now())
        assert offer is not None
        row = quiet.apply(db, stage.people["khoa"], number, offer.mark, stage.now(), knows_true=False)
        row.ask_again_at = stage.now() - timedelta(days=1)
    assert "còn bỏ qua không?" in page(stage, number)
    kept = press(stage, number, f"/duty/{number}/quiet/{row.id}/keep")
    assert "còn bỏ qua không?" not in kept
    assert stage.now() > NOW


def test_that_a_place_tells_nothing_more_is_said_once_the_point_said_so(stage: Stage) -> None:
    number = closed(stage)
    with stage.database.session() as db:
        alert = db.get_one(Alert, number)
        node, camera = alert.node, db.get_one(Camera, (alert.node, alert.camera))
        note_held(db, node, 4, stage.clock.now())
    done = press(stage, number, f"/duty/{number}/quiet", mark=mark_of(page(stage, number)))
    assert "Đang chờ máy ở điểm nhận." in done
    assert "data-waits" in done
    with stage.database.session() as db:
        area = quiet_of(db, node)[camera.camera]
        body = {"node": node, "generation": 5, "cameras": [msgspec.to_builtins(setup_of(camera, b"", area))]}
        made: dict[str, Any] = {"fingerprint": "", "signatures": [], "made_at": stage.clock.now()}
        text = msgspec.json.encode(body).decode()
        db.merge(Plan(node=node, kind="cameras", generation=5, body=text, **made))
    assert "Đang chờ máy ở điểm nhận." in page(stage, number)
    with stage.database.session() as db:
        note_held(db, node, 5, stage.clock.now())
    shown = page(stage, number)
    assert "Máy ở điểm đã nhận lúc" in shown
    assert "Chuyển động ở chỗ này không báo nữa." in shown
    with stage.database.reading() as db:
        (row,) = db.scalars(select(CameraQuiet)).all()
    undone = press(stage, number, f"/duty/{number}/quiet/{row.id}/undo")
    assert "đang chờ máy ở điểm nhận" in undone
