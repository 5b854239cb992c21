"""Sources: what opens, what does not, and what people are told."""

from __future__ import annotations

import os
import re
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path

import av
import numpy as np
import pytest

from edge.camera.capture import CaptureError, Reader, kind_of, read
from edge.camera.chunk import Chunk, Decoder
from tests.camera.film import write_film, yard
from tests.until import until

NEVER = threading.Event()


def _code(source: str) -> str:
    with pytest.raises(CaptureError) as caught:
        list(read(source, threading.Event(), paced=False))
    return caught.value.code


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("rtsp://10.0.0.7:554/s1", "rtsp"),
        ("/dev/video0", "device"),
        ("/dev/v4l/by-id/usb-cam-index0", "device"),
        ("phim.mp4", "file"),
        ("scene:", "scene"),
    ],
)
def test_a_source_says_what_it_is(source: str, kind: str) -> None:
    assert kind_of(source) == kind


@pytest.mark.parametrize("source", ["", "http://10.0.0.7/", "concat:a|b://", "ftp://x/y.mp4"])
def test_other_sources_are_refused_with_a_sentence(source: str) -> None:
    with pytest.raises(CaptureError, match="Địa chỉ camera không dùng được"):
        kind_of(source)


def test_a_file_gives_all_its_pictures_in_order(yard_film: Path) -> None:
    chunks = list(read(str(yard_film), NEVER, paced=False))
    decoder = Decoder()
    seen = [picture.at_s for chunk in chunks for picture in decoder.decode(chunk)]
    assert chunks[0].key
    assert seen == sorted(seen)
    assert len(seen) == 200
    assert seen[-1] == pytest.approx(19.9, abs=0.15)


def test_missing_things_are_told_apart_from_broken_ones(tmp_path: Path) -> None:
    empty = tmp_path / "empty.mp4"
    empty.write_bytes(b"")
    rubbish = tmp_path / "rubbish.mp4"
    rubbish.write_bytes(os.urandom(200_000))
    assert _code("/dev/video97") == "missing"
    assert _code(str(tmp_path / "none.mp4")) == "missing"
    assert _code(str(empty)) == "broken"
    assert _code(str(rubbish)) == "broken"


def test_a_cut_off_file_is_broken_and_no_crash(tmp_path: Path, yard_film: Path) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(yard_film.read_bytes()[:3000])
    assert _code(str(cut)) == "broken"


def test_a_file_with_a_damaged_middle_still_gives_pictures(tmp_path: Path, yard_film: Path) -> None:
    raw = bytearray(yard_film.read_bytes())
    middle = len(raw) // 2
    raw[middle : middle + 4000] = os.urandom(4000)
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(raw)
    decoder = Decoder()
    chunks = read(str(damaged), NEVER, paced=False)
    assert sum(len(list(decoder.decode(chunk))) for chunk in chunks) > 100


def test_other_codings_become_h264_at_ten_pictures_a_second(tmp_path: Path) -> None:
    path = tmp_path / "old.avi"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuvj420p"
        for number in range(75):
            picture = np.full((360, 640, 3), number * 3, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        out.mux(stream.encode(None))
    chunks = list(read(str(path), NEVER, paced=False))
    decoder = Decoder()
    seen = [picture for chunk in chunks for picture in decoder.decode(chunk)]
    assert 27 <= len(seen) <= 33
    assert (chunks[0].width_px, chunks[0].height_px) == (640, 360)


def test_a_paced_file_comes_in_real_time_and_begins_again(tmp_path: Path) -> None:
    film = write_film(tmp_path / "short.mp4", yard(1.0))
    stop, start = threading.Event(), time.monotonic()
    seen: list[Chunk] = []
    for chunk in read(str(film), stop, paced=True):
        seen.append(chunk)
        if len(seen) == 14:
            stop.set()
    assert len(seen) == 14
    assert time.monotonic() - start >= 1.1
    orders = [chunk.order_s for chunk in seen]
    assert orders == sorted(set(orders))


def test_the_drawn_scene_is_a_camera(tmp_path: Path) -> None:
    stop, decoder, count = threading.Event(), Decoder(), 0
    for chunk in read("scene:", stop, paced=False):
        count += len(list(decoder.decode(chunk)))
        if count >= 12:
            stop.set()
    assert count == 12


def test_a_reader_hands_over_pictures_and_leaves_no_thread(yard_film: Path) -> None:
    reader = Reader("san", str(yard_film))
    reader.start()
    got = [reader.get(5.0) for _ in range(5)]
    assert all(isinstance(each, Chunk) for each in got)
    reader.stop()
    until(lambda: not any(t.name == "read-san" for t in threading.enumerate()), 6.0)


def test_a_reader_of_nothing_says_why_and_tries_again(tmp_path: Path, yard_film: Path) -> None:
    source = tmp_path / "later.mp4"
    reader = Reader("san", str(source))
    reader.start()
    first = reader.get(5.0)
    assert isinstance(first, CaptureError)
    assert first.code == "missing"
    source.write_bytes(yard_film.read_bytes())
    until(lambda: isinstance(reader.get(0.5), Chunk), 10.0)
    reader.stop()


def test_a_lagging_worker_gets_whole_stretches_from_key_pictures(tmp_path: Path) -> None:
    """400 chunks fill the queue; what follows is dropped up to a key picture once there is room."""
    reader = Reader("san", "scene:")
    data = [Chunk(b"x", n % 20 == 0, n / 10, n / 10, 64, 64) for n in range(900)]
    for chunk in data[:500]:
        reader._put(chunk)
    assert reader.dropped == 100
    for _ in range(350):
        assert reader.get(0.1) is not None
    for chunk in data[505:600]:
        reader._put(chunk)
    rest = []
    while isinstance(came := reader.get(0.05), Chunk):
        rest.append(came)
    after = [chunk for chunk in rest if chunk.at_s >= 50]
    assert after[0].key


def test_no_sentence_for_people_holds_the_password() -> None:
    with pytest.raises(CaptureError) as caught:
        list(read("rtsp://xa:bi-mat@127.0.0.1:1/s", threading.Event()))
    assert "bi-mat" not in str(caught.value)
    assert caught.value.code == "refused"


def test_a_wrong_password_is_told_as_such_and_never_repeated() -> None:
    """A socket that answers as cameras do; the RTSP server of the other tests asks nobody on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def refuse() -> None:
            with suppress(OSError):
                while True:
                    peer, _ = listening.accept()
                    with peer:
                        while request := peer.recv(4096):
                            number = re.search(rb"CSeq: *([0-9]+)", request)
                            count = number.group(1) if number else b"1"
                            peer.sendall(
                                b"RTSP/1.0 401 Unauthorized\r\nCSeq: " + count + b"\r\n"
                                b'WWW-Authenticate: Basic realm="cam"\r\nContent-Length: 0\r\n\r\n'
                            )

        thread = threading.Thread(target=refuse, daemon=True)
        thread.start()
        port = listening.getsockname()[1]
        with pytest.raises(CaptureError) as caught:
            list(read(f"rtsp://xa:sai-roi@127.0.0.1:{port}/s", threading.Event()))
        listening.shutdown(socket.SHUT_RDWR)
    assert caught.value.code == "password"
    assert "sai-roi" not in str(caught.value)
