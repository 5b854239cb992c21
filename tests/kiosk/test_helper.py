"""Calling a person: one call however often the hand presses, and a page that says what happens."""

from __future__ import annotations

import re

from broker.contract.kiosk import HelperCalled
from broker.link.outbox import OutboxFull
from kiosk.app import create_app
from tests.fakes.house import set_stage


def test_call_is_sent_with_the_page_and_confirmed() -> None:
    stage = set_stage()
    page = create_app(stage.house).test_client().post("/giup", data={"trang": "/tt/1.001193"}).text
    assert "Máy đang gọi người giúp" in page
    (call,) = stage.post.sent
    assert isinstance(call, HelperCalled)
    assert call.page == "/tt/1.001193"


def test_pressing_again_at_once_is_the_same_call_and_later_a_new_one() -> None:
    stage = set_stage()
    client = create_app(stage.house).test_client()
    for _ in range(3):
        client.post("/giup", data={"trang": "/nha"})
    assert len(stage.post.sent) == 1
    stage.clock.advance(170)
    assert "không phải bấm thêm" in client.post("/giup", data={"trang": "/nha"}).text
    assert len(stage.post.sent) == 1
    stage.clock.advance(11)
    client.post("/giup", data={"trang": "/nha"})
    assert len(stage.post.sent) == 2


def test_nothing_typed_can_travel_in_the_call() -> None:
    stage = set_stage()
    create_app(stage.house).test_client().post("/giup", data={"trang": "/tim?q=bí mật"})
    assert stage.post.sent[0].page == "/"  # type: ignore[attr-defined]


def test_call_that_cannot_be_kept_says_so() -> None:
    stage = set_stage()
    stage.post.refuse = OutboxFull("Máy đã đầy.")
    page = create_app(stage.house).test_client().post("/giup", data={"trang": "/nha"}).text
    assert "Chưa gọi được" in page
    assert "Máy đã đầy." in page


def test_the_commune_has_the_call_only_when_it_says_so() -> None:
    stage = set_stage()
    client = create_app(stage.house).test_client()
    page = client.post("/giup", data={"trang": "/nha"}).text
    assert "Đang mất mạng, xã chưa nhận được." in page
    assert "Xã đã nhận" not in page
    assert "Máy đã báo" not in page
    follow = re.findall(r'data-follow="([^"]+)"', page)[0]
    stage.post.connected = True
    sending = client.get(follow)
    assert sending.headers["X-State"] == "sending"
    assert "xã chưa báo đã nhận" in sending.text
    stage.post.there.add(follow.split("/")[2])
    there = client.get(follow)
    assert there.headers["X-State"] == "there"
    assert "Xã đã nhận lời gọi của bác" in there.text


def test_no_call_but_a_name_that_was_given_is_followed() -> None:
    assert create_app(set_stage().house).test_client().get("/giup/khong-co/buoc").status_code == 404
