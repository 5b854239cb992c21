"""Asks the hub what time it is, so that all loudspeakers of the commune begin together.

The hub's time moves a start by five seconds at most and makes no clock trusted: whether something may sound is
judged by this machine's own clock alone. While no hub has answered, or after half a day without, the own clock
counts.
"""

from __future__ import annotations

import logging
import math
import random
import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Final

from broker.contract.hub import TimeTold
from broker.contract.speaker import TimeAsked
from broker.link.clock import Clock
from broker.link.service import Beat
from broker.link.session import NotConnected, Session
from edge.speaker.time_line import Answer, Line, lay

log = logging.getLogger(__name__)

MOST_MOVED_S: Final = 5.0
"""A hub that says something else by more than this is not believed."""
MOST_CORRECTED_S: Final = 0.25
"""While one play sounds, what the hub says later moves it by no more than this."""
HELD_S: Final = 12 * 3600.0
"""So long after its last answer the hub's time is reckoned on: at a few millionths that is a fifth of a second."""

BURST: Final = 16
BURST_EVERY_S: Final = (0.4, 0.6)
ROUND: Final = 3
"""Questions one after the other, then a rest: of several the fastest says most."""
ENOUGH: Final = 80
"""With so many answers the line is good: one question at a time keeps it so, and costs little on a paid line."""
CALM_EVERY_S: Final = (20.0, 30.0)
AGAIN: Final = 3
"""Answers in a row that contradict all earlier ones, before these are forgotten."""
KEPT: Final = 100
STRAIGHT_S: Final = 3600.0
"""So long a crystal's drift is taken for the same."""
LATE_S: Final = 1.0
"""An answer that takes longer says too little."""

READINGS: Final = 5
CLOSE_S: Final = 0.0002
"""Two readings of a clock this close are one moment; a busy computer may put a tenth of a second between them."""
APART: Final = "Giờ của máy này lệch hơn 5 giây so với giờ trung tâm xã; xin kiểm tra đồng hồ của hai máy."


