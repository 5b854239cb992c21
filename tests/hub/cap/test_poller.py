"""Sources that are asked over HTTP: once, patiently, within bounds, and led nowhere they must not go."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from sqlalchemy import select

from broker.hub.cap import sources
from broker.hub.cap.asking import AskError, ask, onward
from broker.hub.cap.opening import LARGEST
from broker.hub.cap.poller import Poller
from broker.hub.records import CapMessage, CapSource, put_setting
from broker.link.config import PlaceOf
from tests.fakes.clock import FakeClock
from tests.hub.cap.warnings import xml_of
from tests.hub.town import NOW, Town
from tests.until import until

PLACE = PlaceOf(province="00", commune="00000", commune_name="xã Vân Khê")
Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Sender:
    """A loopback server of warnings: what it answers by path, and what was asked of it."""

    url: str = ""
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)


@pytest.fixture
def sender() -> Iterator[Sender]:
    with serving() as found:
        yield found


@contextmanager
def serving() -> Iterator[Sender]:
    found = Sender()

    class Asked(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name is the interface of http.server
            found.asked.append(self.path)
            found.marks.append(self.headers.get("If-None-Match", ""))
            status, headers, body = found.answers.get(self.path, (404, {}, b""))
            if status == 200 and headers.get("ETag", "-") == found.marks[-1]:
                status, body = 304, b""
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            try:
                self.wfile.write(body)
            except OSError:
                self.close_connection = True  # whoever asked has had enough

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Asked)
    found.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, name="sender")
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def feed(*links: str) -> bytes:
    entries = "".join(f'<entry><link type="application/cap+xml" href="{link}"/></entry>' for link in links)
    return f'<feed xmlns="http://www.w3.org/2005/Atom">{entries}</feed>'.encode()


class Watch:
    """A poller on the town's database, moved by hand."""

    def __init__(self, town: Town, address: str) -> None:
        self.town, self.clock = town, FakeClock(NOW)
        with town.database.session() as db:
            self.id = sources.add_source(db, town.binh, "Đài tỉnh", address, 300, "", "hoa", NOW).id
        self.poller = Poller(town.database, PLACE, self.clock)

    def look(self, after_s: float = 0) -> CapSource:
        self.clock.step(after_s)
        self.poller.look(threading.Event(), lambda: None)
        with self.town.database.reading() as db:
            return db.get_one(CapSource, self.id)

    def kept(self) -> list[str]:
        with self.town.database.reading() as db:
            return sorted(db.scalars(select(CapMessage.identifier)))


def test_a_feed_is_asked_in_turn_and_each_message_is_fetched_once(town: Town, sender: Sender) -> None:
    watch = Watch(town, f"{sender.url}/feed")
    sender.answers["/feed"] = (200, {"ETag": '"1"'}, feed("/a.xml", f"{sender.url}/b.xml"))
    sender.answers["/a.xml"] = (200, {}, xml_of("a"))
    sender.answers["/b.xml"] = (200, {}, xml_of("b"))
    source = watch.look()
    assert (source.problem, source.etag, source.answered_at) == ("", '"1"', NOW)
    assert watch.kept() == ["a", "b"]
    watch.look(60)
    assert len(sender.asked) == 3, "not before its turn"
    source = watch.look(240)
    assert (sender.marks[-1], len(sender.asked), source.problem) == ('"1"', 4, "")
    sender.answers["/feed"] = (200, {"ETag": '"2"'}, feed("/c.xml", "/a.xml"))
    sender.answers["/c.xml"] = (200, {}, xml_of("c"))
    watch.look(300)
    assert (sender.asked[4:], watch.kept()) == (["/feed", "/c.xml"], ["a", "b", "c"])
    again = Poller(town.database, PLACE, watch.clock)
    watch.clock.step(300)
    again.look(threading.Event(), lambda: None)
    assert watch.kept() == ["a", "b", "c"], "announce began anew: nothing is doubled"


