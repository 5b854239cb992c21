"""Sources on the network that answer in their own way: HTTP cameras, refusals, servers without pictures."""

from __future__ import annotations

import logging
import re
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.camera.capture import CaptureError, Reader, read
from edge.camera.chunk import Chunk, Decoder
from tests.camera.film import write_coded
from tests.until import until

Answer = Callable[[bytes, socket.socket], None]
SECRET = "bi-mat-77"


@contextmanager
def _server(answer: Answer) -> Iterator[int]:
    """A TCP server on a free port; `answer` gets what was asked and the connection, again and again."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve(peer: socket.socket) -> None:
            with peer, suppress(OSError):
                while request := peer.recv(8192):
                    answer(request, peer)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    peer, _ = listening.accept()
                    threading.Thread(target=serve, args=(peer,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield listening.getsockname()[1]
        finally:
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)


def _jpegs(request: bytes, peer: socket.socket) -> None:
    """What an MJPEG camera answers: some pictures, a tenth of a second apart, then the end."""
    peer.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=x\r\n\r\n")
    pause = threading.Event()
    for number in range(12):
        picture = np.full((180, 320, 3), 90 + number * 5, np.uint8)
        jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
        length = str(len(jpeg)).encode()
        head = b"--x\r\nContent-Type: image/jpeg\r\nContent-Length: " + length + b"\r\n\r\n"
        peer.sendall(head + jpeg + b"\r\n")
        pause.wait(0.1)
    peer.shutdown(socket.SHUT_RDWR)


def _says(head: bytes) -> Answer:
    def answer(request: bytes, peer: socket.socket) -> None:
        number = re.search(rb"CSeq: *([0-9]+)", request)
        count = number.group(1) if number else b"1"
        peer.sendall(head.replace(b"#", count))

    return answer


def _failure(source: str) -> CaptureError:
    with pytest.raises(CaptureError) as caught:
        list(read(source, threading.Event()))
    return caught.value


def test_an_http_camera_of_jpegs_is_a_camera_with_the_times_its_pictures_came() -> None:
    with _server(_jpegs) as port:
        reader = Reader("08", f"http://127.0.0.1:{port}/video")
        reader.start()
        chunks: list[Chunk] = []
        why: list[str] = []

        def ended() -> bool:
            came = reader.get(0.1)
            if isinstance(came, Chunk):
                chunks.append(came)
            elif came is not None:
                why.append(came.code)
            return bool(why)

        until(ended, 12.0)
        reader.stop()
    assert why == ["ended"]
    assert {chunk.codec for chunk in chunks} == {"mjpeg"}
    assert len(chunks) >= 10
    assert chunks[-1].order_s == pytest.approx(1.1, abs=0.7)
    decoder = Decoder()
    assert sum(len(list(decoder.decode(chunk))) for chunk in chunks) >= 10


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (b"HTTP/1.0 401 No\r\nWWW-Authenticate: Basic realm=c\r\nContent-Length: 0\r\n\r\n", "password"),
        (b"HTTP/1.0 404 No\r\nContent-Length: 0\r\n\r\n", "path"),
        (b"HTTP/1.0 503 No\r\nContent-Length: 0\r\n\r\n", "refused"),
        (b"HTTP/1.0 302 Go\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n", "broken"),
    ],
    ids=["password", "path", "busy", "redirected to a file"],
)
def test_http_refusals_are_told_apart(head: bytes, code: str) -> None:
    def answer(request: bytes, peer: socket.socket) -> None:
        peer.sendall(head)
        peer.shutdown(socket.SHUT_RDWR)

    with _server(answer) as port:
        why = _failure(f"http://xa:{SECRET}@127.0.0.1:{port}/video")
    assert why.code == code


def test_an_http_camera_that_sends_round_in_circles_is_left(tmp_path: Path) -> None:
    asked: list[bytes] = []

    def answer(request: bytes, peer: socket.socket) -> None:
        asked.append(request)
        peer.sendall(b"HTTP/1.0 302 Go\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n")
        peer.shutdown(socket.SHUT_RDWR)

    with _server(answer) as port:
        assert _failure(f"http://127.0.0.1:{port}/").code in ("broken", "refused", "path")
    assert len(asked) <= 12


def test_a_web_page_is_no_camera() -> None:
    page = b"<html>" + b"xin chao " * 500

    def answer(request: bytes, peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n" + page)
        peer.shutdown(socket.SHUT_RDWR)

    with _server(answer) as port:
        assert _failure(f"http://127.0.0.1:{port}/").code in ("broken", "refused")


def test_an_rtsp_server_that_has_sound_only_is_told_as_such() -> None:
    sdp = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=audio 0 RTP/AVP 0\r\na=control:track1\r\n"

    def answer(request: bytes, peer: socket.socket) -> None:
        number = re.search(rb"CSeq: *([0-9]+)", request)
        head = b"RTSP/1.0 200 OK\r\nCSeq: " + (number.group(1) if number else b"1") + b"\r\n"
        if request.startswith(b"OPTIONS"):
            peer.sendall(head + b"Public: OPTIONS, DESCRIBE, SETUP, PLAY\r\n\r\n")
        elif request.startswith(b"DESCRIBE"):
            length = str(len(sdp)).encode()
            peer.sendall(
                head + b"Content-Type: application/sdp\r\nContent-Length: " + length + b"\r\n\r\n" + sdp
            )
        else:
            peer.sendall(head + b"Session: 1\r\n\r\n")

    with _server(answer) as port:
        assert _failure(f"rtsp://127.0.0.1:{port}/a").code == "no-video"


def test_the_address_is_in_no_log_and_on_no_error(caplog: pytest.LogCaptureFixture) -> None:
    refusing = _says(
        b'RTSP/1.0 401 No\r\nCSeq: #\r\nWWW-Authenticate: Basic realm="c"\r\nContent-Length: 0\r\n\r\n'
    )
    with caplog.at_level(logging.DEBUG), _server(refusing) as port:
        source = f"rtsp://xa:{SECRET}@127.0.0.1:{port}/s"
        why = _failure(source)
        reader = Reader("07", source)
        reader.start()
        until(lambda: reader.get(0.2) is not None, 8.0)
        reader.stop()
    assert why.code == "password"
    told = "".join(traceback.format_exception(why)) + caplog.text
    assert SECRET not in told
    assert f"127.0.0.1:{port}" not in told
    assert why.__cause__ is None
    assert why.__context__ is None


def test_stopping_does_not_wait_for_a_camera_that_hangs() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        reader = Reader("09", f"rtsp://127.0.0.1:{mute.getsockname()[1]}/s")
        reader.start()
        until(lambda: any(each.name == "read-09" for each in threading.enumerate()), 5.0)
        start_s = time.monotonic()
        reader.stop()
        assert reader.get(0.0) is None
        assert time.monotonic() - start_s < 0.5
    # The server is gone now, so that libav's read ends.
    until(lambda: not any(each.name == "read-09" for each in threading.enumerate()), 10.0)


def test_a_film_that_ends_in_the_middle_of_a_packet_gives_what_it_has(tmp_path: Path) -> None:
    whole = write_coded(tmp_path / "whole.ts", "libx264").read_bytes()
    cut = tmp_path / "cut.ts"
    cut.write_bytes(whole[: len(whole) * 2 // 3 + 77])
    decoder = Decoder()
    chunks = list(read(str(cut), threading.Event(), paced=False))
    assert 5 <= sum(len(list(decoder.decode(chunk))) for chunk in chunks) < 20
