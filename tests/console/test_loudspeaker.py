"""The page of one loudspeaker: how it stands, setting it, test chimes, its amplifier, its receipts, who may what."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from broker.hub.console.evidence import say_test
from broker.hub.records import (
    AmplifierSeen,
    AmplifierTrouble,
    LocalUseSeen,
    ReceiptBook,
    ServiceSeen,
    SpeakerSeen,
    SpeakerTest,
    SpeakerTuning,
)
from tests.console.proven import a_known_loudspeaker, a_test
from tests.console.stage import Stage

FORM = {
    "routine": "60",
    "priority": "80",
    "emergency": "100",
    "offset": "0,6",
    "day": "2",
    "clock": "9h30",
}
HERE = "/speakers/thon-01"


def words(stage: Stage, who: str = "binh", path: str = HERE) -> str:
    return stage.client(who).get(path).get_data(as_text=True)


def test_everything_that_is_known_of_a_loudspeaker_is_in_plain_words(stage: Stage) -> None:
    a_known_loudspeaker(stage)
    page = words(stage)
    for said in (
        "Đông 1, nhà văn hoá",
        "Sẵn sàng.",
        "USB Audio",
        "Nghe thấy bằng micro",
        "khớp với tiếng đã phát 71 %",
        "Không rõ: micro có nghe",
        "Tăng âm có dòng điện trong lúc kêu",
        "ngắt quãng 2 lần",
        "Không thử: người ở thôn đang nói vào micro",
        "Loa phát mà tăng âm không có dòng điện",
        "Nói vào micro ở thôn",
        "Gạt khoá im lặng",
        "1 giờ 35 phút".replace(" ", "\N{NO-BREAK SPACE}", 1).replace(" phút", "\N{NO-BREAK SPACE}phút"),
        "Liền mạch 1.284 tin báo",
    ):
        assert said in page, said
    assert "chưa ai đặt" not in page


def test_a_test_that_was_cut_off_says_how_long_it_sounded(stage: Stage) -> None:
    row = SpeakerTest(test="t", node="thon-01", at=stage.now(), is_weekly=False, sound="card", volume=60)
    row.frames, row.reason, row.underruns, row.proof, row.proof_level = 80_000, "silenced", 0, "", 0
    assert say_test(row, "", stage.now()).said == "Bị dừng sau 5\N{NO-BREAK SPACE}giây: xã ra lệnh im tiếng."
    row.frames = 0
    assert say_test(row, "", stage.now()).said.startswith("Không thử: ")


def test_a_loudspeaker_nobody_knows_anything_of_says_so(stage: Stage) -> None:
    with stage.database.session() as db:
        db.delete(db.get_one(ServiceSeen, "thon-02.speaker"))
        db.delete(db.get_one(SpeakerSeen, "thon-02"))
    page = words(stage, path="/speakers/thon-02")
    for said in (
        "Chưa nối về trung tâm lần nào.",
        "Chưa thử lần nào.",
        "Chưa có tin báo nào.",
        "chưa ai đặt",
    ):
        assert said in page
    assert stage.client("binh").get("/speakers/nha-khac").status_code == 404


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("sound", "file", "Không có loa"),
        ("output", "", "Chưa mở được thiết bị âm thanh"),
        ("silenced", "here", "Khoá im lặng ở điểm đang bật."),
        ("silenced", "commune", "Im theo lệnh của xã."),
        ("doing", "testing", "Đang kêu thử."),
    ],
)
def test_how_it_stands_is_said_first(stage: Stage, field: str, value: str, said: str) -> None:
    with stage.database.session() as db:
        seen = db.get_one(SpeakerSeen, "thon-01")
        seen.sound = "none" if field == "output" else "card"
        setattr(seen, field, value)
    assert said in words(stage)
    assert said in words(stage, path="/speakers")


def test_an_alarm_of_an_amplifier_stands_on_every_page_that_counts_loudspeakers_until_it_ends(
    stage: Stage,
) -> None:
    said = "có dòng điện mà loa không phát"
    with stage.database.session() as db:
        at = stage.now()
        db.add(
            AmplifierTrouble(
                node="thon-01", alarm="a", what="unexplained-current", started_at=at, received_at=at
            )
        )
    for path in (HERE, "/speakers", "/"):
        assert said in words(stage, path=path), path
    assert "3 trên 4 cụm loa sẵn sàng." in words(stage, path="/")
    assert "Một điểm cần người xem." in words(stage, path="/speakers")
    with stage.database.session() as db:
        db.get_one(AmplifierTrouble, ("thon-01", "a")).ended_at = stage.now()
    assert said not in words(stage, path="/")


def test_somebody_at_the_microphone_is_seen(stage: Stage) -> None:
    with stage.database.session() as db:
        at = stage.now()
        db.get_one(SpeakerSeen, "thon-01").sound = "card"
        row = AmplifierSeen(node="thon-01", relay="on", current="flowing", current_a=1.24, at=at, seen_at=at)
        row.microphone = True
        db.add(row)
        db.add(LocalUseSeen(node="thon-01", use="u", what="microphone", started_at=at))
    page = words(stage)
    assert "Người ở thôn đang nói vào micro." in page
    assert "có, 1,2 A" in page
    assert "chưa hết" in page
    with stage.database.session() as db:
        db.get_one(ServiceSeen, "thon-01.board").state = "lost"
    assert "Người ở thôn đang nói vào micro." not in words(stage), "nobody knows any more"


def test_setting_a_loudspeaker_is_kept_and_shown(stage: Stage) -> None:
    client = stage.client("quan")
    answer = stage.post(client, f"{HERE}/tuning", FORM, page=HERE, follow_redirects=True)
    page = answer.get_data(as_text=True)
    assert "Đã đặt xong." in page
    with stage.database.reading() as db:
        row = db.get_one(SpeakerTuning, "thon-01")
        kept = (row.routine_percent, row.priority_percent, row.emergency_percent, row.offset_ms)
        assert kept == (60, 80, 100, 600)
        assert (row.test_weekday, row.test_at) == (2, "09:30")
    assert 'value="0,6"' in page
    assert '<option value="2" selected>' in page
    log = words(stage, "soat", "/audit")
    assert "đặt lại loa của Đông 1, nhà văn hoá: tin thông thường 60 %, tin ưu tiên 80 %" in log
    assert "tự thử Thứ Tư lúc 09:30" in log


def test_no_weekly_test_is_a_choice_whatever_stands_in_the_time(stage: Stage) -> None:
    form = {**FORM, "day": "", "clock": "gì đó"}
    assert stage.post(stage.client("quan"), f"{HERE}/tuning", form, page=HERE).status_code == 302
    with stage.database.reading() as db:
        assert db.get_one(SpeakerTuning, "thon-01").test_weekday is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"routine": "101"}, "Âm lượng tin thông thường là số từ 0 đến 100."),
        ({"priority": "-1"}, "Âm lượng tin ưu tiên"),
        ({"emergency": "49"}, "Âm lượng tin khẩn cấp là số từ 50 đến 100"),
        ({"routine": "to"}, "Âm lượng tin thông thường"),
        ({"routine": ""}, "Âm lượng tin thông thường"),
        ({"offset": "11"}, "Số giây phát chậm là số từ 0 đến 10"),
        ({"offset": "1e3"}, "Số giây phát chậm"),
        ({"offset": "-1"}, "Số giây phát chậm"),
        ({"day": "7"}, "Xin chọn ngày thử"),
        ({"clock": "25:00"}, "Xin ghi giờ thử như 09:00."),
        ({"clock": "chín giờ"}, "Xin ghi giờ thử như 09:00."),
        ({"clock": "22:00"}, "22:00 nằm trong giờ yên tĩnh"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_in_words_and_what_was_typed_stays(
    stage: Stage, change: dict[str, str], said: str
) -> None:
    form: dict[str, object] = {**FORM, **change}
    answer = stage.post(stage.client("binh"), f"{HERE}/tuning", form, page=HERE)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 409
    assert said in page
    assert all(f'value="{value}"' in page for name, value in form.items() if name in ("priority", "clock"))
    with stage.database.reading() as db:
        assert db.get(SpeakerTuning, "thon-01") is None


def test_a_test_chime_is_asked_for_waited_for_and_told(stage: Stage) -> None:
    client = stage.client("binh")
    page = stage.post(client, f"{HERE}/test", {}, page=HERE, follow_redirects=True).get_data(as_text=True)
    assert "Đã bảo loa kêu thử." in page
    assert "Đang thử, chờ loa báo về" in page
    assert "Phạm Văn Bình cho kêu thử." in page
    with stage.database.session() as db:
        row = db.scalars(select(SpeakerTest)).one()
        row.at, row.sound, row.proof, row.proof_level, row.volume = stage.now(), "card", "consumed", 1, 100
    assert "Máy đã phát đủ, chưa đo ngoài loa" in words(stage)
    assert "cho loa của Đông 1, nhà văn hoá kêu thử" in words(stage, "soat", "/audit")


def test_a_test_nobody_answers_is_told(stage: Stage) -> None:
    stage.post(stage.client("binh"), f"{HERE}/test", {}, page=HERE)
    stage.clock.advance(200)
    assert "Loa không báo về" in words(stage)


def test_a_test_in_a_house_without_a_loudspeaker_is_no_proof(stage: Stage) -> None:
    with stage.database.session() as db:
        db.add(a_test("t", stage.now(), sound="file", proof_level=0))
    page = words(stage)
    assert "Ghi vào tệp, điểm không có loa" in page
    assert "Chưa ai nghe thấy." in page


def test_no_test_in_the_hours_of_silence(stage: Stage) -> None:
    stage.clock.advance(5 * 3600)
    client = stage.client("binh")
    answer = stage.post(client, f"{HERE}/test", {}, page=HERE)
    assert answer.status_code == 409
    assert "Đang trong giờ yên tĩnh, từ 21:00 đến 06:00; loa không kêu thử." in answer.get_data(as_text=True)
    with stage.database.reading() as db:
        assert db.scalars(select(SpeakerTest)).all() == []


def test_who_may_not_set_a_loudspeaker_sees_how_it_is_set(stage: Stage) -> None:
    for who in ("hanh", "thon", "lanh", "soat"):
        page = words(stage, who)
        assert "Người duyệt hoặc người quản trị mới đặt được loa." in page
        assert "<fieldset disabled>" in page
        assert "Kêu thử" not in page
    assert stage.client("khoa").get(HERE).status_code == 403


def test_a_chain_of_receipts_that_broke_says_where(stage: Stage) -> None:
    a_known_loudspeaker(stage)
    with stage.database.session() as db:
        book = db.get_one(ReceiptBook, ("thon-01", "ab" * 16))
        book.broken_number, book.broken_at = 1017, stage.now() - timedelta(hours=2)
    page = words(stage)
    assert "Đứt ở tin số 1.017 lúc 14:42." in page
    assert "Có tin bị mất hoặc không còn đúng như lúc ghi." in page


def test_a_chain_that_broke_in_an_older_book_is_not_forgotten(stage: Stage) -> None:
    with stage.database.session() as db:
        at = stage.now()
        for n, (book, broken) in enumerate((("aa" * 16, 7), ("bb" * 16, None))):
            moment = at - timedelta(days=9 - n)
            db.add(
                ReceiptBook(
                    node="thon-01", book=book, number=40, digest="", broken_number=broken, broken_at=moment,
                    began_at=moment, said_at=moment,
                )
            )  # fmt: skip
    assert "Đứt ở tin số 7 của sổ trước" in words(stage)


def test_a_new_book_of_receipts_is_told(stage: Stage) -> None:
    with stage.database.session() as db:
        at = stage.now()
        for n, book in enumerate(("aa" * 16, "bb" * 16)):
            moment = at - timedelta(hours=9 - n)
            db.add(
                ReceiptBook(node="thon-01", book=book, number=4, digest="", began_at=moment, said_at=moment)
            )
    page = words(stage)
    assert "Liền mạch 4 tin báo, từ 08:42." in page
    assert "Loa đã mở sổ mới" in page


def test_a_board_that_runs_without_an_amplifier_is_not_called_missing(stage: Stage) -> None:
    assert "bo mạch đang chạy nhưng không nối với tăng âm, không đo được" in words(stage)
    with stage.database.session() as db:
        db.delete(db.get_one(ServiceSeen, "thon-01.board"))
    assert "chưa nối bo mạch, không đo được" in words(stage)
