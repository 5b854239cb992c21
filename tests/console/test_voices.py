"""Nghe giọng: both sides of any text, and what each voice, engine and loudspeaker make of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape

import pytest

from broker.hub.console.trial import LONGEST_TRIAL, RATES, Way, ways_of
from broker.hub.console.voices import EXAMPLES
from broker.link.config import SpeechOf
from broker.speech.lexicon import load
from broker.speech.normalise import normalise
from broker.speech.sound import Pcm
from tests.console.stage import Stage

PART = {"X-Part": "1"}
TEXT = "Họp lúc 7h30. \U0001f600 Gọi số 113!"


def hear(stage: Stage, client_name: str = "hanh", **change: object) -> tuple[int, str]:
    form: Mapping[str, object] = {"text": TEXT, "hear": "vi::horn", "rate": "calm", **change}
    answer = stage.post(stage.client(client_name), "/voices/hear", dict(form), page="/voices", headers=PART)
    return answer.status_code, answer.get_data(as_text=True)


def timings(part: str) -> list[list[int]]:
    found = re.search(r'data-timings="([^"]*)"', part)
    assert found is not None, part
    return json.loads(unescape(found[1]))  # type: ignore[no-any-return]


def test_the_page_shows_both_sides_and_a_place_for_every_voice_and_loudspeaker(stage: Stage) -> None:
    page = stage.client("hanh").get("/voices").get_data(as_text=True)
    assert "7h30–11h" in page
    assert "bảy giờ ba mươi phút đến mười một giờ</u>" in page
    cells = re.findall(r'name="hear" value="([^"]+)"', page)
    assert cells == [
        f"{voice}::{profile}"
        for voice in ("vi", "vi-vn-x-central", "vi-vn-x-south")
        for profile in ("horn", "kiosk")
    ]


def test_every_example_is_read_without_a_doubt_and_another_is_shown_on_request(stage: Stage) -> None:
    for text in EXAMPLES.values():
        assert normalise(text, load()).doubts == ()
        assert len(text) <= LONGEST_TRIAL
    page = stage.post(stage.client("hanh"), "/voices", {"example": "1"}, page="/voices")
    assert "Tin bão khẩn cấp" in page.get_data(as_text=True)


@pytest.mark.parametrize("example", ["²", "9" * 5000, "x"])
def test_an_example_that_is_not_there_is_the_first_one(stage: Stage, example: str) -> None:
    page = stage.post(stage.client("hanh"), "/voices", {"example": example}, page="/voices")
    assert page.status_code == 200
    assert "7h30–11h" in page.get_data(as_text=True)


def test_both_sides_follow_what_is_typed(stage: Stage) -> None:
    form: dict[str, object] = {"text": "Gặp XQZK lúc 8h.", "answer:XQZK": "xây dựng"}
    client = stage.client("hanh")
    html = stage.post(client, "/voices/preview", form, page="/voices", headers=PART).get_json()["html"]
    assert ">XQZK</u>" in html["written"]
    assert ">xây dựng</u>" in html["spoken"]
    assert "“XQZK” đọc là gì?" in html["questions"]
    assert "chưa chắc" not in html["spoken"]


@pytest.mark.parametrize(("profile", "level"), [("horn", -14.0), ("kiosk", -16.0)])
def test_what_is_heard_says_its_length_its_loudness_and_who_spoke(
    stage: Stage, profile: str, level: float
) -> None:
    code, part = hear(stage, hear=f"vi-vn-x-south::{profile}")
    assert code == 200
    found = re.search(r"−(\d+),(\d) LUFS", part)
    assert found is not None, part
    assert abs(-float(f"{found[1]}.{found[2]}") - level) <= 0.5
    assert "âm lượng đạt" in part
    assert "giây" in part
    assert "máy đọc có sẵn (espeak " in part
    address = re.search(r'src="([^"]+)"', part)
    assert address is not None
    answer = stage.client("binh").get(unescape(address[1]), headers={"Range": "bytes=0-3"})
    assert (answer.status_code, answer.data, answer.mimetype) == (206, b"OggS", "audio/ogg")


def test_sentences_are_timed_by_places_as_a_browser_counts_them(stage: Stage) -> None:
    _, part = hear(stage)
    units = normalise(TEXT, load()).text.encode("utf-16-le")
    spoken = [units[2 * start : 2 * end].decode("utf-16-le") for start, end, _, _ in timings(part)]
    assert spoken[0] == "Họp lúc bảy giờ ba mươi phút."
    assert spoken[-1].endswith("một một ba!")
    times = [(since, until) for _, _, since, until in timings(part)]
    assert all(since < until for since, until in times)
    assert times == sorted(times)


def test_a_slower_rate_takes_longer(stage: Stage) -> None:
    lengths = {rate: timings(hear(stage, rate=rate, text="Một hai ba.")[1])[-1][3] for rate in RATES}
    assert lengths["slow"] > lengths["calm"] > lengths["quick"]


def test_it_is_heard_without_any_script(stage: Stage) -> None:
    form: dict[str, object] = {"text": TEXT, "hear": "vi::kiosk", "rate": "quick"}
    page = stage.post(stage.client("thon"), "/voices", form, page="/voices").get_data(as_text=True)
    assert page.count("<audio") == 1
    assert 'value="quick" checked' in page


def test_no_more_is_read_than_a_trial_may_have(stage: Stage) -> None:
    form: dict[str, object] = {"text": "a" * (LONGEST_TRIAL + 50)}
    page = stage.post(stage.client("hanh"), "/voices", form, page="/voices").get_data(as_text=True)
    assert "a" * LONGEST_TRIAL in page
    assert "a" * (LONGEST_TRIAL + 1) not in page


@pytest.mark.parametrize("text", ["", "  \n", "?!…"])
def test_nothing_to_say_is_said(stage: Stage, text: str) -> None:
    assert "Chưa có lời nào để đọc." in hear(stage, text=text)[1]


@pytest.mark.parametrize("way", ["", "vi", "vi::radio", "en::horn", "vi:gtts:horn", "vi:/etc/passwd:horn"])
def test_a_way_that_the_page_does_not_offer_does_not_exist(stage: Stage, way: str) -> None:
    assert hear(stage, hear=way)[0] == 404


def test_other_sounds_of_the_house_are_not_heard_here(stage: Stage) -> None:
    client = stage.client("hanh")
    assert client.get("/voices/clip/" + "0" * 64).status_code == 404
    forged = re.search(r"/voices/clip/([^\"]+)\"", hear(stage)[1])
    assert forged is not None
    assert client.get(f"/announcements/trial/{unescape(forged[1])}").status_code == 404


def test_an_engine_that_cannot_is_told_and_the_next_one_speaks(stage: Stage) -> None:
    stage.settings.speech.piper_voice = "/nowhere/voice.onnx"
    page = stage.client("hanh").get("/voices").get_data(as_text=True)
    assert "vi:piper:horn" in page
    assert "vi-vn-x-south:piper:horn" not in page
    _, part = hear(stage)
    assert "máy đọc có sẵn (espeak " in part
    assert "vì cách đứng trước chưa đọc được" in part
    assert "Chưa đọc được theo cách này" in hear(stage, hear="vi:piper:horn")[1]


# -- which ways there are


@dataclass(frozen=True)
class Mouth:
    """An engine that is never asked."""

    id: str
    online: bool = False
    version: str = "1"

    def synthesise(self, text: str, voice: str, rate: float = 1.0, pitch: float = 1.0) -> Pcm:
        raise NotImplementedError


ESPEAK, PIPER, GTTS = Mouth("espeak"), Mouth("piper"), Mouth("gtts", online=True)


def test_each_voice_is_first_heard_as_announcements_are_then_by_each_engine() -> None:
    speech = SpeechOf(piper_speaks="vi-vn-x-south")
    assert ways_of([PIPER, GTTS, ESPEAK], speech) == [
        Way("vi", "", is_online=True),
        Way("vi", "gtts", is_online=True),
        Way("vi", "espeak"),
        Way("vi-vn-x-central", "", only="espeak"),
        Way("vi-vn-x-south", ""),
        Way("vi-vn-x-south", "piper"),
        Way("vi-vn-x-south", "espeak"),
    ]


def test_a_machine_that_cannot_speak_offers_nothing() -> None:
    assert ways_of([], SpeechOf()) == []
    assert ways_of([GTTS], SpeechOf()) == [Way("vi", "", is_online=True, only="gtts")]
