"""The amplifier of the house, as the loudspeaker needs it: on in time, off again, and what its keys say.

Who switches it is the service `board`, over the nearby sockets: this side asks with a lease that it renews every
second, so that a loudspeaker service that dies leaves no horn humming. All that is known of the amplifier comes
in `AmplifierState`; without a word for five seconds it counts as absent, and nothing waits for it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from broker.contract.board import AmplifierState
from broker.contract.speaker import AmplifierLease
from broker.link.clock import Clock
from broker.link.service import Beat
from broker.link.session import Session
from edge.speaker.amplifier_seen import AmplifierSeen, Keys
from edge.speaker.local_use import Uses

LEASE_MS: Final = 3000
RENEW_S: Final = 1.0
LOOK_S: Final = 0.25
TELL_S: Final = 10.0
"""News of local use that the outbox refused is offered again so often."""


class Amplifier:
    """Asks for the amplifier and knows how it is. `run` belongs to one worker; all else any thread may call."""

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
        self._seen = AmplifierSeen()
        self._lock = threading.Lock()
        self._saying = threading.Lock()
        """Held from choosing what a lease says to saying it: no renewal may come after the word that ends it."""
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
        """Seconds until it has been on for three seconds, as if held from now on; 0 without a relay to wait for.

        Never more than 4.5 s after `hold`, whatever the relay does.
        """
        with self._lock:
            now_s = self._monotonic()
            return self._seen.warm_in_s(now_s if self._held_since_s is None else self._held_since_s, now_s)

    # -- what is known of it

    @property
    def is_there(self) -> bool:
        """Whether the board has said anything of it lately."""
        with self._lock:
            return self._seen.last(self._monotonic()) is not None

    @property
    def microphone(self) -> bool:
        """Somebody of the village speaks: the key stands on the local microphone."""
        return self._keys().microphone

    @property
    def mute(self) -> bool:
        """The key stands on silence."""
        return self._keys().mute

    def drawn(self, since_s: float, until_s: float) -> bool | None:
        """Did current flow in at least 80 % of this span of monotonic time? None: no sensor, or it was not read."""
        with self._lock:
            return self._seen.drawn(since_s, until_s, self._monotonic())

    # -- the worker

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """Renew the lease, hear the board, tell of local use. Gives the amplifier back at the end."""
        keys, told_s = self._keys(), self._monotonic()
        self._lease()  # the board answers with how the keys stand: one may stand on silence
        while not stop.is_set():
            beat()
            received = self._inbox.get(LOOK_S)
            said = received.message if received is not None else None
            if isinstance(said, AmplifierState):
                with self._lock:
                    self._seen.hear(said, self._monotonic())
            if self._keys() != keys:
                keys = self._keys()
                self.changed()  # before anything is written down: somebody waits for silence
            if isinstance(said, AmplifierState):
                self._uses.follow("microphone", said.microphone, self._clock.now())
                self._uses.follow("mute", said.mute, self._clock.now())
            if self._is_due():
                self._lease()
            if self._monotonic() - told_s >= TELL_S:
                told_s = self._monotonic()
                self._uses.tell()
        self.release()

    def _keys(self) -> Keys:
        with self._lock:
            return self._seen.keys(self._monotonic())

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
