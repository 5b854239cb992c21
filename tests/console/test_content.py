"""Nội dung màn hình at the console: list, one procedure, the form, approval, words asked in vain, the QR board."""

from __future__ import annotations

import re
from datetime import date, timedelta
from html import unescape
from typing import Any

import msgspec
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from broker.hub import content
from broker.hub.console.content_form import filled_from, procedure_from
from broker.hub.records import ContentRevision, SearchWord
from kiosk.content import shipped
from tests.console.stage import Stage

BASE = shipped().bundle
CODE = "1.000656"
ONE = next(each for each in BASE.procedures if each.code == CODE)
NAMED = BASE.named[0]
TITLE = "Báo nhà có người mất"


@pytest.fixture
def house(stage: Stage) -> Stage:
    content.set_base(stage.settings.data_dir, msgspec.json.encode(BASE))
    return stage


def text(client: FlaskClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return unescape(answer.get_data(as_text=True))


def form_of(page: str) -> MultiDict[str, str]:
    """What a browser would send of the edit form: every field as it stands."""
    body = page[page.index('<form class="content-form') :]
    body = body[: body.index("</form>")]
    found: MultiDict[str, str] = MultiDict()
    for tag in re.findall(r"<input [^>]*>", body):
        name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        assert name is not None
        if 'type="checkbox"' not in tag or " checked" in tag:
            found.add(name[1], unescape(value[1]) if value else "")
    for name, value in re.findall(r'<textarea name="([^"]+)"[^>]*>(.*?)</textarea>', body, re.DOTALL):
        found.add(name, unescape(value))
    chosen = re.search(r'<select name="field">.*?<option value="([^"]*)" selected', body, re.DOTALL)
    found.add("field", chosen[1] if chosen else "")
    return found


def filled(client: FlaskClient, code: str = CODE, **change: str) -> MultiDict[str, str]:
    form = form_of(client.get(f"/noi-dung/{code}/sua").get_data(as_text=True))
    for name, value in change.items():
        form[name] = value
    return form


def send(stage: Stage, client: FlaskClient, form: MultiDict[str, str], act: str, code: str = CODE) -> Any:
    fields = {name: values for name, values in form.lists() if name != "csrf_token"}
    return stage.post(client, f"/noi-dung/{code}/sua", {**fields, "act": act}, page="/account")


def sent(stage: Stage, **change: str) -> int:
    """A version by Hạnh that waits."""
    hanh = stage.client("hanh")
    answer = send(stage, hanh, filled(hanh, **({"title": TITLE} | change)), "send")
    assert answer.status_code == 302, unescape(answer.get_data(as_text=True))
    with stage.database.reading() as db:
        return next(db.scalars(select(ContentRevision.id).where(ContentRevision.state == "sent")))


def states(stage: Stage, code: str = CODE) -> list[str]:
    with stage.database.reading() as db:
        query = select(ContentRevision).where(ContentRevision.code == code).order_by(ContentRevision.number)
        return [row.state for row in db.scalars(query)]


def test_without_content_the_page_says_which_command_brings_it(stage: Stage) -> None:
    answer = stage.client("hanh").get("/noi-dung")
    assert answer.status_code == 409
    assert "langso provision content" in answer.get_data(as_text=True)


def test_the_list_is_narrowed_by_words_without_marks_field_and_state(house: Stage) -> None:
    hanh = house.client("hanh")
    everything = text(hanh, "/noi-dung")
    assert "Chưa có gì phải soát lại, lần tới trước 20/01/2027." in everything
    assert f"/noi-dung/{NAMED.code}" not in everything
    found = text(hanh, "/noi-dung?q=khai+sinh+cho+con")
    assert "/noi-dung/1.001193" in found
    assert f"/noi-dung/{CODE}" not in found
    assert f"/noi-dung/{NAMED.code}" in text(hanh, f"/noi-dung?q={NAMED.code}")
    assert "Không có thủ tục nào như vậy." in text(hanh, f"/noi-dung?q={CODE}&linh-vuc=dat-dai")
    assert f"Chỉ có tên <b>{len(BASE.named)}</b>" in everything


def test_what_is_due_comes_first_and_is_counted(house: Stage) -> None:
    old = date(2026, 11, 21) - timedelta(days=95)
    records = [
        msgspec.structs.replace(each, checked_on=old) if each.code == CODE else each
        for each in BASE.procedures
    ]
    bundle = msgspec.structs.replace(BASE, procedures=records)
    content.set_base(house.settings.data_dir, msgspec.json.encode(bundle))
    page = text(house.client("hanh"), "/noi-dung")
    assert "Một thủ tục màn hình đã ẩn." in page
    first = re.search(r'<ul class="content-list"><li><div><a href="/noi-dung/([^"]+)"', page)
    assert first is not None
    assert first[1] == CODE
    assert "Bác hỏi cán bộ một cửa." in text(house.client("hanh"), f"/noi-dung/{CODE}")


def test_one_procedure_is_told_and_drawn_as_the_screen_draws_it(house: Stage) -> None:
    hanh = house.client("hanh")
    page = text(hanh, f"/noi-dung/{CODE}")
    assert 'data-panel="wide"' in page
    assert "Chưa được xã duyệt. Đối chiếu ngày 21/11/2026" in text(hanh, f"/noi-dung/{CODE}?buoc=99")
    assert "Đã soát, vẫn đúng" not in page  # an editor decides nothing
    decides = text(house.client("binh"), f"/noi-dung/{CODE}")
    assert "Mở nguồn" in decides
    assert "không phải trang của cơ quan nhà nước" in decides, (
        "the release was made from a copy of the portal"
    )
    tall = text(hanh, f"/noi-dung/{CODE}?man=doc")
    assert 'data-panel="tall"' in tall
    large = text(hanh, f"/noi-dung/{CODE}?man=to&buoc=2")
    assert 'data-panel="wide" data-size="large"' in large
    assert "2 trên" in large
    assert text(hanh, f"/noi-dung/{CODE}?man=%00&buoc=x")
    assert hanh.get("/noi-dung/9.999999").status_code == 404


@pytest.mark.parametrize("procedure", BASE.procedures, ids=lambda each: each.code)
def test_the_form_gives_back_what_it_was_filled_with(procedure: Any) -> None:
    same, wrong = procedure_from(filled_from(procedure), procedure, date(2026, 11, 21))
    assert (same, wrong) == (procedure, [])


def test_a_version_is_sent_compared_approved_and_shown(house: Stage) -> None:
    number = sent(house)
    binh = house.client("binh")
    page = text(binh, f"/noi-dung/{CODE}/ban/{number}")
    assert f"<u>{TITLE.split()[0]}" in page
    assert "Khác màn hình đang hiện" in page
    old = house.post(binh, f"/noi-dung/{CODE}/ban/{number}/duyet", {"against": "x"}, page="/account")
    assert "Màn hình vừa đổi" in old.get_data(as_text=True)
    against = {"against": re.findall(r'name="against" value="(\w+)"', page)[0]}
    answer = house.post(binh, f"/noi-dung/{CODE}/ban/{number}/duyet", against, page="/account")
    assert answer.headers["Location"].endswith("note=approved")
    page = text(binh, f"/noi-dung/{CODE}")
    assert f"<h1>{TITLE}</h1>" in page
    assert "Phạm Văn Bình soát ngày 21/11/2026." in page
    answer = house.post(binh, f"/noi-dung/{CODE}/ban/{number}/duyet", {}, page="/account")
    assert answer.status_code == 409
    assert "không còn chờ duyệt" in answer.get_data(as_text=True)


def test_the_badge_counts_what_waits_for_this_person(house: Stage) -> None:
    mark = r"Nội dung màn hình <sup>(\d+)<"
    number = sent(house)
    for who, count in (("binh", "1"), ("hanh", None)):
        found = re.search(mark, text(house.client(who), "/account"))
        assert (found and found[1]) == count
    binh = house.client("binh")
    house.post(binh, f"/noi-dung/{CODE}/ban/{number}/tra", {"reason": "Thiếu giấy báo tử"}, page="/account")
    for who, count in (("binh", None), ("hanh", "1")):
        found = re.search(mark, text(house.client(who), "/account"))
        assert (found and found[1]) == count
    page = text(house.client("hanh"), f"/noi-dung/{CODE}/sua")
    assert "Trả lại để sửa: “Thiếu giấy báo tử”" in page


def test_a_return_without_a_word_is_refused_and_the_version_still_waits(house: Stage) -> None:
    number = sent(house)
    binh = house.client("binh")
    answer = house.post(binh, f"/noi-dung/{CODE}/ban/{number}/tra", {"reason": " "}, page="/account")
    assert answer.status_code == 409
    assert states(house) == ["sent"]


def test_two_writers_never_overwrite_each_other_unseen(house: Stage) -> None:
    hanh, binh = house.client("hanh"), house.client("binh")
    mine, theirs = filled(hanh, title="Khai tử cho người nhà"), filled(binh, title=TITLE)
    assert send(house, binh, theirs, "save").status_code == 302
    answer = send(house, hanh, mine, "save")
    page = unescape(answer.get_data(as_text=True))
    assert answer.status_code == 409
    assert "Có người vừa sửa thủ tục này." in page
    assert "Khai tử cho người nhà" in page
    assert "<s>Báo nhà có" in page
    again = form_of(page)
    assert send(house, hanh, again, "save").status_code == 409
    assert send(house, hanh, again, "over").status_code == 302
    assert states(house) == ["replaced", "draft"]


def test_faults_stand_beside_their_fields_and_keep_it_from_being_sent(house: Stage) -> None:
    hanh = house.client("hanh")
    form = filled(hanh, processing_time="3", address="https://vi-du.example/x")
    answer = send(house, hanh, form, "send")
    page = unescape(answer.get_data(as_text=True))
    assert answer.status_code == 409
    assert "Thời gian phải kèm đơn vị" in page
    assert "Chỉ nhận địa chỉ https" in page
    assert "Đã cất bản nháp." in page
    assert states(house) == ["draft"]
    assert send(house, hanh, form_of(page), "save").status_code == 302  # its stamp is the draft's own


def test_rows_move_and_go_by_sending_the_form_back(house: Stage) -> None:
    hanh = house.client("hanh")
    form = filled(hanh)
    names = [each.name for each in ONE.documents]
    assert form.getlist("document-name") == [*names, "", "", ""]
    moved = form_of(unescape(send(house, hanh, form, "down-document-0").get_data(as_text=True)))
    assert moved.getlist("document-name")[:2] == [names[1], names[0]]
    fewer = form_of(unescape(send(house, hanh, form, "drop-document-0").get_data(as_text=True)))
    assert fewer.getlist("document-name") == [*names[1:], "", "", ""]
    more = form_of(unescape(send(house, hanh, form, "more-documents").get_data(as_text=True)))
    assert more.getlist("document-name") == [*names, *[""] * 6]
    same = form_of(unescape(send(house, hanh, form, "up-document-99").get_data(as_text=True)))
    assert same.getlist("document-name") == [*names, "", "", ""]
    assert states(house) == []


def test_a_day_that_is_none_is_said_and_nothing_is_kept(house: Stage) -> None:
    hanh = house.client("hanh")
    answer = send(house, hanh, filled(hanh, valid_to="31/2/2027"), "save")
    assert answer.status_code == 409
    assert "không phải là ngày" in unescape(answer.get_data(as_text=True))
    assert states(house) == []


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("<script>alert(1)</script>", 200),
        ("\u202eđảo ngược\u202c", 200),
        ("a" * 100_000, 200),
        ("\x00", 200),
        ("a" * 1_000_000, 413),
    ],
)
def test_hostile_words_are_shown_as_words_or_refused(house: Stage, words: str, status: int) -> None:
    hanh = house.client("hanh")
    form = filled(hanh, title=words, aliases=words)
    answer = send(house, hanh, form, "preview")
    assert answer.status_code == status
    assert b"<script>alert(1)" not in answer.data
    if "<" not in words:  # markup is words like others, only never markup
        assert send(house, hanh, form, "send").status_code in (409, 413)
        assert "sent" not in states(house)
        return
    assert send(house, hanh, form, "send").status_code == 302
    for path in ("", "/sua", "/ban/1"):
        page = hanh.get(f"/noi-dung/{CODE}{path}")
        assert page.status_code == 200
        assert b"<script>alert(1)" not in page.data


