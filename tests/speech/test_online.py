"""The online engine trusts nobody it cannot verify, leaves no half sound, and steps aside when it fails."""

from __future__ import annotations

import json
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.speech import espeak
from broker.speech.breaker import Breaker
from broker.speech.chunks import chunks
from broker.speech.online import LONGEST_REQUEST, OnlineEngine
from broker.speech.say import render
from broker.speech.voice import EngineError
from tests.fakes.translate_server import TranslateServer, answer_raw, answer_with, serve
from tests.fakes.voiced import tone_mp3

SENTENCE = "Mời bà con đến nhà văn hóa thôn."


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TranslateServer]:
    with serve(tmp_path_factory.mktemp("tls")) as fake:
        yield fake


@pytest.fixture
def server(running: TranslateServer) -> TranslateServer:
    running.asked.clear()
    running.answer = answer_with(tone_mp3(2.0))
    return running


def _engine(server: TranslateServer, breaker: Breaker | None = None, **limits: float) -> OnlineEngine:
    limits = {"pace_s": 0.0, **limits}
    return OnlineEngine(server.url, ca_file=str(server.ca_file), breaker=breaker or Breaker(), **limits)


def test_a_good_answer_becomes_sound(server: TranslateServer) -> None:
    pcm = _engine(server).synthesise(SENTENCE, "vi")
    assert pcm.duration_ms == pytest.approx(2000, abs=150)
    assert len(server.asked) == 1
    assert "jQ1olc" in server.asked[0]


def test_a_certificate_nobody_vouches_for_is_refused_before_any_text_is_sent(server: TranslateServer) -> None:
    with pytest.raises(EngineError, match=r"(?i)certificate"):
        OnlineEngine(server.url, pace_s=0.0).synthesise(SENTENCE, "vi")
    assert server.asked == []


def _silence(seconds: float) -> bytes:
    return tone_mp3(seconds, peak=0)


def _hang_up(request: BaseHTTPRequestHandler, _: str) -> None:
    request.connection.close()


BAD = {
    "too many requests": answer_raw(429, b""),
    "redirect to a refusal": answer_raw(302, b""),
    "server error": answer_raw(500, b"oops"),
    "no marker": answer_raw(200, b")]}'\n\n[]\n"),
    "nothing": answer_raw(200, b""),
    "no sound inside": answer_with(b"this is no sound, not at all"),
    "cut off": answer_raw(200, b'["jQ1olc","[\\"AAAAAAAAAAAAAAAAAAAAAAAA\\"]"]', length=5000),
    "far too short": answer_with(tone_mp3(0.1)),
    "far too long": answer_with(tone_mp3(30)),
    "silent": answer_with(_silence(2.0)),
    "hangs up": _hang_up,
}


@pytest.mark.parametrize("kind", BAD)
def test_every_bad_answer_is_an_engine_error(server: TranslateServer, kind: str) -> None:
    server.answer = BAD[kind]
    with pytest.raises(EngineError, match="gtts"):
        _engine(server).synthesise(SENTENCE, "vi")


@pytest.mark.parametrize("kind", ["too many requests", "no marker", "cut off"])
def test_espeak_speaks_the_whole_text_when_the_online_engine_fails(
    server: TranslateServer, tmp_path: Path, kind: str
) -> None:
    server.answer = BAD[kind]
    out = tmp_path / "clip.opus"
    engines = [_engine(server), espeak.espeak()]
    clip = render(SENTENCE, voice="vi", cache_dir=tmp_path / "cache", out=out, engines=engines)
    assert clip.engine.startswith("espeak")
    assert out.stat().st_size == clip.size > 1000


def test_a_failing_server_leaves_no_file_where_there_is_no_other_engine(
    server: TranslateServer, tmp_path: Path
) -> None:
    server.answer = BAD["no marker"]
    engines, out = [_engine(server)], tmp_path / "clip.opus"
    with pytest.raises(EngineError):
        render(SENTENCE, voice="vi", cache_dir=tmp_path / "cache", out=out, engines=engines)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_after_a_refusal_the_server_is_left_alone_for_longer_each_time(server: TranslateServer) -> None:
    now_s = [0.0]
    engine = _engine(server, Breaker(monotonic=lambda: now_s[0]))
    server.answer = BAD["too many requests"]
    for rest_s in (900, 1800):
        with pytest.raises(EngineError, match="429"):
            engine.synthesise(SENTENCE, "vi")
        asked = len(server.asked)
        now_s[0] += rest_s - 1
        with pytest.raises(EngineError, match="left alone"):
            engine.synthesise(SENTENCE, "vi")
        assert len(server.asked) == asked
        now_s[0] += 2
    server.answer = answer_with(tone_mp3(2.0))
    assert engine.synthesise(SENTENCE, "vi").duration_ms > 1000


def test_single_failures_are_forgiven_and_three_in_a_row_are_not() -> None:
    breaker = Breaker(monotonic=lambda: 0.0)
    breaker.note_failure()
    breaker.note_failure()
    assert breaker.rest_s() == 0
    breaker.note_success()
    for _ in range(3):
        breaker.note_failure()
    assert breaker.rest_s() == 900


