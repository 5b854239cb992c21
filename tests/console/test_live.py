"""Live pages over the real web server: changes arrive fast, rights hold, nobody is fed too much."""

from __future__ import annotations

import http.client
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from broker.hub.console import access
from broker.hub.console.live import MOST_OF_ONE, QUEUE_LIMIT, Broadcaster, Listener, News
from broker.hub.console.service import serving
from broker.hub.records import note_change
from broker.link.config import SettingsError
from tests.console.stage import Stage
from tests.until import until


@contextmanager
def served(stage: Stage) -> Iterator[int]:
    """The console on waitress as `web` runs it; its port."""
    web = serving(stage.app, "127.0.0.1", 0)
    stop = threading.Event()
    thread = threading.Thread(target=web.run, args=(stop, lambda: None))
    thread.start()
    try:
        yield web.port
    finally:
        stop.set()
        thread.join()


def say(stage: Stage, topic: str, key: str) -> None:
    """A change somebody should see."""
    with stage.database.session() as db:
        note_change(db, topic, key, stage.now())


def listening(port: int, cookie: str, topics: str, last: str = "") -> http.client.HTTPResponse:
    """An open stream."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {"Cookie": f"langso={cookie}", **({"Last-Event-ID": last} if last else {})}
    connection.request("GET", f"/live?topics={topics}", headers=headers)
    return connection.getresponse()


def event(stream: http.client.HTTPResponse, name: str) -> list[str]:
    """Lines of the next event of that name."""
    lines: list[str] = []
    while True:
        line = stream.readline().decode().rstrip("\n")
        if line:
            lines.append(line)
            continue
        if f"event: {name}" in lines:
            return lines
        lines = []


def cookie_of(stage: Stage, name: str) -> str:
    """A signed-in browser's cookie."""
    cookie = stage.client(name).get_cookie("langso")
    assert cookie is not None
    return cookie.value


def test_a_change_reaches_an_open_page_within_a_quarter_of_a_second_or_so(stage: Stage) -> None:
    cookie = cookie_of(stage, "binh")
    with served(stage) as port:
        stream = listening(port, cookie, "play")
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        event(stream, "hello")
        began = time.monotonic()
        say(stage, "play", "a.1")
        assert 'data: {"topic": "play", "key": "a.1"}' in event(stream, "change")
        assert time.monotonic() - began < 2.0  # the box may be busy; the poll itself is 0.1 s
        stream.close()


def test_a_page_that_was_away_hears_what_it_missed(stage: Stage) -> None:
    cookie = cookie_of(stage, "binh")
    with served(stage) as port:
        say(stage, "play", "first")
        stream = listening(port, cookie, "play")
        number = next(line[4:] for line in event(stream, "hello") if line.startswith("id: "))
        stream.close()
        say(stage, "play", "missed")
        say(stage, "feedback", "not for this page")
        stream = listening(port, cookie, "play", last=number)
        assert 'data: {"topic": "play", "key": "missed"}' in event(stream, "change")
        stream.close()


def test_a_page_ahead_of_the_table_is_told_to_load_again(stage: Stage) -> None:
    cookie = cookie_of(stage, "binh")
    with served(stage) as port:
        stream = listening(port, cookie, "play", last="999999")
        event(stream, "resync")
        stream.close()


def test_nobody_hears_of_what_is_not_for_them(stage: Stage) -> None:
    assert stage.client("hanh").get("/live?topics=alert,camera").status_code == 400
    assert stage.client("khoa").get("/live?topics=feedback").status_code == 400
    assert stage.client().get("/live?topics=play").status_code == 401


def test_more_pages_than_threads_are_refused_with_a_time_to_come_back(stage: Stage) -> None:
    client = stage.client("binh")
    joined = [stage.broadcaster.join(frozenset({"play"}), 1000 + n) for n in range(220)]
    answer = client.get("/live?topics=play")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert stage.client("hanh").get("/").status_code == 200
    for listener in joined:
        stage.broadcaster.leave(listener)


