"""A serial line that has nothing but SOS buttons, read ten times a second."""

from __future__ import annotations

import threading
from typing import Final

from broker.link.equipment import BoardPort
from broker.link.service import Beat
from broker.link.session import Session
from firmware_bridge.asking import PATIENCE, ask_now, next_of, wait_s
from firmware_bridge.asks import KEYS_S
from firmware_bridge.bus import Board
from firmware_bridge.buttons import Buttons
from firmware_bridge.drivers.modbus import Master
from firmware_bridge.port import Line, PortGone
from firmware_bridge.port_news import PortNews
from firmware_bridge.roster import Roster

REOPEN_S: Final = 0.25
TELL_S: Final = 1.0


class ButtonWatch:
    """Keeps the buttons' line open and asks its boards, whatever happens to the cable."""

    def __init__(self, port: BoardPort, buttons: Buttons, session: Session, roster: Roster) -> None:
        self._port = port
        self._buttons = buttons
        self._clock = session.clock
        self._boards = {d.name: Board(d.name, [], 0.0, 0.0, PATIENCE) for d in port.devices}
        self._news = PortNews(port.port, list(self._boards.values()), session, roster)
        self._asks = buttons.asks(self._boards)
        self._master = Master()
        self._told_s = 0.0

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """Open, ask until the line is lost, wait a little, open again. A line that is lost lets no button go."""
        while not stop.is_set():
            beat()
            try:
                with Line(self._port.port, self._port.baud, self._port.parity) as line:
                    self._news.opened()
                    for board in self._boards.values():
                        board.missed = 0
                    self._serve(line, stop, beat)
            except PortGone as gone:
                self._news.lost(gone)
                self._tell()
                stop.wait(REOPEN_S)

    def _serve(self, line: Line, stop: threading.Event, beat: Beat) -> None:
        while not stop.is_set():
            beat()
            now_s = self._clock.monotonic()
            ask = next_of((self._asks,), now_s)
            if ask is not None:
                ask_now(ask, self._master, line, self._clock)
            else:
                stop.wait(min(wait_s(self._asks, now_s), KEYS_S))
            self._tell()

    def _tell(self) -> None:
        now_s = self._clock.monotonic()
        if now_s - self._told_s >= TELL_S:
            self._told_s = now_s
            self._news.tell()
            self._buttons.tell()
