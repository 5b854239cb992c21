"""Odd numbers and addresses in forms and links are answered in words, never with a broken page."""

from __future__ import annotations

import pytest

from broker.hub import unseen
from broker.hub.console.cameras import hide_password
from broker.hub.records import AlertStep
from broker.hub.row_numbers import LARGEST, number_of
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


ODD = ("9" * 31, "9" * 5000, "2147483648", "-1", "", "١", "1e3", "0x1")
READ = {
    "/duty": (),
    "/duty/queue": ("here",),
    "/duty/search": ("ai", "sau", "tu", "den", "camera", "loai", "ket-qua"),
    "/duty/shift": ("note",),
    "/duty/phones": ("note",),
    "/duty/look/thon-01/cong": ("alert",),
    "/duty/camera/thon-01/cong": ("ngay",),
    "/cameras/thon-01/cong": ("note", "at"),
}
WRITTEN = {
    "/duty/1/take": ("upon", "instead"),
    "/duty/1/escalate": ("upon", "whom", "note"),
    "/duty/1/close": ("upon", "why"),
    "/duty/1/reopen": ("upon",),
    "/duty/1/take-all": ("upon", "incident", "newest"),
    "/duty/1/close-all": ("upon", "incident", "newest", "why"),
    "/duty/1/quiet": ("mark", "knows"),
    "/duty/1/look": ("why", "words"),
    "/duty/1/export": ("why", "words"),
    "/duty/shift/take": ("upon",),
    "/duty/shift/hand-over": ("upon",),
    "/duty/look/thon-01/cong": ("alert", "why"),
    "/duty/look/thon-01/cong/still": ("alert", "why"),
    "/duty/phones": ("after_s",),
    "/duty/phones/unseen": ("seconds",),
}


@pytest.mark.parametrize("odd", ODD)
def test_every_page_of_the_duty_room_reads_odd_numbers(stage: Stage, odd: str) -> None:
    stage.alarm()
    for path, names in READ.items():
        client = stage.client("khoa" if path.startswith("/duty") else "quan")
        for name in names:
            answer = client.get(path, query_string={name: odd})
            assert answer.status_code == 200, (path, name, odd[:40])
        for after in (f"2026-01-01_{odd}", f"{odd}_1", f"0001-01-01_{odd}", f"9999-12-31T23:59:59_{odd}"):
            assert stage.client("khoa").get("/duty/search", query_string={"sau": after}).status_code == 200


@pytest.mark.parametrize("odd", ODD)
def test_every_form_of_the_duty_room_answers_odd_numbers_in_words(stage: Stage, odd: str) -> None:
    stage.alarm()
    for path, names in WRITTEN.items():
        client = stage.client("quan" if "phones" in path else "khoa")
        for name in names:
            form: dict[str, object] = {name: odd}
            if "phones" in path:
                form |= {"name": "Trưởng ca", "address": "json://192.168.4.9/x", "kinds": "sos"}
            answer = stage.post(client, path, form, page="/account")
            assert answer.status_code in (302, 400, 404, 409), (path, name, odd[:40], answer.status_code)
    with stage.database.reading() as db:
        assert unseen.phones_of(db) == [], "a wait that is no number adds no phone"


def test_a_decision_on_a_page_of_no_number_is_refused_once_another_officer_decided(stage: Stage) -> None:
    number = stage.alarm()
    with stage.database.session() as db:
        other = {"alert_id": number, "account_id": stage.people["quan"].id}
        db.add(AlertStep(at=stage.now(), what="escalated", note="Công an huyện", **other))
    answer = stage.post(stage.client("khoa"), f"/duty/{number}/take", {"upon": "9" * 31})
    assert answer.status_code == 409


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("2147483647", LARGEST), ("007", 7)])
def test_plain_numbers_are_read(text: str, number: int) -> None:
    assert number_of(text) == number


def test_a_source_that_is_no_address_shows_nothing_of_itself() -> None:
    assert hide_password("rtsp://u:geheim@[10.0.0.9/1") == "rtsp://u:•••@[10.0.0.9/1"
    assert hide_password("rtsp://u:ge/he#im@10.0.0.9/1") == "rtsp://u:•••@10.0.0.9/1"
    assert hide_password("rtsp://u:ge heim@10.0.0.9/1") == "rtsp://•••"
