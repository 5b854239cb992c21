"""Relayed programmes on the pages: stations listed, one taken while writing, approved, and what loudspeakers say."""

from __future__ import annotations

import base64
import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from broker.hub import stations
from broker.hub.records import Revision
from broker.hub.stations import Relayed
from broker.trust.envelope import sign
from tests.console.stage import NOW, Stage
from tests.console.test_pages import FORM

NEW = "/announcements/new"
ADDRESS = "https://dai.example.vn:8000/thoi-su.mp3"
HALF_HOUR = Relayed(ADDRESS, "Đài tỉnh", 1800)
RELAY = {**FORM, "text": stations.INSTEAD, "source": "relay", "station": "Đài tỉnh", "minutes": "30"}
LISTED = {"name": "Đài tỉnh", "address": ADDRESS}
PART = {"X-Part": "1"}


@pytest.fixture
def tuned(stage: Stage) -> Stage:
    """A console whose approver put one station on the list."""
    with stage.database.session() as db:
        stations.add_station(db, stage.people["binh"], "Đài tỉnh", ADDRESS, NOW)
    return stage


def only(stage: Stage) -> Revision:
    with stage.database.reading() as db:
        return db.scalars(select(Revision)).one()


def preview(stage: Stage, client: FlaskClient, **form: object) -> dict[str, object]:
    answer = stage.post(client, "/announcements/preview", {**RELAY, **form}, page=NEW, headers=PART)
    found: dict[str, object] = answer.json
    return found


def approve(stage: Stage, client: FlaskClient, key: str, **form: str) -> tuple[int, str]:
    """Sign as the approver's browser does."""
    body = client.get(f"/announcements/{key}/envelope").get_data(as_text=True)
    value = sign(body, "announcement", "k-binh", stage.keys.private["k-binh"]).value
    fields = {"body": body, "key": "k-binh", "signature": base64.b64encode(value).decode(), **form}
    path = f"/announcements/{key}/approve"
    answer = stage.post(client, path, fields, page=path)
    return answer.status_code, answer.get_data(as_text=True)


def test_an_approver_lists_a_station_and_takes_it_off_again(stage: Stage) -> None:
    client = stage.client("binh")
    assert "Chưa có đài nào để tiếp sóng." in client.get("/stations").get_data(as_text=True)
    assert stage.post(client, "/stations", LISTED, page="/stations").status_code == 302
    page = client.get("/stations?note=added").get_data(as_text=True)
    assert "Danh sách có 1 đài." in page
    assert f'<a class="press" href="{ADDRESS}" target="_blank" rel="noopener noreferrer">' in page
    log = stage.client("soat").get("/audit").get_data(as_text=True)
    assert "thêm đài tiếp sóng “Đài tỉnh”" in log
    answer = stage.post(client, "/stations/remove", {"name": "Đài tỉnh"}, page="/stations")
    assert answer.status_code == 302
    assert "Chưa có đài nào" in client.get("/stations").get_data(as_text=True)
    assert stage.post(client, "/stations/remove", {"name": "Đài tỉnh"}, page="/stations").status_code == 409


def test_a_station_that_cannot_be_is_refused_and_what_was_typed_stays(stage: Stage) -> None:
    client = stage.client("quan")
    answer = stage.post(client, "/stations", {"name": "Đài A", "address": "file:///x"}, page="/stations")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 409
    assert "phải bắt đầu bằng http://" in page
    assert 'value="file:///x"' in page
    assert 'value="Đài A"' in page


def test_a_live_microphone_has_no_address_for_a_browser_and_readers_no_form(stage: Stage) -> None:
    with stage.database.session() as db:
        stations.add_station(db, stage.people["binh"], "Micro xã", "snap://10.0.0.2:1704", NOW)
    page = stage.client("hanh").get("/stations").get_data(as_text=True)
    assert "micro trực tiếp" in page
    assert 'href="snap:' not in page
    assert 'action="/stations' not in page


