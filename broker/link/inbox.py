"""Where received messages wait for the worker that wants them."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from broker.contract import Identity, Lane, Spec
from broker.contract.message import DURABLE_LANES

T = TypeVar("T")


class Inbox(Generic[T]):
    """A bounded queue. When it is full the oldest entry gives way and is counted in `dropped`.

    For the durable lanes nothing is lost by that: what was not acknowledged is sent again.
    """

    def __init__(self, limit: int) -> None:
        self._entries: deque[T] = deque()
        self._limit = limit
        self._ready = threading.Condition()
        self.dropped = 0

    def put(self, entry: T) -> None:
        """Add without waiting."""
        with self._ready:
            if len(self._entries) >= self._limit:
                self._entries.popleft()
                self.dropped += 1
            self._entries.append(entry)
            self._ready.notify()

    def get(self, timeout_s: float) -> T | None:
        """The next entry, or None after `timeout_s` seconds without one."""
        deadline = time.monotonic() + timeout_s
        with self._ready:
            while not self._entries:
                left = deadline - time.monotonic()
                if left <= 0 or not self._ready.wait(left):
                    return None
            return self._entries.popleft()

    def __len__(self) -> int:
        with self._ready:
            return len(self._entries)


class Packet(NamedTuple):
    """A packet that nobody has decoded yet, and what its topic says about it."""

    source: str
    """`thon-01.board`; "unknown" where the topic is none of the contract's."""
    topic: str
    raw: bytes
    who: Identity | None = None
    spec: Spec | None = None
    reason: str = ""
    """Why the topic is not understood."""


STATES = 16
"""Packets kept of each topic that is not durable. More than one: the will of an earlier start may come last."""


@dataclass
class _Source:
    """What waits of one source: durable packets in order, and the newest ones of each other topic."""

    ordered: deque[Packet] = field(default_factory=deque)
    newest: dict[str, deque[Packet]] = field(default_factory=dict)
    cut: set[Lane | None] = field(default_factory=set)
    """Lanes of which a packet gave way: those after it come too early and would be stored in vain."""


Allow = Callable[[str, int], int]


class FairInbox:
    """A queue for each source, emptied in turns: whoever floods it makes only himself wait.

    Of a durable lane the newest packet gives way when its source's queue is full, and is sent again in time; of
    other topics the oldest packets do, a newer state replaces them. `dropped` counts what gave way, by source.
    """

    def __init__(self, limit: int, allow: Allow = lambda _, wanted: wanted, turn: int = 32) -> None:
        """limit: durable packets kept for one source. allow: how many of the wanted ones a source may give now.
        turn: how many a source gives before the next is heard.
        """
        self._limit = limit
        self._allow = allow
        self._turn = turn
        self._sources: dict[str, _Source] = {}
        self._next: deque[str] = deque()
        self._count = 0
        self._wanted = 1
        self._ready = threading.Condition()
        self.dropped: Counter[str] = Counter()

    def put(self, packets: Sequence[Packet]) -> None:
        """Add without waiting. Who waits is woken when there is as much as it waits for."""
        with self._ready:
            before = self._count
            for packet in packets:
                source = self._sources.get(packet.source)
                if source is None:
                    source = self._sources[packet.source] = _Source()
                    self._next.append(packet.source)
                self._add(source, packet)
            if before < self._wanted <= self._count:
                self._ready.notify()

    def _add(self, source: _Source, packet: Packet) -> None:
        lane = None if packet.spec is None else packet.spec.lane
        if lane is not None and lane not in DURABLE_LANES:
            states = source.newest.setdefault(packet.topic, deque(maxlen=STATES))
            self._count += len(states) < STATES
            states.append(packet)
        elif len(source.ordered) >= self._limit or lane in source.cut:
            source.cut.add(lane)
            self.dropped[packet.source] += 1
        else:
            source.ordered.append(packet)
            self._count += 1

    def take(self, timeout_s: float, gather_s: float, limit: int) -> list[Packet]:
        """Up to `limit` packets and some states: waits `timeout_s` for the first, then `gather_s` for others."""
        with self._ready:
            self._wait_for(1, timeout_s)
            if self._count:
                self._wait_for(limit, gather_s)
            found: list[Packet] = []
            silent = 0
            while silent < len(self._next) and len(found) < limit:
                silent = 0 if self._take_turn(found, limit) else silent + 1
            self._count -= len(found)
            return found

    def _wait_for(self, count: int, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        self._wanted = count
        while self._count < count:
            left = deadline - time.monotonic()
            if left <= 0 or not self._ready.wait(left):
                return

    def _take_turn(self, found: list[Packet], limit: int) -> bool:
        """Let the next source give what it may. False when it gives nothing."""
        name, before = self._next.popleft(), len(found)
        source = self._sources[name]
        for states in source.newest.values():
            found += states
        source.newest.clear()
        wanted = min(self._turn, limit - len(found), len(source.ordered))
        if wanted > 0:
            found.extend(source.ordered.popleft() for _ in range(self._allow(name, wanted)))
        if source.ordered or source.newest:
            self._next.append(name)
        else:
            del self._sources[name]
        return len(found) > before

    def __len__(self) -> int:
        with self._ready:
            return self._count
