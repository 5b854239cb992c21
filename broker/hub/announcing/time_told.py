"""Tells loudspeakers what time it is at the hub, at once, so that all of them begin together."""

from __future__ import annotations

import threading
from typing import Final

from broker.contract import Identity, Received
from broker.contract.hub import TimeTold
from broker.contract.speaker import TimeAsked
from broker.link.service import Beat, Worker
from broker.link.session import NotConnected, Session

AT_ONCE: Final = 40
"""A node may ask so often in a row: two bursts of a loudspeaker that has just connected, and some."""
AGAIN_PER_S: Final = 1.0
"""So many more questions a second are answered to it."""
MOST_SOURCES: Final = 4096
WAITING: Final = 1000
"""Questions that may wait; two hundred nodes that come back together ask four hundred times a second."""


class Telling:
    """The worker that answers; it has an inbox of its own, so that nothing else stands before a question."""

    def __init__(self, session: Session) -> None:
        """Takes its inbox: call before the session opens."""
        self._session = session
        self._clock = session.clock
        self._inbox = session.inbox(TimeAsked, limit=WAITING)
        self._may_ask: dict[Identity, tuple[float, float]] = {}
        """How many questions a source may still ask, and the monotonic second at which that was so."""

    def worker(self) -> Worker:
        """For `announce`."""
        return Worker("time", self.run)

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """Answer until `stop`."""
        while not stop.is_set():
            beat()
            received = self._inbox.get(0.5)
            if received is not None:
                self.tell(received)

    def tell(self, asked: Received) -> bool:
        """Answer one question; False when its node asks too often, or the broker is away."""
        heard_at = self._clock.now()
        if not self._is_allowed(asked.who):
            return False
        ask: int = asked.message.ask
        try:
            self._session.send(TimeTold(ask=ask, heard_at=heard_at, told_at=self._clock.now()), to=asked.who)
        except NotConnected:
            return False
        return True

    def _is_allowed(self, who: Identity) -> bool:
        now_s = self._clock.monotonic()
        left, at_s = self._may_ask.get(who, (float(AT_ONCE), now_s))
        left = min(float(AT_ONCE), left + (now_s - at_s) * AGAIN_PER_S)
        if len(self._may_ask) >= MOST_SOURCES and who not in self._may_ask:
            self._may_ask.clear()
        is_allowed = left >= 1.0
        self._may_ask[who] = (left - 1.0 if is_allowed else left, now_s)
        return is_allowed
