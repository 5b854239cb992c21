"""Every route says who may use it; sessions live on the server; forms need their token."""

from __future__ import annotations

import re

import pytest

from broker.hub.console.signin import own_path
from broker.hub.records import Account, AuditRow
from tests.console.stage import Stage
from tests.hub.town import PASSWORD


def test_a_view_without_a_policy_answers_nobody(stage: Stage) -> None:
    stage.app.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    assert stage.client("quan").get("/forgotten").status_code == 403
    assert stage.client().get("/forgotten").status_code == 302


def test_admin_opens_neither_pictures_nor_citizens_words(stage: Stage) -> None:
    number = stage.alarm()
    client = stage.client("quan")
    for path in ("/duty", f"/duty/{number}/snapshot", f"/duty/{number}/clip", "/feedback", "/feedback/X"):
        assert client.get(path).status_code == 403


def test_the_bare_address_leads_police_to_the_duty_room(stage: Stage) -> None:
    answer = stage.client("khoa").get("/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/duty")


@pytest.mark.parametrize(
    "path",
    ["/sign-out", "/silence", "/announcements/new", "/duty/1/take", "/cameras", "/wire/quarantine/1/seen"],
)
def test_a_form_without_its_token_changes_nothing(stage: Stage, path: str) -> None:
    for name in ("hanh", "binh", "khoa", "quan"):
        assert stage.client(name).post(path, data={}).status_code == 403


def test_a_token_of_another_session_is_refused(stage: Stage) -> None:
    other = stage.client("binh")
    token = re.search(r'name="csrf-token" content="([^"]+)"', other.get("/").get_data(as_text=True))
    assert token is not None
    mine = stage.client("hanh")
    assert mine.post("/sign-out", data={"csrf_token": token[1]}).status_code == 403
    assert mine.get("/").status_code == 200


def test_the_cookie_is_strict_and_new_after_sign_in(stage: Stage) -> None:
    client = stage.client()
    before = client.get("/sign-in").headers["Set-Cookie"]
    answer = stage.post(client, "/sign-in", {"name": "hanh", "password": PASSWORD})
    after = answer.headers["Set-Cookie"]
    for cookie in (before, after):
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
    assert before.split(";")[0] != after.split(";")[0]


def test_the_cookie_of_before_signing_in_is_worth_nothing_afterwards(stage: Stage) -> None:
    client = stage.client()
    cookie = client.get("/sign-in").headers["Set-Cookie"].split(";")[0].split("=")[1]
    stage.post(client, "/sign-in", {"name": "hanh", "password": PASSWORD})
    thief = stage.app.test_client()
    thief.set_cookie("langso", cookie)
    assert thief.get("/").status_code == 302


def test_signing_out_ends_the_session_on_the_server(stage: Stage) -> None:
    client = stage.client("hanh")
    cookie = client.get_cookie("langso")
    assert cookie is not None
    stage.post(client, "/sign-out", {}, page="/")
    thief = stage.app.test_client()
    thief.set_cookie("langso", cookie.value)
    assert thief.get("/").status_code == 302


def test_an_idle_session_ends_and_says_so(stage: Stage) -> None:
    client = stage.client("hanh")
    stage.clock.advance(31 * 60)
    answer = client.get("/", follow_redirects=True)
    assert "Phiên làm việc đã hết" in answer.get_data(as_text=True)


def test_use_keeps_a_session_open_and_a_live_page_does_not(stage: Stage) -> None:
    used, left = stage.client("hanh"), stage.client("binh")
    for _ in range(3):
        stage.clock.advance(15 * 60)
        assert used.get("/").status_code == 200
        left.get("/live?topics=nothing")
    assert left.get("/").status_code == 302


def test_the_duty_room_stays_open_for_a_shift(stage: Stage) -> None:
    client = stage.client("khoa")
    stage.clock.advance(11 * 3600)
    assert client.get("/duty").status_code == 200
    stage.clock.advance(2 * 3600)
    assert client.get("/duty").status_code == 302


def test_a_disabled_account_is_out_at_once(stage: Stage) -> None:
    client = stage.client("hanh")
    with stage.database.session() as db:
        db.get_one(Account, stage.people["hanh"].id).disabled_at = stage.now()
    assert client.get("/").status_code == 302


def test_wrong_passwords_lock_with_a_sentence(stage: Stage) -> None:
    client = stage.client()
    for _ in range(5):
        answer = stage.post(client, "/sign-in", {"name": "hanh", "password": "sai hoàn toàn"})
        assert answer.status_code == 401
        assert "chưa đúng" in answer.get_data(as_text=True)
    answer = stage.post(client, "/sign-in", {"name": "hanh", "password": PASSWORD})
    assert answer.status_code == 429
    assert "chờ khoảng 5 phút" in answer.get_data(as_text=True)


def test_signing_in_is_recorded(stage: Stage) -> None:
    stage.client("hanh")
    with stage.database.reading() as db:
        assert [row.actor for row in db.query(AuditRow).where(AuditRow.action == "account.signed-in")] == [
            "hanh"
        ]


@pytest.mark.parametrize(
    ("asked", "led"),
    [
        ("/speakers", "/speakers"),
        ("/announcements/x?lan=1", "/announcements/x?lan=1"),
        ("https://elsewhere.vn/", ""),
        ("//elsewhere.vn", ""),
        ("/\\elsewhere.vn", ""),
        ("/a\nb", ""),
        ("javascript:alert(1)", ""),
        ("/search?q=a//b..", "/search?q=a//b.."),
        ("/a\r\nSet-Cookie: x=1", ""),
        ("/a\x7f", ""),
        ("/a/../..//elsewhere.vn", ""),
        ("/a/%2e%2e/b", ""),
        ("/a/%5celsewhere.vn", ""),
        ("/a//elsewhere.vn", ""),
    ],
)
def test_sign_in_leads_only_to_pages_of_this_console(asked: str, led: str) -> None:
    assert own_path(asked) == led


def test_pages_carry_a_policy_without_inline_code(stage: Stage) -> None:
    answer = stage.client("hanh").get("/")
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    page = answer.get_data(as_text=True)
    assert not re.search(r"<style|<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=", page)


def test_health_answers_without_signing_in(stage: Stage) -> None:
    answer = stage.client().get("/healthz")
    assert answer.get_json()["ok"] is True
    assert "Set-Cookie" not in answer.headers
