"""While the commune is silent every page says so in red, and one word of an approver ends it."""

from __future__ import annotations

import pytest

from broker.hub.records import ServiceSeen, SpeakerSeen
from tests.console.stage import Stage

ORDERED = "Đã ra lệnh im tiếng cả xã đến 16:52."
SURE = "Cả xã đang im tiếng đến 16:52."
LINE = "đến 16:52.</b>"
"""Of either kind of line."""


def silence(stage: Stage) -> str:
    """By Bình, with the button; the page that follows."""
    answer = stage.post(stage.client("binh"), "/silence", {}, page="/", follow_redirects=True)
    return answer.get_data(as_text=True)


@pytest.mark.parametrize(
    ("who", "path"),
    [("hanh", "/"), ("hanh", "/announcements/new"), ("lanh", "/overview"), ("quan", "/nodes"), ("khoa", "/duty"),
     ("giup", "/"), ("soat", "/audit")],
)  # fmt: skip
def test_the_line_stands_on_every_page_for_everybody(stage: Stage, who: str, path: str) -> None:
    client = stage.client(who)
    assert LINE not in client.get(path, follow_redirects=True).get_data(as_text=True)
    silence(stage)
    page = client.get(path, follow_redirects=True).get_data(as_text=True)
    assert LINE in page
    assert "Phạm Văn Bình ra lệnh." in page
    assert "Cho loa nói lại" not in page, "only who approves may end it"


def test_silencing_says_how_long_it_holds_and_offers_to_hold_on(stage: Stage) -> None:
    page = silence(stage)
    assert "giữ im mười phút" in page
    assert "Giữ im thêm mười phút" in page


def confirm(stage: Stage, *nodes: str) -> None:
    """What ingest writes when loudspeakers say that they are silent."""
    with stage.database.session() as db:
        for node in nodes:
            seen = db.get_one(SpeakerSeen, node)
            seen.silenced, seen.seen_at = "commune", stage.now()


def line_of(stage: Stage) -> str:
    return stage.client("giup").get("/live/silence").get_data(as_text=True)


def test_an_order_is_not_told_as_silence_before_every_loudspeaker_said_so(stage: Stage) -> None:
    silence(stage)
    line = line_of(stage)
    assert ORDERED in line
    assert SURE not in line
    assert "0 trên 4 cụm loa đã báo im. Đang chờ loa báo." in line
    confirm(stage, "thon-01", "thon-02", "thon-03")
    stage.clock.advance(15)
    line = line_of(stage)
    assert ORDERED in line
    assert "3 trên 4 cụm loa đã báo im." in line
    assert "có thể vẫn đang nói: Trung 1, đình." in line
    assert "tắt nguồn tăng âm" in line
    assert "Đã ra lệnh im, loa chưa báo đã im." in stage.client("binh").get("/speakers").get_data(
        as_text=True
    )
    confirm(stage, "thon-04")
    line = line_of(stage)
    assert SURE in line
    assert "Cả 4 cụm loa đã báo im." in line


def test_a_loudspeaker_that_is_away_or_spoke_of_an_earlier_silence_has_not_confirmed(stage: Stage) -> None:
    confirm(stage, "thon-01", "thon-02", "thon-03", "thon-04")
    stage.clock.advance(60)
    silence(stage)
    stage.clock.advance(15)
    assert "0 trên 4 cụm loa đã báo im." in line_of(stage)
    confirm(stage, "thon-01", "thon-02", "thon-03", "thon-04")
    with stage.database.session() as db:
        db.get_one(ServiceSeen, "thon-02.speaker").state = "lost"
        db.get_one(ServiceSeen, "thon-03.speaker").state = "stopped"
    line = line_of(stage)
    assert "2 trên 3 cụm loa đã báo im." in line, "one that was switched off cannot speak"
    assert "có thể vẫn đang nói: Bến 1, trạm bơm." in line


def test_it_ends_by_itself(stage: Stage) -> None:
    silence(stage)
    stage.clock.advance(600)
    assert LINE not in stage.client("binh").get("/").get_data(as_text=True)


def test_an_approver_lets_loudspeakers_speak_again(stage: Stage) -> None:
    silence(stage)
    client = stage.client("binh")
    page = stage.post(client, "/silence/lift", {}, page="/", follow_redirects=True).get_data(as_text=True)
    assert "Loa cả xã được nói lại." in page
    assert LINE not in page
    log = stage.client("soat").get("/audit").get_data(as_text=True)
    assert "tắt tiếng cả xã đến 16:52" in log
    assert "cho loa cả xã nói lại" in log


def test_lifting_what_does_not_hold_any_more_says_so(stage: Stage) -> None:
    client = stage.client("binh")
    answer = stage.post(client, "/silence/lift", {}, page="/")
    assert answer.status_code == 409
    assert "loa đang nói bình thường" in answer.get_data(as_text=True)


def test_an_open_page_fetches_the_line_alone(stage: Stage) -> None:
    client = stage.client("giup")
    assert client.get("/live/silence").get_data(as_text=True).strip() == ""
    silence(stage)
    line = client.get("/live/silence").get_data(as_text=True)
    assert LINE in line
    assert "<html" not in line


def test_asking_for_the_line_keeps_nobody_signed_in(stage: Stage) -> None:
    client = stage.client("hanh")
    for _ in range(4):
        stage.clock.advance(9 * 60)
        client.get("/live/silence")
    assert client.get("/live/silence").status_code == 401