def test_a_text_without_end_is_not_drawn_and_stops_nobody(house: Stage) -> None:
    hanh = house.client("hanh")
    form = filled(hanh, note="1.000 đồng; " * 10_000, title="...", fee_exempt="...")
    page = unescape(send(house, hanh, form, "preview").get_data(as_text=True))
    assert "Chữ dài quá, không vẽ lên màn hình được." in page
    assert "Dài quá: nhiều nhất 600 chữ cái." in page
    form["note"] = "."
    page = unescape(send(house, hanh, form, "preview").get_data(as_text=True))
    assert "Có tiền phải nộp thì phải ghi ai được miễn." in page
    assert 'class="kiosk-glass"' in page


def test_a_new_procedure_begins_with_its_code(house: Stage) -> None:
    hanh = house.client("hanh")
    assert hanh.get(f"/noi-dung/moi?ma={CODE}").headers["Location"] == f"/noi-dung/{CODE}"
    assert hanh.get(f"/noi-dung/moi?ma={NAMED.code}").headers["Location"] == f"/noi-dung/{NAMED.code}/sua"
    assert "nay là 3.000722" in text(hanh, "/noi-dung/moi?ma=2.001023")
    assert "Mã thủ tục gồm" in text(hanh, "/noi-dung/moi?ma=abc")
    form = filled(hanh, NAMED.code)
    assert (form["name"], form["field"]) == (NAMED.name, NAMED.field)
    new = "9.123456"
    assert hanh.get(f"/noi-dung/moi?ma={new}").headers["Location"] == f"/noi-dung/{new}/sua"
    assert send(house, hanh, filled(hanh, new, name="Thủ tục thử"), "save", new).status_code == 302
    assert "Thủ tục thử" in text(hanh, f"/noi-dung/{new}")
    assert "Thủ tục thử" in text(hanh, "/noi-dung?trang-thai=viet")
    assert hanh.get("/noi-dung/khong-ma/sua").status_code == 404