def test_a_source_that_fails_is_told_of_and_asked_less_and_less_until_a_person_asks(
    town: Town, sender: Sender
) -> None:
    watch = Watch(town, f"{sender.url}/feed")
    assert watch.look().problem == "127.0.0.1 trả lời mã 404, không phải một cảnh báo."
    watch.look(300)
    assert len(sender.asked) == 1, "twice as long after a failure"
    watch.look(300)
    assert len(sender.asked) == 2
    with town.database.session() as db:
        sources.ask_soon(db, town.hoa, watch.id, watch.clock.now())
    sender.answers["/feed"] = (200, {}, xml_of().replace(b"<status>Actual</status>", b""))
    assert watch.look(1).problem.startswith("Có tin không dùng được. Tin không đúng khuôn CAP 1.2")
    sender.answers["/feed"] = (200, {}, xml_of())
    source = watch.look(3600)
    assert (source.problem, source.answered_at, watch.kept()) == ("", watch.clock.now(), ["kt-1"])
    with town.database.session() as db:
        sources.remove_source(db, town.binh, watch.id, watch.clock.now())
    asked = len(sender.asked)
    watch.look(3600)
    assert len(sender.asked) == asked


def test_one_bad_message_does_not_keep_the_others_away_and_a_flood_is_cut(town: Town, sender: Sender) -> None:
    watch = Watch(town, f"{sender.url}/feed")
    sender.answers["/feed"] = (200, {}, feed("/a.xml", "/b.xml", "/gone.xml", "http://localhost:1/x"))
    sender.answers["/a.xml"] = (200, {}, b"<html/>")
    sender.answers["/b.xml"] = (200, {}, xml_of("b"))
    assert "không phải một tin cảnh báo CAP 1.2" in watch.look().problem
    assert watch.kept() == ["b"]
    with town.database.session() as db:
        row = db.scalars(select(CapMessage)).one()
        for n in range(sources.MOST_A_DAY):
            db.add(
                CapMessage(
                    sender="x", identifier=str(n), sent=NOW, status="Test", msg_type="Alert", xml="", info={},
                    source_id=watch.id, received_at=row.received_at, state="ignored",
                )
            )  # fmt: skip
    sender.answers["/feed"] = (200, {}, xml_of("c"))
    assert "hơn 500 tin" in watch.look(3600).problem


def asked(address: str) -> str:
    """The sentence with which an address was given up."""
    with pytest.raises(AskError) as found:
        ask(address, "", threading.Event(), lambda: None)
    assert str(found.value).endswith(".")
    return str(found.value)


def test_an_answer_is_bounded_in_bytes_redirects_and_kind(sender: Sender) -> None:
    url = sender.url
    sender.answers |= {
        "/bomb": (200, {"Content-Encoding": "gzip"}, gzip.compress(bytes(10 * LARGEST))),
        "/large": (200, {}, b"<a/>" + b" " * LARGEST),
        "/short": (200, {"Content-Length": "900"}, b"<a>"),
        "/round": (302, {"Location": "/round"}, b""),
        "/file": (302, {"Location": "file:///etc/passwd"}, b""),
        "/nowhere": (302, {}, b""),
        "/in": (302, {"Location": url.replace("127.0.0.1", "localhost") + "/ok"}, b""),
        "/once": (301, {"Location": "/ok"}, b""),
        "/ok": (200, {"ETag": "x"}, xml_of()),
    }
    assert ask(f"{url}/once", "", threading.Event(), lambda: None).data == xml_of()
    assert "nén" in asked(f"{url}/bomb")
    assert "quá nhiều, một lần nhiều nhất 3 MB" in asked(f"{url}/large")
    assert "giữa chừng" in asked(f"{url}/short")
    assert "chuyển địa chỉ quá nhiều lần" in asked(f"{url}/round")
    for path in ("/file", "/nowhere", "/in"):
        assert "không được hỏi" in asked(url + path), path
    assert "Không hỏi được 127.0.0.1" in asked("http://127.0.0.1:1/")
    for link in (
        "http://127.0.0.1/x",
        "http://10.0.0.1/x",
        "http://[::1]/x",
        "http://hub/x",
        "http://a.example/x",
    ):
        with pytest.raises(AskError):
            onward("https://b.example/feed", link)  # the last: from https down to http
    assert onward("https://b.example/feed", "https://a.example/x") == "https://a.example/x"