def test_no_other_language_and_no_other_region_is_read_by_this_voice(server: TranslateServer) -> None:
    for voice in ("km", "vi-vn-x-central", "vi-vn-x-south"):
        with pytest.raises(EngineError, match="Northern voice only"):
            _engine(server).synthesise(SENTENCE, voice)
    assert server.asked == []


@given(st.lists(st.text(alphabet="aôn,.", min_size=1, max_size=30), max_size=60).map(" ".join))
def test_requests_are_few_short_and_lose_no_word(text: str) -> None:
    pieces = chunks(text, LONGEST_REQUEST)
    assert all(0 < len(piece) <= 100 for piece in pieces)
    said = "".join(char for char in text if char.isalnum())
    assert "".join(char for piece in pieces for char in piece if char.isalnum()) == said


def test_a_notice_takes_hardly_more_requests_than_the_least() -> None:
    notice = (
        "Kính thưa toàn thể bà con, ngày mai trạm y tế xã tổ chức tiêm phòng, mời bà con đưa trẻ đến đúng giờ "
        "mang theo sổ tiêm chủng, thẻ bảo hiểm y tế, và nhắc nhau cùng đi. "
    ) * 6
    assert len(chunks(notice, LONGEST_REQUEST)) <= 1.25 * -(-len(notice) // 100)


def _trickle(line: bytes, times: int) -> Callable[[BaseHTTPRequestHandler, str], None]:
    """An answer that never ends: a piece of it every 50 ms, as long as somebody listens."""

    def answer(request: BaseHTTPRequestHandler, _: str) -> None:
        pause = threading.Event()
        try:
            for _turn in range(times):
                request.wfile.write(line)
                request.wfile.flush()
                pause.wait(0.05)
        except OSError:
            return

    return answer


@pytest.mark.parametrize(
    "drip",
    [b"", b"HTTP/1.1 200 OK\r\nX-A: b\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n" + b"x" * 20],
    ids=["nothing at all", "endless headers", "endless body"],
)
def test_a_server_that_dawdles_is_given_up_in_time(server: TranslateServer, drip: bytes) -> None:
    server.answer = _trickle(drip, 120)
    began_s = time.monotonic()
    with pytest.raises(EngineError, match=r"longer than 0.5 s|too slowly|gtts failed"):
        _engine(server, request_s=0.5).synthesise(SENTENCE, "vi")
    assert time.monotonic() - began_s < 4


def test_nobody_at_the_other_end_is_an_engine_error() -> None:
    for url in ("https://127.0.0.1:9/", "https://no-such-host.invalid/"):
        with pytest.raises(EngineError, match="gtts"):
            OnlineEngine(url, pace_s=0.0, request_s=2.0).synthesise(SENTENCE, "vi")


def test_the_text_is_sent_composed_and_words_at_a_line_end_stay_apart(server: TranslateServer) -> None:
    _engine(server).synthesise(unicodedata.normalize("NFD", "Lớp dự bị-\nđại học khai giảng."), "vi")
    (asked,) = server.asked
    said = json.loads(json.loads(asked)[0][0][1])[0]
    assert said == "Lớp dự bị- đại học khai giảng."


def test_a_rate_is_made_here_and_not_asked_for(server: TranslateServer) -> None:
    engine = _engine(server)
    calm, slow = (engine.synthesise(SENTENCE, "vi", rate).duration_ms for rate in (1.0, 0.8))
    assert slow == pytest.approx(calm / 0.8, rel=0.05)
    assert server.asked[0] == server.asked[1]


@pytest.mark.parametrize("text", ["", "…", "– . , !", "[[]]"])
def test_signs_alone_are_refused_without_a_request(server: TranslateServer, text: str) -> None:
    with pytest.raises(EngineError, match="nothing to say"):
        _engine(server).synthesise(text, "vi")
    assert server.asked == []


def test_requests_keep_their_pace_and_a_long_text_still_gets_through(server: TranslateServer) -> None:
    server.answer = answer_with(tone_mp3(4.0))
    engine = _engine(server, pace_s=0.1, budget_s=5.0)
    began_s = time.monotonic()
    for _ in range(3):
        engine.synthesise("Mời bà con đến nhà văn hóa thôn họp bàn việc phòng chống bão. " * 3, "vi")
    assert len(server.asked) == 6
    assert time.monotonic() - began_s >= 5 * 0.1


def test_a_sentence_that_would_wait_beyond_its_budget_is_left_to_another_engine(
    server: TranslateServer,
) -> None:
    breaker = Breaker()
    engine = _engine(server, breaker, pace_s=30.0, budget_s=10.0)
    engine.synthesise(SENTENCE, "vi")
    for _ in range(4):
        with pytest.raises(EngineError, match="waiting"):
            engine.synthesise(SENTENCE, "vi")
    assert len(server.asked) == 1
    assert breaker.rest_s() == 0  # the server is not to blame


def test_the_tuning_set_takes_hardly_more_requests_than_the_least() -> None:
    sentences = [
        spoken
        for file in sorted((Path(__file__).parent / "data").glob("*.jsonl"))
        for line in file.read_text(encoding="utf-8").splitlines()
        if (spoken := json.loads(line).get("spoken"))
    ]
    assert len(sentences) > 500
    least = sum(-(-len(sentence) // LONGEST_REQUEST) for sentence in sentences)
    assert sum(len(chunks(sentence, LONGEST_REQUEST)) for sentence in sentences) <= 1.25 * least
