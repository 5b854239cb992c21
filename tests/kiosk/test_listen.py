"""Reading aloud: a sentence in, sound out, and a sentence for the reader when there is no voice."""

from __future__ import annotations

from kiosk.app import create_app
from kiosk.house import Silent
from tests.fakes.house import set_stage


def test_sentence_becomes_sound() -> None:
    stage = set_stage()
    answer = create_app(stage.house).test_client().post("/nghe", data={"cau": "Chào bác.", "tieng": "vi"})
    assert answer.status_code == 200
    assert answer.mimetype == "audio/ogg"
    assert answer.headers["Cache-Control"] == "no-store"
    assert stage.voice.said == [("Chào bác.", "vi")]


def test_without_a_voice_the_reader_is_told_what_to_do() -> None:
    stage = set_stage()
    stage.voice.refuse = Silent("no espeak-ng here")
    answer = create_app(stage.house).test_client().post("/nghe", data={"cau": "Chào bác.", "tieng": "vi"})
    assert answer.status_code == 503
    assert answer.text == "Máy chưa đọc được. Bác bấm Gọi người giúp."


def test_nothing_to_say_is_no_sound() -> None:
    assert create_app(set_stage().house).test_client().post("/nghe", data={"cau": " "}).status_code == 204
