"""Người dùng: who is here, asking people in, changing, closing, standing in; read by some, changed by an admin."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from broker.hub import people
from broker.hub.records import Account, Deputy
from tests.console.stage import Stage
from tests.hub.town import PASSWORD

MAI = {"full_name": "Cao Thị Mai", "title": "Văn phòng", "username": "mai", "roles": ["editor"]}


def shown(client: FlaskClient, path: str) -> str:
    return client.get(path).get_data(as_text=True)


def account(stage: Stage, name: str) -> Account:
    with stage.database.reading() as db:
        return people.person(db, name)


def test_the_list_says_who_may_approve_and_what_would_be_missing(stage: Stage) -> None:
    page = shown(stage.client("quan"), "/people")
    assert "Tám người dùng, một người duyệt." in page
    assert "Chỉ Phạm Văn Bình ký duyệt được" in page
    assert "Chỉ có một người quản trị" in page


@pytest.mark.parametrize("name", ["lanh", "soat"])
def test_leader_and_auditor_read_and_change_nothing(stage: Stage, name: str) -> None:
    client = stage.client(name)
    for path in ("/people", "/people/binh"):
        page = shown(client, path)
        forms = re.findall(r'<form[^>]*action="([^"]*)"', page)
        assert forms == ["/sign-out"], path
    assert "Mời thêm người" not in shown(client, "/people")


def test_somebody_new_gets_an_address_that_is_shown_once(stage: Stage) -> None:
    client = stage.client("quan")
    answer = stage.post(client, "/people", MAI, page="/people/new")
    page = answer.get_data(as_text=True)
    found = re.search(r"http://localhost:\d+(/invitation/[A-Za-z0-9_-]{43})", page)
    assert found is not None
    assert "Địa chỉ này chỉ mở được trên chính máy trung tâm" in page
    assert "Mã QR của địa chỉ mời" not in page
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Chờ nhận lời mời" in shown(client, "/people")
    assert found[1] not in shown(client, "/people/mai")
    guest = stage.app.test_client()
    form = {"password": PASSWORD, "again": PASSWORD}
    assert stage.post(guest, found[1], form, page=found[1]).headers["Location"] == "/home"
    assert "Đang dùng" in shown(client, "/people/mai")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"username": "binh"}, "đã có người dùng"),
        ({"username": "Mai Mai"}, "chữ thường không dấu"),
        ({"roles": []}, "ít nhất một vai trò"),
        ({"roles": ["admin", "police"]}, "là việc riêng"),
        ({"roles": ["village"]}, "gắn với thôn"),
        ({"full_name": " "}, "họ và tên"),
    ],
)
def test_what_cannot_be_is_said_and_the_form_keeps_what_was_typed(
    stage: Stage, change: dict[str, object], said: str
) -> None:
    client = stage.client("quan")
    answer = stage.post(client, "/people", MAI | change, page="/people/new")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 409
    assert said in page
    assert 'value="Văn phòng"' in page


def test_a_changed_role_counts_on_the_next_click(stage: Stage) -> None:
    admin, hanh = stage.client("quan"), stage.client("hanh")
    form = {"full_name": "Lê Thị Hạnh", "title": "văn hoá", "roles": ["helper"]}
    assert stage.post(admin, "/people/hanh", form, page="/people/hanh").status_code == 302
    assert hanh.get("/announcements/new").status_code == 403
    assert account(stage, "hanh").roles == ["helper"]


def test_the_last_approver_and_the_own_roles_stay(stage: Stage) -> None:
    admin = stage.client("quan")
    answer = stage.post(admin, "/people/binh/switch", {"act": "off"}, page="/people/binh")
    assert "người duyệt cuối cùng" in answer.get_data(as_text=True)
    form = {"full_name": "Quân", "roles": ["police"]}
    answer = stage.post(admin, "/people/quan", form, page="/people/quan")
    assert "Không tự đổi vai trò" in answer.get_data(as_text=True)
    assert (account(stage, "binh").disabled_at, account(stage, "quan").roles) == (None, ["admin"])


def test_closing_an_account_signs_it_out_and_opening_asks_it_in_anew(stage: Stage) -> None:
    admin, hanh = stage.client("quan"), stage.client("hanh")
    stage.post(admin, "/people/hanh/switch", {"act": "off"}, page="/people/hanh")
    assert hanh.get("/").status_code == 302
    assert "Đã khoá" in shown(admin, "/people")
    stage.post(admin, "/people/hanh/switch", {"act": "on"}, page="/people/hanh")
    assert stage.post(stage.client(), "/sign-in", {"name": "hanh", "password": PASSWORD}).status_code == 401
    answer = stage.post(admin, "/people/hanh/invite", {}, page="/people/hanh")
    assert "/invitation/" in answer.get_data(as_text=True)


def test_a_forgotten_password_ends_every_session_and_gives_an_invitation(stage: Stage) -> None:
    admin, hanh = stage.client("quan"), stage.client("hanh")
    page = stage.post(admin, "/people/hanh/invite", {}, page="/people/hanh").get_data(as_text=True)
    assert "Gửi lời mời này cho Lê Thị Hạnh" in page
    assert hanh.get("/").status_code == 302


def test_somebody_stands_in_until_a_day_and_is_stopped_early(stage: Stage) -> None:
    admin, hanh = stage.client("quan"), stage.client("hanh")
    form = {"who": "hanh", "role": "police", "until": "2026-11-25"}
    assert stage.post(admin, "/people/khoa/deputies", form, page="/people/khoa").status_code == 302
    assert "Lê Thị Hạnh làm thay Trần Văn Khoa việc công an, đến hết thứ Tư 25/11" in shown(admin, "/people")
    assert hanh.get("/duty").status_code == 200
    with stage.database.reading() as db:
        row = db.query(Deputy).one()
    assert (
        f"{row.until:%Y-%m-%d %H:%M:%S}" == "2026-11-25 16:59:59"
    )  # the end of that day in Viet Nam, in UTC
    stage.post(admin, f"/deputies/{row.id}/end", {}, page="/people")
    assert hanh.get("/duty").status_code == 403


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"until": "hôm nào"}, "Xin chọn ngày cuối"),
        ({"until": "2027-11-25"}, "Xin chọn ngày cuối từ hôm nay"),
        ({"until": "2026-11-20"}, "Xin chọn ngày cuối từ hôm nay"),
        ({"who": "quan"}, "không nhận việc thay ai"),
        ({"who": "soat"}, "không nhận việc thay ai"),
        ({"who": "khong-co"}, "Không tìm thấy người dùng"),
        ({"role": "approver"}, "không có vai trò ấy"),
    ],
)
def test_a_deputy_that_cannot_be_is_said(stage: Stage, change: dict[str, str], said: str) -> None:
    admin = stage.client("quan")
    form = {"who": "hanh", "role": "police", "until": "2026-11-25"} | change
    answer = stage.post(admin, "/people/khoa/deputies", form, page="/people/khoa")
    assert answer.status_code == 409
    assert said in answer.get_data(as_text=True)


def test_a_village_person_writes_for_the_own_village_and_hears_only_it(stage: Stage) -> None:
    thon = stage.client("thon")
    page = shown(thon, "/announcements/new")
    assert re.findall(r'name="villages" value="(\w+)"', page) == ["dong"]
    form = {
        "title": "Họp thôn",
        "text": "Mời bà con họp.",
        "villages": ["dong"],
        "act": "save",
        "when": "now",
    }
    assert stage.post(thon, "/announcements/new", form, page="/announcements/new").status_code == 302
    answer = stage.post(thon, "/announcements/new", form | {"villages": ["ben"]}, page="/announcements/new")
    assert "cho thôn của mình" in answer.get_data(as_text=True)
    own, others = stage.submitted(villages=["dong"]), stage.submitted(villages=["ben"])
    for revision, status in ((own, 200), (others, 403)):
        with stage.database.reading() as db:
            audio = db.get_one(type(revision), revision.id).audio
        assert audio is not None
        path = f"/announcements/{revision.announcement_id}/audio/{audio['sha256']}"
        assert thon.get(path).status_code == status
        assert (path in shown(thon, f"/announcements/{revision.announcement_id}")) == (status == 200)
