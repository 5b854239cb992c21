"""Thông báo có camera: who writes it, what it must say, the sheet for each place."""

from __future__ import annotations

from broker.hub.camera_notice import kept_days
from broker.hub.records import AuditRow, CameraNotice
from tests.console.stage import Stage

FORM = {
    "purpose": "Giữ gìn an ninh của thôn.",
    "keeper": "Uỷ ban nhân dân xã",
    "contact": "Công an xã, 0203 000 000",
    "days": "20",
}


def test_the_notice_is_written_printed_for_each_place_and_audited(stage: Stage) -> None:
    quan = stage.client("quan")
    assert "Xã chưa ghi thông báo" in quan.get("/cameras/notice").get_data(as_text=True)
    with stage.database.reading() as db:
        assert kept_days(db) == 30
    assert quan.get("/cameras/notice/thon-01").status_code == 404, "nothing is printed that nobody wrote"
    said = stage.post(quan, "/cameras/notice", FORM, follow_redirects=True).get_data(as_text=True)
    assert "thay bản cũ ở từng nơi" in said
    assert "/cameras/notice/thon-01" in said
    sheet = stage.client("khoa").get("/cameras/notice/thon-01").get_data(as_text=True)
    for part in ("Khu vực có camera", "Giữ gìn an ninh của thôn.", "20 ngày", "0203 000 000", "Điều 32"):
        assert part in sheet
    assert stage.client("khoa").get("/cameras/notice/thon-99").status_code == 404
    with stage.database.reading() as db:
        assert kept_days(db) == 20
        assert [row.action for row in db.query(AuditRow).filter_by(action="camera.notice-written")]


WRONG: list[tuple[dict[str, str], str]] = [
    ({"purpose": "  "}, "Mục đích: xin ghi rõ"),
    ({"keeper": "x" * 401}, "Đơn vị quản lý: xin viết gọn"),
    ({"contact": "\u200b\u0007"}, "Nơi liên hệ: xin ghi rõ"),
    ({"days": "0"}, "Số ngày giữ hình"),
    ({"days": "²"}, "Số ngày giữ hình"),
    ({"days": "9999999999999"}, "Số ngày giữ hình"),
]


def test_what_no_notice_may_say_is_refused_and_stays_in_the_form(stage: Stage) -> None:
    client = stage.client("quan")
    for wrong, told in WRONG:
        answer = stage.post(client, "/cameras/notice", {**FORM, **wrong})
        assert answer.status_code == 409, wrong
        said = answer.get_data(as_text=True)
        assert told in said, wrong
        assert "0203 000 000" in said or "contact" in wrong
    with stage.database.reading() as db:
        assert db.get(CameraNotice, 1) is None
