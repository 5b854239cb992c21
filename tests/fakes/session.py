"""A session without a network: the real interface of broker/link/session.py, remembering what was sent.

Every message goes through the contract both ways (payload limits, topics, frames), so a test that passes here
has at least spoken the wire's language. Nothing waits for a broker.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from broker import contract
from broker.contract import message as frames
from broker.link.inbox import Allow, FairInbox, Packet
from tests.fakes.clock import FakeClock

__all__ = ["FakeClock", "FakeInbox", "FakeSession", "Sent"]


class FakeInbox:
    """Messages of the chosen types, oldest first; when full the oldest is dropped and counted."""

    def __init__(self, types: tuple[type[contract.Message], ...], limit: int) -> None:
        self.types = types
        self.dropped = 0
        self._items: deque[contract.Received] = deque()
        self._limit = limit
        self._changed = threading.Condition()

    def put(self, received: contract.Received) -> None:
        """What the connection does when a message arrives."""
        with self._changed:
            if len(self._items) >= self._limit:
                self._items.popleft()
                self.dropped += 1
            self._items.append(received)
            self._changed.notify_all()

    def get(self, timeout_s: float) -> contract.Received | None:
        """The next message, or None when none came within `timeout_s`."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._items), timeout_s)
            return self._items.popleft() if self._items else None


@dataclass(frozen=True)
class Sent:
    """One call of `send`: the message, to whom, and its packet's size without the frame, in bytes."""

    message: Any
    to: contract.Identity | None
    size: int


class FakeSession:
    """The interface of Session; `sent` holds what was sent, `deliver` plays the other side."""

    def __init__(
        self,
        who: contract.Identity,
        settings: Any = None,
        clock: FakeClock | None = None,
        place: contract.Place | None = None,
    ) -> None:
        self.who = who
        self.settings = settings
        self.clock = clock or FakeClock()
        self.place = place or contract.Place("00", "00000")
        self.connected = True
        self.connections = 1
        self.boot = "fake-boot"
        self.refuse: Exception | None = None
        """When set, `send` raises it: a full outbox, a lost connection."""
        self.sent: list[Sent] = []
        self.problems: dict[str, str] = {}
        self.nearby: list[Any] = []
        """What was said to the neighbours alone."""
        self.behind = False
        """What `is_behind` answers."""
        self.waiting = False
        """What `has_waiting` answers."""
        self._inboxes: list[FakeInbox] = []
        self._intake: FairInbox | None = None
        self._seq = 0
        self._changed = threading.Condition()

    def send(self, msg: Any, to: contract.Identity | None = None, *, written: bytes | None = None) -> None:
        """Keep `msg`, after the contract has checked its size and this service's right to say it."""
        if self.refuse is not None:
            raise self.refuse
        contract.topic_of(self.place, to or self.who, msg)
        size = len(frames.payload(msg) if written is None else written)
        with self._changed:
            self.sent.append(Sent(msg, to, size))
            self._changed.notify_all()

    def send_nearby(self, msg: Any) -> None:
        """Keep `msg` in `nearby`, after the contract has checked it."""
        contract.topic_of(self.place, self.who, msg)
        frames.payload(msg)
        with self._changed:
            self.nearby.append(msg)
            self._changed.notify_all()

    def inbox(self, *types: type[contract.Message], limit: int = 200) -> FakeInbox:
        """An inbox for these types."""
        box = FakeInbox(types, limit)
        self._inboxes.append(box)
        return box

    def intake(self, *types: type[contract.Message], limit: int, allow: Allow) -> FairInbox:
        """The real queue of undecoded packets."""
        del types
        self._intake = FairInbox(limit, allow)
        return self._intake

    def is_behind(self, lane: contract.Lane) -> bool:
        """Whether a history is said to be on its way."""
        del lane
        return self.behind

    def has_waiting(self, lane: contract.Lane) -> bool:
        """Whether alerts are said to wait for the hub."""
        del lane
        return self.waiting

    def problem(self, code: str, text: str) -> None:
        """Note what limits this service."""
        with self._changed:
            self.problems[code] = text
            self._changed.notify_all()

    def cleared(self, code: str) -> None:
        """The problem of that code is over."""
        with self._changed:
            self.problems.pop(code, None)
            self._changed.notify_all()

    def deliver(self, msg: contract.Message, who: contract.Identity | None = None) -> None:
        """Let `msg` arrive, encoded and decoded by the contract. `who` is the identity its topic names:
        the sender, or on addressed lanes the receiver (by default this service)."""
        topic = contract.topic_of(self.place, who or self.who, msg)
        durable = contract.spec_of(msg).delivery.durable
        self._seq += durable
        raw = frames.encode(
            frames.payload(msg),
            self.clock.now(),
            self.clock.state(),
            "fake" if durable else "",
            self._seq if durable else 0,
        )
        received = contract.read(self.place, topic, raw)
        if self._intake is not None:
            self._intake.put([Packet(str(received.who), topic, raw, received.who, received.spec)])
        for box in self._inboxes:
            if isinstance(received.message, box.types):
                box.put(received)

    def messages(self, *types: type[contract.Message]) -> list[Any]:
        """What was sent so far of these types, in order."""
        with self._changed:
            return [item.message for item in self.sent if isinstance(item.message, types)]

    def wait(self, check: Callable[[], bool], timeout_s: float = 10.0) -> bool:
        """Wait until `check()` holds, looked at whenever something is sent or a problem changes."""
        with self._changed:
            return self._changed.wait_for(check, timeout_s)

    def wait_for(
        self,
        kind: type[contract.Message],
        check: Callable[[Any], bool] = lambda _msg: True,
        timeout_s: float = 10.0,
    ) -> Any:
        """The first message of `kind` for which `check` holds; waits for it. Raises AssertionError."""

        def found() -> Any:
            return next(
                (s.message for s in self.sent if isinstance(s.message, kind) and check(s.message)), None
            )

        with self._changed:
            msg = self._changed.wait_for(found, timeout_s)
        if msg is None:
            names = [type(item.message).__name__ for item in self.sent]
            raise AssertionError(f"no such {kind.__name__} within {timeout_s} s; sent: {names}")
        return msg
