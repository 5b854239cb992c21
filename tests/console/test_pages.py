"""Each page of the console is a real flow: what is done on it is in the records afterwards."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import select

from broker.contract.hub import Media
from broker.hub import content
from broker.hub.accounts import create_account
from broker.hub.announcing.workflow import newest_revision
from broker.hub.heard import Hearing
from broker.hub.recordings import TEXT, Track
from broker.hub.records import (
    Alert,
    AlertStep,
    AuditRow,
    Camera,
    Feedback,
    HelperCall,
    NodeRecord,
    Occurrence,
    Play,
    Revision,
    ServiceSeen,
    SpeakerSeen,
)
from broker.trust.envelope import sign
from broker.trust.seal import seal
from kiosk.content import shipped
from tests.console.stage import NOW, Stage, cover, live_day, measure
from tests.hub.town import PASSWORD

FORM = {
    "title": "Mời họp thôn",
    "text": "Kính mời bà con đến họp lúc 19h30 ngày 22/11 tại nhà văn hoá.",
    "kind": "routine",
    "villages": ["dong", "ben"],
    "when": "at",
    "day": "2026-11-22",
    "time": "17:30",
    "repeat": "2",
    "voice": "vi",
}


def test_today_answers_first_and_counts_what_is_ready(stage: Stage) -> None:
    live_day(stage)
    page = stage.client("binh").get("/").get_data(as_text=True)
    assert "Lượt phát tới lúc <mark>17:30</mark>, <span" in page
    assert ">còn 48\N{NO-BREAK SPACE}phút</span>." in page
    assert "3 trên 4 cụm loa sẵn sàng." in page
    assert "1 bản tin chờ duyệt." in page
    assert "Bến 2, đầu cầu" in page
    assert "có người nhờ giúp" in page
    assert "Sau 21:00 loa không nói." in page
    assert page.count("Nghe rồi duyệt") == 1


def test_every_loudspeaker_is_either_ready_or_in_the_list_of_what_needs_a_person(stage: Stage) -> None:
    client = stage.client("binh")
    with stage.database.session() as db:
        db.get_one(ServiceSeen, "thon-01.speaker").state = "degraded"
        db.get_one(SpeakerSeen, "thon-02").missing = ["lượt"]
        db.get_one(ServiceSeen, "thon-03.speaker").problems = [{"code": "x", "text": "Thiếu đĩa."}]
        db.delete(db.get_one(ServiceSeen, "thon-04.speaker"))
    page = client.get("/").get_data(as_text=True)
    assert "0 trên 4 cụm loa sẵn sàng." in page
    assert '<h2>Cụm loa cần người xem</h2><span class="soft">4</span>' in page
    for name, said in (
        ("Đông 1", "Chạy, có chỗ vướng."),
        ("Bến 1", "Chưa tải xong"),
        ("Bến 2", "Thiếu đĩa."),
    ):
        assert name in page
        assert said in page
    with stage.database.session() as db:
        db.get_one(ServiceSeen, "thon-01.speaker").state = "ready"
        db.get_one(SpeakerSeen, "thon-02").missing = []
    page = client.get("/").get_data(as_text=True)
    assert "2 trên 4 cụm loa sẵn sàng." in page
    assert '<h2>Cụm loa cần người xem</h2><span class="soft">2</span>' in page


def test_a_day_without_anything_says_so(stage: Stage) -> None:
    page = stage.client("hanh").get("/").get_data(as_text=True)
    assert "Hôm nay chưa có lượt phát nào." in page
    assert "4 cụm loa sẵn sàng, ghi vào tệp vì chạy thử không có loa." in page
    assert "Không cụm loa nào hỏng." in page


def test_nobody_is_called_ready_while_the_commune_is_silent_or_no_word_comes(stage: Stage) -> None:
    client = stage.client("binh")
    stage.post(client, "/silence", {}, page="/")
    page = client.get("/").get_data(as_text=True)
    assert "Cả xã đang im tiếng đến 16:52, kể cả loa sẵn sàng cũng không nói." in page
    assert "các loa im theo lệnh" in page
    stage.post(client, "/silence/lift", {}, page="/")
    with stage.database.session() as db:
        Hearing().write(db, False, stage.now() - timedelta(minutes=1))
        Hearing().write(db, False, stage.now())
    page = client.get("/").get_data(as_text=True)
    assert "Chưa biết các cụm loa thế nào." in page
    assert "cụm loa sẵn sàng" not in page
    assert "Không cụm loa nào hỏng" not in page


def test_a_play_that_did_not_reach_its_loudspeaker_stands_among_what_needs_a_person(stage: Stage) -> None:
    key = stage.approved(villages=["dong"]).announcement_id
    stage.clock.step(50 * 60)
    client = stage.client("hanh")
    stage.receipt(key, "thon-01", "interrupted", sound="card", reason="restarted")
    page = client.get("/").get_data(as_text=True)
    assert '<h2>Lượt phát cần người xem</h2><span class="soft">1</span>' in page
    assert "Hôm nay chưa lượt nào phát trọn." in page
    assert "1/1 chưa phát trọn" in page
    assert "1/1 cụm sẵn sàng" not in page
    stage.receipt(key, "thon-01", "played", sound="card", started_at=stage.now(), reason="")
    page = client.get("/").get_data(as_text=True)
    assert "Lượt phát cần người xem" not in page
    assert "Hôm nay đã nói xong." in page


def test_who_decides_is_told_which_villages_will_hear_nothing(stage: Stage) -> None:
    key = stage.submitted(villages=["dong", "doai"]).announcement_id
    said = "Thôn Đoài chưa có loa nên không nghe được bản tin này."
    client = stage.client("binh")
    for path in (f"/announcements/{key}/approve", f"/announcements/{key}"):
        assert said in client.get(path).get_data(as_text=True), path
    assert "(chưa có loa: thôn Đoài)" in client.get("/").get_data(as_text=True)
    heard = stage.submitted(villages=["dong"], starts=[NOW + timedelta(hours=2)]).announcement_id
    assert "chưa có loa" not in client.get(f"/announcements/{heard}/approve").get_data(as_text=True)


def test_progress_says_that_no_word_can_come(stage: Stage) -> None:
    key = stage.approved(villages=["dong"]).announcement_id
    with stage.database.session() as db:
        Hearing().write(db, False, stage.now() - timedelta(minutes=1))
        Hearing().write(db, False, stage.now())
    page = stage.client("binh").get(f"/announcements/{key}").get_data(as_text=True)
    assert "Máy chuyển tin không chạy từ 16:41. Xin báo người quản trị. Tin dưới đây là tin cũ" in page


def test_in_a_trial_a_file_needs_nobody_and_is_not_called_spoken(stage: Stage) -> None:
    key = stage.approved(villages=["dong"]).announcement_id
    stage.clock.step(50 * 60)
    stage.receipt(key, "thon-01", "played", sound="file", started_at=stage.now())
    client = stage.client("hanh")
    page = client.get("/").get_data(as_text=True)
    assert "Hôm nay chỉ ghi vào tệp, chưa loa nào nói." in page
    assert "Lượt phát cần người xem" not in page
    stage.settings.console.second_factor = True
    assert "Lượt phát cần người xem" in client.get("/").get_data(as_text=True)


def test_a_call_for_a_helper_names_the_procedure_it_came_from(stage: Stage) -> None:
    live_day(stage)
    with stage.database.session() as db:
        db.get_one(HelperCall, "c1").page = "/tt/1.001193/kiem-giay"
    assert "có người nhờ giúp ở màn hình, " in stage.client("giup").get("/").get_data(as_text=True)
    content.set_base(stage.settings.data_dir, msgspec.json.encode(shipped().bundle))
    page = stage.client("giup").get("/").get_data(as_text=True)
    assert f"có người nhờ giúp ở màn hình (“{shipped().procedures['1.001193'].title}”), " in page


def test_a_call_for_a_helper_is_taken(stage: Stage) -> None:
    live_day(stage)
    client = stage.client("giup")
    assert stage.post(client, "/helper-calls/c1/take", {}, page="/").status_code == 302
    with stage.database.reading() as db:
        assert db.get_one(HelperCall, "c1").taken_by == stage.people["giup"].id
    assert "có người nhờ giúp" not in client.get("/").get_data(as_text=True)


def test_compose_shows_what_will_be_spoken_without_any_script(stage: Stage) -> None:
    client = stage.client("hanh")
    page = stage.post(client, "/announcements/new", {**FORM, "act": "preview"}, page="/").get_data(
        as_text=True
    )
    assert ">mười chín giờ ba mươi" in page
    assert "2 thôn, 3 cụm loa" in page
    assert "Đủ rồi, gửi duyệt được" in page
    with stage.database.reading() as db:
        assert db.scalars(select(Revision)).all() == []


def test_compose_names_the_villages_that_nobody_would_hear_it_in(stage: Stage) -> None:
    client = stage.client("hanh")

    def preview(*villages: str) -> str:
        form = {**FORM, "villages": list(villages), "act": "preview"}
        return stage.post(client, "/announcements/new", form, page="/").get_data(as_text=True)

    some = preview("ben", "ha")
    assert "2 thôn, 2 cụm loa (chưa có loa: thôn Hạ)" in some
    assert "Đủ rồi, gửi duyệt được" in some
    none = preview("ha")
    assert "1 thôn, 0 cụm loa (chưa có loa: thôn Hạ)" in none
    assert "chọn thôn có loa" in none


def test_a_doubt_is_asked_and_its_answer_is_spoken(stage: Stage) -> None:
    client = stage.client("hanh")
    form = {**FORM, "text": "Thu quỹ XYZK 50.000đ/hộ.", "act": "preview"}
    page = stage.post(client, "/announcements/new", form, page="/").get_data(as_text=True)
    assert "“XYZK” đọc là gì?" in page
    assert "chọn cách đọc" in page
    form |= {"answer:XYZK": "\N{WHITE QUESTION MARK ORNAMENT}", "own:XYZK": "xây dựng"}
    page = stage.post(client, "/announcements/new", form, page="/").get_data(as_text=True)
    assert ">xây dựng</u>" in page
    assert "Đủ rồi, gửi duyệt được" in page


def test_a_draft_is_kept_and_sent(stage: Stage) -> None:
    client = stage.client("hanh")
    answer = stage.post(client, "/announcements/new", {**FORM, "act": "save"}, page="/")
    address = answer.headers["Location"]
    assert "Mời họp thôn" in client.get(address).get_data(as_text=True)
    answer = stage.post(client, address, {**FORM, "act": "submit"}, page="/", follow_redirects=True)
    assert "Đã gửi duyệt." in answer.get_data(as_text=True)
    with stage.database.reading() as db:
        revision = db.scalars(select(Revision)).one()
    assert (revision.state, revision.number, revision.repeat) == ("submitted", 1, 2)
    assert revision.starts[0]["at"] == "2026-11-22T10:30:00+00:00"


def test_what_keeps_it_from_being_sent_is_said_and_the_text_stays(stage: Stage) -> None:
    client = stage.client("hanh")
    answer = stage.post(client, "/announcements/new", {**FORM, "villages": [], "act": "submit"}, page="/")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 409
    assert "Xin chọn ít nhất một thôn" in page
    assert "Kính mời bà con" in page


@pytest.mark.parametrize(
    ("time", "sentence"),
    [
        ("22:30", "giờ yên tĩnh"),
        ("05:10", "giờ yên tĩnh"),
        ("", "chọn giờ"),
        ("25h", "Giờ “25h” không đọc được"),
    ],
)
def test_a_bad_time_is_said_in_words(stage: Stage, time: str, sentence: str) -> None:
    client = stage.client("hanh")
    form = {**FORM, "time": time, "act": "preview"}
    assert sentence in stage.post(client, "/announcements/new", form, page="/").get_data(as_text=True)


def test_a_clash_offers_three_free_times_that_work_as_buttons(stage: Stage) -> None:
    live_day(stage)
    client = stage.client("hanh")
    form = {**FORM, "day": "2026-11-21", "act": "preview"}
    page = stage.post(client, "/announcements/new", form, page="/").get_data(as_text=True)
    assert "17:30 ngày 21/11 trùng với “Cắt điện" in page
    assert page.count('name="slot"') == 3
    assert 'class="play clash"' in page
    del form["act"]
    page = stage.post(client, "/announcements/new", {**form, "slot": "2026-11-21T17:35"}, page="/").get_data(
        as_text=True
    )
    assert "Đủ rồi, gửi duyệt được" in page
    assert 'value="17:35"' in page


def test_an_empty_page_says_all_that_is_left_to_do(stage: Stage) -> None:
    page = stage.client("hanh").get("/announcements/new").get_data(as_text=True)
    assert "Còn 4 việc trước khi gửi: đặt tên, viết lời, chọn thôn, chọn giờ" in page


def test_preview_and_autosave_for_the_script(stage: Stage) -> None:
    client = stage.client("hanh")
    part = {"X-Part": "1"}
    shown = stage.post(client, "/announcements/preview", FORM, page="/", headers=part).get_json()
    assert shown["ready"] is True
    assert ">mười chín giờ ba mươi" in shown["html"]["spoken"]
    kept = stage.post(
        client, "/announcements/new", {**FORM, "act": "save"}, page="/", headers=part
    ).get_json()
    assert kept["said"] == "Bản nháp, tự cất lúc 16:42"
    assert client.get(kept["address"]).status_code == 200


def test_html_in_a_text_stays_text(stage: Stage) -> None:
    client = stage.client("hanh")
    form = {**FORM, "title": "<script>alert(1)</script>", "text": "<img src=x> 19h30 & hết", "act": "preview"}
    page = stage.post(client, "/announcements/new", form, page="/").get_data(as_text=True)
    assert "<script>alert" not in page
    assert "<img src=x" not in page


def test_editing_something_approved_makes_a_new_revision(stage: Stage) -> None:
    revision = stage.approved()
    client = stage.client("hanh")
    address = f"/announcements/{revision.announcement_id}/edit"
    page = client.get(address).get_data(as_text=True)
    assert "bản sửa mới, cần duyệt lại" in page
    assert "data-autosave" not in page
    stage.post(client, address, {**FORM, "act": "save"}, page="/")
    with stage.database.reading() as db:
        newest = newest_revision(db, revision.announcement_id)
        assert (newest.number, newest.state) == (2, "draft")
        assert db.get_one(Revision, revision.id).state == "approved"


def sign_as(stage: Stage, body: str, key: str = "k-binh") -> dict[str, str]:
    """The form an approver's browser sends."""
    made = sign(body, "announcement", key, stage.keys.private[key])
    return {"body": body, "key": key, "signature": base64.b64encode(made.value).decode(), "heard": "yes"}


