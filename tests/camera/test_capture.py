"""Sources: what opens, what does not, and what people are told."""

from __future__ import annotations

import os
import re
import socket
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from edge.camera.capture import LONGEST_WAIT_S, Backoff, CaptureError, Reader, kind_of, read
from edge.camera.chunk import Chunk, Decoder
from edge.camera.picture import Picture
from tests.camera.film import write_coded, write_film, yard
from tests.until import until

NEVER = threading.Event()


def _code(source: str) -> str:
    with pytest.raises(CaptureError) as caught:
        list(read(source, threading.Event(), paced=False))
    return caught.value.code


def _seen(chunks: Sequence[Chunk]) -> list[Picture]:
    decoder = Decoder()
    return [picture for chunk in chunks for picture in decoder.decode(chunk)]


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("rtsp://10.0.0.7:554/s1", "rtsp"),
        ("http://10.0.0.7/video.mjpg", "http"),
        ("/dev/video0", "device"),
        ("/dev/v4l/by-id/usb-cam-index0", "device"),
        ("phim.mp4", "file"),
        ("scene:", "scene"),
    ],
)
def test_a_source_says_what_it_is(source: str, kind: str) -> None:
    assert kind_of(source) == kind


@pytest.mark.parametrize("source", ["", "concat:a|b://", "ftp://x/y.mp4", "file:///etc/passwd", "a\0b"])
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


@pytest.mark.parametrize(
    ("name", "codec", "pixels", "told"),
    [
        ("old.avi", "mjpeg", "yuvj420p", "mjpeg"),
        ("new.mp4", "libx265", "yuv420p", "hevc"),
        ("tall.mp4", "mpeg4", "yuv420p", "mpeg4"),
        ("web.webm", "libvpx", "yuv420p", "vp8"),
        ("plain.ts", "libx264", "yuv420p", "h264"),
    ],
)
def test_a_coding_stays_what_it_is_and_can_be_decoded_from_any_key_picture(
    tmp_path: Path, name: str, codec: str, pixels: str, told: str
) -> None:
    path = write_coded(tmp_path / name, codec, pixels)
    chunks = list(read(str(path), NEVER, paced=False))
    assert {chunk.codec for chunk in chunks} == {told}
    assert (chunks[0].width_px, chunks[0].height_px) == (320, 180)
    assert len(_seen(chunks)) >= 18  # a decoder may hold two pictures back
    keys = [number for number, chunk in enumerate(chunks) if chunk.key]
    alone = Decoder().alone(chunks[keys[-1]])
    assert alone is not None
    assert alone.at_s == pytest.approx(chunks[keys[-1]].at_s, abs=0.001)
    assert _seen(chunks[keys[-1] :])


def test_bare_pixels_are_coded_since_memory_would_not_hold_them(tmp_path: Path) -> None:
    path = write_coded(tmp_path / "bare.avi", "rawvideo", "yuv420p", fps=30)
    chunks = list(read(str(path), NEVER, paced=False))
    assert {chunk.codec for chunk in chunks} == {"h264"}
    assert 18 <= len(_seen(chunks)) <= 22


def test_a_picture_size_that_changes_is_seen_at_the_key_picture(tmp_path: Path) -> None:
    path = tmp_path / "turn.ts"
    path.write_bytes(
        write_coded(tmp_path / "a.ts", "libx264", "yuv420p").read_bytes()
        + write_coded(tmp_path / "b.ts", "libx264", "yuv420p", size=(160, 96)).read_bytes()
    )
    chunks = list(read(str(path), NEVER, paced=False))
    sizes = [(chunk.width_px, chunk.height_px) for chunk in chunks]
    assert list(dict.fromkeys(sizes)) == [(320, 180), (160, 96)]
    assert chunks[sizes.index((160, 96))].key
    seen = {(picture.frame.width, picture.frame.height) for picture in _seen(chunks)}
    assert seen == {(320, 180), (160, 96)}
    orders = [chunk.order_s for chunk in chunks]
    assert orders == sorted(set(orders))


def test_pictures_that_refer_forward_keep_their_times(tmp_path: Path) -> None:
    path = write_coded(tmp_path / "b.mp4", "libx264", "yuv420p", options={"bf": "2", "preset": "fast"})
    chunks = list(read(str(path), NEVER, paced=False))
    assert any(chunk.at_s > chunk.order_s + 0.05 for chunk in chunks)
    times = [picture.at_s for picture in _seen(chunks)]
    assert times == sorted(times)
    assert np.diff(times) == pytest.approx(0.1, abs=0.002)


@pytest.mark.parametrize(("codec", "pixels"), [("mjpeg", "yuvj420p"), ("libx264", "yuv420p")])
def test_pictures_too_large_to_decode_count_as_broken(tmp_path: Path, codec: str, pixels: str) -> None:
    path = write_coded(tmp_path / "large.avi", codec, pixels, size=(4000, 3000), seconds=0.1)
    assert _code(str(path)) == "broken"


def test_a_jpeg_stream_that_grows_too_large_ends(tmp_path: Path) -> None:
    small = write_coded(tmp_path / "a.mjpeg", "mjpeg", "yuvj420p", seconds=0.5)
    large = write_coded(tmp_path / "b.mjpeg", "mjpeg", "yuvj420p", size=(4000, 3000), seconds=0.1)
    path = tmp_path / "grows.mjpeg"
    path.write_bytes(small.read_bytes() + large.read_bytes())
    assert _code(str(path)) == "broken"


def test_a_packet_that_would_fill_the_memory_breaks_the_connection(tmp_path: Path) -> None:
    film = write_coded(tmp_path / "a.mjpeg", "mjpeg", "yuvj420p", seconds=0.5).read_bytes()
    path = tmp_path / "fat.mjpeg"
    # Bytes behind the first picture's frame header belong to it until its end.
    path.write_bytes(film.replace(b"\xff\xd9", b"\x55" * (9 << 20) + b"\xff\xd9", 1))
    assert _code(str(path)) == "broken"


def test_a_chunk_too_large_for_what_a_reader_may_keep_is_left_out() -> None:
    reader = Reader("san", "scene:")
    reader._put(Chunk(b"x" * (15 << 20), True, 0.0, 0.0, 64, 64))
    reader._put(Chunk(b"x" * (2 << 20), False, 0.1, 0.1, 64, 64))
    assert reader.dropped == 1


def test_sound_alone_is_no_camera(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=8000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), format="s16", layout="mono")
        silence.sample_rate = 8000
        out.mux(stream.encode(silence))
    assert _code(str(path)) == "no-video"


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


def test_a_source_that_fails_is_tried_less_and_less_often_until_it_was_good_for_a_while() -> None:
    backoff = Backoff()
    waits = [backoff.after(0.0) for _ in range(8)]
    assert 0.8 <= waits[0] <= 1.2
    assert all(after > 1.2 * before for before, after in pairwise(waits[:5]))
    assert all(24.0 <= wait <= 1.2 * LONGEST_WAIT_S for wait in waits[5:])
    assert backoff.after(5.0) > 20.0
    assert backoff.after(60.0) <= 1.2
    assert len({Backoff().after(0.0) for _ in range(5)}) > 1
