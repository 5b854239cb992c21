"""Cameras found on the network and asked for their streams: right, wrong password, wrong clock, silent and hostile."""

from __future__ import annotations

import re
import select
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from broker.contract import Identity, message
from broker.contract.camera import CamerasFound
from broker.contract.hub import SearchCameras
from broker.trust.envelope import CameraLogin
from broker.trust.seal import make_seal_key, seal
from edge.camera.onvif import LONGEST_SOURCE
from edge.camera.probing import MOST_DEVICES, read_address
from edge.camera.searching import FORGOTTEN, KNOWN_S, NO_LOGIN, NOBODY, Searching
from edge.camera.soap import MOST_BYTES, SENTENCES
from tests.camera.onvif_device import PASSWORD, USER, Mood, OnvifDevice, probe_match
from tests.camera.test_service import ClipHub, Town
from tests.camera.town import CameraHouse
from tests.fakes.clock import FakeClock
from tests.fakes.session import FakeSession
from tests.until import until

SECRET, PUBLIC = make_seal_key()
LISTEN_S = 0.3


class Point:
    """The worker of one node beside one device."""

    def __init__(self, device: OnvifDevice, ask_s: float = 5.0) -> None:
        self.clock = FakeClock(running=True)
        device.mood.now = self.clock.now
        self.device = device
        self.session: Any = FakeSession(Identity("thon-01", "camera"), clock=self.clock)
        self._worker = Searching(self.session, SECRET, device.group, LISTEN_S, ask_s)
        self.stop = threading.Event()
        self._thread = threading.Thread(target=self._worker.run, args=(self.stop, lambda: None))
        self._count = 0

    def __enter__(self) -> Point:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self._thread.join(2.0)
        assert not self._thread.is_alive()

    def say(self, device: str = "", sealed: bytes | None = None) -> CamerasFound:
        """Wish for something, and what came of it."""
        self._count += 1
        request = f"h-{self._count}"
        self.session.deliver(SearchCameras(request=request, device=device, sealed=sealed))
        found = [False]

        def came() -> bool:
            found[:] = [each.request == request for each in self.session.messages(CamerasFound)[-1:]]
            return any(found)

        assert self.session.wait(came, 10.0)
        return self.session.messages(CamerasFound)[-1]

    def streams(self, password: str = PASSWORD) -> CamerasFound:
        """Search, then ask for the streams."""
        assert self.say().devices
        login = msgspec.json.encode(CameraLogin(user=USER, password=password))
        return self.say(self.device.url, seal(PUBLIC, login))


@pytest.mark.parametrize(
    ("mood", "codec", "tail"),
    [
        (Mood(), "h264", ""),
        (Mood(auth="digest"), "h264", ""),
        (Mood(media2=True), "hevc", ""),
        (Mood(clock_off=timedelta(days=-400)), "h264", ""),
        (Mood(tells_time=False), "h264", ""),
        (Mood(stream_tail="?user=a&amp;password=x/y_channel=1"), "h264", "?user=a&password=•••_channel=1"),
    ],
    ids=["login", "http digest", "newer media", "clock of 400 days ago", "tells no time", "password in path"],
)
def test_a_camera_is_found_and_tells_its_streams_the_largest_first(mood: Mood, codec: str, tail: str) -> None:
    with OnvifDevice(mood) as device, Point(device) as point:
        found = point.say()
        assert [(e.device, e.address, e.name, e.hardware) for e in found.devices] == [
            (device.url, "127.0.0.1", "Cam 1", "IPC-2")
        ]
        said = point.streams()
    assert said.reason == ""
    assert [(e.source, e.codec, e.width_px, e.height_px) for e in said.streams] == [
        (f"rtsp://127.0.0.1:554/main{tail}", codec, 2560, 1440),
        (f"rtsp://127.0.0.1:554/sub-1{tail}", codec, 640, 360),
    ]
    assert all(PASSWORD not in each and "Basic" not in each for each in mood.asked)


def test_a_wrong_password_is_said_and_tried_once_a_question() -> None:
    mood = Mood()
    with OnvifDevice(mood) as device, Point(device) as point:
        assert point.streams("sai").reason == SENTENCES["password"]
        assert len(mood.asked) == 2  # the time and one question: a camera locks who tries too often


def test_a_clock_that_is_wrong_is_named_where_the_login_is_refused() -> None:
    mood = Mood(clock_off=timedelta(hours=-7), believes=False)
    with OnvifDevice(mood) as device, Point(device) as point:
        assert "đồng hồ của nó lệch 7 giờ" in point.streams().reason


def test_a_password_never_goes_in_clear() -> None:
    mood = Mood(auth="basic")
    with OnvifDevice(mood) as device, Point(device) as point:
        assert point.streams().reason == SENTENCES["unsafe"]
    assert not [each for each in mood.asked if "Authorization" in each]


def _hold(page: Any) -> bool:
    page.server.socket.settimeout(5)
    page.rfile.read(1)  # until the other side hangs up
    return True


def _drip(page: Any) -> bool:
    with suppress(OSError):
        while not select.select([page.connection], [], [], 0.05)[0]:
            page.wfile.write(b"H")
    return True


def _flood(page: Any) -> bool:
    page.send_response(200)
    page.end_headers()
    with suppress(OSError):
        page.wfile.write(b"x" * (MOST_BYTES + 100_000))
    return True


def _chunks(page: Any) -> bool:
    page.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n")
    return True


def _reply(status: int, body: str, headers: dict[str, str] | None = None) -> Callable[[Any], bool]:
    def answer(page: Any) -> bool:
        page.reply(status, body, headers)
        return True

    return answer


