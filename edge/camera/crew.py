"""The threads of all cameras: started, stopped and replaced by the plan; one that fails stops no other."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from broker.contract.camera import CameraState
from broker.link.clock import Clock
from broker.link.service import Beat
from broker.trust.envelope import CameraAddress, CameraSetup
from edge.camera.live import Look

log = logging.getLogger(__name__)

AGAIN_S, AGAIN_MOST_S = 5.0, 60.0
HUNG_S = 60.0
"""A thread that shows no life for this long hangs; only a new start of the process helps."""
LEAVE_S = 5.0
"""A thread that was told to end may hold up its successor this long: two must not speak for one camera."""
FAILED = "Lỗi chương trình khi xem camera này; máy đang tự thử lại."

Run = Callable[[threading.Event, Beat], None]


@dataclass(frozen=True)
class Watched:
    """A camera as the plan says and where its pictures come from; `setup.sealed` is opened and left empty."""

    setup: CameraSetup
    address: CameraAddress


@dataclass(frozen=True)
class Body:
    """What a camera's thread runs, how it is asked for a picture, and how it is shown to who looks now."""

    run: Run
    ask: Callable[[str], None]
    show: Callable[[Look], None]
    hush: Callable[[CameraSetup], None]
    """Told when nothing but its quiet areas has changed."""


Make = Callable[[Watched, Callable[[CameraState], None]], Body]


class Hung(Exception):
    """A camera's thread does not answer any more; the text names the camera."""


class _Post:
    """One camera's thread and what is known of it."""

    def __init__(self, watched: Watched) -> None:
        self.watched = watched
        self.stop = threading.Event()
        self.thread: threading.Thread | None = None
        self.body: Body | None = None
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
        self._leaving: dict[str, tuple[threading.Thread, float]] = {}
        """Threads told to end that had not yet, and until when they are waited for."""
        self._lock = threading.Lock()
        self._states: dict[str, CameraState] = {}
        self._changed = True

    def apply(self, cameras: Sequence[Watched]) -> None:
        """Run exactly these cameras; those whose setup did not change are left in peace, but for quiet areas."""
        wanted = {each.setup.camera: each for each in cameras}
        for name, post in self._posts.items():
            new = wanted.get(name)
            if new is not None and new != post.watched and _loud(new) == _loud(post.watched):
                self._hush(post, new)
        leaving = [post for name, post in self._posts.items() if wanted.get(name) != post.watched]
        self._dismiss(leaving, 1.5)
        until_s = self._clock.monotonic() + LEAVE_S
        for post in leaving:
            name = post.watched.setup.camera
            del self._posts[name]
            if post.thread is not None and post.thread.is_alive():
                self._leaving[name] = (post.thread, until_s)
        with self._lock:
            self._states = {name: state for name, state in self._states.items() if name in self._posts}
            self._changed = True
        for name, watched in wanted.items():
            if name not in self._posts:
                self._posts[name] = _Post(watched)
        self.tend()

    def tend(self) -> None:
        """Start what does not run and is due. Raises Hung."""
        now_s = self._clock.monotonic()
        self._leaving = {
            name: (thread, until_s)
            for name, (thread, until_s) in self._leaving.items()
            if thread.is_alive() and now_s < until_s
        }
        for name, post in self._posts.items():
            if post.thread is not None and post.thread.is_alive():
                if now_s - post.beat_s > HUNG_S:
                    raise Hung(f"camera {post.watched.setup.camera} has not moved for {HUNG_S:.0f} s")
            elif now_s >= post.again_s and name not in self._leaving:
                self._start(post, now_s)

    def ask(self, camera: str, request: str) -> bool:
        """Have a camera send a picture; False when it is not watched here at present."""
        post = self._posts.get(camera)
        if post is None or post.body is None:
            return False
        post.body.ask(request)
        return True

    def show(self, look: Look) -> None:
        """Have a camera feed a live view, where it is watched here at present."""
        post = self._posts.get(look.camera)
        if post is not None and post.body is not None:
            post.body.show(look)

    def take_states(self, *, always: bool = False) -> list[CameraState] | None:
        """All states in order of name when any has changed since the last call, or `always`, else None."""
        with self._lock:
            if not (self._changed or always):
                return None
            self._changed = False
            return [self._states[name] for name in sorted(self._states)]

    def close(self, within_s: float) -> None:
        """Ask all to end and wait for them together at most `within_s`."""
        self._dismiss(list(self._posts.values()), within_s)

    def _start(self, post: _Post, now_s: float) -> None:
        post.beat_s = now_s
        post.again_s = now_s + min(AGAIN_MOST_S, AGAIN_S * 2**post.failures)
        post.thread = threading.Thread(
            target=self._live, args=(post,), name=f"camera-{post.watched.setup.camera}"
        )
        post.thread.start()

    def _hush(self, post: _Post, watched: Watched) -> None:
        """A thread that just makes its body looks again once it has."""
        post.watched = watched
        if post.body is not None:
            post.body.hush(watched.setup)

    def _live(self, post: _Post) -> None:
        def beat() -> None:
            post.beat_s = self._clock.monotonic()

        def say(state: CameraState) -> None:
            if not post.stop.is_set():
                self._set(state)

        try:
            made = post.watched
            post.body = self._make(made, say)
            if post.watched is not made:
                post.body.hush(post.watched.setup)
            post.body.run(post.stop, beat)
            post.failures = 0
        except Exception:  # any fault in one camera's thread is written down and must not stop the others
            post.failures = min(post.failures + 1, 8)
            log.exception(
                "camera failed", extra={"event": "camera-failed", "camera": post.watched.setup.camera}
            )
            say(
                CameraState(
                    camera=post.watched.setup.camera, state="offline", since=self._clock.now(), detail=FAILED
                )
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


def _loud(watched: Watched) -> Watched:
    """The camera without its quiet areas, which alone may change while it runs."""
    return Watched(msgspec.structs.replace(watched.setup, quiet=[]), watched.address)