def test_one_account_takes_eight_places_and_no_more(stage: Stage) -> None:
    helper = stage.client("giup")
    opened = [helper.get("/live?topics=plan", buffered=False) for _ in range(MOST_OF_ONE)]
    assert {answer.status_code for answer in opened} == {200}
    answer = helper.get("/live?topics=plan")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "30")
    assert "xin đóng bớt trang" in answer.get_data(as_text=True)
    other = stage.client("binh").get("/live?topics=plan", buffered=False)
    assert other.status_code == 200
    opened.pop().close()
    again = helper.get("/live?topics=plan", buffered=False)
    assert again.status_code == 200
    for answer in (*opened, other, again):
        answer.close()


@pytest.mark.parametrize("digits", [19, 30, 5000])
def test_a_page_that_was_nowhere_is_told_to_load_again_or_begins_anew(stage: Stage, digits: int) -> None:
    headers = {"Last-Event-ID": "9" * digits}
    answer = stage.client("binh").get("/live?topics=plan", headers=headers, buffered=False)
    lines = iter(answer.response)
    next(lines)
    assert ("resync" if digits < 100 else "hello") in str(next(lines))
    answer.close()


def test_a_page_that_falls_behind_is_told_to_load_again(stage: Stage) -> None:
    listener = Listener(frozenset({"play"}))
    for n in range(QUEUE_LIMIT + 5):
        listener.tell(News(n, "play", str(n)))
    assert listener.caught_up() is True
    assert listener.next(0.01) is None
    assert listener.caught_up() is False
    assert stage.broadcaster.count() == 0


def test_a_closed_page_is_forgotten(stage: Stage) -> None:
    cookie = cookie_of(stage, "binh")
    with served(stage) as port:
        stream = listening(port, cookie, "play")
        event(stream, "hello")
        assert stage.broadcaster.count() == 1
        stream.close()

        def poked() -> bool:
            say(stage, "play", "x")
            return stage.broadcaster.count() == 0

        until(poked, 10)


def test_sixty_open_pages_do_not_keep_others_waiting(stage: Stage) -> None:
    cookies = [cookie_of(stage, name) for name in stage.people]
    with served(stage) as port:
        streams = [listening(port, cookies[n % 8], "play") for n in range(60)]
        for stream in streams:
            event(stream, "hello")
        say(stage, "play", "for all")
        for stream in streams:
            assert 'data: {"topic": "play", "key": "for all"}' in event(stream, "change")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/healthz")
        assert connection.getresponse().status == 200
        for stream in streams:
            stream.close()


def test_the_server_stops_within_a_second_with_pages_open(stage: Stage) -> None:
    cookie = cookie_of(stage, "binh")
    with served(stage) as port:
        stream = listening(port, cookie, "play")
        event(stream, "hello")
        began = time.monotonic()
    assert time.monotonic() - began < 1.5
    stream.close()


def test_a_taken_port_is_said(stage: Stage) -> None:
    with served(stage) as port, pytest.raises(SettingsError, match=r"console\.port: .* cannot be used"):
        serving(stage.app, "127.0.0.1", port)


def test_the_feed_ends_when_the_service_stops(stage: Stage) -> None:
    feed = Broadcaster(stage.database)
    stop = threading.Event()
    thread = threading.Thread(target=feed.run, args=(stop, lambda: None))
    thread.start()
    listener = feed.join(frozenset({"play"}), 1)
    lines = feed.stream(listener, None, lambda: True)
    assert next(lines).startswith("retry")
    stop.set()
    thread.join()
    assert [line for line in lines if "change" in line] == []
    assert feed.count() == 0


def test_icons_of_parts_that_change_live_travel_with_every_page(stage: Stage) -> None:
    drawn = set(re.findall(r'symbol id="i-([a-z]+)"', stage.client("quan").get("/").get_data(as_text=True)))
    folder = Path(access.__file__).parent / "templates"
    used = {
        f"{part.name}: {name}"
        for part in folder.glob("_*.html")
        for name in re.findall(r"icon\('([a-z]+)'", part.read_text(encoding="utf-8"))
        if name not in drawn
    }
    assert used == set()
