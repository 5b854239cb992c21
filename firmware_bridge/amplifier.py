"""The amplifier's own serial line: its relay switched while a lease runs, its keys and its current read.

The loudspeaker service asks with leases over the nearby sockets. The relay is switched off when the line opens,
when the lease ends or the key says silence, and when this service ends; each switching is read back. The keys
come first: they are read ten times a second, and one dead board delays them by no more than one answer.
"""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from datetime import timedelta
from typing import Final

from broker.contract.board import AmplifierState
from broker.contract.speaker import AmplifierLease
from broker.link.service import Beat
from broker.link.session import Session
from firmware_bridge.alarms import Alarms
from firmware_bridge.asking import PATIENCE, again_s, ask_now, next_of, note, put, wait_s
from firmware_bridge.asks import KEYS_S, RELAY_S, Ask, coil_ask, current_ask, key_asks
from firmware_bridge.bus import Board
from firmware_bridge.buttons import Buttons
from firmware_bridge.drivers.modbus import CoilWrite, Master, Reply
from firmware_bridge.interlock import KEYS_FRESH_S, Interlock, Shown
from firmware_bridge.port import Line, PortGone
from firmware_bridge.port_news import PortNews
from firmware_bridge.roster import Roster
from firmware_bridge.wiring import Wiring

log = logging.getLogger(__name__)

REOPEN_S: Final = 0.25
SAY_S: Final = 1.0
"""The neighbours hear so often how the amplifier is; the hub at each change, and now and then."""
SAY_HUB_S: Final = 60.0


