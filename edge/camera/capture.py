"""Packets from any source as chunks: RTSP over TCP, HTTP, /dev/videoN, a video file, `scene:`.

`read` is the plain generator; `Reader` runs it in a thread of its own with time-outs and retries, so that a
camera that hangs or is gone keeps nobody waiting. Texts for people never hold the source: it may hold a password.
"""

from __future__ import annotations

import logging
import queue
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av

from edge.camera.chunk import Chunk, Encoder, frame_of
from edge.camera.opening import OPEN_S, Code, Kind, code_of, open_source
from edge.camera.opening import CaptureError as CaptureError
from edge.camera.opening import kind_of as kind_of
from edge.camera.packets import chunks_of
from edge.camera.timeline import Timeline

log = logging.getLogger(__name__)

QUEUE = 400
QUEUE_MOST_BYTES = 16 * 1024 * 1024
"""Chunks a worker may lag behind, about 25 s, and what they may take."""
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 30.0
GOOD_S = 20.0
"""Pictures for this long: the next failure is a new one, and is tried again soon."""


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
    from edge.camera import scene  # a drawing that real cameras need not load

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
    any_came, began_s = False, time.monotonic()
    failed: Code | None = None
    try:
        with open_source(source, kind) as container:
            for chunk in chunks_of(container, timeline, live=kind != "file"):
                any_came = True
                yield chunk
                if stop.is_set():
                    return
    except (av.error.FFmpegError, OSError, ValueError) as why:
        failed = code_of(why, kind)
        # libav says of an RTSP server that never answered that its data is invalid.
        if (
            failed == "broken"
            and kind == "rtsp"
            and time.monotonic() - began_s > 0.9 * OPEN_S
            and not any_came
        ):
            failed = "silent"
        if failed == "refused" and any_came:
            failed = "ended"
    # Raised out here so that no trace of libav's error, which repeats the source, hangs on it.
    if failed is not None:
        raise CaptureError(failed)
    if not any_came:
        raise CaptureError("broken")


class Backoff:
    """How long to wait before a source is tried again: twice as long each time, never quite the same."""

    def __init__(self) -> None:
        self._wait_s = FIRST_WAIT_S

    def after(self, good_s: float) -> float:
        """Seconds to wait after a connection that gave pictures for `good_s`."""
        if good_s >= GOOD_S:
            self._wait_s = FIRST_WAIT_S
        wait_s, self._wait_s = self._wait_s, min(LONGEST_WAIT_S, self._wait_s * 2)
        return wait_s * random.uniform(0.8, 1.2)  # noqa: S311  (spreads retries, guards nothing)


class Reader:
    """One stream's reading thread: opens, reads, waits and tries again until stopped."""

    def __init__(self, camera: str, source: str, now_s: Callable[[], float] = time.monotonic) -> None:
        """now_s: the clock that arrivals are told on."""
        self.camera = camera
        self.arrived_s = float("-inf")
        """When the chunk came that `get` gave last."""
        self.heard_s = float("-inf")
        """When the newest chunk came, also one that still waits or was left out."""
        self._now_s = now_s
        self.dropped = 0
        """Chunks left out because nobody took them in time."""
        self._source = source
        self._stop = threading.Event()
        self._queue: queue.Queue[tuple[float, Chunk | CaptureError]] = queue.Queue(QUEUE)
        self._put_bytes = self._got_bytes = 0
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
            arrived_s, came = self._queue.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if isinstance(came, Chunk):
            self._got_bytes += len(came.data)
            self.arrived_s = arrived_s
        return came

    def _run(self) -> None:
        backoff = Backoff()
        while not self._stop.is_set():
            why, good_s = self._read()
            if why is None:
                return
            log.warning("no pictures: %s", why.code, extra={"event": "no-pictures", "camera": self.camera})
            self._put_error(why)
            self._stop.wait(backoff.after(good_s))

    def _read(self) -> tuple[CaptureError | None, float]:
        """Until the connection breaks: why, None when stopped, and for how many seconds chunks had come."""
        first_s = last_s = 0.0
        try:
            for chunk in read(self._source, self._stop):
                last_s = time.monotonic()
                first_s = first_s or last_s
                self._put(chunk)
        except CaptureError as why:
            return why, last_s - first_s
        # Whatever libav's wrapper trips over in hostile bytes must not end the retries.
        except Exception as why:  # noqa: BLE001
            log.error("reading failed: %s", type(why).__name__, extra={"camera": self.camera})
            return CaptureError("broken"), last_s - first_s
        return None, last_s - first_s

    def _put(self, chunk: Chunk) -> None:
        """Hand over; when the worker lags, whole stretches up to the next key picture are left out."""
        self.heard_s = self._now_s()
        waiting_bytes = self._put_bytes - self._got_bytes + len(chunk.data)
        if self._lagging:
            room = self._queue.qsize() < QUEUE // 2 and waiting_bytes < QUEUE_MOST_BYTES // 2
            if not (chunk.key and room):
                self.dropped += 1
                return
        self._lagging = waiting_bytes > QUEUE_MOST_BYTES
        if not self._lagging:
            try:
                self._queue.put_nowait((self.heard_s, chunk))
            except queue.Full:
                self._lagging = True
        if self._lagging:
            self.dropped += 1
        else:
            self._put_bytes += len(chunk.data)

    def _put_error(self, why: CaptureError) -> None:
        """Hand over the break: what comes after it belongs to another connection, so this must not be lost."""
        while not self._stop.is_set():
            try:
                self._queue.put((self._now_s(), why), timeout=0.5)
            except queue.Full:
                continue
            return