def test_the_approver_signs_exactly_what_the_page_was_given(stage: Stage) -> None:
    revision = stage.submitted()
    client = stage.client("binh")
    address = f"/announcements/{revision.announcement_id}"
    body = client.get(f"{address}/envelope").get_data(as_text=True)
    envelope = json.loads(body)
    assert envelope["spoken"].startswith("Sáng Chủ nhật")
    sound = client.get(f"{address}/audio/{envelope['audio']['sha256']}")
    assert sound.data == f"sound of revision {revision.id}".encode()
    answer = stage.post(client, f"{address}/approve", sign_as(stage, body), page="/", follow_redirects=True)
    assert "Đã ký duyệt." in answer.get_data(as_text=True)
    with stage.database.reading() as db:
        row = db.get_one(Revision, revision.id)
        assert (row.state, row.envelope) == ("approved", body)
        assert {play.node for play in db.scalars(select(Play))} == {"thon-01", "thon-02", "thon-03"}
        heard = db.scalars(select(AuditRow).where(AuditRow.action == "announcement.heard")).one()
        assert heard.detail == {"heard": "yes"}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"signature": "AAAA"}, "không đọc được"),
        ({"key": "k-lanh"}, "không phải của khoá"),
        ({"body": "{}"}, "khuôn mẫu"),
    ],
)
def test_a_signature_that_is_none_is_refused_in_words(
    stage: Stage, change: dict[str, str], code: str
) -> None:
    revision = stage.submitted()
    client = stage.client("binh")
    address = f"/announcements/{revision.announcement_id}"
    body = client.get(f"{address}/envelope").get_data(as_text=True)
    answer = stage.post(client, f"{address}/approve", sign_as(stage, body) | change, page="/")
    assert answer.status_code == 409
    assert code in answer.get_data(as_text=True)
    with stage.database.reading() as db:
        assert db.get_one(Revision, revision.id).state == "submitted"