def test_a_station_is_taken_while_writing_without_any_script(tuned: Stage) -> None:
    client = tuned.client("hanh")
    page = tuned.post(client, NEW, {**RELAY, "text": "", "act": "instead"}, page=NEW).get_data(as_text=True)
    assert "lúc này loa không bắt được sóng" in page
    assert '<input type="radio" name="source" value="relay" checked>' in page
    assert '<option value="Đài tỉnh" selected>' in page
    assert "Đủ rồi, gửi duyệt được" in page
    answer = tuned.post(client, NEW, {**RELAY, "kind": "priority", "act": "submit"}, page=NEW)
    assert answer.status_code == 302
    row = only(tuned)
    assert row.relay == {"address": ADDRESS, "station": "Đài tỉnh", "length_s": 1800}
    assert (row.state, row.kind, row.repeat) == ("submitted", "routine", 1)


def test_the_page_says_what_a_relay_lacks_and_keeps_it_half_filled(tuned: Stage) -> None:
    client = tuned.client("hanh")
    for form, left, said in (
        ({"station": ""}, "chọn đài", "Xin chọn đài để tiếp sóng."),
        ({"station": "Đài khác"}, "chọn đài", "Xin chọn đài để tiếp sóng."),
        ({"minutes": ""}, "ghi số phút tiếp sóng", "từ 1 đến 59"),
        ({"minutes": "61"}, "ghi số phút tiếp sóng", "từ 1 đến 59"),
        ({"minutes": "9999"}, "ghi số phút tiếp sóng", "từ 1 đến 59"),
        ({"minutes": "-5"}, "ghi số phút tiếp sóng", "từ 1 đến 59"),
        ({"minutes": "45"}, "ghi số phút tiếp sóng", "chỉ đủ để tiếp sóng 44 phút"),
        ({"minutes": "1", "text": "Bà con chờ. " * 100}, "rút ngắn lời", "dài hơn thời gian tiếp sóng"),
    ):
        shown = preview(tuned, client, **form)
        assert shown["ready"] is False, form
        assert left in shown["html"]["left"]  # type: ignore[index]
        assert said in shown["html"]["relay"]  # type: ignore[index]
    assert tuned.post(client, NEW, {**RELAY, "station": "", "act": "submit"}, page=NEW).status_code == 409
    row = only(tuned)
    assert row.state == "draft"
    assert row.relay == {"address": "", "station": "", "length_s": 1800}
    page = client.get(f"/announcements/{row.announcement_id}/edit").get_data(as_text=True)
    assert '<input type="radio" name="source" value="relay" checked>' in page
    assert 'value="30"' in page


def test_a_draft_whose_station_was_taken_away_asks_for_another(tuned: Stage) -> None:
    row = tuned.draft(relay=HALF_HOUR)
    with tuned.database.session() as db:
        stations.remove_station(db, tuned.people["binh"], "Đài tỉnh", NOW)
    page = tuned.client("hanh").get(f"/announcements/{row.announcement_id}/edit").get_data(as_text=True)
    assert "Xã chưa có đài nào để tiếp sóng." in page
    assert "chọn lại đài" in page


def test_who_may_list_stations_is_led_there_and_others_are_told_whom_to_ask(stage: Stage) -> None:
    empty = stage.client("hanh").get(NEW).get_data(as_text=True)
    assert "Xin nhờ người duyệt hoặc người quản trị" in empty
    assert 'href="/stations">Thêm đài</a>' in stage.client("binh").get(NEW).get_data(as_text=True)


def test_an_approver_is_told_that_nobody_can_hear_it_beforehand_and_says_so(tuned: Stage) -> None:
    key = tuned.submitted(relay=HALF_HOUR, duration_ms=9_000).announcement_id
    client = tuned.client("binh")
    page = client.get(f"/announcements/{key}/approve").get_data(as_text=True)
    assert "Loa sẽ tiếp sóng" in page
    assert '<span id="dai">Đài tỉnh</span>, <span id="dai-lau">30\N{NO-BREAK SPACE}phút</span>' in page
    assert ADDRESS in page
    assert "không ai nghe trước được" in page
    assert "Khi không bắt được đài, loa đọc" in page
    assert 'id="may-lan"' not in page
    status, said = approve(tuned, client, key)
    assert status == 409
    assert "không ai nghe trước được đài" in said
    assert only(tuned).state == "submitted"
    assert approve(tuned, client, key, answers="yes")[0] == 302
    assert only(tuned).state == "approved"
    log = tuned.client("soat").get("/audit").get_data(as_text=True)
    assert "(tiếp sóng Đài tỉnh), bằng khoá k-binh" in log


