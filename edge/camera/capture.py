"""Pictures from any source as chunks: RTSP over TCP, /dev/videoN, a video file, `scene:`.

`read` is the plain generator; `Reader` runs it in a thread of its own with time-outs and retries, so that a
camera that hangs or is gone keeps nobody waiting. Texts for people never hold the source: it may hold a password.
"""

from __future__ import annotations

import logging
import queue
import random
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import av
from av.bitstream import BitStreamFilterContext

from edge.camera import scene
from edge.camera.chunk import Chunk, Encoder, frame_of
from edge.camera.timeline import Timeline

log = logging.getLogger(__name__)

OPEN_S = 5.0
SILENT_S = 5.0
"""Longest wait for the connection, and for the next packet."""
QUEUE = 400
"""Chunks a worker may lag behind; about 25 s."""
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 30.0
RECODED_FPS = 10
RECODED_WIDTH_PX = 1280

Kind = Literal["rtsp", "device", "file", "scene"]

_SENTENCES = {
    "unknown": "Địa chỉ camera không dùng được: cần rtsp://…, /dev/video…, tệp video hoặc scene:.",
    "missing": "Không thấy camera này trên máy: kiểm tra dây cắm hoặc đường dẫn.",
    "refused": "Camera không nhận kết nối: kiểm tra nguồn, dây mạng và địa chỉ.",
    "password": "Camera từ chối: sai tên hoặc mật khẩu.",
    "silent": "Camera không trả lời: kiểm tra nguồn và dây mạng.",
    "broken": "Không đọc được hình từ nguồn này: tệp hỏng hoặc không phải hình động.",
    "ended": "Camera đã ngừng gửi hình.",
}
Code = Literal["unknown", "missing", "refused", "password", "silent", "broken", "ended"]


class CaptureError(Exception):
    """No pictures. `code` for programs; str() is the Vietnamese sentence for people."""

    def __init__(self, code: Code) -> None:
        super().__init__(_SENTENCES[code])
        self.code: Code = code


def kind_of(source: str) -> Kind:
    """What a source is. Raises CaptureError for anything else."""
    if source.startswith(("rtsp://", "rtsps://")):
        return "rtsp"
    if source == "scene:" or source.startswith("scene:"):
        return "scene"
    if re.fullmatch(r"/dev/video[0-9]+|/dev/v4l/by-(id|path)/[^/]+", source):
        return "device"
    if source and "://" not in source:
        return "file"
    raise CaptureError("unknown")


def read(source: str, stop: threading.Event, *, paced: bool = True) -> Iterator[Chunk]:
    """Chunks of a source until it ends or `stop` is set.

    paced: files and the scene come in real time, and files begin again at their end. Raises CaptureError.
    """
    kind = kind_of(source)
    if kind == "scene":
        yield from _read_scene(stop, paced=paced)
        return
    if kind == "file" and not Path(source).is_file():
        raise CaptureError("missing")
    timeline, start = Timeline(), time.monotonic()
    while True:
        for chunk in _read_once(source, kind, timeline, stop):
            if paced and kind == "file" and stop.wait(max(0.0, start + chunk.order_s - time.monotonic())):
                return
            yield chunk
        if stop.is_set() or (kind == "file" and not paced):
            return
        if kind != "file":
            raise CaptureError("ended")


def _read_scene(stop: threading.Event, *, paced: bool) -> Iterator[Chunk]:
    """The drawn yard as a camera that sends H.264."""
    encoder = Encoder(scene.WIDTH_PX, scene.HEIGHT_PX, scene.FPS)
    yard, start = scene.Yard(), time.monotonic()
    number = 0
    while not stop.is_set():
        at_s = number / scene.FPS
        if paced and stop.wait(max(0.0, start + at_s - time.monotonic())):
            return
        yield from encoder.encode(frame_of(yard.draw(at_s)), at_s)
        number += 1


def _read_once(source: str, kind: Kind, timeline: Timeline, stop: threading.Event) -> Iterator[Chunk]:
    """One opening of a source, to its end."""
    try:
        with _open(source, kind) as container:
            if not container.streams.video:
                raise CaptureError("broken")
            stream = container.streams.video[0]
            copied = stream.codec_context.name == "h264"
            pieces = _copy(container, stream, timeline) if copied else _recode(container, stream, timeline)
            any_came = False
            for chunk in pieces:
                any_came = True
                yield chunk
                if stop.is_set():
                    return
            if not any_came:
                raise CaptureError("broken")
    except (av.error.FFmpegError, OSError, ValueError) as why:
        raise CaptureError(_code_of(why)) from why