def test_nothing_leads_into_this_house_however_it_is_spelled_or_named(sender: Sender) -> None:
    for host in (
        *(
            "127.1",
            "127.0.0.1.",
            "0177.0.0.1",
            "0x7f.0.0.1",
            "2130706433",
            "localhost.",
            "LOCALHOST",
            "10.1.1.1.",
        ),
        *(
            "169.254.169.254.",
            "[::ffff:127.0.0.1]",
            "[64:ff9b::10.0.0.1]",
            "[::1]",
            "0",
            "224.0.0.1",
            "hub.local.",
        ),
    ):
        with pytest.raises(AskError, match="không được hỏi"):
            onward("http://b.example/feed", f"http://{host}/x")
    with pytest.raises(AskError, match="không được hỏi"):
        onward("http://b.example/feed", "http://[")
    sender.answers["/ok"] = (200, {}, xml_of())
    port = sender.url.rpartition(":")[2]
    for named in (
        f"http://localhost:{port}/ok",
        f"{sender.url}/ok",
    ):  # names are looked up, and who is found is asked
        with pytest.raises(AskError, match="không được hỏi"):
            ask(named, "", threading.Event(), lambda: None, home="https://b.example/feed")
    with pytest.raises(AskError, match="không được hỏi"):
        ask(f"{sender.url}/ok", "", threading.Event(), lambda: None, home="http://127.0.0.1:9/another-door")
    assert sender.asked == []
    assert ask(f"http://localhost:{port}/ok", "", threading.Event(), lambda: None).data == xml_of()


def test_a_sender_that_drips_is_given_up_in_time_and_the_worker_beats_meanwhile() -> None:
    over, beats = threading.Event(), [0]

    def drip(server: socket.socket) -> None:
        line, _ = server.accept()
        with line, suppress(OSError):
            line.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            while not over.wait(0.05):
                line.sendall(b"x")

    def beat() -> None:
        beats[0] += 1

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, args=(server,), name="drip")
        thread.start()
        begun = time.monotonic()
        try:
            with pytest.raises(AskError, match="quá chậm"):
                ask(f"http://127.0.0.1:{server.getsockname()[1]}/", "", threading.Event(), beat, budget_s=1.2)
            assert time.monotonic() - begun < 8, "its time-outs of each read would never have ended it"
            assert beats[0] >= 2
        finally:
            over.set()
            thread.join()


def test_a_message_that_breaks_the_taking_is_noted_and_ends_nothing(town: Town, sender: Sender) -> None:
    watch = Watch(town, f"{sender.url}/feed")
    sender.answers["/feed"] = (200, {}, feed("/a.xml", "http://["))
    sender.answers["/a.xml"] = (200, {}, xml_of("a"))
    with town.database.session() as db:
        put_setting(db, "cap.rules", [{"id": 1}], NOW)  # a rule of another release
    assert "đọc không nổi" in watch.look().problem
    watch.look(3600)
    assert sender.asked.count("/a.xml") == 1, "not again and again"
    endless = xml_of(expires="<expires>9999-12-31T23:59:59-12:00</expires>")
    sender.answers["/feed"] = (200, {}, endless)
    assert "năm 9999" in watch.look(3600).problem


def test_the_worker_beats_closes_what_is_over_and_ends_at_once(town: Town, sender: Sender) -> None:
    watch = Watch(town, f"{sender.url}/a.xml")
    sender.answers["/a.xml"] = (200, {}, xml_of())
    stop, beats = threading.Event(), []
    thread = threading.Thread(
        target=watch.poller.worker().run, args=(stop, lambda: beats.append(1)), name="w"
    )
    thread.start()
    until(lambda: watch.kept() == ["kt-1"], 20)
    stop.set()
    thread.join(5)
    assert not thread.is_alive()
    assert beats
    watch.look(timedelta(days=1).total_seconds())
    with town.database.reading() as db:
        assert db.scalars(select(CapMessage.state)).all() == ["expired"]


def test_a_slow_sender_is_given_up_when_the_service_ends(sender: Sender) -> None:
    stop = threading.Event()
    stop.set()
    sender.answers["/a"] = (200, {}, b"<a/>" * 100)
    act: Callable[[], object] = lambda: ask(f"{sender.url}/a", "", stop, lambda: None)  # noqa: E731
    with pytest.raises(AskError, match="quá chậm"):
        act()
