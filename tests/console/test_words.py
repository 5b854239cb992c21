"""Từ của xã: added, changed, taken away and carried over; refused with the reason; tried before they count."""

from __future__ import annotations

import io
import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from broker.hub import settled, words
from broker.hub.announcing import workflow
from broker.hub.announcing.workflow import Draft
from broker.hub.declined import Declined
from broker.hub.records import AuditRow, put_setting
from broker.hub.word_file import file_of, words_of_file
from broker.speech.lexicon import load
from broker.speech.normalise import normalise
from broker.speech.sound import decode
from tests.console.stage import NOW, Stage
from tests.hub.town import LEXICON

NVH = {"written": "NVHTX", "said": "nhà văn hoá thôn xóm"}


def shown(client: FlaskClient, path: str = "/words") -> str:
    return client.get(path).get_data(as_text=True)


def own(stage: Stage) -> dict[str, str]:
    with stage.database.reading() as db:
        return words.own_words(db)


def deeds(stage: Stage) -> list[tuple[str, str, str]]:
    with stage.database.reading() as db:
        rows = db.scalars(select(AuditRow).where(AuditRow.action.startswith("word.")).order_by(AuditRow.id))
        return [(row.actor, row.action, row.subject) for row in rows]


def put(stage: Stage, written: str, said: str, by: str = "hanh") -> None:
    with stage.database.session() as db:
        words.put_word(db, written, said, by, stage.now())


def test_a_word_that_is_added_is_said_that_way_from_then_on(stage: Stage) -> None:
    client = stage.client("hanh")
    assert "Chưa có từ nào" in shown(client)
    answer = stage.post(client, "/words", dict(NVH), page="/words", follow_redirects=True)
    page = answer.get_data(as_text=True)
    assert "Từ nay “NVHTX” đọc là “nhà văn hoá thôn xóm”." in page
    assert "Lê Thị Hạnh, 16:42" in page
    form = {"text": "Họp tại NVHTX.", "act": "preview"}
    page = stage.post(client, "/announcements/new", form, page="/").get_data(as_text=True)
    assert ">nhà văn hoá thôn xóm</u>" in page
    assert deeds(stage) == [("hanh", "word.added", "NVHTX")]


def test_a_word_is_changed_removed_and_taken_back(stage: Stage) -> None:
    client = stage.client("binh")
    put(stage, **NVH)
    page = shown(client, "/words?word=NVHTX")
    assert "Sửa cách đọc" in page
    assert 'value="nhà văn hoá thôn xóm"' in page
    stage.post(client, "/words", {**NVH, "said": "nhà văn hoá"}, page="/words")
    assert own(stage) == {"NVHTX": "nhà văn hoá"}
    answer = stage.post(client, "/words/remove", {"written": "NVHTX"}, page="/words", follow_redirects=True)
    page = answer.get_data(as_text=True)
    assert own(stage) == {}
    assert "Lấy lại" in page
    kept = dict(re.findall(r'name="(written|said)" value="([^"]+)"', page))
    stage.post(client, "/words", dict(kept), page="/words")
    assert own(stage) == {"NVHTX": "nhà văn hoá"}
    assert [action for _, action, _ in deeds(stage)] == [
        "word.added",
        "word.changed",
        "word.removed",
        "word.added",
    ]


def test_the_same_word_again_changes_nothing_and_writes_nothing(stage: Stage) -> None:
    put(stage, **NVH)
    put(stage, **NVH)
    assert len(deeds(stage)) == 1


@pytest.mark.parametrize(
    ("written", "said", "code"),
    [
        ("NVH", "nhà văn hoá 3", "digits"),
        ("NVH", "nhà văn hoá ³", "signs"),
        ("NVH", "nhà/văn hoá", "signs"),
        ("NVH", "UBND xã", "shortened"),
        ("NVH", " , - ", "empty-said"),
        ("NVH", "nhà " * 40, "long-said"),
        ("", "nhà", "empty-word"),
        ("N" * 41, "nhà", "long-word"),
        ("NVH\u202e", "nhà", "unseen"),
        ("nhà văn hoá", "nhà", "many-words"),
        ("15", "mười lăm", "not-a-word"),
        ("/", "hoặc", "not-a-word"),
    ],
)
def test_what_could_not_be_said_is_refused_with_the_reason(written: str, said: str, code: str) -> None:
    with pytest.raises(Declined) as why:
        words.checked(written, said)
    assert why.value.code == code


FIXED = (
    "không KHÔNG Không kho\u0302ng có cấm Đừng chớ ba BA mười mươi nghìn tỉ sáng CHIỀU giờ ngày tháng năm huỷ hủy "
    "hoãn không-được (không) phải"
)


