"""Pictures of an alert: nobody sees one before it is written who looks and why."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from broker.hub import alert_views, alerts
from broker.hub.declined import Declined
from broker.hub.records import Account, Alert, AlertStep, AuditRow
from tests.console.stage import JPEG, Stage


def closed(stage: Stage, clip: bytes = b"0123456789") -> int:
    """An alert with picture and clip that was closed as a false one."""
    number = stage.alarm(clip=clip)
    with stage.database.session() as db:
        alerts.close(db, db.get_one(Account, stage.people["khoa"].id), number, "animal", "", stage.now())
    stage.clock.advance(601)
    return number


def views(stage: Stage, number: int) -> list[tuple[str, str]]:
    with stage.database.reading() as db:
        query = select(AlertStep.what, AlertStep.note).where(
            AlertStep.alert_id == number, AlertStep.what.in_(("viewed", "played"))
        )
        return [(what, note) for what, note in db.execute(query.order_by(AlertStep.id))]


def logged(stage: Stage) -> list[tuple[str, dict[str, str]]]:
    with stage.database.reading() as db:
        wanted = AuditRow.action.in_(("alert.pictures-viewed", "clip.viewed"))
        rows = db.scalars(select(AuditRow).where(wanted).order_by(AuditRow.id))
        return [(row.action, row.detail) for row in rows]


def test_pictures_of_an_open_alert_are_written_once_an_hour_for_each_officer(stage: Stage) -> None:
    number = stage.alarm()
    client = stage.client("khoa")
    for _ in range(3):
        assert client.get(f"/duty/{number}/snapshot").data == JPEG
    assert views(stage, number) == [("viewed", "đang trực")]
    assert logged(stage) == [("alert.pictures-viewed", {"reason": "đang trực"})]
    stage.clock.advance(3601)
    client.get(f"/duty/{number}/snapshot")
    assert len(views(stage, number)) == 2
    assert client.get(f"/duty/{number}/best").status_code == 404
    assert client.get("/duty/999/snapshot").status_code == 404
    assert len(views(stage, number)) == 2


def test_pictures_that_a_page_asks_for_at_once_are_one_look(stage: Stage) -> None:
    number = stage.alarm()
    clients = [stage.client("khoa") for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda client: client.get(f"/duty/{number}/snapshot").data, clients))
    assert answers == [JPEG] * 4
    assert views(stage, number) == [("viewed", "đang trực")]


def test_nothing_of_a_closed_alert_goes_out_before_a_reason(stage: Stage) -> None:
    number = closed(stage)
    client = stage.client("khoa")
    page = client.get(f"/duty/{number}").get_data(as_text=True)
    assert "Anh/chị xem hình để làm gì?" in page
    assert f"/duty/{number}/snapshot" not in page
    assert f"/duty/{number}/clip" not in page
    for which in ("snapshot", "clip"):
        for headers in ({}, {"Range": "bytes=5-"}):
            answer = client.get(f"/duty/{number}/{which}", headers=headers)
            assert answer.status_code == 409
            assert "chọn lý do" in answer.get_data(as_text=True)
    assert views(stage, number) == []


def test_a_reason_opens_a_closed_alert_to_one_officer_for_an_hour(stage: Stage) -> None:
    number = closed(stage)
    client = stage.client("khoa")
    answer = stage.post(client, f"/duty/{number}/look", {"why": "handover"}, page=f"/duty/{number}")
    page = client.get(answer.headers["Location"]).get_data(as_text=True)
    assert f"/duty/{number}/clip" in page
    assert "Khoa xem hình: xem lại khi giao ca" in page
    assert "Hình tự xoá sau 30 ngày, ngày 21/12/2026." in page
    assert client.get(f"/duty/{number}/snapshot").data == JPEG
    assert client.get(f"/duty/{number}/clip").data == b"0123456789"
    assert client.get(f"/duty/{number}/clip", headers={"Range": "bytes=5-"}).data == b"56789"
    said = "xem lại khi giao ca"
    assert views(stage, number) == [("viewed", said), ("played", said)]
    assert [detail["reason"] for _, detail in logged(stage)] == [said, said]
    stage.clock.advance(3601)
    assert client.get(f"/duty/{number}/snapshot").status_code == 409
    assert client.get(f"/duty/{number}/clip", headers={"Range": "bytes=5-"}).status_code == 409


def test_only_who_closed_it_still_sees_it_for_ten_minutes_and_that_is_written(stage: Stage) -> None:
    number = stage.alarm()
    client = stage.client("khoa")
    client.get(f"/duty/{number}/snapshot")
    with stage.database.session() as db:
        alerts.close(db, db.get_one(Account, stage.people["khoa"].id), number, "animal", "", stage.now())
    assert f"/duty/{number}/snapshot" in client.get(f"/duty/{number}").get_data(as_text=True)
    assert client.get(f"/duty/{number}/snapshot").data == JPEG
    assert views(stage, number) == [("viewed", "đang trực")]
    with stage.database.reading() as db:
        alert = db.get_one(Alert, number)
        assert not alert_views.reason_now(db, stage.people["binh"].id, alert, stage.now()), "nobody else"
    stage.clock.advance(601)
    assert client.get(f"/duty/{number}/snapshot").status_code == 409


def test_own_words_stand_with_the_alert_and_never_in_the_log(stage: Stage) -> None:
    number = closed(stage)
    client = stage.client("khoa")
    for form in ({"why": "other", "words": " x "}, {"why": "because"}, {}):
        answer = stage.post(client, f"/duty/{number}/look", dict(form), page=f"/duty/{number}")
        assert answer.status_code == 409
    words = "đang trực, anh Tư xóm dưới hỏi"
    stage.post(client, f"/duty/{number}/look", {"why": "other", "words": words}, page=f"/duty/{number}")
    client.get(f"/duty/{number}/clip")
    assert views(stage, number) == [(what, f"lý do khác: {words}") for what in ("viewed", "played")]
    assert [detail for _, detail in logged(stage)] == [{"reason": "lý do khác"}] * 2


def test_the_duty_is_the_reason_while_an_alert_is_open(stage: Stage) -> None:
    number = stage.alarm()
    reason = alert_views.reason_of("verify", "")
    with stage.database.session() as db:
        officer = db.get_one(Account, stage.people["khoa"].id)
        alert_views.give_reason(db, officer, number, reason, stage.now())
        assert alert_views.reason_now(db, officer.id, db.get_one(Alert, number), stage.now()) == "đang trực"
        with pytest.raises(Declined, match="Không tìm thấy"):
            alert_views.give_reason(db, officer, 999, reason, stage.now())
        with pytest.raises(Declined) as found:
            alert_views.note_view(db, db.get_one(Account, stage.people["quan"].id), number, stage.now())
    assert found.value.code == "no-right"
    assert views(stage, number) == []


def test_a_page_says_that_pictures_stay_while_it_is_open(stage: Stage) -> None:
    number = stage.alarm()
    page = stage.client("khoa").get(f"/duty/{number}").get_data(as_text=True)
    assert "Hình được giữ cho tới khi đóng cảnh báo" in page
    with stage.database.session() as db:
        row = db.get_one(Alert, number)
        row.snapshot, row.pictures_gone_at = None, stage.now()
        row.state, row.closed_at = "closed", stage.now() - timedelta(hours=1)
    page = stage.client("khoa").get(f"/duty/{number}").get_data(as_text=True)
    assert "Hình tự xoá" not in page
    assert not re.search(r"/duty/\d+/(look|snapshot)", page)
