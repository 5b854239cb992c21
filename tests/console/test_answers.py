"""Answers to doubts: they are words like all others that are said, or the announcement stays a draft."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from broker.hub.announcing import workflow
from broker.hub.announcing.checks import LONGEST_ANSWER, LONGEST_SPOKEN, LONGEST_TEXT, is_words
from broker.hub.announcing.workflow import Draft
from broker.hub.records import Revision
from tests.console.stage import NOW, Stage
from tests.console.test_pages import FORM
from tests.hub.town import LEXICON

NEW = "/announcements/new"
DOUBTFUL = {**FORM, "text": "Họp lúc ½ giờ."}
PART = {"X-Part": "1"}


def only(stage: Stage) -> Revision:
    with stage.database.reading() as db:
        return db.scalars(select(Revision)).one()


@pytest.mark.parametrize("said", ["NỘP VÀO SỐ 123456", "<b>[[x]]", "một; hai", "поло", "nửa\nđêm", "á" * 201])
def test_an_answer_that_is_not_words_is_refused_in_a_sentence(stage: Stage, said: str) -> None:
    client = stage.client("hanh")
    form = {**DOUBTFUL, "answer:½": said}
    shown = stage.post(client, "/announcements/preview", form, page=NEW, headers=PART).json
    assert shown["ready"] is False
    assert "Cách đọc “½”" in shown["html"]["questions"]
    answer = stage.post(client, NEW, {**form, "act": "submit"}, page=NEW)
    assert answer.status_code == 409
    assert "Cách đọc “½”" in answer.get_data(as_text=True)
    with stage.database.reading() as db:
        assert all(row.state == "draft" and row.spoken == "" for row in db.scalars(select(Revision)))


def test_an_answer_is_read_as_it_is_seen(stage: Stage) -> None:
    client = stage.client("hanh")
    form = {**DOUBTFUL, "answer:½": "nu\u031b\u0309a\u202e \u200b\x00", "act": "submit"}
    assert stage.post(client, NEW, form, page=NEW).status_code == 302
    assert only(stage).answers == {"½": "nửa"}
    assert "lúc nửa giờ" in only(stage).spoken


def test_the_page_reads_the_very_text_that_is_kept(stage: Stage) -> None:
    client = stage.client("hanh")
    form = {**FORM, "text": "Họ\u202ep lu\u0301c mười giờ\u200b sáng."}
    shown = stage.post(client, "/announcements/preview", form, page=NEW, headers=PART).json["html"]["spoken"]
    assert "\u202e" not in shown
    assert "lúc" in shown
    stage.post(client, NEW, {**form, "act": "submit"}, page=NEW)
    assert only(stage).text == "Họp lúc mười giờ sáng."


def test_an_own_answer_of_any_length_is_told_and_not_dropped(stage: Stage) -> None:
    form = {**DOUBTFUL, "answer:½": "\N{WHITE QUESTION MARK ORNAMENT}", "own:½": "lời " * 200, "act": "save"}
    answer = stage.post(stage.client("hanh"), NEW, form, page=NEW)
    assert answer.status_code == 409
    assert f"nhiều nhất {LONGEST_ANSWER} chữ cái" in answer.get_data(as_text=True)


@pytest.mark.parametrize("kind", ["routine", "priority"])
def test_answers_do_not_make_an_announcement_longer_than_any_text(stage: Stage, kind: str) -> None:
    text = "½ a " * (LONGEST_TEXT // 4)
    form = {**FORM, "text": text, "kind": kind, "answer:½": "lời dài " * 20, "act": "submit"}
    answer = stage.post(stage.client("hanh"), NEW, form, page=NEW)
    assert answer.status_code == 409
    assert "Lời loa sẽ đọc dài quá" in answer.get_data(as_text=True)
    assert len(only(stage).spoken) <= LONGEST_SPOKEN


@pytest.mark.parametrize("said", ["một phần hai", "bốn, năm", "Ủy ban nhân dân", "đ"])
def test_words_are_letters_spaces_and_commas(said: str) -> None:
    assert is_words(said)


@pytest.mark.parametrize("said", ["", " , ", "5", "một-hai", "a\u0300\u0301", "ª", "ａ", "Ⅻ", "中"])
def test_other_signs_are_not_words(said: str) -> None:
    assert not is_words(said)


def test_read_another_way_stays_chosen_while_nothing_is_written_and_while_it_reads_like_an_offer(
    stage: Stage,
) -> None:
    own = "\N{WHITE QUESTION MARK ORNAMENT}"
    form = {**FORM, "text": "Trạm y tế khám UV từ mai.", "answer:UV": own}
    for words in ("", "u vê", "uy vê"):
        sent = {**form, "own:UV": words}
        shown = stage.post(stage.client("hanh"), "/announcements/preview", sent, page=NEW, headers=PART).json
        questions = shown["html"]["questions"]
        assert re.findall(r'value="([^"]*)" checked', questions) == [own], words
        assert shown["ready"] is bool(words)


def test_a_returned_revision_is_no_draft_of_mine_once_a_later_one_was_approved(stage: Stage) -> None:
    first = stage.submitted(title="Họp thôn")
    with stage.database.session() as db:
        workflow.return_with_note(db, stage.people["binh"], first.id, "Xin ghi rõ giờ.", stage.now())
    client = stage.client("hanh")
    assert "Được trả lại: Xin ghi rõ giờ." in client.get("/").get_data(as_text=True)
    with stage.database.session() as db:
        draft = Draft(
            title="Họp thôn", text="Bà con đi họp.", villages=["dong"], starts=[NOW.replace(hour=19)]
        )
        key = first.announcement_id
        second = workflow.save_draft(db, stage.people["hanh"], draft, stage.now(), key)
        workflow.submit(db, stage.people["hanh"], second.id, LEXICON, stage.now())
    assert "Bản nháp của tôi" not in client.get("/").get_data(as_text=True)