def _sign(stage: Stage, revision: Revision, **change: str) -> tuple[int, str]:
    client = stage.client("binh")
    address = f"/announcements/{revision.announcement_id}"
    body = client.get(f"{address}/envelope").get_data(as_text=True)
    answer = stage.post(client, f"{address}/approve", sign_as(stage, body) | change, page="/")
    return answer.status_code, answer.get_data(as_text=True)


def test_what_somebody_recorded_is_not_signed_unheard(stage: Stage) -> None:
    voice = Media(sha256="ab" * 32, size=9, type="audio/ogg", duration_ms=3000)
    revision = stage.submitted(tracks=[TEXT, Track("tyz", voice)])
    status, said = _sign(stage, revision, heard="skipped")
    assert (status, "xin nghe hết rồi mới ký" in said) == (409, True)
    assert 'id="khong-nghe"' not in said
    with stage.database.reading() as db:
        assert db.get_one(Revision, revision.id).state == "submitted"
        assert db.scalars(select(AuditRow).where(AuditRow.action == "announcement.heard")).all() == []
    said = _sign(stage, revision, heard="yes")[1]
    assert "xin nghe hết rồi mới ký" not in said
    assert "approved" in said


def test_the_words_alone_may_be_signed_unheard_and_that_is_noted(stage: Stage) -> None:
    assert _sign(stage, stage.submitted(), heard="skipped")[0] == 302
    with stage.database.reading() as db:
        heard = db.scalars(select(AuditRow).where(AuditRow.action == "announcement.heard")).one()
    assert heard.detail == {"heard": "skipped"}


