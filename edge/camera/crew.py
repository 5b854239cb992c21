"""The threads of all cameras: started, stopped and replaced by the plan; one that fails stops no other."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from broker.contract.camera import CameraState
from broker.link.clock import Clock
from broker.link.service import Beat
from broker.trust.envelope import CameraSetup

log = logging.getLogger(__name__)

AGAIN_S, AGAIN_MOST_S = 5.0, 60.0
HUNG_S = 60.0
"""A thread that shows no life for this long hangs; only a new start of the process helps."""
FAILED = "Lỗi chương trình khi xem camera này; máy đang tự thử lại."

Run = Callable[[threading.Event, Beat], None]
Make = Callable[[CameraSetup, Callable[[CameraState], None]], Run]


class Hung(Exception):
    """A camera's thread does not answer any more; the text names the camera."""


class _Post:
    """One camera's thread and what is known of it."""

    def __init__(self, setup: CameraSetup) -> None:
        self.setup = setup
        self.stop = threading.Event()
        self.thread: threading.Thread | None = None
        self.beat_s = 0.0
        self.failures = 0
        self.again_s = float("-inf")


class Crew:
    """apply, tend and close belong to one thread; `states` may be read by any."""

    def __init__(self, make: Make, clock: Clock) -> None:
        """make: gives the body of a camera's thread."""
        self._make = make
        self._clock = clock
        self._posts: dict[str, _Post] = {}
        self._lock = threading.Lock()
        self._states: dict[str, CameraState] = {}
        self._changed = True

    def apply(self, setups: Sequence[CameraSetup]) -> None:
        """Run exactly these cameras; those whose setup did not change are left in peace."""
        wanted = {setup.camera: setup for setup in setups}
        leaving = [post for name, post in self._posts.items() if wanted.get(name) != post.setup]
        self._dismiss(leaving, 1.5)
        for post in leaving:
            del self._posts[post.setup.camera]
        with self._lock:
            self._states = {name: state for name, state in self._states.items() if name in self._posts}
            self._changed = True
        for name, setup in wanted.items():
            if name not in self._posts:
                self._posts[name] = _Post(setup)
        self.tend()

    def tend(self) -> None:
        """Start what does not run and is due. Raises Hung."""
        now_s = self._clock.monotonic()
        for post in self._posts.values():
            if post.thread is not None and post.thread.is_alive():
                if now_s - post.beat_s > HUNG_S:
                    raise Hung(f"camera {post.setup.camera} has not moved for {HUNG_S:.0f} s")
            elif now_s >= post.again_s:
                self._start(post, now_s)

    def take_states(self) -> list[CameraState] | None:
        """All states in order of name when any has changed since the last call, else None."""
        with self._lock:
            if not self._changed:
                return None
            self._changed = False
            return [self._states[name] for name in sorted(self._states)]

    def close(self, within_s: float) -> None:
        """Ask all to end and wait for them together at most `within_s`."""
        self._dismiss(list(self._posts.values()), within_s)

    def _start(self, post: _Post, now_s: float) -> None:
        post.beat_s = now_s
        post.again_s = now_s + min(AGAIN_MOST_S, AGAIN_S * 2**post.failures)
        post.thread = threading.Thread(target=self._live, args=(post,), name=f"camera-{post.setup.camera}")
        post.thread.start()

    def _live(self, post: _Post) -> None:
        def beat() -> None:
            post.beat_s = self._clock.monotonic()

        def say(state: CameraState) -> None:
            if not post.stop.is_set():
                self._set(state)

        try:
            self._make(post.setup, say)(post.stop, beat)
            post.failures = 0
        except Exception:  # any fault in one camera's thread is written down and must not stop the others
            post.failures = min(post.failures + 1, 8)
            log.exception("camera failed", extra={"event": "camera-failed", "camera": post.setup.camera})
            say(
                CameraState(camera=post.setup.camera, state="offline", since=self._clock.now(), detail=FAILED)
            )

    def _set(self, state: CameraState) -> None:
        with self._lock:
            self._states[state.camera] = state
            self._changed = True

    def _dismiss(self, posts: Sequence[_Post], within_s: float) -> None:
        for post in posts:
            post.stop.set()
        deadline_s = self._clock.monotonic() + within_s
        for post in posts:
            if post.thread is not None:
                post.thread.join(max(0.0, deadline_s - self._clock.monotonic()))
