"""The amplifier of the house, as the loudspeaker needs it: on in time, off again, and what its keys say.

Who switches it is the service `board`, over the nearby sockets: this side asks with a lease that it renews every
second, so that a loudspeaker service that dies leaves no horn humming. All that is known of the amplifier comes
in `AmplifierState`; without a word for five seconds it counts as absent, and nothing waits for it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from broker.contract.board import AmplifierState
from broker.contract.speaker import AmplifierLease
from broker.link.clock import Clock
from broker.link.service import Beat
from broker.link.session import Session
from edge.speaker.local_use import Uses

LEASE_MS: Final = 3000
RENEW_S: Final = 1.0
STALE_S: Final = 5.0
"""So long without a word, and there is no amplifier."""

WARM_S: Final = 3.0
"""An amplifier swallows the first syllables after it was switched on."""

FOLLOW_S: Final = 1.5
"""A relay that has not been seen to close by then is waited for no longer: better a chime cut short than silence."""

HOLDS_S: Final = 2.5
"""What was said of the current is taken to be so until the next word, but no longer than this."""

DRAWN: Final = 0.8
"""Share of a span in which the current must have flowed."""

SPANS: Final = 8192
LOOK_S: Final = 0.25
TELL_S: Final = 10.0
"""News of local use that the outbox refused is offered again so often."""

Flow = Literal["flowing", "none", "unknown"]


@dataclass
class _Span:
    """The current from `since_s`, as last heard at `heard_s`; monotonic seconds."""

    flow: Flow
    since_s: float
    heard_s: float

    def until_s(self, now_s: float) -> float:
        return min(now_s, self.heard_s + HOLDS_S)


class Amplifier:
    """Asks for the amplifier and knows how it is. `run` belongs to one worker; all else may be called by any thread."""

    def __init__(
        self,
        session: Session,
        clock: Clock,
        home: Path,
        *,
        changed: Callable[[], None] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """home: folder of the loudspeaker's own files. changed: called from `run`'s thread when the mute or the
        microphone key changes; may be set later. monotonic: of the sound's own times, see `drawn`.
        Call before the session opens.
        """
        self.changed = changed
        self._session = session
        self._clock = clock
        self._monotonic = monotonic
        self._inbox = session.inbox(AmplifierState)
        self._uses = Uses(home / "local-use.json", session)
        self._lock = threading.Lock()
        self._saying = threading.Lock()
        """Held from choosing what a lease says to saying it: no renewal may come after the word that ends it."""
        self._said: AmplifierState | None = None
        self._heard_s = 0.0
        self._on_since_s: float | None = None
        self._spans: deque[_Span] = deque(maxlen=SPANS)
        self._held_since_s: float | None = None
        self._is_playing = False
        self._renewed_s = 0.0

    # -- asking for it

    def hold(self, is_playing: bool) -> None:
        """Have it on from now until `release`. is_playing: samples sound now, so it may draw current."""
        with self._lock:
            is_news = self._held_since_s is None or self._is_playing != is_playing
            self._held_since_s = self._monotonic() if self._held_since_s is None else self._held_since_s
            self._is_playing = is_playing
        if is_news:
            self._lease()

    def release(self) -> None:
        """Give it back: off at once."""
        with self._lock:
            was_held, self._held_since_s, self._is_playing = self._held_since_s is not None, None, False
        if was_held:
            self._lease()

    def warm_in_s(self) -> float:
        """Seconds until it has been on for WARM_S, as if held from now on; 0 where there is no relay to wait for.

        Never more than WARM_S + FOLLOW_S after `hold`, whatever the relay does.
        """
        with self._lock:
            now_s = self._monotonic()
            said = self._fresh(now_s)
            if said is None or said.relay == "unknown":
                return 0.0
            held_s = now_s if self._held_since_s is None else self._held_since_s
            latest_s = held_s + FOLLOW_S + WARM_S
            if self._on_since_s is not None:
                latest_s = min(latest_s, self._on_since_s + WARM_S)
            return max(0.0, latest_s - now_s)

    # -- what is known of it

    @property
    def is_there(self) -> bool:
        """Whether the board has said anything of it lately."""
        with self._lock:
            return self._fresh(self._monotonic()) is not None

    @property
    def microphone(self) -> bool:
        """Somebody of the village speaks: the key stands on the local microphone."""
        return self._keys()[0]

    @property
    def mute(self) -> bool:
        """The key stands on silence."""
        return self._keys()[1]

    def drawn(self, since_s: float, until_s: float) -> bool | None:
        """Did current flow in at least 80 % of this span of monotonic time? None: no sensor, or it was not read."""
        length_s = until_s - since_s
        if length_s <= 0:
            return None
        found: dict[Flow, float] = {"flowing": 0.0, "none": 0.0, "unknown": 0.0}
        with self._lock:
            now_s = self._monotonic()
            for span in self._spans:
                found[span.flow] += max(0.0, min(until_s, span.until_s(now_s)) - max(since_s, span.since_s))
        if found["flowing"] >= DRAWN * length_s:
            return True
        return False if found["none"] > (1 - DRAWN) * length_s else None

    # -- the worker

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """Renew the lease, hear the board, tell of local use. Gives the amplifier back at the end."""
        keys, told_s = self._keys(), self._monotonic()
        while not stop.is_set():
            beat()
            received = self._inbox.get(LOOK_S)
            if received is not None and isinstance(received.message, AmplifierState):
                self._take(received.message)
            if self._is_due():
                self._lease()
            if self._keys() != keys:
                keys = self._keys()
                self.changed()
            if self._monotonic() - told_s >= TELL_S:
                told_s = self._monotonic()
                self._uses.tell()
        self.release()

    def _take(self, said: AmplifierState) -> None:
        with self._lock:
            now_s = self._monotonic()
            was_on = self._said is not None and self._said.relay == "on" and self._fresh(now_s) is not None
            if said.relay != "on":
                self._on_since_s = None
            elif not was_on:
                self._on_since_s = now_s
            self._said, self._heard_s = said, now_s
            self._note_current(said.current, now_s)
        at = self._clock.now()
        self._uses.follow("microphone", said.microphone, at)
        self._uses.follow("mute", said.mute, at)

    def _note_current(self, flow: Flow, now_s: float) -> None:
        last = self._spans[-1] if self._spans else None
        if last is not None and last.flow == flow and last.until_s(now_s) == now_s:
            last.heard_s = now_s
            return
        if last is not None:
            last.heard_s = last.until_s(now_s) - HOLDS_S  # it ends here
        self._spans.append(_Span(flow, now_s, now_s))

    def _keys(self) -> tuple[bool, bool]:
        """Microphone and mute."""
        with self._lock:
            said = self._fresh(self._monotonic())
        return (said.microphone, said.mute) if said is not None else (False, False)

    def _fresh(self, now_s: float) -> AmplifierState | None:
        return self._said if self._said is not None and now_s - self._heard_s < STALE_S else None

    def _is_due(self) -> bool:
        with self._lock:
            return self._held_since_s is not None and self._monotonic() - self._renewed_s >= RENEW_S

    def _lease(self) -> None:
        """Say what is wanted now. Not under the lock of what is known: a neighbour may take a while to listen."""
        with self._saying:
            with self._lock:
                is_held, is_playing = self._held_since_s is not None, self._is_playing
                self._renewed_s = self._monotonic()
            self._session.send(AmplifierLease(lease_ms=LEASE_MS if is_held else 0, is_playing=is_playing))
