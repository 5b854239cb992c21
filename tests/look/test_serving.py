"""The web server of a screen: it stops at once, and a request still running cannot write into a stranger's file."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from broker.link.config import SettingsError
from broker.look.serving import LARGEST_BODY, LARGEST_OF_ALL, UNSENT, Web
from tests.until import until


class Slow:
    """An app whose answer ends only when the test says so."""

    def __init__(self) -> None:
        self.began, self.go, self.ended = threading.Event(), threading.Event(), threading.Event()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterator[bytes]:
        start("200 OK", [("Content-Type", "text/plain")])
        self.began.set()
        self.go.wait(20)
        try:
            yield b"late"
        finally:
            self.ended.set()


def test_a_request_that_outlives_the_stop_leaves_other_files_alone(tmp_path: Path) -> None:
    app, stop = Slow(), threading.Event()
    web = Web(app, "127.0.0.1", 0, key="kiosk.port", threads=2)
    worker = threading.Thread(target=web.run, args=(stop, lambda: None))
    worker.start()
    line = http.client.HTTPConnection("127.0.0.1", web.port, timeout=10)
    line.request("GET", "/")
    assert app.began.wait(10)
    stop.set()
    worker.join(5)
    assert not worker.is_alive()
    before = threading.active_count()
    files = []
    for number in range(64):  # they take the numbers of whatever was closed
        file = tmp_path / str(number)
        file.write_bytes(b"SQLite format 3\0")
        files.append(file.open("r+b"))
    app.go.set()
    assert app.ended.wait(10)
    until(lambda: threading.active_count() < before, 10)
    for each in files:
        each.close()
    assert {Path(each.name).read_bytes() for each in files} == {b"SQLite format 3\0"}
    line.close()


def test_a_taken_port_is_one_sentence_with_its_setting() -> None:
    first = Web(Slow(), "127.0.0.1", 0, key="kiosk.port", threads=1)
    with pytest.raises(SettingsError, match=rf"kiosk.port: {first.port} on 127.0.0.1 cannot be used"):
        Web(Slow(), "127.0.0.1", first.port, key="kiosk.port", threads=1)


def who_asks(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
    """An app that says from where it is asked."""
    start("200 OK", [("Content-Type", "text/plain")])
    return [environ["REMOTE_ADDR"].encode()]


@pytest.mark.parametrize(
    ("is_proxied", "header", "seen"),
    [
        (True, "203.0.113.5", "203.0.113.5"),
        (
            True,
            "6.6.6.6, 203.0.113.5",
            "203.0.113.5",
        ),  # what the visitor wrote stands before the proxy's word
        (True, None, "127.0.0.1"),
        (False, "203.0.113.5", "127.0.0.1"),
    ],
)
def test_the_visitors_address_is_the_proxys_word_and_nobody_elses(
    is_proxied: bool, header: str | None, seen: str
) -> None:
    stop = threading.Event()
    web = Web(who_asks, "127.0.0.1", 0, key="console.port", threads=2, is_proxied=is_proxied)
    worker = threading.Thread(target=web.run, args=(stop, lambda: None))
    worker.start()
    line = http.client.HTTPConnection("127.0.0.1", web.port, timeout=20)
    line.request("GET", "/", headers={"X-Forwarded-For": header} if header else {})
    said = line.getresponse().read().decode()
    line.close()
    stop.set()
    worker.join(10)
    assert said == seen


@pytest.mark.parametrize(
    ("cookie", "length", "status"),
    [
        ("who=inside", LARGEST_BODY + 1, 200),
        ("who=stranger", LARGEST_BODY + 1, 413),
        ("", LARGEST_BODY + 1, 413),
        ("who=stranger", LARGEST_BODY - 1, 200),
        ("who=inside", LARGEST_OF_ALL, 413),
    ],
)
def test_only_who_is_inside_may_send_much(cookie: str, length: int, status: int) -> None:
    stop = threading.Event()
    web = Web(
        Counter(), "localhost", 0, key="console.port", threads=2, may_send=lambda said: said == "who=inside"
    )
    worker = threading.Thread(target=web.run, args=(stop, lambda: None))
    worker.start()
    with socket.create_connection(("127.0.0.1", web.port), timeout=20) as line:
        head = (
            f"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\nCookie: {cookie}"
        )
        line.sendall(f"{head}\r\n\r\n".encode())
        if status == 200:
            line.sendall(bytes(length))
        answer = line.makefile("rb").readline()
    stop.set()
    worker.join(5)
    assert answer.split()[1] == str(status).encode()


class Counter:
    """An app that reads what is sent."""

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        count = len(environ["wsgi.input"].read())
        start("200 OK", [("Content-Type", "text/plain")])
        return [str(count).encode()]


def test_an_app_knows_what_the_visitor_s_line_has_not_taken() -> None:
    told: list[int] = []
    piece = bytes(64 * 1024)

    def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterator[bytes]:
        start("200 OK", [("Content-Type", "application/octet-stream")])
        for _ in range(400):
            told.append(environ[UNSENT]())
            if told[-1] > 2 * len(piece):
                return
            yield piece

    stop = threading.Event()
    web = Web(app, "127.0.0.1", 0, key="kiosk.port", threads=2, may_send=lambda _: False)
    worker = threading.Thread(target=web.run, args=(stop, lambda: None))
    worker.start()
    try:
        with socket.socket() as line:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            line.connect(("127.0.0.1", web.port))
            line.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            until(lambda: bool(told) and told[-1] > 2 * len(piece), 10)
        assert (told[0], len(told) < 400) == (0, True), "it was told long before the answer was written"
    finally:
        stop.set()
        worker.join(5)