def test_numbers_times_and_negations_are_not_the_communes_to_change() -> None:
    for written in FIXED.split():
        with pytest.raises(Declined, match="nghe sai bản tin") as why:
            words.checked(written, "được")
        assert why.value.code == "fixed-word"


@pytest.mark.parametrize("written", ["NVH", "Ba-na", "KBang", "ban", "HTX-ĐX"])
def test_other_words_are_the_communes_to_say(written: str) -> None:
    assert words.checked(written, "nhà")[0] == written


def test_a_refused_word_is_told_on_the_page_and_not_kept(stage: Stage) -> None:
    client = stage.client("hanh")
    for written, said, told in (("NVH", "UBND xã", "ủy ban nhân dân"), ("nhà văn hoá", "nhà", "một từ liền")):
        answer = stage.post(client, "/words", {"written": written, "said": said}, page="/words")
        assert answer.status_code == 409
        assert told in answer.get_data(as_text=True)
    assert own(stage) == {}


def test_a_digit_is_told_in_words() -> None:
    with pytest.raises(Declined, match="“3”; xin viết thành chữ: “ba”"):
        words.checked("NVH", "nhà văn hoá 3")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Pleiku", "plây cu"),
        ("K9", "ca chín"),
        ("HTX-ĐX", "hợp tác xã Đồng Xuân"),
        ("PCTT&TKCN", "phòng chống"),
    ],
)
def test_a_word_that_is_taken_comes_to_be_said(written: str, said: str) -> None:
    kept = words.checked(written, said)
    spoken = normalise(f"Mời {written} họp. {written}: mời họp.", load().with_words(dict([kept])))
    assert spoken.text == f"Mời {said} họp. {said}: mời họp."
    assert spoken.doubts == ()


@pytest.mark.parametrize(
    ("written", "said", "told"),
    [
        ("UBND", "ủy ban xã", "Máy vốn đọc “UBND” là “ủy ban nhân dân”"),
        ("UBND", "ủy ban nhân dân", "không cần ghi thêm"),
        ("UBND", "uỷ ban nhân dân", "không cần ghi thêm"),
        ("CT", "chủ tịch", "tự chọn cách đọc “CT” theo câu"),
        ("ban", "bàn", "tiếng thường dùng"),
        ("NVHTX", "nhà văn hoá thôn xóm", ""),
    ],
)
def test_a_word_that_changes_more_than_it_seems_is_warned_of(written: str, said: str, told: str) -> None:
    warning = words.warning_of(written, said)
    assert told in warning
    assert bool(told) == bool(warning)


def test_a_word_is_tried_in_a_sentence_of_the_commune_before_it_counts(stage: Stage) -> None:
    stage.draft(text="Trời đẹp. Mời bà con tới NVHTX lúc 8h. Hết.")
    form: dict[str, object] = dict(NVH)
    part = stage.post(stage.client("hanh"), "/words/trial", form, page="/words").get_data(as_text=True)
    text = re.sub(r"<[^>]+>", "", part)
    assert "Mời bà con tới NVHTX lúc 8h." in text
    assert "Mời bà con tới nhà văn hoá thôn xóm lúc tám giờ." in text
    assert "en vê hát tê ích" in text  # as it is said now, letter by letter
    assert own(stage) == {}


def test_who_only_listens_hears_no_sentence_of_a_draft(stage: Stage) -> None:
    stage.draft(
        text="Chuyện riêng của thôn Bến ở NVHTX, dài hơn câu ví dụ của máy rất nhiều, nhiều lần, kể mãi."
    )
    put(stage, **NVH)

    def length_s(name: str) -> float:
        part = {"X-Part": "1"}
        answer = stage.post(stage.client(name), "/words/hear", dict(NVH), page="/words", headers=part)
        address = re.search(r'src="([^"]+)"', answer.get_data(as_text=True))
        assert address is not None
        return decode(stage.client("quan").get(address[1]).data).duration_ms / 1000

    assert length_s("thon") < length_s("hanh")


def test_a_word_is_tried_without_any_script(stage: Stage) -> None:
    form: dict[str, object] = {**NVH, "act": "try"}
    page = stage.post(stage.client("hanh"), "/words", form, page="/words").get_data(as_text=True)
    assert "nhà văn hoá thôn xóm</u> để được hướng dẫn" in page
    assert own(stage) == {}


@pytest.mark.parametrize("name", ["thon", "lanh", "quan", "soat"])
def test_others_read_the_table_and_change_nothing(stage: Stage, name: str) -> None:
    put(stage, **NVH)
    page = shown(stage.client(name))
    assert "NVHTX" in page
    forms = set(re.findall(r'<form[^>]*action="([^"]*)"', page))
    assert forms <= {"/sign-out", "/words/hear"}