def test_checked_retired_and_brought_back(house: Stage) -> None:
    binh, hanh = house.client("binh"), house.client("hanh")
    read = re.search(r'name="read" value="([^"]+)"', text(binh, f"/noi-dung/{CODE}"))
    assert read is not None
    answer = house.post(binh, f"/noi-dung/{CODE}/soat", {"read": read[1]}, page="/account")
    assert answer.headers["Location"].endswith("note=checked")
    stale = house.post(binh, f"/noi-dung/{CODE}/soat", {"read": read[1]}, page="/account")
    assert stale.status_code == 409
    assert house.post(binh, f"/noi-dung/{CODE}/rut", {"reason": ""}, page="/account").status_code == 409
    house.post(binh, f"/noi-dung/{CODE}/rut", {"reason": "Luật mới"}, page="/account")
    page = text(hanh, f"/noi-dung/{CODE}")
    assert "Đã rút: màn hình chỉ còn tên" in page
    assert "“Luật mới”" in page
    assert f"/noi-dung/{CODE}" in text(hanh, "/noi-dung?trang-thai=rut")
    old = re.findall(rf"/noi-dung/{CODE}/ban/(\d+)", page)[-1]
    read = re.search(r'name="read" value="([^"]+)"', text(hanh, f"/noi-dung/{CODE}/ban/{old}"))
    assert read is not None
    answer = house.post(hanh, f"/noi-dung/{CODE}/ban/{old}/lay-lai", {"read": read[1]}, page="/account")
    assert answer.headers["Location"].endswith("note=restored")
    assert states(house)[-1] == "draft"


