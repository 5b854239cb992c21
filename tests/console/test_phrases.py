"""Câu ghi sẵn: recorded once, listed by what they say, put into announcements, taken away."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from broker.hub.announcing import workflow
from broker.hub.declined import Declined
from broker.hub.recordings import tracks_of
from broker.hub.records import Account, Phrase, Revision, Village
from broker.speech.lexicon import load
from tests.console.stage import Stage
from tests.console.test_pages import FORM
from tests.console.test_recordings import NEW, TRACKS, press, tokens
from tests.fakes.voiced import silence_wav, voice_wav

WORDS = "Kính thưa bà con, đây là đài truyền thanh xã."


def record(
    stage: Stage, client: FlaskClient, data: bytes | None = None, name: str = "ghi-am.wav", **form: object
) -> TestResponse:
    """Send the form of the page."""
    file = (io.BytesIO(voice_wav() if data is None else data), name)
    fields = {"label": WORDS, "track-language": "tyz", "recording": file, **form}
    answer: TestResponse = stage.post(client, "/phrases", fields, page="/phrases")
    return answer


def in_a_draft(stage: Stage, client: FlaskClient) -> tuple[int, list[str]]:
    """Record a phrase and keep a draft with it: its number, and all tracks of the draft."""
    record(stage, client)
    with stage.database.reading() as db:
        number = db.scalars(select(Phrase.id)).one()
    start = tokens(client.get(NEW).get_data(as_text=True))
    whole = press(stage, client, "track-phrase", start, **{"track-phrase": str(number)})
    stage.post(client, NEW, {**FORM, "act": "save", "track": whole}, page=NEW)
    return number, whole


def shown(client: FlaskClient) -> str:
    return client.get("/phrases").get_data(as_text=True)


def test_a_phrase_is_recorded_listed_and_heard_and_what_it_lacks_is_shown(stage: Stage) -> None:
    with stage.database.session() as db:
        db.get_one(Village, "dong").languages = ["tyz", "nut"]
    client = stage.client("hanh")
    assert "Chưa có câu ghi sẵn nào." in shown(client)
    assert record(stage, client).status_code == 302
    page = shown(client)
    assert "Xã có 1 câu ghi sẵn." in page
    assert WORDS in page
    assert "Lê Thị Hạnh, hôm nay" in page
    assert re.findall(r"#ghi\">(tiếng [^<]+)</a>", page) == ["tiếng Việt", "tiếng Nùng"]
    address = re.search(r'src="(/recordings/[^"]+)"', page)
    assert address is not None
    assert client.get(address[1]).mimetype == "audio/wav"
    filled = client.get(f"/phrases?cau={WORDS}&tieng=nut").get_data(as_text=True)
    assert f'value="{WORDS}"' in filled
    assert '<option value="nut" selected>' in filled


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"label": "  "}, "câu này nói gì"),
        ({"track-language": ""}, "chọn tiếng"),
        ({"data": silence_wav()}, "Bản ghi không có tiếng."),
        ({"name": ""}, "Xin ghi âm hoặc chọn một tệp"),
    ],
)
def test_a_phrase_that_lacks_something_is_refused_and_what_was_typed_stays(
    stage: Stage, form: dict[str, Any], said: str
) -> None:
    answer = record(stage, stage.client("hanh"), **form)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 409
    assert said in page
    if "label" not in form:
        assert f'value="{WORDS}"' in page
    with stage.database.reading() as db:
        assert db.scalars(select(Phrase)).all() == []


def test_a_phrase_stands_in_an_announcement_even_after_it_is_taken_away(stage: Stage) -> None:
    client = stage.client("hanh")
    number, _ = in_a_draft(stage, client)
    assert stage.post(client, f"/phrases/{number}/remove", {}, page="/phrases").status_code == 302
    assert "Chưa có câu ghi sẵn nào." in shown(client)
    with stage.database.reading() as db:
        revision = db.scalars(select(Revision)).one()
    assert [(one.language, one.phrase) for one in tracks_of(revision.tracks)] == [
        ("vi", None),
        ("tyz", number),
    ]
    page = client.get(f"/announcements/{revision.announcement_id}/edit").get_data(as_text=True)
    assert f"câu ghi sẵn “{WORDS}”" in page
    for gone in (str(number), "", "x", "0", "99999999999999999999"):
        form = {**FORM, "act": "track-phrase", "track-phrase": gone}
        assert stage.post(client, TRACKS, form, page=NEW).status_code == 409
    assert stage.post(client, f"/phrases/{number}/remove", {}, page="/phrases").status_code == 409


def test_a_phrase_that_was_taken_away_is_neither_kept_again_nor_sent(stage: Stage) -> None:
    client = stage.client("hanh")
    number, whole = in_a_draft(stage, client)
    stage.post(client, f"/phrases/{number}/remove", {}, page="/phrases")
    with stage.database.reading() as db:
        key = db.scalars(select(Revision.announcement_id)).one()
    for act in ("save", "submit"):
        for path in (NEW, f"/announcements/{key}/edit"):
            answer = stage.post(client, path, {**FORM, "act": act, "track": whole}, page=NEW)
            assert answer.status_code == 409
            assert f"Câu ghi sẵn “{WORDS}” đã được bỏ" in answer.get_data(as_text=True)
    with stage.database.session() as db:
        draft, hanh = db.scalars(select(Revision.id)).one(), db.get_one(Account, stage.people["hanh"].id)
        with pytest.raises(Declined, match="đã được bỏ"):
            workflow.submit(db, hanh, draft, load(), stage.now())


def test_the_newer_recording_of_the_same_words_takes_the_older_ones_place(stage: Stage) -> None:
    client = stage.client("hanh")
    record(stage, client)
    record(stage, client, voice_wav(5.0))
    page = shown(client)
    assert page.count("<audio") == 1
    assert "5\N{NO-BREAK SPACE}giây" in page


def test_what_was_done_with_phrases_stands_in_the_log(stage: Stage) -> None:
    client = stage.client("binh")
    record(stage, client)
    with stage.database.reading() as db:
        number = db.scalars(select(Phrase.id)).one()
    stage.post(client, f"/phrases/{number}/remove", {}, page="/phrases")
    log = stage.client("soat").get("/audit").get_data(as_text=True)
    assert f"ghi câu “{WORDS}” bằng tiếng Tày" in log
    assert f"bỏ câu ghi sẵn “{WORDS}” bằng tiếng Tày" in log
