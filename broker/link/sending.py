"""From the outbox to the hub: a window of unacknowledged messages, sent again from its start when acks stay out."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from broker.contract import Lane
from broker.contract.hub import Ack
from broker.contract.message import DURABLE_LANES, encode
from broker.link.clock import Clock
from broker.link.outbox import Outbox, Row
from broker.link.service import Beat

WINDOW = 400
WINDOW_BYTES = 4 << 20
"""At most this much is on its way unacknowledged, per lane."""
LEAST_WINDOW = 16
"""What a window shrinks to when acks stay out: a hub or a line that cannot keep up is not flooded again."""
AT_ONCE = 100
"""Messages sent before the next lane has its turn."""
PATIENCE_S = 3.0
PATIENCE_LIMIT_S = 30.0
"""Seconds without progress before the window is sent again; doubles up to the limit."""
HEARD_S = 1.0
"""An acknowledgement that moves nothing tells that the hub is there and has not got what is on its way."""
BEHIND = 100
"""A lane with more than this many unacknowledged messages has a history to catch up with."""
HISTORY_WINDOW = 200
"""A history leaves half of the way to what happens now, in this village and in the others."""
TIDY_S = 1.0

Publish = Callable[[str, bytes], bool]


@dataclass
class _Lane:
    """How far one lane has been sent and acknowledged in this connection."""

    sent: int = 0
    acked: int = 0
    bytes: int = 0
    on_the_way: deque[tuple[int, int]] = field(default_factory=deque)
    """Position and size of each message between `acked` and `sent`."""
    moved_at: float = 0.0
    patience_s: float = PATIENCE_S
    window: int = WINDOW

    def rewind(self, acked: int, now: float) -> None:
        """Everything beyond `acked` is to be sent again."""
        self.sent = self.acked = acked
        self.bytes = 0
        self.on_the_way.clear()
        self.moved_at = now

    def forget(self, upto: int, now: float) -> None:
        """The hub has everything up to a position."""
        self.acked = max(self.acked, upto)
        self.sent = max(self.sent, self.acked)
        while self.on_the_way and self.on_the_way[0][0] <= self.acked:
            self.bytes -= self.on_the_way.popleft()[1]
            self.window = min(WINDOW, self.window + 1)
        self.moved_at, self.patience_s = now, PATIENCE_S


class Sending:
    """Drains an outbox. Acks and wake-ups come in from any thread; one worker does the sending."""

    def __init__(self, outbox: Outbox, publish: Publish, clock: Clock) -> None:
        """publish(topic, frame): False when the connection is away."""
        self._outbox = outbox
        self._publish = publish
        self._clock = clock
        self._lanes = {lane: _Lane() for lane in DURABLE_LANES}
        self._acks: list[Ack] = []
        self._again = True
        self._fresh = False
        self._work = threading.Condition()
        self._tidied_at = clock.monotonic()

    def wake(self) -> None:
        """There is something new in the outbox."""
        with self._work:
            self._fresh = True
            self._work.notify()

    def ack(self, message: Ack) -> None:
        """The hub has kept everything up to a position."""
        with self._work:
            self._acks.append(message)
            self._work.notify()

    def restart(self) -> None:
        """The connection is new: whatever was on its way may be lost."""
        with self._work:
            self._again = True
            self._work.notify()

    def is_behind(self, lane: Lane) -> bool:
        """Whether what is put into this lane now has to wait for a history to be sent."""
        return self._outbox.last(lane) - self._lanes[lane].acked > BEHIND

    def work(self, stop: threading.Event, beat: Beat, connected: Callable[[], bool]) -> None:
        """Send until `stop`."""
        while not stop.is_set():
            beat()
            with self._work:
                acks, self._acks = self._acks, []
                again, self._again = self._again, False
                self._fresh = False
            if again:
                self._rewind()
            for each in acks:
                self._forget(each)
            moved = connected() and sum([self._advance(lane) for lane in DURABLE_LANES]) > 0
            if not moved:
                self._tidy()
                with self._work:
                    if not (self._fresh or self._acks or self._again or stop.is_set()):
                        self._work.wait(0.5)

    def _rewind(self) -> None:
        for lane, state in self._lanes.items():
            state.rewind(self._outbox.first(lane) - 1, self._clock.monotonic())
            state.patience_s = PATIENCE_S

    def _forget(self, ack: Ack) -> None:
        lane, now = Lane(ack.lane), self._clock.monotonic()
        state = self._lanes[lane]
        if self._outbox.release(lane, ack.epoch, ack.upto):
            state.forget(ack.upto, now)
        elif ack.epoch == self._outbox.epoch and state.on_the_way and now - state.moved_at > HEARD_S:
            state.rewind(state.acked, now)
            state.patience_s = PATIENCE_S

    def _tidy(self) -> None:
        """When there is nothing to send: let the outbox delete what no write has deleted by the way."""
        now = self._clock.monotonic()
        if now - self._tidied_at > TIDY_S:
            self._tidied_at = now
            self._outbox.tidy()

    def _advance(self, lane: Lane) -> bool:
        """Send what the window allows. True when something was sent."""
        state = self._lanes[lane]
        now = self._clock.monotonic()
        if state.on_the_way and now - state.moved_at > state.patience_s:
            state.rewind(state.acked, now)
            state.patience_s = min(state.patience_s * 2, PATIENCE_LIMIT_S)
            state.window = max(LEAST_WINDOW, state.window // 2)
        window = state.window
        if lane == Lane.TELE and self.is_behind(lane):
            window = min(window, HISTORY_WINDOW)
        room = min(window - len(state.on_the_way), AT_ONCE)
        if room <= 0 or state.bytes >= WINDOW_BYTES or state.sent >= self._outbox.last(lane):
            return False
        if not state.on_the_way:
            state.moved_at = now
        sent = False
        for row in self._outbox.after(lane, state.sent, room):
            if state.bytes >= WINDOW_BYTES or not self._send(row):
                break
            state.sent, sent = row.seq, True
            state.bytes += len(row.body)
            state.on_the_way.append((row.seq, len(row.body)))
        return sent

    def _send(self, row: Row) -> bool:
        first = 0 if row.first == row.seq else row.first
        frame = encode(row.body, row.at, row.clock, self._outbox.epoch, row.seq, first)
        return self._publish(row.topic, frame)
