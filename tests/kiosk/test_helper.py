"""Calling a person: one call however often the hand presses, and a page that says what happens."""

from __future__ import annotations

import re

from flask.testing import FlaskClient

from broker.contract.kiosk import HelperCalled
from broker.link.outbox import OutboxFull
from kiosk.app import create_app
from tests.fakes.house import set_stage


def press(client: FlaskClient, page: str) -> str:
    """The page that the browser ends on."""
    return client.post("/giup", data={"trang": page}, follow_redirects=True).text


def test_call_is_sent_with_the_page_and_confirmed() -> None:
    stage = set_stage()
    page = press(create_app(stage.house).test_client(), "/tt/1.001193")
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
    assert "không phải bấm thêm" in press(client, "/nha")
    assert len(stage.post.sent) == 1
    stage.clock.advance(11)
    client.post("/giup", data={"trang": "/nha"})
    assert len(stage.post.sent) == 2


def test_a_second_press_names_what_the_commune_was_told_and_larger_letters_call_nobody_again() -> None:
    stage = set_stage()
    client = create_app(stage.house).test_client()
    birth, other = [each.title for each in list(stage.house.content().procedures.values())[:2]]
    first, second = [f"/tt/{code}" for code in list(stage.house.content().procedures)[:2]]
    assert birth in press(client, first)
    page = press(client, second)
    assert birth in page
    assert other not in page
    larger = re.findall(r'href="(/doi\?chu=to&amp;ve=[^"]+)"', page)[0].replace("&amp;", "&")
    assert birth in client.get(larger, follow_redirects=True).text
    assert len(stage.post.sent) == 1


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
    page = press(client, "/nha")
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
    client = create_app(set_stage().house).test_client()
    for name in ("khong-co/buoc", "khong-co", "0123456789abcdef"):
        assert client.get(f"/giup/{name}").status_code == 404