class HubTime:
    """What the hub's clock shows. One worker asks; `elapsed_of` may be called from any thread."""

    def __init__(self, session: Session, chance: random.Random | None = None) -> None:
        """chance: for the rests between questions. Takes its inbox: call before the session opens."""
        self._session = session
        self._clock = session.clock
        self._inbox = session.inbox(TimeTold)
        self._chance = chance or random.Random()  # noqa: S311  (jitter)
        self._ask = self._chance.getrandbits(40)
        self._asked: dict[int, float] = {}
        self._answers: deque[Answer] = deque(maxlen=KEPT)
        self._odd: list[Answer] = []
        self._line: Line | None = None
        self._connections = -1
        self._left = 0
        """Questions of the burst that are still to be asked."""
        self._next_s = 0.0

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """Ask, and listen to the answers, until `stop`."""
        while not stop.is_set():
            beat()
            received = self._inbox.get(min(0.5, self.step()))
            if received is not None:
                self.hear(received.message, self._clock.monotonic())

    def step(self) -> float:
        """Ask when it is time to. Returns the seconds until there is something to ask again."""
        if not self._session.connected:
            return 0.5
        now_s = self._clock.monotonic()
        if self._session.connections != self._connections:
            self._connections = self._session.connections
            self._left, self._next_s = BURST, now_s + self._chance.uniform(0.0, BURST_EVERY_S[0])
        if now_s >= self._next_s:
            self._left = (self._left or self._round()) - 1
            self._next_s = now_s + self._chance.uniform(*(BURST_EVERY_S if self._left else CALM_EVERY_S))
            self._put_question()
        return max(0.001, self._next_s - now_s)

    def hear(self, told: TimeTold, came_s: float) -> None:
        """An answer came at this monotonic second; what was not asked, or came late, is left aside."""
        asked_s = self._asked.pop(told.ask, None)
        if asked_s is None or came_s - asked_s > LATE_S:
            return
        answer = Answer(asked_s, came_s, told.heard_at.timestamp(), told.told_at.timestamp())
        if answer.hub_told_s < answer.hub_heard_s or answer.way_s < 0.0:
            log.warning("the hub's times make no sense", extra={"event": "hub-time-absurd"})
            return
        self._forget_before(came_s - STRAIGHT_S)
        if self._answers and self._line is not None and self._line.contradicts(answer):
            self._doubt(answer)
            return
        self._odd.clear()
        if self._line is None:
            log.info("the hub tells the time", extra={"event": "hub-time"})
        self._answers.append(answer)
        self._line = lay(self._answers)
        self._compare()

    def elapsed_of(self, start: datetime, now: datetime, monotonic_s: float) -> Callable[[float], float]:
        """Seconds since `start` by the commune's time, as a function of the monotonic clock; negative before.

        now, monotonic_s: this machine's clocks at one moment. The function no longer heeds the wall clock: it moves
        with monotonic time and, a little, with what the hub says from now on.
        """
        own_s = (now - start).total_seconds()
        line = self._believed(monotonic_s)
        moved_s = 0.0 if line is None else line.hub_at(monotonic_s) - now.timestamp()
        if line is None or abs(moved_s) > MOST_MOVED_S:
            return lambda at_s: own_s + (at_s - monotonic_s)
        return _Elapsed(start.timestamp(), monotonic_s, own_s + moved_s, lambda: self._line)

    def moves_s(self, now: datetime, monotonic_s: float) -> float:
        """How far the commune's time is ahead of this machine's clock, in seconds; 0 while it is not known."""
        return self.elapsed_of(now, now, monotonic_s)(monotonic_s)

    # -- inside

    def _believed(self, monotonic_s: float) -> Line | None:
        line = self._line
        return line if line is not None and monotonic_s - line.heard_s <= HELD_S else None

    def _round(self) -> int:
        return ROUND if len(self._answers) < ENOUGH else 1

    def _put_question(self) -> None:
        self._ask += 1
        now_s = self._clock.monotonic()
        self._asked = {ask: at_s for ask, at_s in self._asked.items() if now_s - at_s <= LATE_S}
        self._asked[self._ask] = now_s
        try:
            self._session.send(TimeAsked(ask=self._ask))
        except NotConnected:
            self._asked.pop(self._ask)

    def _forget_before(self, came_s: float) -> None:
        while self._answers and self._answers[0].came_s < came_s:
            self._answers.popleft()

    def _compare(self) -> None:
        """Clocks so far apart that the hub's time is left aside are for somebody to look at."""
        line = self._line
        now, now_s = self._clock.now(), self._clock.monotonic()
        if line is not None and abs(line.hub_at(now_s) - now.timestamp()) > MOST_MOVED_S:
            self._session.problem("hub-time", APART)
        else:
            self._session.cleared("hub-time")

    def _doubt(self, answer: Answer) -> None:
        """An answer that contradicts the others: ask again soon, and believe the new when they agree."""
        self._odd.append(answer)
        self._left = max(self._left, AGAIN)
        self._next_s = min(self._next_s, answer.came_s + BURST_EVERY_S[0])
        if len(self._odd) >= AGAIN:
            log.warning("the hub's clock or this one was set", extra={"event": "hub-time-reset"})
            self._answers = deque(self._odd, KEPT)
            self._odd.clear()
            self._line = lay(self._answers)
            self._left = BURST
            self._compare()


def moment_of(clock: Clock) -> tuple[datetime, float]:
    """Wall time and monotonic second of one moment: what came between the two readings is made out and left out."""
    least_s, found = math.inf, (clock.now(), clock.monotonic())
    for _ in range(READINGS):
        before_s, now, after_s = clock.monotonic(), clock.now(), clock.monotonic()
        if after_s - before_s < least_s:
            least_s, found = after_s - before_s, (now, (before_s + after_s) / 2)
        if least_s <= CLOSE_S:
            break
    return found


class _Elapsed:
    """Monotonic time since a start, corrected by what the hub says meanwhile; never by much, never by a jump."""

    def __init__(
        self, start_s: float, made_s: float, elapsed_s: float, line: Callable[[], Line | None]
    ) -> None:
        self._start_s = start_s
        self._made_s = made_s
        self._elapsed_s = elapsed_s
        self._line = line
        self._corrected_s = 0.0

    def __call__(self, monotonic_s: float) -> float:
        plain_s = self._elapsed_s + (monotonic_s - self._made_s)
        line = self._line()
        if line is not None:
            corrected_s = line.hub_at(monotonic_s) - self._start_s - plain_s
            if abs(corrected_s) <= MOST_CORRECTED_S:
                self._corrected_s = corrected_s
        return plain_s + self._corrected_s
