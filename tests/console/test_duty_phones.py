"""Whom the hub calls: kept by the admin, tried out at once, shown without what opens an address."""

from __future__ import annotations

import msgspec
import pytest
from apprise import Apprise
from sqlalchemy import select

from broker.hub.console.duty_phones import SAMPLES
from broker.hub.records import DutyCall, DutyPhone, setting
from tests.console.stage import NOW, Stage
from tests.fakes.letter_box import web_box

PAGE = "/duty/phones"


def test_the_admin_adds_tries_and_removes_a_phone_and_its_address_is_never_shown(stage: Stage) -> None:
    client = stage.client("quan")
    with web_box() as box:
        stage.settings.console.gateway = box.address
        form: dict[str, object] = {
            "name": "Trưởng ca",
            "address": f"json://ten:bi-mat@{box.address}/",
            "kinds": ["sos", "motion"],
            "after_s": "120",
        }
        answer = stage.post(client, PAGE, form, page=PAGE, follow_redirects=True)
        said = answer.get_data(as_text=True)
        assert "Nút SOS, Mọi chuyển động: sau 2\N{NO-BREAK SPACE}phút chưa ai xem" in said
        assert "bi-mat" not in said
        with stage.database.reading() as db:
            phone = db.scalars(select(DutyPhone.id)).one()
        tried = stage.post(client, f"{PAGE}/{phone}/try", {}, page=PAGE, follow_redirects=True)
        assert "đã nhận tin thử" in tried.get_data(as_text=True)
        assert "tin thử của phòng trực" in msgspec.json.decode(box.came[0][2])["message"]
        box.status = 500
        tried = stage.post(client, f"{PAGE}/{phone}/try", {}, page=PAGE)
        assert tried.status_code == 409
        assert "Chưa gửi được tin thử. Nơi nhận không nhận tin" in tried.get_data(as_text=True)
    number = stage.alarm()
    with stage.database.session() as db:
        db.add(DutyCall(alert_id=number, phone_id=phone, due_at=NOW, next_at=NOW, state="given-up"))
    seen = stage.client("khoa").get(PAGE).get_data(as_text=True)
    assert f"cảnh báo số {number}" in seen
    assert "Không gọi được" in seen
    assert "Thêm nơi gọi này" not in seen
    stage.post(client, f"{PAGE}/{phone}/remove", {}, page=PAGE)
    with stage.database.reading() as db:
        row = db.get_one(DutyPhone, phone)
        assert (row.address, row.removed_at) == ("", NOW)
    again = stage.post(client, f"{PAGE}/{phone}/try", {}, page=PAGE)
    assert "không còn nữa" in again.get_data(as_text=True)


def test_what_is_refused_is_said_and_how_long_unseen_is_may_be_set(stage: Stage) -> None:
    client = stage.client("quan")
    form: dict[str, object] = {
        "name": "Ca",
        "address": "https://x.example/",
        "kinds": ["sos"],
        "after_s": "0",
    }
    answer = stage.post(client, PAGE, form, page=PAGE)
    assert answer.status_code == 409
    assert "không gọi được" in answer.get_data(as_text=True)
    assert stage.post(client, f"{PAGE}/unseen", {"seconds": "x"}, page=PAGE).status_code == 409
    assert stage.post(client, f"{PAGE}/unseen", {"seconds": "300"}, page=PAGE).status_code == 302
    with stage.database.reading() as db:
        assert setting(db, "duty.unseen_s", 0) == 300


def test_a_telephone_number_is_refused_with_how_to_write_it_and_only_its_writer_sees_it_again(
    stage: Stage,
) -> None:
    client = stage.client("quan")
    form: dict[str, object] = {"name": "Ca", "address": "0912 345 678", "kinds": ["sos"], "after_s": "0"}
    said = stage.post(client, PAGE, form, page=PAGE).get_data(as_text=True)
    assert "với số ở cuối" in said
    assert 'value="0912 345 678"' in said
    for _, sample, _ in SAMPLES:
        assert f"<code>{sample}</code>" in said
    assert "Apprise" not in said
    assert "0912 345 678" not in client.get(PAGE).get_data(as_text=True)


@pytest.mark.parametrize(
    ("who", "service"),
    [
        ("Telegram", "NotifyTelegram"),
        ("Zalo", "NotifyZalo"),
        ("Tin nhắn SMS", "NotifyHttpSMS"),
        ("Thư điện tử", "NotifyEmail"),
    ],
)
def test_every_sample_address_leads_to_the_service_it_names(who: str, service: str) -> None:
    (sample,) = (address for name, address, _ in SAMPLES if name == who)
    assert type(Apprise.instantiate(sample)).__name__ == service