def test_before_there_is_sound_there_is_nothing_to_sign(stage: Stage) -> None:
    revision = stage.submitted()
    with stage.database.session() as db:
        db.get_one(Revision, revision.id).audio = None
    answer = stage.client("binh").get(f"/announcements/{revision.announcement_id}/envelope")
    assert (answer.status_code, answer.headers["X-Code"]) == (409, "no-audio")


def test_an_approver_gives_it_back_with_a_word_why(stage: Stage) -> None:
    revision = stage.submitted()
    client = stage.client("binh")
    address = f"/announcements/{revision.announcement_id}"
    stage.post(client, f"{address}/return", {"note": "Ghi rõ địa điểm họp."}, page="/")
    assert "Ghi rõ địa điểm họp." in stage.client("hanh").get(address).get_data(as_text=True)
    assert "Được trả lại: Ghi rõ địa điểm họp." in stage.client("hanh").get("/").get_data(as_text=True)


def test_sound_of_an_announcement_takes_ranges_and_nothing_else_leaves_the_store(stage: Stage) -> None:
    revision = stage.submitted(sound=b"0123456789")
    number = stage.alarm()
    with stage.database.reading() as db:
        sha256 = (db.get_one(Revision, revision.id).audio or {})["sha256"]
        picture = db.get_one(Alert, number).snapshot
    client = stage.client("hanh")
    address = f"/announcements/{revision.announcement_id}/audio"
    answer = client.get(f"{address}/{sha256}", headers={"Range": "bytes=2-4"})
    assert (answer.status_code, answer.data) == (206, b"234")
    assert client.get(f"{address}/{picture}").status_code == 404
    assert client.get(f"{address}/../../etc/passwd").status_code == 404


