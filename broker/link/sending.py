"""From the outbox to the hub: a window of unacknowledged messages, sent again from its start when acks stay out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from broker.contract import Lane
from broker.contract.hub import Ack
from broker.contract.message import DURABLE_LANES, encode
from broker.link.clock import Clock
from broker.link.outbox import Outbox, Row
from broker.link.service import Beat

WINDOW = 400
WINDOW_BYTES = 4 << 20
"""At most this much is on its way unacknowledged, per lane."""
PATIENCE_S = 3.0
PATIENCE_LIMIT_S = 30.0
"""Seconds without progress before the window is sent again; doubles up to the limit."""

Publish = Callable[[str, bytes], bool]


@dataclass
class _Lane:
    """How far one lane has been sent and acknowledged in this connection."""

    sent: int = 0
    acked: int = 0
    bytes: int = 0
    moved_at: float = 0.0
    patience_s: float = PATIENCE_S


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
        self._work = threading.Condition()
        self.acknowledged = 0

    def wake(self) -> None:
        """There is something new in the outbox."""
        with self._work:
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

    def work(self, stop: threading.Event, beat: Beat, connected: Callable[[], bool]) -> None:
        """Send until `stop`."""
        while not stop.is_set():
            beat()
            moved = False
            if connected():
                moved = sum(self._advance(lane) for lane in DURABLE_LANES) > 0
            with self._work:
                if not moved and not self._acks and not self._again:
                    self._work.wait(0.5)
                acks, self._acks = self._acks, []
                again, self._again = self._again, False
            for each in acks:
                self._forget(each)
            if again:
                self._rewind()

    def _rewind(self) -> None:
        for lane, state in self._lanes.items():
            state.acked = self._outbox.first(lane) - 1
            state.sent, state.bytes = state.acked, 0
            state.moved_at, state.patience_s = self._clock.monotonic(), PATIENCE_S

    def _forget(self, ack: Ack) -> None:
        lane = Lane(ack.lane)
        state = self._lanes[lane]
        count = self._outbox.release(lane, ack.epoch, ack.upto)
        if count:
            self.acknowledged += count
            state.acked = max(state.acked, ack.upto)
            if state.sent <= state.acked:
                state.sent, state.bytes = state.acked, 0
            state.moved_at, state.patience_s = self._clock.monotonic(), PATIENCE_S

    def _advance(self, lane: Lane) -> bool:
        """Send what the window allows. True when something was sent."""
        state = self._lanes[lane]
        now = self._clock.monotonic()
        if state.sent > state.acked and now - state.moved_at > state.patience_s:
            state.sent, state.bytes = state.acked, 0
            state.moved_at, state.patience_s = now, min(state.patience_s * 2, PATIENCE_LIMIT_S)
        room = WINDOW - (state.sent - state.acked)
        if room <= 0 or state.bytes >= WINDOW_BYTES:
            return False
        rows = self._outbox.after(lane, state.sent, min(room, 100))
        if not rows:
            return False
        first = self._outbox.first(lane)
        if state.sent == state.acked:
            state.moved_at = now
        for row in rows:
            if state.bytes >= WINDOW_BYTES or not self._send(row, first):
                break
            state.sent = row.seq
            state.bytes += len(row.body)
        return True

    def _send(self, row: Row, first: int) -> bool:
        frame = encode(row.body, row.at, row.clock, self._outbox.epoch, row.seq, min(first, row.seq))
        return self._publish(row.topic, frame)