BOMB = '<!DOCTYPE a [<!ENTITY b "cccc"><!ENTITY c SYSTEM "file:///etc/passwd">]><a>&b;&c;</a>'


@pytest.mark.parametrize(
    ("instead", "code"),
    [
        (_hold, "silent"),
        (_drip, "silent"),
        (_flood, "odd"),
        (_chunks, "odd"),
        (_reply(200, BOMB), "odd"),
        (_reply(200, "<a>"), "odd"),
        (_reply(302, "", {"Location": "http://10.0.0.1/"}), "odd"),
        (_reply(500, "<html>"), "odd"),
        (_reply(403, ""), "password"),
        (_reply(401, "", {"WWW-Authenticate": "Digest nonce=, realm, qop"}), "unsafe"),
    ],
    ids=["silent", "drips", "floods", "chunks", "dtd", "no xml", "elsewhere", "html", "403", "empty digest"],
)
def test_a_device_that_answers_badly_costs_no_more_than_its_time(
    instead: Callable[[Any], bool], code: Any
) -> None:
    mood = Mood()
    with OnvifDevice(mood) as device, Point(device, ask_s=0.6) as point:
        assert point.say().devices
        mood.instead = instead
        began_s = time.monotonic()
        assert point.streams().reason == SENTENCES[code]
        assert time.monotonic() - began_s < LISTEN_S + 2.0


def test_streams_on_another_machine_are_not_taken() -> None:
    mood = Mood(stream_host="10.1.2.3")
    with OnvifDevice(mood) as device, Point(device) as point:
        assert point.streams().reason == SENTENCES["elsewhere"]
        mood.stream_tail = "x" * LONGEST_SOURCE
        assert point.streams().reason == SENTENCES["no-streams"]


def test_only_what_answered_a_search_is_ever_asked() -> None:
    with OnvifDevice(Mood()) as device, OnvifDevice(Mood()) as other, Point(device) as point:
        assert point.say().devices
        assert point.say(other.url).reason == FORGOTTEN
        assert point.say("http://127.0.0.1:1883/x").reason == FORGOTTEN
        assert point.say(device.url, b"not sealed").reason == NO_LOGIN
        assert point.say(device.url, seal(PUBLIC, b"{}")).reason == NO_LOGIN
        point.clock.advance(KNOWN_S + 1)
        assert point.say(device.url).reason == FORGOTTEN
        assert device.mood.asked == other.mood.asked == []


@pytest.mark.parametrize(
    "answer",
    [
        lambda name: [b""],
        lambda name: [b"\xff" * 400],
        lambda name: [BOMB.encode()],
        lambda name: [probe_match("00000000-0000-4000-8000-000000000000", "http://127.0.0.1/onvif")],
        lambda name: [probe_match(name, "https://127.0.0.1/onvif ftp://127.0.0.1/a rtsp://127.0.0.1/b")],
        lambda name: [
            probe_match(name, "http://127.0.0.1/a?b=c http://127.0.0.1:99999/a http://[/a http://x")
        ],
        lambda name: [probe_match(name, "http://127.0.0.1/a&#13;&#10;X:b"[:18] + "%0d%0aX:%20b")],
    ],
    ids=["empty", "bytes", "dtd", "not asked", "schemes", "addresses", "header"],
)
def test_what_is_no_answer_is_nobody(answer: Callable[[str], list[bytes]]) -> None:
    with OnvifDevice(Mood(probe_answer=answer)) as device, Point(device) as point:
        assert point.say() == CamerasFound(request="h-1", reason=NOBODY)


def test_a_device_is_asked_where_it_answered_from_whatever_it_says() -> None:
    mood = Mood(xaddrs="http://10.1.2.3:8899/onvif/device_service", name="%E2%80%AE%0A%3Cb%3E" + "n" * 300)
    with OnvifDevice(mood) as device, Point(device) as point:
        (found,) = point.say().devices
    assert (found.device, found.address) == ("http://127.0.0.1:8899/onvif/device_service", "127.0.0.1")
    assert re.fullmatch(r"<b>n{37}", found.name)


def test_many_devices_fit_one_message() -> None:
    def crowd(name: str) -> list[bytes]:
        called = "%E1%BB%87" * 60
        return [probe_match(name, f"http://127.0.0.1:{2000 + n}/{'d' * 90}", called) for n in range(60)]

    with OnvifDevice(Mood(probe_answer=crowd)) as device, Point(device) as point:
        found = point.say()
    assert len(found.devices) == MOST_DEVICES
    message.payload(found)


def test_a_service_that_ends_waits_for_no_device() -> None:
    with OnvifDevice(Mood(instead=_hold)) as device, Point(device, ask_s=30.0) as point:
        assert point.say().devices
        login = msgspec.json.encode(CameraLogin(user=USER, password=PASSWORD))
        point.session.deliver(SearchCameras(request="last", device=device.url, sealed=seal(PUBLIC, login)))
        until(lambda: bool(device.mood.asked), 5.0)
        began_s = time.monotonic()
        point.stop.set()
        point._thread.join(5.0)
        assert time.monotonic() - began_s < 0.8


def test_the_address_of_a_service_is_never_another_machine() -> None:
    assert str(read_address("http://example.com:81/a", "10.0.0.5")) == "http://10.0.0.5:81/a"
    assert read_address("http://u:p@10.0.0.5/a\r\nHost: x", "10.0.0.5") is None


def test_the_camera_service_searches_beside_its_cameras(tmp_path: Path) -> None:
    with CameraHouse(tmp_path, Town(), ClipHub()) as house:
        house.session.deliver(SearchCameras(request="r1", device="http://10.0.0.9/onvif"))
        assert house.session.wait_for(CamerasFound, timeout_s=5.0).reason == FORGOTTEN