def test_progress_says_each_stage_and_is_honest_about_what_was_not_measured(stage: Stage) -> None:
    names = live_day(stage)
    page = stage.client("binh").get(f"/announcements/{names['morning']}").get_data(as_text=True)
    assert "Phát lúc 06:00:01" in page
    assert "do micro" in page
    assert page.count("Chưa đo: thiết bị âm thanh đã nhận đủ tiếng") == 3
    page = stage.client("binh").get(f"/announcements/{names['power']}").get_data(as_text=True)
    assert "Mất nối từ 12:42. Có mạng trước 17:32 sẽ phát." in page


def test_a_play_nobody_heard_of_is_never_called_played(stage: Stage) -> None:
    revision = stage.approved(villages=["ben"])
    stage.clock.advance(2 * 3600)
    client = stage.client("binh")
    page = client.get(f"/announcements/{revision.announcement_id}").get_data(as_text=True)
    assert page.count("chưa xác nhận là đã phát") == 2


def test_stopping_one_playing_and_silencing_the_commune(stage: Stage) -> None:
    revision = stage.approved()
    with stage.database.reading() as db:
        occurrence = db.scalars(select(Occurrence.id)).one()
    client = stage.client("binh")
    answer = stage.post(client, f"/occurrences/{occurrence}/stop", {}, page="/", follow_redirects=True)
    assert "Đã ra lệnh dừng." in answer.get_data(as_text=True)
    with stage.database.reading() as db:
        assert db.get_one(Occurrence, occurrence).cancelled_at is not None
    answer = stage.post(client, "/silence", {}, page="/", follow_redirects=True)
    assert "tắt tiếng cả xã" in answer.get_data(as_text=True)
    assert revision.state == "approved"


