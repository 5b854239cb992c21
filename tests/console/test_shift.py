"""Who is on duty and how it is handed over, with what the next one must know."""

from __future__ import annotations

import threading
from datetime import timedelta

from flask.testing import FlaskClient
from sqlalchemy import select

from broker.hub import alerts, shifts
from broker.hub.accounts import create_account
from broker.hub.records import Account, AuditRow, CameraQuiet, Shift
from tests.console.stage import Stage
from tests.hub.town import PASSWORD


def colleague(stage: Stage) -> FlaskClient:
    with stage.database.session() as db:
        create_account(
            db,
            username="minh",
            full_name="Lê Văn Minh",
            title="thượng uý",
            password=PASSWORD,
            roles=["police"],
            now=stage.now(),
        )
    return stage.client("minh")


def act(stage: Stage, client: FlaskClient, what: str, upon: int = 0, note: str = "") -> tuple[int, str]:
    answer = stage.post(
        client, f"/duty/shift/{what}", {"upon": upon, "note": note}, page="/duty/shift", follow_redirects=True
    )
    return answer.status_code, answer.get_data(as_text=True)


def shown(client: FlaskClient, path: str = "/duty/shift") -> str:
    return client.get(path, follow_redirects=True).get_data(as_text=True)


def rows(stage: Stage) -> list[Shift]:
    with stage.database.reading() as db:
        return list(db.scalars(select(Shift).order_by(Shift.id)))


def actions(stage: Stage) -> list[str]:
    with stage.database.reading() as db:
        query = select(AuditRow.action).where(AuditRow.action.like("duty.shift%"))
        return list(db.scalars(query.order_by(AuditRow.id)))


def test_a_shift_is_taken_shown_in_the_duty_room_and_handed_over_with_a_word(stage: Stage) -> None:
    khoa, minh = stage.client("khoa"), colleague(stage)
    assert "Chưa ai nhận ca" in shown(khoa, "/duty")
    assert act(stage, khoa, "take")[0] == 200
    assert "Ca ngày: Đại uý Trần Văn Khoa" in shown(minh, "/duty")
    assert khoa.get("/duty/shift", headers={"X-Part": "1"}).get_data(as_text=True).strip() == (
        "Ca ngày: Đại uý Trần Văn Khoa"
    )
    status, page = act(stage, khoa, "hand-over", 1, "Kho lúa: khoá cửa sau hỏng.")
    assert status == 200
    assert "Trần Văn Khoa đã giao ca, chưa ai nhận." in page
    assert "khoá cửa sau hỏng" in shown(minh)
    act(stage, minh, "take")
    assert "Thượng uý Lê Văn Minh" in shown(khoa)
    assert [each.ended_at is None for each in rows(stage)] == [False, True]
    assert actions(stage) == ["duty.shift-taken", "duty.shift-handed", "duty.shift-taken"]


def test_a_shift_taken_from_somebody_says_so_and_an_old_page_takes_none(stage: Stage) -> None:
    khoa, minh = stage.client("khoa"), colleague(stage)
    act(stage, khoa, "take")
    status, page = act(stage, minh, "take", 0)
    assert (status, "Trần Văn Khoa vừa nhận ca lúc" in page) == (409, True)
    assert act(stage, minh, "take", 1)[0] == 200
    assert "Ca sau nhận thay, không có lời giao." in shown(minh)
    status, page = act(stage, khoa, "hand-over", 1, "Không có việc gì.")
    assert (status, "Lê Văn Minh đang giữ ca" in page, "Không có việc gì." in page) == (409, True, True)
    assert actions(stage) == ["duty.shift-taken", "duty.shift-relieved"]


def test_what_cannot_be_done_is_said(stage: Stage) -> None:
    khoa = stage.client("khoa")
    status, page = act(stage, khoa, "hand-over", 0, "Xong.")
    assert (status, "Ca này đã kết thúc" in page) == (409, True)
    act(stage, khoa, "take")
    status, page = act(stage, khoa, "take", 1)
    assert (status, "đang giữ ca này" in page) == (409, True)
    status, page = act(stage, khoa, "hand-over", 1, "  ")
    assert (status, "Xin ghi vài lời cho ca sau" in page) == (409, True)
    assert len(rows(stage)) == 1


def test_a_shift_that_nobody_handed_over_is_over_after_sixteen_hours(stage: Stage) -> None:
    khoa = stage.client("khoa")
    act(stage, khoa, "take")
    began = stage.now()
    stage.clock.advance(16 * 3600 + 60)
    khoa = stage.client("khoa")
    page = shown(khoa)
    assert "Chưa ai nhận ca" in page
    assert "máy tự kết thúc sau 16 giờ" in page
    for _ in range(2):
        stop = threading.Event()
        shifts.worker(stage.database, stage.clock).run(stop, stop.set)
    assert rows(stage)[0].ended_at == began + timedelta(hours=16)
    assert actions(stage) == ["duty.shift-taken", "duty.shift-forgotten"]
    assert "máy tự kết thúc sau 16 giờ" in shown(khoa)


def test_the_next_one_reads_what_is_open_in_hand_unseen_noted_and_ignored(stage: Stage) -> None:
    khoa = stage.client("khoa")
    act(stage, khoa, "take")
    first = stage.alarm()
    stage.clock.advance(600)
    second = stage.alarm("san")
    with stage.database.session() as db:
        me = db.get_one(Account, stage.people["khoa"].id)
        alerts.take(db, me, first, stage.now())
        alerts.add_note(db, me, first, "Đã gọi bác trưởng thôn.", stage.now())
        db.add(
            CameraQuiet(
                node="thon-01",
                camera="cong",
                alert_id=second,
                name="Cành cây",
                area=None,
                sensitivity=0.3,
                applied_at=stage.now(),
                applied_by=me.id,
                ask_again_at=stage.now() + timedelta(days=30),
            )
        )
    page = shown(khoa)
    assert f'href="/duty/{first}"' in page
    assert "Còn bỏ qua không?" not in page
    assert "Trần Văn Khoa đang xử lý" in page
    assert "Đã gọi bác trưởng thôn." in page
    assert "Cành cây" in page
    with stage.database.session() as db:
        row = db.scalars(select(CameraQuiet)).one()
        row.applied_at, row.ask_again_at = stage.now() - timedelta(days=31), stage.now() - timedelta(days=1)
    assert "Trần Văn Khoa. Còn bỏ qua không?" in shown(khoa)
    assert page.index("Chưa ai xem") < page.index("Đang mở") < page.index("Ghi chú trong ca")