class AmplifierWatch:
    """Owns the line of the amplifier: one thread, so that nothing switches beside the interlock."""

    def __init__(
        self,
        wiring: Wiring,
        alarms: Alarms,
        session: Session,
        roster: Roster,
        buttons: Buttons | None = None,
    ) -> None:
        """Call before the session opens. buttons: those that hang on this line."""
        self._wiring = wiring
        self._alarms = alarms
        self._session = session
        self._clock = session.clock
        self._inbox = session.inbox(AmplifierLease)
        self._interlock = Interlock(
            has_relay=wiring.relay is not None,
            has_microphone=wiring.microphone is not None,
            has_sensor=wiring.current is not None,
            minimum_a=wiring.minimum_a,
        )
        self._master = Master()
        self._boards = {d.name: Board(d.name, [], 0.0, 0.0, PATIENCE) for d in wiring.port.devices}
        self._news = PortNews(wiring.port.port, list(self._boards.values()), session, roster)
        self._keys = key_asks(wiring, self._boards, self._interlock)
        self._coil = coil_ask(wiring, self._boards, self._coil_read)
        current = current_ask(wiring, self._boards, self._interlock)
        self._others = [ask for ask in (self._coil, current) if ask is not None]
        self._buttons = buttons
        self._presses = buttons.asks(self._boards) if buttons is not None else []
        self._is_on: bool | None = None
        """What the relay's board has taken last; None: not known."""
        self._switch_due_s = 0.0
        self._began_s = self._now_s()
        self._shown: Shown | None = None
        self._said_s = self._said_hub_s = self._told_s = 0.0

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """Open, serve until the line is lost, wait a little, open again; off at the end."""
        port = self._wiring.port
        while not stop.is_set():
            beat()
            try:
                with Line(port.port, port.baud, port.parity) as line:
                    self._opened()
                    try:
                        self._serve(line, stop, beat)
                    finally:
                        with suppress(PortGone):  # a line that is gone switches nothing any more
                            self._switch(line, False)
            except PortGone as gone:
                self._news.lost(gone)
                self._interlock.forget_line()
                self._tell()
                self._listen(REOPEN_S)
        self._tell()

    def _opened(self) -> None:
        self._news.opened()
        self._interlock.forget_line()
        self._is_on, self._switch_due_s = None, 0.0
        for ask in self._asks():
            ask.due_s = 0.0
        for board in self._boards.values():
            board.missed = 0

    def _serve(self, line: Line, stop: threading.Event, beat: Beat) -> None:
        while not stop.is_set():
            beat()
            now_s = self._now_s()
            wants_on = self._interlock.wants_on(now_s)
            if self._wiring.relay is not None and self._is_on != wants_on and self._switch_due_s <= now_s:
                self._switch(line, wants_on)
            elif (ask := next_of((self._keys, self._presses, self._others), now_s)) is not None:
                ask_now(ask, self._master, line, self._clock)
            else:
                self._listen(min(wait_s(self._asks(), now_s), KEYS_S))
            self._hear()
            self._tell()

    # -- the line

    def _switch(self, line: Line, is_on: bool) -> None:
        """Write the coil and read it back. Raises PortGone."""
        relay = self._wiring.relay
        if relay is None:
            return
        board = self._boards[relay.board]
        board.polls += 1
        write = CoilWrite(relay.unit, relay.number, is_on)
        answer = put(self._master, line, write, relay.timeout_s, self._clock)
        is_taken = isinstance(answer, Reply)
        note(board, answer)
        self._is_on = is_on if is_taken else None
        self._switch_due_s = self._now_s() + (0.0 if is_taken else again_s(board, KEYS_S))
        if is_taken and self._coil is not None:
            ask_now(self._coil, self._master, line, self._clock)

    def _asks(self) -> tuple[Ask, ...]:
        return (*self._keys, *self._presses, *self._others)

    def _coil_read(self, values: tuple[int, ...], now_s: float) -> None:
        is_on = bool(values[0])
        self._interlock.read_relay(is_on, now_s)
        if is_on != self._is_on:
            self._is_on = None  # it does not follow, or somebody else switched it: write again
            self._switch_due_s = now_s + RELAY_S

    # -- what is heard and said

    def _listen(self, wait_s: float) -> None:
        """Wait for a lease."""
        received = self._inbox.get(wait_s)
        if received is not None and isinstance(received.message, AmplifierLease):
            asked = received.message
            self._interlock.lease(asked.lease_ms, asked.is_playing, self._now_s())
            self._said_s = 0.0  # whoever asks hears at once how it is

    def _hear(self) -> None:
        self._listen(0.0)

    def _tell(self) -> None:
        now_s = self._now_s()
        shown = self._interlock.shown(now_s)
        if self._knows_keys(now_s):
            self._say(shown, now_s)
        self._sound_alarms(shown, now_s)
        if now_s - self._told_s >= SAY_S:
            self._told_s = now_s
            self._news.tell()
            self._alarms.tell()
            if self._buttons is not None:
                self._buttons.tell()

    def _knows_keys(self, now_s: float) -> bool:
        """A service that has just begun does not call keys open that it has not read yet: one stands on silence."""
        return all(ask.is_answered for ask in self._keys) or now_s - self._began_s >= KEYS_FRESH_S

    def _say(self, shown: Shown, now_s: float) -> None:
        news = self._shown is None or shown._replace(current_a=None) != self._shown._replace(current_a=None)
        if news or now_s - self._said_hub_s >= SAY_HUB_S:
            self._shown, self._said_s, self._said_hub_s = shown, now_s, now_s
            self._session.send(AmplifierState(at=self._clock.now(), **shown._asdict()))
        elif now_s - self._said_s >= SAY_S:
            self._said_s = now_s
            self._session.send_nearby(AmplifierState(at=self._clock.now(), **shown._asdict()))

    def _sound_alarms(self, shown: Shown, now_s: float) -> None:
        now = self._clock.now()
        for what, since_s in self._interlock.troubles(now_s):
            if since_s is None:
                self._alarms.end(what, now)
            else:
                self._alarms.begin(what, now - timedelta(seconds=now_s - since_s), shown.current_a)

    def _now_s(self) -> float:
        return self._clock.monotonic()