def test_words_asked_in_vain_are_put_to_a_procedure_or_to_none(house: Stage) -> None:
    hanh = house.client("hanh")
    day = date(2026, 11, 20)
    with house.database.session() as db:
        for word, count in (("giay bao tu", 9), ("mua bo", 4), ("<b>", 2)):
            db.add(SearchWord(text=word, count=count, first_on=day, last_on=day))
    page = text(hanh, "/noi-dung/tim-khong-thay")
    assert "Bà con gõ 3 điều, màn hình chưa hiểu." in page
    assert "9 lần, gần nhất hôm qua" in page

    def settle(word: str, to: str, act: str = "put") -> Any:
        form: dict[str, object] = {"text": word, "to": to, "act": act}
        return house.post(hanh, "/noi-dung/tim-khong-thay", form, page="/account")

    assert settle("giay bao tu", f"{CODE} {ONE.title}").status_code == 302
    assert settle("mua bo", "", "none").status_code == 302
    assert settle("<b>", "không có gì").status_code == 409
    assert settle("<b>", "9.999999").status_code == 404 or settle("<b>", "9.999999").status_code == 409
    assert settle("<b>", ONE.title.upper()).status_code == 302
    with house.database.reading() as db:
        assert {row.text: row.code for row in db.scalars(select(SearchWord))} == {
            "giay bao tu": CODE,
            "mua bo": "-",
            "<b>": CODE,
        }
    assert "không phải thủ tục" in text(hanh, "/noi-dung/tim-khong-thay?xem=xong")


def test_the_board_carries_official_addresses_only(house: Stage) -> None:
    bad = msgspec.structs.replace(ONE, address="https://vi-du.example/x")
    records = [bad if each.code == CODE else each for each in BASE.procedures]
    bundle = msgspec.structs.replace(BASE, procedures=records)
    content.set_base(house.settings.data_dir, msgspec.json.encode(bundle))
    hanh = house.client("hanh")
    page = text(hanh, "/noi-dung/bang-qr")
    assert page.count('role="img"') == len(BASE.procedures) - 1
    assert "vi-du.example" not in page
    field = text(hanh, f"/noi-dung/bang-qr/{ONE.field}")
    assert field.count('role="img"') == sum(each.field == ONE.field for each in BASE.procedures) - 1
    assert "Chỉ tin đuôi .gov.vn" in field
    assert hanh.get("/noi-dung/bang-qr/khong-co").status_code == 404
    house.clock.step(91 * 86400)
    assert "Chưa có thủ tục nào" in text(house.client("hanh"), "/noi-dung/bang-qr")