def test_points_show_the_life_of_each_service(stage: Stage) -> None:
    live_day(stage)
    page = stage.client("quan").get("/speakers").get_data(as_text=True)
    assert "Một điểm cần người xem." in page
    assert page.index("Bến 2, đầu cầu") < page.index("Đông 1, nhà văn hoá")
    assert 'data-service="thon-03.speaker" data-state="lost"' in page


def test_an_alert_goes_through_the_officers_hands(stage: Stage) -> None:
    number = stage.alarm(clip=b"a clip")
    client = stage.client("khoa")
    page = client.get(f"/duty/{number}").get_data(as_text=True)
    assert "Chuyển động ở cửa kho lúa" in page
    assert 'x="580.0" y="340.0" width="140.0" height="390.0"' in page
    stage.post(client, f"/duty/{number}/take", {}, page="/overview")
    stage.post(
        client, f"/duty/{number}/escalate", {"whom": "Công an tỉnh", "note": "Xe lạ"}, page="/overview"
    )
    stage.post(client, f"/duty/{number}/close", {"why": "handled", "note": "Đã mời về"}, page="/overview")
    with stage.database.reading() as db:
        alert = db.get_one(Alert, number)
        assert (alert.state, alert.close_reason, alert.note) == ("closed", "handled", "Đã mời về")
        steps = db.scalars(select(AlertStep.what).where(AlertStep.alert_id == number)).all()
    assert list(steps) == ["seen", "in-hand", "escalated", "closed"]


def test_a_false_alarm_keeps_its_reason(stage: Stage) -> None:
    number = stage.alarm()
    client = stage.client("khoa")
    stage.post(client, f"/duty/{number}/close", {"why": "animal", "note": ""}, page="/overview")
    assert "Báo nhầm: chó, mèo, gia súc" in client.get("/duty/queue").get_data(as_text=True)


def test_each_opening_of_a_clip_is_recorded_and_seeking_is_not(stage: Stage) -> None:
    number = stage.alarm(clip=b"0123456789")
    client = stage.client("khoa")
    client.get(f"/duty/{number}/clip", headers={"Range": "bytes=0-"})
    assert client.get(f"/duty/{number}/clip", headers={"Range": "bytes=5-"}).data == b"56789"
    client.get(f"/duty/{number}/clip")
    with stage.database.reading() as db:
        viewed = db.scalars(select(AuditRow).where(AuditRow.action == "clip.viewed")).all()
    assert [row.actor for row in viewed] == ["khoa", "khoa"]


def test_no_range_shows_a_clip_without_a_record(stage: Stage) -> None:
    number = stage.alarm(clip=b"0123456789")
    client = stage.client("khoa")
    for asked, recorded in (("bytes=-10", 1), ("bytes=-99", 2), ("bytes=1-", 2), ("bytes=00-", 3)):
        client.get(f"/duty/{number}/clip", headers={"Range": asked})
        with stage.database.reading() as db:
            viewed = db.scalars(select(AuditRow).where(AuditRow.action == "clip.viewed")).all()
        assert len(viewed) == recorded, asked


def test_covered_and_lost_cameras_are_always_in_sight(stage: Stage) -> None:
    cover(stage)
    page = stage.client("khoa").get("/duty/cameras").get_data(as_text=True)
    assert "1 camera không nhìn được" in page
    assert "bị che 35" in page


