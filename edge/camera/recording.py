"""An episode's clip, written to the disk while the episode goes on: a power cut loses a second of it, not all.

Nothing is decoded for it but where privacy masks must be burnt in, or a browser cannot play the camera's coding. Of a
masked camera nothing unmasked ever reaches the disk: its chunks wait in memory, and a power cut takes them.
"""

from __future__ import annotations

import logging
import math
import shutil
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from broker.link.service import Beat
from edge.camera.chunk import Chunk
from edge.camera.clips import FREE_LEAST_BYTES, PLAYABLE, ClipError, recode, step_back, write_clip
from edge.camera.privacy import Polygon
from edge.camera.reel import Reel, read_reel, start_of
from edge.camera.ring import PRE_S, Ring, is_like, is_spare, weight_of

log = logging.getLogger(__name__)

POST_S = 3.0
"""A clip goes on this long after the last movement."""
CLIP_MOST_S = 120.0
CLIP_MOST_BYTES = 48 * 1024 * 1024
RAW_MOST_BYTES = 160 * 1024 * 1024
"""Of what is still to be coded, on the disk: pictures that stand alone are ten times as large."""
HELD_MOST_BYTES = 24 * 1024 * 1024
"""In memory, of one recording: what waits for a slow card (a full ring fits), or of a masked camera all, 48 s at
4 Mb/s."""
ALL_HELD_MOST_BYTES = 128 * 1024 * 1024
"""Of all recordings of this node together."""
SYNC_EVERY_S = 1.0
LISTEN_S = 0.1
"""How soon the worker hears that the service ends: it has less than a second to leave in."""

TOO_LONG = "Đoạn hình chỉ giữ 2 phút đầu của sự việc."
TOO_LARGE = "Đoạn hình chỉ giữ phần đầu của sự việc vì đã đủ dung lượng."
TOO_SLOW = "Thẻ nhớ của điểm này ghi không kịp nên đoạn hình bị cắt ngắn."
NO_ROOM = "Máy ở điểm này gần hết chỗ nên đoạn hình bị cắt ngắn hoặc không có."
NO_DISK = "Không ghi được đoạn hình lên đĩa của điểm này."
CHANGED = "Camera đổi kiểu hình giữa chừng nên đoạn hình dừng ở đó."
CUT_OFF = "Điểm khởi động lại giữa chừng nên đoạn hình thiếu phần sau, hoặc không có."


class Interrupted(Exception):
    """The service ends. What is on the disk is found and finished at the next start."""


@dataclass(frozen=True)
class Finished:
    """What became of a recording."""

    path: Path | None
    """An MP4 in the recorder's folder until `forget`; None when there is no clip."""
    duration_ms: int
    reason: str
    """Why there is no clip, or why it is shorter than the episode; a Vietnamese sentence, else empty."""
    lasted_ms: int
    """From when the episode began to the last picture that was kept: the length of one that was cut off."""


class Recorder:
    """The recordings of one node's cameras. Any thread may call any method."""

    def __init__(self, folder: Path, free_least_bytes: int = FREE_LEAST_BYTES) -> None:
        """folder: for clips in the making; made when missing. free_least_bytes: what they leave free of the disk.

        Raises OSError.
        """
        self.folder, self.free_least_bytes = folder, free_least_bytes
        folder.mkdir(parents=True, exist_ok=True)
        self.turn = threading.Lock()
        """Held by the one clip that is being coded."""
        self._lock = threading.Lock()
        self._open: list[Recording] = []
        self._begun = threading.Event()

    def begin(self, episode: str, ring: Ring, start_s: float, masks: Sequence[Polygon] = ()) -> Recording:
        """A recording that begins PRE_S before `start_s`. Call in the camera's thread: it costs no waiting."""
        recording = Recording(self, episode, ring.since(start_s - PRE_S), start_s, masks)
        with self._lock:
            self._open.append(recording)
        self._begun.set()
        return recording

    def found(self, episode: str) -> Recording | None:
        """What an earlier life left of an episode's recording; `close(math.inf)` makes the clip of it."""
        path = self.folder / f"{episode}.reel"
        try:
            start_s = start_of(path)
        except OSError:
            return None
        return None if start_s is None else Recording(self, episode, (), start_s, (), found=True)

    def sweep(self, wanted: Collection[str]) -> int:
        """Delete the files of all other episodes; how many. Call at the start. Raises OSError."""
        gone = [path for path in self.folder.iterdir() if path.is_file() and path.stem not in wanted]
        for path in gone:
            path.unlink(missing_ok=True)
        return len(gone)

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """The worker `recorder`: what the cameras handed over goes to the disk, at least every two seconds."""
        while True:
            due_s = time.monotonic() + SYNC_EVERY_S
            while not stop.is_set() and time.monotonic() < due_s:
                if self._begun.wait(LISTEN_S):  # the seconds before a new episode go to the disk at once
                    break
            self._begun.clear()
            ending = stop.is_set()
            beat()
            for recording in self._now_open():
                recording.write()
                beat()
            if ending:
                return

    def held_bytes(self) -> int:
        """What all recordings hold in memory together."""
        return sum(recording.held_bytes for recording in self._now_open())

    def let_go(self, recording: Recording) -> None:
        """A recording is over and its chunks are not needed any more."""
        with self._lock:
            self._open = [each for each in self._open if each is not recording]

    def _now_open(self) -> list[Recording]:
        with self._lock:
            return list(self._open)


