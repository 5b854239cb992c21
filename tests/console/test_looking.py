"""Looking at a camera now, from the console: why first, pictures to one officer and one page, and every end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from broker.contract.camera import CameraPicture
from broker.hub import stills
from broker.hub.announcing.render import media_store
from broker.hub.console.live_stream import OVER
from broker.hub.live_pictures import LivePictures
from broker.hub.records import CameraLive, CameraSeen, CameraStill
from broker.look.serving import UNSENT
from tests.console.stage import JPEG, Stage

PANEL = "/duty/look/thon-01/cong"
PART = {"X-Part": "1"}


@pytest.fixture
def khoa(stage: Stage) -> FlaskClient:
    """The officer on duty."""
    return stage.client("khoa")


def live(stage: Stage) -> LivePictures:
    found: LivePictures = stage.app.extensions["live-pictures"]
    return found


def begin(stage: Stage, client: FlaskClient, why: str = "report", **more: object) -> str:
    """Press the button; the number of the view."""
    answer = stage.post(client, PANEL, {"why": why, **more}, headers=PART)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    with stage.database.reading() as db:
        return db.scalars(select(CameraLive).order_by(CameraLive.asked_at.desc())).first().view  # type: ignore[union-attr]


def parts(
    client: FlaskClient, view: str, unsent: Callable[[], int] = lambda: 0
) -> Iterator[tuple[dict[str, str], bytes]]:
    """The parts of the long answer, as they come. unsent: what the line has not taken."""
    behind = {UNSENT: unsent}
    answer = client.get(f"/duty/live/{view}", headers=PART, buffered=False, environ_overrides=behind)
    assert answer.status_code == 200
    assert answer.content_type == "multipart/x-mixed-replace; boundary=langso"
    try:
        for raw in answer.response:
            assert isinstance(raw, bytes)
            head, _, body = raw.partition(b"\r\n\r\n")
            first, *lines = head.decode().split("\r\n")
            assert first == "--langso"
            named = dict(line.split(": ", 1) for line in lines)
            assert len(body) == int(named["Content-Length"]) + 2
            yield named, body[:-2]
    finally:
        answer.close()


def said(part: tuple[dict[str, str], bytes]) -> dict[str, object]:
    assert part[0]["Content-Type"] == "application/json"
    found: dict[str, object] = json.loads(part[1])
    return found


def test_an_officer_says_why_and_sees_the_newest_picture_with_its_age(
    stage: Stage, khoa: FlaskClient
) -> None:
    view = begin(stage, khoa)
    stream = parts(khoa, view)
    assert said(next(stream)) == {"left_ms": 60_000}
    assert live(stage).put(view, b"first", 0)
    assert live(stage).put(view, JPEG, 700)
    head, body = next(stream)
    assert (head["Content-Type"], head["X-Age-Ms"], body) == ("image/jpeg", "700", JPEG)
    assert head["X-Taken"] == "16:41:59"
    stream.close()  # type: ignore[attr-defined]
    stage.clock.advance(6)
    assert not live(stage).put(view, JPEG, 0), "the page is gone: its node is told to stop"


def test_a_slow_line_gets_fewer_pictures_and_none_that_is_late(stage: Stage, khoa: FlaskClient) -> None:
    view = begin(stage, khoa)
    asked: list[bool] = []

    def unsent() -> int:
        asked.append(live(stage).put(view, f"picture {len(asked)}".encode(), 0))
        return 60_000 if len(asked) < 5 else 0

    stream = parts(khoa, view, unsent)
    next(stream)
    assert next(stream)[1] == b"picture 4", "what came while the line was busy is left out"
    stream.close()  # type: ignore[attr-defined]


def test_without_a_reason_nothing_begins(stage: Stage, khoa: FlaskClient) -> None:
    for form in ({}, {"why": "alert"}, {"why": "other", "words": "  x "}, {"why": "alert", "alert": "999"}):
        answer = stage.post(khoa, PANEL, {**form}, headers=PART)
        assert (answer.status_code, "lý do" in answer.get_data(as_text=True)) == (409, True)
    with stage.database.reading() as db:
        assert db.scalars(select(CameraLive)).all() == []


def test_an_open_alert_of_this_camera_is_the_reason_and_a_closed_one_is_none(
    stage: Stage, khoa: FlaskClient
) -> None:
    number, other = stage.alarm(), stage.alarm(node="thon-02", camera="bom")
    shown = khoa.get(f"{PANEL}?alert={number}", headers=PART).get_data(as_text=True)
    assert f"cảnh báo {number}" in shown
    assert f"cảnh báo {other}" not in khoa.get(f"{PANEL}?alert={other}", headers=PART).get_data(as_text=True)
    begin(stage, khoa, "alert", alert=number)
    with stage.database.reading() as db:
        assert db.scalars(select(CameraLive.reason)).one() == f"cảnh báo {number}"
    stage.post(khoa, f"/duty/{number}/close", {"why": "handled", "note": "xong"})
    shown = khoa.get(f"{PANEL}?alert={number}", headers=PART).get_data(as_text=True)
    assert f'value="alert">cảnh báo {number}' not in shown


def test_a_view_ends_at_its_time_and_says_so(stage: Stage, khoa: FlaskClient) -> None:
    view = begin(stage, khoa)
    stage.clock.advance(61)
    answer = khoa.get(f"/duty/live/{view}", headers=PART)
    assert (answer.status_code, answer.get_data(as_text=True)) == (410, f"{OVER}\n")
    assert stage.post(khoa, f"/duty/live/{view}/more", {}, headers=PART).status_code == 409
    assert f"/duty/live/{view}" not in khoa.get(PANEL, headers=PART).get_data(as_text=True)


def test_one_more_minute_once_and_an_end_at_once(stage: Stage, khoa: FlaskClient) -> None:
    view = begin(stage, khoa)
    assert "Xem tiếp" in khoa.get(PANEL, headers=PART).get_data(as_text=True)
    answer = stage.post(khoa, f"/duty/live/{view}/more", {}, headers=PART)
    assert "Xem tiếp" not in answer.get_data(as_text=True)
    stream = parts(khoa, view)
    assert said(next(stream)) == {"left_ms": 120_000}
    assert stage.post(stage.client("khoa"), f"/duty/live/{view}/stop", {}, headers=PART).status_code == 200
    assert [said(each) for each in stream][-1] == {"over": "Lượt xem này đã dừng."}
    with stage.database.reading() as db:
        assert db.get_one(CameraLive, view).ended_at is not None


def test_it_is_shown_to_nobody_else_and_on_one_page_only(stage: Stage, khoa: FlaskClient) -> None:
    view = begin(stage, khoa)
    quan = stage.client("quan")
    assert quan.get(f"/duty/live/{view}", headers=PART).status_code == 404
    assert stage.post(quan, f"/duty/live/{view}/stop", {}, headers=PART).status_code == 404
    first = parts(khoa, view)
    assert "left_ms" in said(next(first))
    second = parts(stage.client("khoa"), view)
    next(second)
    assert "trang khác" in str([said(each) for each in first][-1]["over"])
    second.close()  # type: ignore[attr-defined]


def test_who_signs_out_sees_no_further_picture(stage: Stage, khoa: FlaskClient) -> None:
    view = begin(stage, khoa)
    stream = parts(khoa, view)
    next(stream)
    stage.app.extensions["desk"].sessions.end_all(stage.people["khoa"].id)
    assert "Phiên làm việc" in str([said(each) for each in stream][-1]["over"])


def test_a_camera_without_picture_says_so_in_the_panel(stage: Stage, khoa: FlaskClient) -> None:
    with stage.database.session() as db:
        db.get_one(CameraSeen, ("thon-01", "cong")).state = "offline"
    answer = stage.post(khoa, PANEL, {"why": "report"}, headers=PART)
    assert (answer.status_code, "không có hình" in answer.get_data(as_text=True)) == (409, True)
    plain = stage.post(khoa, PANEL, {"why": "report"})
    assert "Chưa làm được việc này" in plain.get_data(as_text=True)


def test_a_picture_that_was_asked_for_is_shown_to_who_asked_alone(stage: Stage, khoa: FlaskClient) -> None:
    answer = stage.post(khoa, f"{PANEL}/still", {"why": "device"}, headers=PART)
    assert "data-gaze-waits" in answer.get_data(as_text=True)
    picture = media_store(stage.settings).add(JPEG, "image/jpeg")
    with stage.database.session() as db:
        row = db.scalars(select(CameraStill)).one()
        came = CameraPicture(request=row.request, camera="cong", taken_at=stage.now(), jpeg=JPEG)
        stills.take(db, row, came, picture.sha256, stage.now() + timedelta(seconds=2))
        wish = row.request
    assert f"/duty/still/{wish}" in khoa.get(PANEL, headers=PART).get_data(as_text=True)
    assert khoa.get(f"/duty/still/{wish}").data == JPEG
    assert stage.client("quan").get(f"/duty/still/{wish}").status_code == 404


def test_the_panel_stands_where_cameras_are_looked_at(stage: Stage, khoa: FlaskClient) -> None:
    number = stage.alarm()
    assert f"{PANEL}?alert={number}" in khoa.get(f"/duty/{number}").get_data(as_text=True)
    assert PANEL in stage.client("quan").get("/cameras/thon-01/cong").get_data(as_text=True)
    assert khoa.get("/duty/look/thon-01/none", headers=PART).status_code == 404


def test_a_camera_without_any_alert_is_found_and_looked_at_too(stage: Stage, khoa: FlaskClient) -> None:
    with stage.database.session() as db:
        db.get_one(CameraSeen, ("thon-02", "bom")).state = "offline"
    listed = khoa.get("/duty/look").get_data(as_text=True)
    assert "Cửa kho lúa" in listed
    assert "Mất hình" in listed
    assert 'href="/duty/camera/thon-01/cong"' in listed
    assert PANEL in khoa.get("/duty/camera/thon-01/cong").get_data(as_text=True)
    plain = stage.post(khoa, f"{PANEL}/still", {"why": "device"})
    assert plain.headers["Location"] == "/duty/camera/thon-01/cong", "without a script too"
    yesterday = khoa.get("/duty/camera/thon-01/cong?ngay=2026-11-20").get_data(as_text=True)
    assert PANEL not in yesterday, "there is no looking at a day that is over"


def test_a_picture_asked_for_before_an_alert_does_not_stand_beside_it(
    stage: Stage, khoa: FlaskClient
) -> None:
    first = stage.alarm()
    stage.clock.advance(30)
    answer = stage.post(khoa, f"{PANEL}/still", {"why": "alert", "alert": first}, headers=PART)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    assert "gaze-still" in khoa.get(f"/duty/{first}").get_data(as_text=True)
    stage.clock.advance(30)
    later = stage.alarm()
    assert "gaze-still" not in khoa.get(f"/duty/{later}").get_data(as_text=True)
    assert "gaze-still" not in khoa.get(f"{PANEL}?alert={later}", headers=PART).get_data(as_text=True)
    assert "gaze-still" in khoa.get(f"/duty/{first}").get_data(as_text=True)