def test_what_speaks_for_itself_is_approved_as_before(tuned: Stage) -> None:
    key = tuned.submitted().announcement_id
    client = tuned.client("binh")
    page = client.get(f"/announcements/{key}/approve").get_data(as_text=True)
    assert "Loa sẽ tiếp sóng" not in page
    assert "hieu-dai" not in page
    assert approve(tuned, client, key)[0] == 302


def test_today_and_the_waiting_list_say_which_station(tuned: Stage) -> None:
    tuned.submitted(relay=HALF_HOUR, starts=[NOW.replace(hour=19, minute=0)], title="Thời sự tối")
    tuned.approved(relay=HALF_HOUR, title="Thời sự chiều")
    page = tuned.client("binh").get("/").get_data(as_text=True)
    assert "tiếp sóng Đài tỉnh · phát 19:00" in page
    rows = re.findall(
        r"<b>(Thời sự \w+) <span class=\"tag\">Tiếp sóng</span></b></a><small[^>]*>([^<]+)", page
    )
    assert sorted(rows) == [
        ("Thời sự chiều", "Đài tỉnh · Thôn Bến, thôn Đông · 30\N{NO-BREAK SPACE}phút"),
        ("Thời sự tối", "Đài tỉnh · Thôn Bến, thôn Đông · 30\N{NO-BREAK SPACE}phút"),
    ]
    assert 'class="play relay"' in page
    assert "17:30 sẽ tiếp sóng" in page


def test_a_loudspeaker_says_what_became_of_the_station(tuned: Stage) -> None:
    key = tuned.approved(relay=HALF_HOUR).announcement_id
    client = tuned.client("hanh")
    begun = NOW.replace(hour=17, minute=30, second=4)
    tuned.receipt(key, "thon-01", "playing", started_at=begun, sound="card")
    tuned.receipt(key, "thon-02", "playing", started_at=begun, sound="card", reason="relay-lost")
    tuned.receipt(key, "thon-03", "ready")
    page = client.get(f"/announcements/{key}").get_data(as_text=True)
    assert "Đang tiếp sóng từ 17:30:04." in page
    assert "Không bắt được đài, đang đọc lời dự phòng.<" in page
    assert "Đã có lời dự phòng, chờ đến giờ tiếp sóng." in page
    assert "<dd>Đài tỉnh, 30\N{NO-BREAK SPACE}phút" in page
    ended = {"started_at": begun, "sound": "card"}
    tuned.receipt(key, "thon-01", "interrupted", reason="relay-ended", played_ms=720_000, **ended)
    tuned.receipt(key, "thon-02", "played", reason="relay-lost", **ended)
    page = client.get(f"/announcements/{key}").get_data(as_text=True)
    assert "Đài ngừng giữa chừng sau 12\N{NO-BREAK SPACE}phút, loa im từ lúc đó." in page
    assert "Không bắt được đài nên loa đọc lời dự phòng." in page


def test_a_house_without_a_loudspeaker_relays_into_a_file_and_says_so(tuned: Stage) -> None:
    key = tuned.approved(relay=HALF_HOUR).announcement_id
    client = tuned.client("hanh")
    begun = NOW.replace(hour=17, minute=30, second=4)
    tuned.receipt(key, "thon-01", "playing", started_at=begun, sound="file")
    tuned.receipt(key, "thon-02", "played", started_at=begun, sound="file", reason="relay-lost")
    page = client.get(f"/announcements/{key}").get_data(as_text=True)
    assert "Đang tiếp sóng từ 17:30:04. Ghi vào tệp, điểm không có loa" in page
    assert "Không bắt được đài nên đọc lời dự phòng. Ghi vào tệp, điểm không có loa" in page


def test_approved_announcements_of_a_station_are_named_where_it_may_be_taken_away(tuned: Stage) -> None:
    row = tuned.approved(relay=HALF_HOUR, title="Thời sự chiều")
    page = tuned.client("binh").get("/stations").get_data(as_text=True)
    assert f'href="/announcements/{row.announcement_id}">Thời sự chiều</a>' in page