# -- what officials keep choosing


def settle(stage: Stage, count: int, said: str = "xây dựng") -> None:
    for number in range(count):
        stage.submitted(
            title=f"Quỹ {said} {number}",
            text="Thu quỹ XQZK, mời nộp.",
            answers={"XQZK": said},
            starts=[NOW + timedelta(days=len(said) + number)],
        )


def test_a_doubt_settled_alike_in_three_announcements_is_offered(stage: Stage) -> None:
    settle(stage, 2)
    client = stage.client("hanh")
    assert "Hay được chọn" not in shown(client)
    stage.submitted(
        title="Quỹ", text="Quỹ XQZK.", answers={"XQZK": "xây dựng"}, starts=[NOW + timedelta(days=20)]
    )
    page = shown(client)
    assert "Hay được chọn" in page
    assert "3 bản tin đều chọn vậy" in page
    stage.post(client, "/words", {"written": "XQZK", "said": "xây dựng"}, page="/words")
    assert "Hay được chọn" not in shown(client)


def test_a_doubt_that_was_ever_settled_otherwise_is_not_offered(stage: Stage) -> None:
    settle(stage, 3)
    settle(stage, 1, "xổ số")
    with stage.database.reading() as db:
        assert settled.settled_often(db, {}) == []


def test_revisions_of_one_announcement_count_once(stage: Stage) -> None:
    first = stage.submitted(text="Quỹ XQZK.", answers={"XQZK": "xây dựng"})
    for hours in (1, 2, 3):
        draft = Draft(
            "Quỹ",
            "Quỹ XQZK.",
            villages=["dong"],
            starts=[NOW + timedelta(hours=hours)],
            answers={"XQZK": "xây dựng"},
        )
        with stage.database.session() as db:
            hanh = stage.people["hanh"]
            again = workflow.save_draft(db, hanh, draft, NOW, first.announcement_id)
            workflow.submit(db, hanh, again.id, LEXICON, NOW)
    with stage.database.reading() as db:
        assert settled.settled_often(db, {}) == []


def test_what_was_sent_for_approval_keeps_its_words_and_the_page_says_so(stage: Stage) -> None:
    revision = stage.submitted(title="Họp ở nhà văn hoá", text="Họp tại TTVH.")
    client = stage.client("hanh")
    assert "vẫn đọc như lúc gửi" not in shown(client)
    put(stage, "TTVH", "nhà đỏ")
    page = shown(client)
    assert "vẫn đọc như lúc gửi" in page
    assert f'href="/announcements/{revision.announcement_id}">Họp ở nhà văn hoá</a>' in page


# -- a file


def send(stage: Stage, data: bytes, name: str = "hanh") -> tuple[int, str]:
    form: dict[str, object] = {"file": (io.BytesIO(data), "tu.toml")}
    answer = stage.post(
        stage.client(name), "/words/file", form, page="/words", content_type="multipart/form-data"
    )
    return answer.status_code, answer.get_data(as_text=True)


def test_the_table_goes_to_another_machine_as_a_file_and_comes_back(stage: Stage) -> None:
    put(stage, "Đak-Pơ", "đắc pơ")
    put(stage, **NVH)
    answer = stage.client("soat").get("/words/file")
    assert "attachment" in answer.headers["Content-Disposition"]
    data = answer.get_data()
    before = own(stage)
    with stage.database.session() as db:
        put_setting(db, words.SETTING, {}, stage.now())
    code, page = send(stage, data)
    assert code == 200
    assert "thêm 2 từ, đổi 0 từ, 0 từ đã có" in page
    assert own(stage) == before


def test_a_file_is_read_by_the_reader_too(stage: Stage, tmp_path) -> None:  # type: ignore[no-untyped-def]
    put(stage, **NVH)
    path = tmp_path / "tu.toml"
    path.write_bytes(stage.client("hanh").get("/words/file").get_data())
    assert normalise("NVHTX", load(path)).text == "nhà văn hoá thôn xóm"


def test_words_of_a_file_that_cannot_be_said_are_told_and_the_others_taken(stage: Stage) -> None:
    put(stage, "NVHTX", "nhà")
    put(stage, "TTVHX", "trung tâm")
    code, page = send(
        stage,
        '[words]\n"NVHTX" = "nhà văn hoá"\nTTVHX = "trung tâm"\nABCX = "a 1"\n"C" = 4\nQZX = "quỹ"\n'.encode(),
    )
    assert code == 200
    assert "thêm 1 từ, đổi 1 từ, 1 từ đã có" in page
    assert "Để lại 2 từ" in page
    assert "<b>ABCX</b> Cách đọc có chữ số “1”" in page
    assert own(stage) == {"NVHTX": "nhà văn hoá", "TTVHX": "trung tâm", "QZX": "quỹ"}


