"""Odd numbers and addresses in forms and links are answered in words, never with a broken page."""

from __future__ import annotations

import pytest

from broker.hub.console.cameras import hide_password
from tests.console.stage import Stage
from tests.hub.town import PASSWORD

HUGE = ("2147483648", "9" * 30, "9" * 5000)


@pytest.mark.parametrize("number", HUGE)
@pytest.mark.parametrize(
    ("who", "method", "path"),
    [
        ("quan", "POST", "/deputies/{}/end"),
        ("khoa", "GET", "/duty/{}"),
        ("khoa", "GET", "/duty/{}/snapshot"),
        ("khoa", "POST", "/duty/{}/take"),
        ("quan", "POST", "/wire/quarantine/{}/seen"),
        ("quan", "GET", "/wire/quarantine/{}/sample"),
    ],
)
def test_a_record_with_an_impossible_number_does_not_exist(
    stage: Stage, who: str, method: str, path: str, number: str
) -> None:
    client, address = stage.client(who), path.format(number)
    answer = client.get(address) if method == "GET" else stage.post(client, address, {}, page="/account")
    assert answer.status_code == 404


@pytest.mark.parametrize("repeat", [*HUGE, "٣", "-1", ""])
def test_a_draft_with_an_impossible_repetition_is_answered_in_words(stage: Stage, repeat: str) -> None:
    form: dict[str, object] = {
        "repeat": repeat,
        "act": "save",
        "title": "Họp thôn",
        "text": "Mời bà con họp.",
        "villages": "dong",
    }
    answer = stage.post(stage.client("hanh"), "/announcements/new", form, page="/announcements/new")
    assert answer.status_code in (200, 302, 409, 422)


@pytest.mark.parametrize("asked", ["//[", "http://[", "https://[::1", "/\\evil", "/\x00", "9" * 5000])
def test_an_odd_way_onward_leads_home(stage: Stage, asked: str) -> None:
    client = stage.app.test_client()
    assert client.get("/sign-in", query_string={"next": asked}).status_code == 200
    form: dict[str, object] = {"name": "hanh", "password": PASSWORD, "next": asked}
    assert stage.post(client, "/sign-in", form, page="/sign-in").headers["Location"] == "/home"


@pytest.mark.parametrize("here", HUGE)
def test_the_duty_queue_takes_any_number_as_the_page_it_is_on(stage: Stage, here: str) -> None:
    assert stage.client("khoa").get(f"/duty/queue?here={here}").status_code == 200


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "x", "2026-13-01", "9" * 5000])
def test_odd_days_are_answered_in_words(stage: Stage, day: str) -> None:
    quan, hanh = stage.client("quan"), stage.client("hanh")
    form: dict[str, object] = {"who": "hanh", "role": "approver", "until": day}
    assert stage.post(quan, "/people/binh/deputies", form, page="/account").status_code == 409
    assert quan.get("/audit", query_string={"since": day, "until": day}).status_code == 200
    form: dict[str, object] = {
        "day": day,
        "time": "17:30",
        "act": "save",
        "title": "Họp",
        "text": "Mời họp.",
        "villages": "dong",
    }
    answer = stage.post(hanh, "/announcements/new", form, page="/announcements/new")
    assert answer.status_code in (200, 302, 409, 422)


def test_a_source_that_is_no_address_shows_nothing_of_itself() -> None:
    assert hide_password("rtsp://u:geheim@[10.0.0.9/1") == "rtsp://u:•••@[10.0.0.9/1"
    assert hide_password("rtsp://u:ge/he#im@10.0.0.9/1") == "rtsp://u:•••@10.0.0.9/1"
    assert hide_password("rtsp://u:ge heim@10.0.0.9/1") == "rtsp://•••"