def _open(source: str, kind: Kind) -> Any:
    """The source as libav sees it; only the protocols its kind needs are allowed."""
    if kind == "rtsp":
        options = {
            "rtsp_transport": "tcp",
            "timeout": str(int(SILENT_S * 1e6)),
            "protocol_whitelist": "rtp,udp,tcp,rtsp,tls,crypto",
        }
        return av.open(source, options=options, timeout=(OPEN_S, SILENT_S))
    if kind == "device":
        if not Path(source).exists():
            raise CaptureError("missing")
        options = {"framerate": str(RECODED_FPS), "video_size": "1280x720"}
        return av.open(source, format="video4linux2,v4l2", options=options, timeout=(OPEN_S, SILENT_S))
    return av.open(str(Path(source).absolute()), options={"protocol_whitelist": "file"})


def _copy(container: Any, stream: Any, timeline: Timeline) -> Iterator[Chunk]:
    """H.264 as it comes, only its packaging made uniform."""
    uniform = BitStreamFilterContext("h264_mp4toannexb,dump_extra=freq=keyframe", stream)
    started = False
    for raw in container.demux(stream):
        if not raw.size:
            continue
        for packet in uniform.filter(raw):
            started = started or packet.is_keyframe
            shown, order = timeline.map(*_times(packet))
            if started:
                size = stream.codec_context.width, stream.codec_context.height
                yield Chunk(bytes(packet), packet.is_keyframe, shown, order, *size)


def _times(packet: Any) -> tuple[float | None, float | None]:
    base = packet.time_base
    shown, order = packet.pts, packet.dts
    return (
        None if shown is None else float(shown * base),
        None if order is None else float(order * base),
    )


def _recode(container: Any, stream: Any, timeline: Timeline) -> Iterator[Chunk]:
    """Any other coding, decoded and encoded again so that browsers can play it; at most ten pictures a second."""
    stream.thread_count = 1
    encoder: Encoder | None = None
    next_s = 0.0
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            continue
        for frame in frames:
            at_s, _ = timeline.map(frame.time, frame.time)
            if at_s + 1e-3 < next_s:
                continue
            next_s = max(next_s + 1 / RECODED_FPS, at_s + 0.5 / RECODED_FPS)
            if encoder is None:
                shrink = min(1.0, RECODED_WIDTH_PX / frame.width)
                encoder = Encoder(round(frame.width * shrink), round(frame.height * shrink), RECODED_FPS)
            yield from encoder.encode(frame, at_s)


def _code_of(why: Exception) -> Code:
    """The kind of failure. libav's own text is not kept: it repeats the source."""
    if isinstance(why, av.error.HTTPUnauthorizedError):
        return "password"
    if isinstance(why, (ConnectionError, av.error.ConnectionRefusedError)):
        return "refused"
    if isinstance(why, (TimeoutError, av.error.TimeoutError, av.error.ExitError)):
        return "silent"
    if isinstance(why, FileNotFoundError):
        return "missing"
    if isinstance(why, av.error.EOFError):
        return "ended"
    if isinstance(why, OSError) and not isinstance(why, av.error.FFmpegError):
        return "refused"
    return "broken"


class Reader:
    """One camera's reading thread: opens, reads, waits and tries again until stopped."""

    def __init__(self, camera: str, source: str) -> None:
        self.camera = camera
        self.dropped = 0
        self._source = source
        self._stop = threading.Event()
        self._queue: queue.Queue[Chunk | CaptureError] = queue.Queue(QUEUE)
        self._lagging = False
        # A daemon: libav may sit in a read for SILENT_S, and the end of the service must not wait for it.
        self._thread = threading.Thread(target=self._run, name=f"read-{camera}", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end; it does within SILENT_S."""
        self._stop.set()

    def get(self, timeout_s: float) -> Chunk | CaptureError | None:
        """The next chunk, the reason why there are none at present, or None when nothing came in time."""
        try:
            return self._queue.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def _run(self) -> None:
        wait_s = FIRST_WAIT_S
        while not self._stop.is_set():
            began_s = time.monotonic()
            try:
                for chunk in read(self._source, self._stop):
                    self._put(chunk)
                return
            except CaptureError as why:
                log.warning(
                    "no pictures: %s", why.code, extra={"event": "no-pictures", "camera": self.camera}
                )
                self._put_error(why)
            if time.monotonic() - began_s > LONGEST_WAIT_S:
                wait_s = FIRST_WAIT_S
            self._stop.wait(wait_s * random.uniform(0.8, 1.2))  # noqa: S311  (spreads retries, guards nothing)
            wait_s = min(LONGEST_WAIT_S, wait_s * 2)

    def _put(self, chunk: Chunk) -> None:
        """Hand over; when the worker lags, whole stretches up to the next key picture are left out."""
        if self._lagging and not (chunk.key and self._queue.qsize() < QUEUE // 2):
            self.dropped += 1
            return
        self._lagging = False
        try:
            self._queue.put_nowait(chunk)
        except queue.Full:
            self._lagging = True
            self.dropped += 1

    def _put_error(self, why: CaptureError) -> None:
        """Hand over the break: what comes after it belongs to another connection, so this must not be lost."""
        while not self._stop.is_set():
            try:
                self._queue.put(why, timeout=0.5)
            except queue.Full:
                continue
            return
