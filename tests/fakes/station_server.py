"""A loopback web station that sends sound as real ones do, a few seconds at once and then as time passes, or badly."""

from __future__ import annotations

import functools
import io
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic
from typing import Any

import av
import numpy as np

RATE_HZ = 44_100
BURST_S = 6.0
"""What is sent at once to a new listener."""
LOOP_S = 4.0

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Station:
    """What tests set and read: how to answer a path, and what was asked."""

    url: str
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    is_closing: threading.Event = field(default_factory=threading.Event)


def voice(seconds: float = LOOP_S, peak: float = 0.4) -> np.ndarray:
    """Something like a voice, full scale 1; shape (n,) at RATE_HZ. It ends as it begins, so it can go round."""
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    tone = sum(np.sin(2 * np.pi * 150 * n * t) / n for n in range(1, 12))
    sound = tone * np.clip(np.sin(2 * np.pi * 4 * t), 0.05, 1)
    return np.asarray(peak * sound / np.abs(sound).max())


def coded(signal: np.ndarray, box: str = "mp3", codec: str = "libmp3lame") -> bytes:
    """A signal as a station sends it, two channels at 64 kbit/s."""
    out = io.BytesIO()
    options = {"write_xing": "0", "id3v2_version": "0"} if box == "mp3" else {}
    with av.open(out, "w", format=box, options=options) as file:
        stream: Any = file.add_stream(codec, rate=48_000 if codec == "libopus" else RATE_HZ, layout="stereo")
        stream.bit_rate = 64_000
        both = np.repeat((signal * 32767).astype(np.int16), 2).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(both, format="s16", layout="stereo")
        frame.sample_rate = RATE_HZ
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return out.getvalue()


@functools.cache
def usual(box: str = "mp3", codec: str = "libmp3lame") -> bytes:
    """LOOP_S seconds of voice()."""
    return coded(voice(), box, codec)


def stream(
    station: Station,
    sound: bytes | None = None,
    kind: str = "audio/mpeg",
    head: bytes = b"",
    cut_after_s: float = float("inf"),
    stall_after_s: float = float("inf"),
) -> Answer:
    """LOOP_S seconds of sound round and round; cut or silent after so many seconds of sound.

    head: sent as it is instead of status line and headers.
    """
    body = usual() if sound is None else sound

    def answer(request: BaseHTTPRequestHandler) -> None:
        if head:
            request.wfile.write(head)
        else:
            request.send_response(200)
            request.send_header("Content-Type", kind)
            request.end_headers()
        began_s, sent_s, step = monotonic(), 0.0, len(body) // 40
        at = 0
        while sent_s < cut_after_s and not station.is_closing.is_set():
            if sent_s >= stall_after_s:
                station.is_closing.wait()
                return
            request.wfile.write(body[at : at + step])
            at = at + step if at + step < len(body) else 0
            sent_s += LOOP_S / 40
            station.is_closing.wait(max(0.0, began_s + sent_s - BURST_S - monotonic()))

    return answer


def say(body: bytes, kind: str, status: int = 200, **headers: str) -> Answer:
    """One answer with a length."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("Content-Type", kind)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    return answer


def move(place: str) -> Answer:
    """A redirect."""
    return say(b"", "text/plain", 302, Location=place)


def garbage(station: Station) -> Answer:
    """Noise without end that calls itself sound."""
    return stream(station, random.Random(6).randbytes(40_000))


def endless_headers(station: Station, pause_s: float = 0.2) -> Answer:
    """One header after the other, slowly."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"HTTP/1.0 200 OK\r\n")
        while not station.is_closing.wait(pause_s):
            request.wfile.write(b"X-More: and more\r\n")

    return answer


def segments(station: Station, segment_s: float = 2.0) -> None:
    """Answers at /live.m3u8: segments of `segment_s` that appear as time passes, the newest four listed (HLS)."""
    began_s = monotonic() - 5 * segment_s
    sound = coded(voice(segment_s), "adts", "aac")

    def listing(request: BaseHTTPRequestHandler) -> None:
        newest = int((monotonic() - began_s) / segment_s)
        lines = ["#EXTM3U", "#EXT-X-VERSION:3", f"#EXT-X-TARGETDURATION:{round(segment_s)}"]
        lines.append(f"#EXT-X-MEDIA-SEQUENCE:{newest - 4}")
        for number in range(newest - 4, newest):
            lines += [f"#EXTINF:{segment_s},", f"part-{number}.aac"]
            station.answers[f"/part-{number}.aac"] = say(sound, "audio/aac")
        say("\n".join([*lines, ""]).encode(), "application/vnd.apple.mpegurl")(request)

    station.answers["/live.m3u8"] = listing


@contextmanager
def serve() -> Iterator[Station]:
    """Run the station on a free loopback port until the block ends."""

    class Request(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name is the interface of http.server
            station.asked.append(self.path)
            answer = station.answers.get(self.path, say(b"", "text/plain", 404))
            try:
                answer(self)
            except OSError:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Request)
    server.daemon_threads = True
    station = Station(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield station
    finally:
        station.is_closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
