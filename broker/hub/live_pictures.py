"""The newest picture of each live view, in memory: from the device port to the one browser that looks. Never on disk.

Both ends live in the process of `web`. What is replaced before it was shown is gone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

LARGEST: Final = 64 * 1024
"""Bytes of one picture."""
MOST_SIDE_PX: Final = 1280
"""Nodes send half of it; what is larger would be unpacked in the officer's browser four times a second."""
NOBODY_S: Final = 5.0
"""A page that lost its line may come back within this time; then nobody looks any more."""
OLDEST_MS: Final = 600_000
"""What a node may say at most of a picture's age."""


@dataclass(frozen=True)
class Shot:
    """One picture."""

    number: int
    jpeg: bytes
    taken_s: float
    """On the clock of `LivePictures`, as far as its node could tell."""


class _View:
    def __init__(self, now_s: float) -> None:
        self.shot: Shot | None = None
        self.looker = 0
        """Who looks, as `LivePictures.join` numbered them; 0: nobody."""
        self.looked_s = now_s
        """When somebody looked last, or when the view began."""


class LivePictures:
    """Thread-safe."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        """now_s: a clock that nobody sets."""
        self._now_s = now_s
        self._views: dict[str, _View] = {}
        self._lookers = 0
        self._news = threading.Condition()

    def put(self, view: str, jpeg: bytes, age_ms: int) -> bool:
        """Keep a picture in place of the one before; False when nobody looks and none was kept."""
        with self._news:
            now_s = self._now_s()
            found = self._views.setdefault(view, _View(now_s))
            if not found.looker and now_s - found.looked_s > NOBODY_S:
                del self._views[view]
                return False
            number = found.shot.number + 1 if found.shot else 1
            taken_s = now_s - min(max(0, age_ms), OLDEST_MS) / 1000
            found.shot = Shot(number, jpeg, taken_s)
            self._news.notify_all()
            return True

    def join(self, view: str) -> int:
        """Begin to look; who looked at this view before looks no more. Returns the looker's number."""
        with self._news:
            now_s = self._now_s()
            for name, held in list(self._views.items()):
                if not held.looker and now_s - held.looked_s > NOBODY_S:
                    del self._views[name]  # its node went away before it could be told that nobody looks
            self._lookers += 1
            found = self._views.setdefault(view, _View(self._now_s()))
            found.looker = self._lookers
            self._news.notify_all()
            return self._lookers

    def leave(self, view: str, looker: int) -> None:
        """The page has gone; it may come back."""
        with self._news:
            found = self._views.get(view)
            if found is not None and found.looker == looker:
                found.looker, found.looked_s = 0, self._now_s()

    def forget(self, view: str) -> None:
        """The view is over: its picture goes."""
        with self._news:
            self._views.pop(view, None)
            self._news.notify_all()

    def is_looking(self, view: str, looker: int) -> bool:
        """Whether this looker was not replaced by a newer one."""
        with self._news:
            found = self._views.get(view)
            return found is not None and found.looker == looker

    def next(self, view: str, after: int, timeout_s: float) -> Shot | None:
        """The newest picture when it is not number `after`; None when none came in time."""
        with self._news:
            self._news.wait_for(lambda: self._number(view) != after, timeout_s)
            found = self._views.get(view)
            return found.shot if found is not None and self._number(view) not in (after, 0) else None

    def age_ms(self, shot: Shot) -> int:
        """How old it is now."""
        return round((self._now_s() - shot.taken_s) * 1000)

    def count(self) -> int:
        """Views it holds anything of."""
        with self._news:
            return len(self._views)

    def _number(self, view: str) -> int:
        found = self._views.get(view)
        return found.shot.number if found is not None and found.shot is not None else 0
