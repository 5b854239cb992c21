"""Pictures for somebody who looks at a camera now: out of the stream that is judged anyway, masked, small, soon over.

Nothing is kept: what was not sent while it was new is thrown away. A thread of low priority for each view.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from broker.contract.hub import LiveWanted
from broker.link.clock import Clock
from broker.link.media import MediaError
from edge.camera.chunk import Chunk, Decoder
from edge.camera.clips import small_under, snapshot, step_back
from edge.camera.picture import Picture
from edge.camera.privacy import SHRUNK_MARGIN_PX, Polygon, Veil
from edge.camera.ring import Ring

log = logging.getLogger(__name__)

MOST = 2
"""Views of one node at once."""
LASTS_S = 60.0
"""As long as the hub lets one last; it may be said again."""
WIDTH_PX = 640
LARGEST_BYTES = 60_000
EVERY_S = 0.25
AGAIN_S = 1.0
"""After a picture that could not be sent."""
MOST_WAITING = 400
"""Chunks that wait to be decoded; with more the view goes on at the next key picture."""


class Door(Protocol):
    """What brings a picture to the hub; broker.link.media.MediaClient."""

    def show(self, view: str, jpeg: bytes, age_ms: int) -> bool:
        """One picture; False when the hub wants no more. Raises MediaError."""
        ...


class Look:
    """One view. The camera's thread feeds it and a thread of its own shows it, until it is over."""

    def __init__(
        self, view: str, camera: str, until_s: float, door: Door, clock: Clock, must_wait: Callable[[], bool]
    ) -> None:
        """until_s: by the clock's monotonic time. must_wait: asked before each picture; alerts go first."""
        self.view, self.camera, self.until_s = view, camera, until_s
        self._door, self._clock, self._must_wait = door, clock, must_wait
        self._waiting: deque[tuple[Chunk, Veil]] = deque()
        self._news = threading.Condition()
        self._closed = False
        self._fed_by: object | None = None
        self._begins = True
        """Nothing is worth decoding before the next key picture."""
        self._decoder = Decoder()
        self._sent_s = float("-inf")

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be sent."""
        return self._closed or self._clock.monotonic() >= self.until_s

    def close(self) -> None:
        """End it. May be called from any thread."""
        with self._news:
            self._closed = True
            self._waiting.clear()
            self._news.notify_all()

    def is_fed_by(self, source: object) -> bool:
        """Whether `source` is what feeds it at present; a camera set up anew is another."""
        with self._news:
            return self._fed_by is source

    def feed(self, chunks: Sequence[Chunk], veil: Veil, source: object) -> None:
        """What has come of the camera, in order. veil: the masks that hold for these, made for what is shrunk."""
        with self._news:
            if self._closed:
                return
            if self._fed_by is not source:
                self._fed_by = source
                self._waiting.clear()
                self._begins = True
            for chunk in chunks:
                if chunk.key or not self._begins:
                    self._begins = False
                    self._waiting.append((chunk, veil))
            if len(self._waiting) > MOST_WAITING:
                self._waiting.clear()
                self._begins = True
            self._news.notify_all()

    def run(self) -> None:
        """Show what comes until it is over."""
        step_back()
        wait_s = EVERY_S
        while not self.is_over:
            with self._news:
                if not self._waiting and not self._closed:
                    self._news.wait(EVERY_S)
                taken = [] if self._clock.monotonic() < self._sent_s + wait_s else self._newest()
            picture, veil = self._decode(taken)
            if picture is None or veil is None or self.is_over or self._must_wait():
                if self._waiting:
                    self._pause()
                continue
            self._sent_s = self._clock.monotonic()
            wait_s = EVERY_S if self._send(picture, veil) else AGAIN_S

    def _pause(self) -> None:
        """Until the next picture is due, or the end."""
        with self._news:
            self._news.wait_for(lambda: self._closed, EVERY_S / 4)

    def _newest(self) -> list[tuple[Chunk, Veil]]:
        """What waits, from its last key picture on: what lies before that is not needed to see what is now."""
        taken = list(self._waiting)
        self._waiting.clear()
        keys = [at for at, (chunk, _) in enumerate(taken) if chunk.key]
        return taken[keys[-1] :] if keys else taken

    def _decode(self, taken: Sequence[tuple[Chunk, Veil]]) -> tuple[Picture | None, Veil | None]:
        """The newest picture of these, with its masks."""
        found: Picture | None = None
        for number, (chunk, _) in enumerate(taken, 1):
            if chunk.spare and number < len(taken):
                continue
            for picture in self._decoder.decode(chunk):
                found = picture
        return found, taken[-1][1] if taken else None

    def _send(self, picture: Picture, veil: Veil) -> bool:
        """False when it did not arrive. The hub may end the view by its answer."""
        small = small_under(veil, picture.colour(), WIDTH_PX)
        age_ms = max(0, round((self._clock.monotonic() - picture.at_s) * 1000))
        try:
            if not self._door.show(self.view, snapshot(small, LARGEST_BYTES), age_ms):
                self.close()
        except MediaError as why:
            log.info("%s", why, extra={"event": "live-cut", "camera": self.camera})
            return False
        return True


class LiveViews:
    """The views of this node. All but the threads of the views belongs to one thread."""

    def __init__(
        self,
        clock: Clock,
        door: Callable[[], Door],
        attach: Callable[[Look], object],
        must_wait: Callable[[], bool],
    ) -> None:
        """door: made anew for each view. attach: has the view's camera feed it; called again and again."""
        self._clock, self._door, self._attach, self._must_wait = clock, door, attach, must_wait
        self._looks: dict[str, tuple[Look, threading.Thread]] = {}

    def want(self, said: LiveWanted) -> None:
        """Somebody looks, or goes on to look. More than a node can send are left out: the hub counts them too."""
        until_s = self._until_s(said.until)
        known = self._looks.get(said.view)
        if known is not None:
            known[0].until_s = until_s
            return
        self.tend()
        if len(self._looks) >= MOST:
            log.warning("too many live views", extra={"event": "live-refused", "camera": said.camera})
            return
        look = Look(said.view, said.camera, until_s, self._door(), self._clock, self._must_wait)
        # A daemon: a hub that does not answer may hold it for seconds, and the end of the service must not wait.
        thread = threading.Thread(target=look.run, name=f"live-{said.camera}", daemon=True)
        self._looks[said.view] = look, thread
        self._attach(look)
        thread.start()

    def tend(self) -> None:
        """Forget what is over; have the others fed, also by a camera that was set up anew."""
        for view, (look, thread) in list(self._looks.items()):
            if look.is_over:
                look.close()
                if not thread.is_alive():
                    del self._looks[view]
            else:
                self._attach(look)

    def close(self) -> None:
        """End all; their threads follow."""
        for look, _ in self._looks.values():
            look.close()

    def _until_s(self, until: datetime) -> float:
        """By the clock that nobody sets. One that does not know the time looks for a minute; the hub ends it."""
        left_s = LASTS_S
        if self._clock.state() != "unknown":
            left_s = min(LASTS_S, (until - self._clock.now()) / timedelta(seconds=1))
        return self._clock.monotonic() + (left_s if left_s > 0 else LASTS_S)


class Tap:
    """The camera's end: feeds what comes to all who look. `add` may be called from any thread."""

    def __init__(self, masks: Sequence[Polygon]) -> None:
        self._masks = masks
        self._fresh: deque[Look] = deque(maxlen=2 * MOST)
        self._looks: list[tuple[Look, Veil]] = []

    def add(self, look: Look) -> None:
        """Feed this one from now on."""
        if not look.is_fed_by(self) and look not in self._fresh:
            self._fresh.append(look)

    def pass_on(self, chunk: Chunk, ring: Ring) -> None:
        """A chunk has come. ring: the last seconds of its stream, itself too."""
        if self._looks:
            self._looks = [(look, veil) for look, veil in self._looks if not look.is_over]
            for look, veil in self._looks:
                look.feed([chunk], veil, self)
        while self._fresh:
            look, veil = self._fresh.popleft(), Veil(self._masks, SHRUNK_MARGIN_PX)
            if not look.is_fed_by(self):
                look.feed(ring.since(chunk.at_s), veil, self)
                self._looks.append((look, veil))