def test_a_file_tells_which_of_the_words_known_before_are_read_otherwise_now(stage: Stage) -> None:
    file = '[words]\nUBND = "ủy ban xã"\nHTX = "hợp tác xã"\nban = "bàn"\nQZX = "quỹ"\n"không" = "được"\n'
    code, page = send(stage, file.encode())
    assert code == 200
    assert "2 từ trong tệp thay cách đọc có sẵn" in page
    assert "<b>UBND</b> Máy vốn đọc “UBND” là “ủy ban nhân dân”" in page
    assert "<b>ban</b> “ban” là tiếng thường dùng" in page
    assert "Để lại 1 từ" in page
    assert "không" not in own(stage)
    assert "thay cách đọc có sẵn, xin xem lại" not in send(stage, file.encode())[1]  # nothing changes again


def test_the_largest_usual_table_comes_back_from_its_file() -> None:
    table = {f"NVHX{number}": "nhà văn hoá thôn xóm" for number in range(words.MOST_WORDS)}
    assert words_of_file(file_of(table, "Từ của xã").encode()) == table
    assert words_of_file(file_of({'A"\\B = [': "xã"}, "Từ").replace("\n", "\r\n").encode()) == {
        'A"\\B = [': "xã"
    }


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "không có từ nào"),
        (b'[words]\n"a" = "b"\nNVH = nha\n', "ở dòng 3"),
        (b"\xff\xfe", "không phải tệp chữ UTF-8"),
        (b"words = 3", "không có từ nào"),
        (b"[other]\na = 1", "không có từ nào"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_the_reason(stage: Stage, data: bytes, told: str) -> None:
    code, page = send(stage, data)
    assert code == 409
    assert told in page
    assert own(stage) == {}


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"words=" + b"[" * 300, "ở dòng 1"),
        (b"[words]\na = " + b"9" * 5000, "ở dòng 2"),
        (b"words." + b".".join([b"a"] * 20000) + b"=1", "ở dòng 1"),
        (b"words.a = 1", "ở dòng 1"),
        (b"[words]\n[words.a]", "ở dòng 2"),
        (b"words = {a = 1}", "ở dòng 1"),
        (b'[words]\na = "' + b"x" * 400 + b'"', "ở dòng 2"),
        (b"[words]\na = 2026-99-99", "viết sai"),
        (b"#" * 70_000, "Tệp lớn quá 64 kB"),
    ],
)
def test_what_would_keep_a_parser_busy_is_refused_before(data: bytes, told: str) -> None:
    with pytest.raises(Declined, match=told):
        words_of_file(data)


def test_a_table_has_an_end(stage: Stage) -> None:
    full = {f"W{number}": "x" for number in range(words.MOST_WORDS)}
    with stage.database.session() as db:
        put_setting(db, words.SETTING, full, stage.now())
        with pytest.raises(Declined, match="1000 từ"):
            words.put_word(db, "NVHTX", "nhà", "hanh", stage.now())
        words.put_word(db, "W1", "ích", "hanh", stage.now())
    assert send(stage, '[words]\nW1 = "ích"\nNVHTX = "nhà"\n'.encode())[0] == 409
    assert len(own(stage)) == words.MOST_WORDS


def test_a_long_table_can_be_searched(stage: Stage) -> None:
    with stage.database.session() as db:
        put_setting(db, words.SETTING, {f"AB{chr(65 + n)}": "xã" for n in range(20)}, stage.now())
    client = stage.client("hanh")
    assert 'type="search"' in shown(client)
    page = shown(client, "/words?q=abc")
    assert page.count("data-word") == 1
    assert "Không có từ nào khớp" in shown(client, "/words?q=zzz")


def test_a_very_long_table_is_turned_page_by_page(stage: Stage) -> None:
    full = {f"W{number:03}": "xã" for number in range(150)}
    with stage.database.session() as db:
        put_setting(db, words.SETTING, full, stage.now())
    client = stage.client("hanh")
    page = shown(client)
    assert page.count("data-word") == 60
    assert "Trang 1 trên 3" in page
    assert 'href="/words?trang=2"' in page
    assert shown(client, "/words?trang=3").count("data-word") == 30
    assert "W149" in shown(client, "/words?trang=9999")
    assert 'href="/words?q=w0&amp;trang=2"' in shown(client, "/words?q=w0")


def test_words_stand_where_people_look_for_them() -> None:
    found = {"UBX": "", "ĐB": "", "DB": "", "EA": "", "Âu": "", "AB": ""}
    assert [written for written, _ in words.in_order(found)] == ["AB", "Âu", "DB", "ĐB", "EA", "UBX"]
