"""Feedback: sealed before it is kept, kept before its code is shown, and never kept twice."""

from __future__ import annotations

import re

import msgspec
import pytest
from flask.testing import FlaskClient

from broker.contract.kiosk import FeedbackSent
from broker.link.outbox import OutboxFull
from broker.trust.seal import open_seal
from kiosk.app import create_app
from kiosk.feedback import ALPHABET, LONGEST, Words, new_code
from tests.fakes.house import Stage, changed, set_stage


@pytest.fixture
def stage() -> Stage:
    return set_stage()


@pytest.fixture
def client(stage: Stage) -> FlaskClient:
    return create_app(stage.house).test_client()


def write(client: FlaskClient, text: str) -> str:
    form = client.get("/gop-y/light/village").text
    once = re.search(r'name="mot_lan" value="(\w+)"', form)
    assert once
    return send(client, {"loi": text, "mot_lan": once[1]})


def send(client: FlaskClient, form: dict[str, str]) -> str:
    """The page that the browser ends on."""
    return client.post("/gop-y/light/village", data=form, follow_redirects=True).text


def code_on(page: str) -> str:
    found = re.search(r'<p class="code"><b>(\w+)</b> <b>(\w+)</b> <b>(\w+)</b>', page)
    assert found
    return "".join(found.groups())


def test_what_was_written_travels_sealed_under_the_code_shown(stage: Stage, client: FlaskClient) -> None:
    page = write(client, "Đèn đường ngõ 3 hỏng ba hôm nay")
    (sent,) = stage.post.sent
    assert isinstance(sent, FeedbackSent)
    assert sent.code == code_on(page)
    assert "Đèn".encode() not in sent.sealed
    words = msgspec.json.decode(open_seal(stage.private, sent.sealed), type=Words)
    assert words.text == "Đèn đường ngõ 3 hỏng ba hôm nay"
    assert (words.topic, words.spot, words.village, words.code) == (
        "light",
        "village",
        "thôn Đông",
        sent.code,
    )


def test_page_says_whether_it_waits_goes_or_is_there(stage: Stage, client: FlaskClient) -> None:
    page = write(client, "Cống tắc")
    assert "Đã cất ở máy này" in page
    assert "Đang chờ có mạng" in page
    code = code_on(page)
    stage.post.connected = True
    assert client.get(f"/gop-y/ma/{code}/buoc").headers["X-State"] == "sending"
    stage.post.there.add(code)
    answer = client.get(f"/gop-y/ma/{code}/buoc")
    assert answer.headers["X-State"] == "there"
    assert "Đã tới xã" in answer.text


def test_the_same_form_twice_is_one_feedback_with_one_code(stage: Stage, client: FlaskClient) -> None:
    data = {"loi": "Một lần thôi", "mot_lan": "abc"}
    first, second = send(client, data), send(client, data)
    assert code_on(first) == code_on(second)
    assert len(stage.post.sent) == 1


def test_the_code_comes_back_in_larger_letters_and_another_language(
    stage: Stage, client: FlaskClient
) -> None:
    page = write(client, "Đèn hỏng")
    code = code_on(page)
    for pressed in re.findall(r'href="(/doi\?chu=to&amp;ve=[^"]+)"', page):
        assert code_on(client.get(pressed.replace("&amp;", "&"), follow_redirects=True).text) == code
    language = re.findall(r'href="(/ngon-ngu\?tu=[^"]+)"', page)[0]
    english = re.findall(r'href="(/doi\?tieng=en[^"]+)"', client.get(language).text)[0]
    assert code_on(client.get(english.replace("&amp;", "&"), follow_redirects=True).text) == code
    assert len(stage.post.sent) == 1


def test_a_code_that_was_never_given_here_has_no_page(client: FlaskClient) -> None:
    for code in ("0123456789", "x", "ILOUILOUIL"):
        assert client.get(f"/gop-y/light/village/{code}").status_code == 404


def test_line_breaks_count_once_as_the_browser_counts_them(stage: Stage, client: FlaskClient) -> None:
    write(client, "\r\n".join(["ơ" * 99] * 10))
    assert len(stage.post.sent) == 1


def test_full_outbox_keeps_the_words_on_the_page_and_says_why(stage: Stage, client: FlaskClient) -> None:
    stage.post.refuse = OutboxFull("Máy đã đầy, chưa cất thêm được.")
    page = write(client, "Đừng mất chữ này")
    assert "Máy đã đầy" in page
    assert "Đừng mất chữ này" in page
    assert 'class="code"' not in page


def test_without_the_communes_key_nothing_is_asked_and_nothing_is_kept(stage: Stage) -> None:
    client = create_app(changed(stage, seal_key=lambda: None).house).test_client()
    assert 'href="/gop-y/light"' not in client.get("/gop-y").text
    assert "chưa nhận được lời" in write(client, "Không được cất")
    assert stage.post.sent == []


def test_empty_and_endless_words_are_asked_for_again(stage: Stage, client: FlaskClient) -> None:
    assert "Bác gõ vài chữ đã" in write(client, "   ")
    assert "Lời dài quá" in write(client, "ơ" * (LONGEST + 1))
    assert stage.post.sent == []


def test_longest_words_in_the_widest_letters_fit_the_contract(stage: Stage, client: FlaskClient) -> None:
    write(client, "\U0001f600" * LONGEST)
    assert len(stage.post.sent) == 1


def test_unknown_topic_is_no_page(client: FlaskClient) -> None:
    assert client.get("/gop-y/nothing/village").status_code == 404
    assert client.post("/gop-y/light/nothing", data={"loi": "x"}).status_code == 404


def test_codes_are_random_and_never_hold_letters_that_are_misread() -> None:
    codes = {new_code() for _ in range(2000)}
    assert len(codes) == 2000
    assert set("".join(codes)) == set(ALPHABET)
    assert not set("ILOU") & set(ALPHABET)