class Recording:
    """One clip. `add` never waits for the disk; `write` and `close` belong to other threads than the camera's."""

    def __init__(
        self,
        recorder: Recorder,
        episode: str,
        before: Sequence[Chunk],
        start_s: float,
        masks: Sequence[Polygon],
        *,
        found: bool = False,
    ) -> None:
        """Made by Recorder. before: chunks from the ring, the first a key picture."""
        self._recorder, self._masks, self._start_s = recorder, masks, start_s
        self._reel_path = recorder.folder / f"{episode}.reel"
        self._clip_path = recorder.folder / f"{episode}.mp4"
        self._episode = episode
        self._found = found
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._reel: Reel | None = None
        self._first: Chunk | None = None
        self._last: Chunk | None = None
        self._waiting: list[Chunk] = []
        """Not yet on the disk; of a masked camera all of it."""
        self._waiting_bytes = 0
        self._bytes = 0
        self._over = found
        self._reason = CUT_OFF if found else ""
        for chunk in before:
            self.add(chunk)

    @property
    def held_bytes(self) -> int:
        """What it holds in memory."""
        return self._waiting_bytes

    def add(self, chunk: Chunk) -> None:
        """Go on, within the limits of a clip."""
        with self._lock:
            if self._over or (self._first is None and not chunk.key):
                return
            if self._last is not None and (
                chunk.order_s <= self._last.order_s or is_spare(self._last, chunk)
            ):
                return
            why = self._beyond(chunk)
            if why:
                self._end(why)
                return
            self._first, self._last = self._first or chunk, chunk
            self._waiting.append(chunk)
            self._waiting_bytes += weight_of(chunk)
            self._bytes += len(chunk.data)

    def write(self) -> None:
        """Put what waits on the disk. A disk that does not take it ends the clip and stops nothing else."""
        if self._masks:
            return
        with self._writing:
            with self._lock:
                batch, self._waiting = self._waiting, []
            try:
                if batch:
                    self._write(batch)
            except OSError as why:
                log.error("clip: %s", why, extra={"event": "disk"})
                self._fail(NO_DISK)
            with self._lock:
                self._waiting_bytes -= sum(weight_of(chunk) for chunk in batch)

    def close(self, end_s: float, stop: threading.Event | None = None, beat: Beat = lambda: None) -> Finished:
        """Make the clip of it, up to POST_S after `end_s`. May take minutes; another thread than the camera's.

        beat: called for each picture, perhaps in a third thread. Raises Interrupted when `stop` is set before it is
        done.
        """
        with self._lock:
            self._over = True
        self.write()
        self._let_go_of_reel()
        shown = _Shown(self._kept(), end_s + POST_S, stop or threading.Event(), beat)
        try:
            duration_ms = self._make(shown)
        except ClipError as why:
            log.warning("no clip: %s", why, extra={"event": "no-clip"})
            return Finished(None, 0, self._reason or str(why), self._lasted_ms(shown))
        except OSError as why:
            log.error("no clip: %s", why, extra={"event": "disk"})
            return Finished(None, 0, self._reason or NO_DISK, self._lasted_ms(shown))
        finally:
            self._recorder.let_go(self)
            with self._lock:
                self._waiting, self._waiting_bytes = [], 0  # it may be long before the end can be noted
        return Finished(self._clip_path, duration_ms, self._reason, self._lasted_ms(shown))

    def forget(self) -> None:
        """The clip is kept elsewhere, or told as lost: delete what is here of it. Raises OSError."""
        self._recorder.let_go(self)
        with self._lock:
            self._over, self._waiting, self._waiting_bytes = True, [], 0
        self._let_go_of_reel()
        self._clip_path.unlink(missing_ok=True)
        self._reel_path.unlink(missing_ok=True)

    def _beyond(self, chunk: Chunk) -> str:
        """Why a chunk may not be added; empty when it may."""
        mine = self._waiting_bytes + weight_of(chunk)
        if mine > HELD_MOST_BYTES or self._recorder.held_bytes() + weight_of(chunk) > ALL_HELD_MOST_BYTES:
            return TOO_LARGE if self._masks else TOO_SLOW
        if self._first is None:
            return ""
        if not is_like(self._first, chunk):
            return CHANGED
        if chunk.order_s - self._first.order_s > CLIP_MOST_S:
            return TOO_LONG
        most_bytes = CLIP_MOST_BYTES if chunk.codec in PLAYABLE else RAW_MOST_BYTES
        return TOO_LARGE if self._bytes + len(chunk.data) > most_bytes and not self._masks else ""

    def _end(self, why: str) -> None:
        """No more is taken; the first reason counts. Holding the lock."""
        self._over, self._reason = True, self._reason or why

    def _fail(self, why: str) -> None:
        with self._lock:
            self._end(why)

    def _write(self, batch: Sequence[Chunk]) -> None:
        if shutil.disk_usage(self._recorder.folder).free < self._recorder.free_least_bytes:
            self._fail(NO_ROOM)
            return
        if self._reel is None:
            self._reel_path.unlink(missing_ok=True)
            self._reel = Reel(self._reel_path, self._start_s)
        self._reel.write(batch)

    def _kept(self) -> Iterator[Chunk]:
        if self._masks:
            yield from self._waiting
        elif self._reel_path.exists():
            yield from read_reel(self._reel_path)

    def _make(self, shown: _Shown) -> int:
        first = shown.first()
        if first is None or (not self._masks and first.codec in PLAYABLE):
            return write_clip(shown, self._clip_path)
        with self._recorder.turn, ThreadPoolExecutor(1, f"burn-{self._episode}", step_back) as aside:
            return aside.submit(recode, shown, self._masks, self._clip_path, CLIP_MOST_BYTES).result()

    def _lasted_ms(self, shown: _Shown) -> int:
        return max(0, round((shown.last_s - self._start_s) * 1000)) if math.isfinite(shown.last_s) else 0

    def _let_go_of_reel(self) -> None:
        with self._writing:
            reel, self._reel = self._reel, None
            if reel is not None:
                try:
                    reel.close()
                except OSError as why:  # what could not be flushed was told when it was written
                    log.error("clip: %s", why, extra={"event": "disk"})


class _Shown:
    """The chunks of a clip one by one, up to its end or until the service ends."""

    def __init__(self, chunks: Iterator[Chunk], until_s: float, stop: threading.Event, beat: Beat) -> None:
        self._chunks, self._until_s, self._stop, self._beat = chunks, until_s, stop, beat
        self._ahead: Chunk | None = None
        self.last_s = -math.inf

    def first(self) -> Chunk | None:
        """The first one, which will come again."""
        self._ahead = next(self._chunks, None)
        return self._ahead

    def __iter__(self) -> Iterator[Chunk]:
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            yield from self._pass(ahead)
        for chunk in self._chunks:
            if chunk.order_s > self._until_s:
                return
            yield from self._pass(chunk)

    def _pass(self, chunk: Chunk) -> Iterator[Chunk]:
        if self._stop.is_set():
            raise Interrupted
        self._beat()
        self.last_s = max(self.last_s, chunk.at_s)
        yield chunk