@pytest.mark.parametrize("village", ["dong", "thôn Đông"])
def test_feedback_is_opened_taken_and_answered(stage: Stage, village: str) -> None:
    code, at = "4K7QM2XR8T", NOW
    words = {"code": code, "text": "Đèn đường tắt", "at": at.isoformat(), "topic": "light", "spot": "village"}
    public = (stage.keys.hub / "hub-seal.pub").read_bytes()
    sealed = seal(public, json.dumps({**words, "village": village}).encode())
    with stage.database.session() as db:
        db.add(Feedback(code=code, node="thon-01", at=at, received_at=at, sealed=sealed))
    client = stage.client("hanh")
    inbox = client.get("/feedback").get_data(as_text=True)
    assert "4K7 QM2 XR8T" in inbox
    assert "Đèn đường tắt" not in inbox
    page = client.get(f"/feedback/{code}").get_data(as_text=True)
    assert "Đèn đường tắt" in page
    assert ">Thôn Đông<" in page
    stage.post(client, f"/feedback/{code}/answer", {"answer": "Mai thợ đến sửa."}, page="/")
    with stage.database.reading() as db:
        assert db.get_one(Feedback, code).state == "answered"
        actions = db.scalars(select(AuditRow.action).where(AuditRow.subject == code)).all()
    assert "feedback.read" in actions


def test_overview_counts_only_what_is_in_the_records(stage: Stage) -> None:
    page = stage.client("lanh").get("/overview").get_data(as_text=True)
    assert "Chưa có lượt phát nào" in page
    assert "Chưa có bo mạch nào gửi số đo." in page
    live_day(stage)
    measure(stage)
    page = stage.client("lanh").get("/overview").get_data(as_text=True)
    assert "Hai thôn yên. Một thôn cần người." in page
    assert "4<small> / 4</small>" in page
    assert "1<small> / 4</small>" in page
    assert "Sông Vân ở trạm bơm thôn Bến" in page
    assert "Báo động III" in page


def test_cameras_are_added_changed_and_removed(stage: Stage) -> None:
    client = stage.client("quan")
    assert "bí-mật" not in client.get("/cameras").get_data(as_text=True).replace('value="rtsp://u:bí-mật', "")
    form = {"node": "thon-01", "name": "Cửa kho lúa", "source": "rtsp://10.0.0.8/1", "sensitivity": "0.7"}
    stage.post(client, "/cameras", form, page="/cameras")
    with stage.database.reading() as db:
        added = db.get_one(Camera, ("thon-01", "cua-kho-lua"))
    assert (added.village, added.sensitivity) == ("dong", 0.7)
    answer = stage.post(client, "/cameras", {**form, "source": "rm -rf"}, page="/cameras")
    assert "Nguồn hình phải là" in answer.get_data(as_text=True)
    stage.post(client, "/cameras/thon-01/cua-kho-lua", {"act": "remove"}, page="/cameras")
    with stage.database.reading() as db:
        assert db.get_one(Camera, ("thon-01", "cua-kho-lua")).retired_at is not None


def test_unknown_things_are_a_sentence_not_a_trace(stage: Stage) -> None:
    client = stage.client("hanh")
    for path in ("/announcements/none", "/announcements/none/edit", "/nothing", "/feedback/none"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert "<h1" in answer.get_data(as_text=True)
    assert stage.client("khoa").get("/duty/99").status_code == 404


def test_tomorrow_is_shown(stage: Stage) -> None:
    stage.approved(starts=[NOW + timedelta(days=1)])
    page = stage.client("hanh").get("/tomorrow").get_data(as_text=True)
    assert "Mai có 1 lượt phát." in page


def test_an_approver_without_a_believed_key_is_led_to_the_page_of_keys(stage: Stage) -> None:
    with stage.database.session() as db:
        create_account(
            db, username="moi", full_name="Bùi Thị Mới", password=PASSWORD, roles=["approver"], now=NOW
        )
    page = stage.client("moi").get("/").get_data(as_text=True)
    assert "Anh/chị chưa có khoá ký" in page
    assert "Anh/chị chưa có khoá ký" not in stage.client("hanh").get("/").get_data(as_text=True)


def test_a_commune_without_loudspeakers_does_not_say_that_all_are_well(stage: Stage) -> None:
    with stage.database.session() as db:
        for node in db.scalars(select(NodeRecord)):
            node.retired_at = NOW
    page = stage.client("hanh").get("/").get_data(as_text=True)
    assert "Mọi cụm loa đều ổn" not in page
    assert "Xã chưa có cụm loa nào." in page
