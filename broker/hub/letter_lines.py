"""A thread of its own for every letter on its way, so that whoever never answers holds up nobody but themselves.

Once a time limit is set, and it sets one by itself, Apprise sends through a few threads that all its senders share: so
many dead addresses, and the next is not called. So it gets no limit, and the limit is kept here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

LIMIT_S: Final = 60.0
"""Whoever has not answered by then counts as not reached, and is tried again once their thread is free."""
MOST: Final = 64
"""Threads at once: more than there are addresses, unless very many were taken away while they hung."""
SILENT: Final = "Nơi nhận không trả lời kịp."

What = TypeVar("What")


@dataclass
class _Flight(Generic[What]):
    what: What
    to: int
    until_s: float
    is_late: bool = False


class LetterLines(Generic[What]):
    """What was sent and not answered yet, at most one for an address. For one thread."""

    def __init__(self) -> None:
        self._flying: dict[Future[str], _Flight[What]] = {}

    @property
    def busy(self) -> set[int]:
        """Addresses, by number, whose thread is not free; those that are late are among them."""
        return {flight.to for flight in self._flying.values()}

    @property
    def in_time(self) -> int:
        """How many may still answer in time."""
        return sum(not flight.is_late for flight in self._flying.values())

    @property
    def room(self) -> int:
        """How many more can be sent now."""
        return MOST - len(self._flying)

    def send(self, to: int, call: Callable[[], str], what: What, now_s: float) -> None:
        """Send it: `call` answers as posting.send does, and `what` comes back with the answer."""
        self._flying[begin(call)] = _Flight(what, to, now_s + LIMIT_S)

    def answers(self, now_s: float, wait_s: float) -> list[tuple[What, str]]:
        """What was answered, and what is late by now, each once: empty for accepted, else why not."""
        awaited = [one for one, flight in self._flying.items() if not flight.is_late]
        if awaited:
            wait(awaited, timeout=wait_s)
        found = []
        for one, flight in list(self._flying.items()):
            if one.done():
                del self._flying[one]
                if not (flight.is_late and one.result()):  # accepted late is accepted
                    found.append((flight.what, one.result()))
            elif now_s >= flight.until_s and not flight.is_late:
                flight.is_late = True
                found.append((flight.what, SILENT))
        return found


def begin(call: Callable[[], str]) -> Future[str]:
    """Call from a thread of its own, which the end of the process does not wait for."""
    told: Future[str] = Future()
    threading.Thread(target=lambda: told.set_result(call()), name="letter", daemon=True).start()
    return told


def within(limit_s: float, call: Callable[[], str]) -> str:
    """The answer while somebody waits for it, or that there was none in time."""
    told = begin(call)
    return told.result() if wait([told], timeout=limit_s).done else SILENT
