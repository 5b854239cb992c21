"""The service `board`: one worker for each serial line; readings to the hub every few seconds, and the amplifier."""

from __future__ import annotations

import logging
import threading
from collections import deque
from contextlib import suppress

from broker.contract import Lane
from broker.contract.board import Reading, Readings, ReadingsNow
from broker.contract.node import Lost
from broker.link.config import Settings, SettingsError
from broker.link.equipment import BoardPort
from broker.link.outbox import OutboxFull
from broker.link.service import Beat, Worker
from broker.link.session import NotConnected, Session
from firmware_bridge.alarms import Alarms
from firmware_bridge.amplifier import AmplifierWatch
from firmware_bridge.bus import Board, Bus, board_of
from firmware_bridge.button_watch import ButtonWatch
from firmware_bridge.buttons import Buttons, SosAlarms, button_faults, buttons_of
from firmware_bridge.port import Line, PortGone
from firmware_bridge.port_news import PortNews
from firmware_bridge.profile import ProfileError, load
from firmware_bridge.roster import Roster
from firmware_bridge.wiring import faults, wiring_of

log = logging.getLogger(__name__)

BATCH_S = 5.0
"""Readings wait at most so long before they are sent together."""

BATCH_ITEMS = 80
"""So many of the longest readings still fit one packet of 16 KiB."""

KEPT = 4000
"""Readings held in memory while the outbox refuses them; beyond that the oldest go, and that is told."""

REOPEN_S = (0.25, 1.0)
"""First and longest wait before a lost port is tried again; a replugged board speaks within 3 s."""

NONE = "no ports in the settings: this machine has no boards"


class Outgoing:
    """Readings on their way to the outbox, sent together."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._waiting: deque[Reading] = deque()
        self._since_s = 0.0
        self._dropped = 0

    def add(self, readings: list[Reading]) -> None:
        """Keep these until the next batch."""
        if readings and not self._waiting:
            self._since_s = self._session.clock.monotonic()
        self._waiting.extend(readings)
        while len(self._waiting) > KEPT:
            self._waiting.popleft()
            self._dropped += 1

    def send(self, *, now: bool = False) -> None:
        """Send what is due (or all, `now`) in as many messages as it takes."""
        due = now or self._session.clock.monotonic() - self._since_s >= BATCH_S
        while self._waiting and (due or len(self._waiting) >= BATCH_ITEMS):
            batch = [self._waiting[n] for n in range(min(BATCH_ITEMS, len(self._waiting)))]
            try:
                self._tell_dropped()
                self._session.send(Readings(items=batch))
            except OutboxFull as full:
                self._session.problem("outbox-full", str(full))
                self._since_s = self._session.clock.monotonic()
                return
            self._session.cleared("outbox-full")
            for _ in batch:
                self._waiting.popleft()
            self._show(batch)

    def _tell_dropped(self) -> None:
        if self._dropped:
            self._session.send(Lost(lane="tele", first=0, last=0, count=self._dropped, reason="disk-full"))
            self._dropped = 0

    def _show(self, batch: list[Reading]) -> None:
        """While older readings are still on their way, let the pages see the newest ones now."""
        if self._session.is_behind(Lane.TELE):
            newest = {reading.series: reading for reading in batch}
            with suppress(NotConnected):
                self._session.send(ReadingsNow(items=list(newest.values())))


class PortWatch:
    """Keeps one serial line open and its boards polled, whatever happens to the cable."""

    def __init__(self, setting: BoardPort, boards: list[Board], session: Session, roster: Roster) -> None:
        self._setting = setting
        self._bus = Bus(boards, session.clock)
        self._outgoing = Outgoing(session)
        self._news = PortNews(setting.port, boards, session, roster)

    def run(self, stop: threading.Event, beat: Beat) -> None:
        """Open, poll until the line is lost, wait a little, open again."""
        wait_s = REOPEN_S[0]
        while not stop.is_set():
            beat()
            try:
                with Line(self._setting.port, self._setting.baud, self._setting.parity) as line:
                    wait_s = REOPEN_S[0]
                    self._news.opened()
                    self._bus.start()
                    self._poll(line, stop, beat)
            except PortGone as gone:
                self._news.lost(gone)
                stop.wait(wait_s)
                wait_s = min(wait_s * 2, REOPEN_S[1])
            self._outgoing.send(now=stop.is_set())

    def _poll(self, line: Line, stop: threading.Event, beat: Beat) -> None:
        while not stop.is_set():
            beat()
            self._outgoing.add(self._bus.poll(line, beat))
            self._outgoing.send()
            self._news.tell()
            if self._heard_hangup(line, stop):
                return

    def _heard_hangup(self, line: Line, stop: threading.Event) -> bool:
        """Wait for the next board's turn, listening all the while: an unplugged line raises PortGone here."""
        wait_s = min(self._bus.wait_s(), 0.5)
        if line.read(min(wait_s, 0.25)):
            stop.wait(min(wait_s, 0.05))  # a line that babbles must not make us spin
        return stop.is_set()


def check(settings: Settings) -> list[str]:
    """What is wrong with the boards' settings, a sentence each: unknown models, names and addresses twice."""
    lines: list[str] = []
    names: set[str] = set()
    for n, port in enumerate(settings.board.ports):
        key = f"board.ports[{n}]"
        units: set[int] = set()
        if not port.devices:
            lines.append(f"{key}.devices: found none; a port needs at least one board")
        for device in port.devices:
            if device.name in names:
                lines.append(f"{key}: found name {device.name!r} twice; each board needs its own")
            if device.address in units:
                lines.append(
                    f"{key}: found address {device.address} twice; each board on a line needs its own"
                )
            names.add(device.name)
            units.add(device.address)
            try:
                load(device.profile)
            except ProfileError as why:
                lines.append(f"{key}: {why}")
    return lines or [*faults(settings), *button_faults(settings)]


def build(settings: Settings, session: Session) -> list[Worker]:
    """The workers of this service. Raises SettingsError when the boards' settings cannot be right."""
    lines = check(settings)
    if lines:
        raise SettingsError(lines)
    roster, wiring = Roster(session), wiring_of(settings)
    alarms = Alarms(settings.data_dir / "board" / "alarms.json", session)
    if wiring is None:
        alarms.end_all(session.clock.now())  # of an amplifier that this machine had once
    line, wired = buttons_of(settings)
    buttons = Buttons(wired, SosAlarms(settings.data_dir / "board" / "sos.json", session), session.clock)
    if not settings.board.ports:
        log.info(NONE, extra={"event": "no-board"})  # a house without boards is nothing to mend
        return [Worker("no-board", _idle)]
    workers: list[Worker] = []
    if wiring is not None:
        on_it = buttons if line is wiring.port else None
        workers.append(Worker("amplifier", AmplifierWatch(wiring, alarms, session, roster, on_it).run))
    if line is not None and (wiring is None or line is not wiring.port):
        workers.append(Worker("sos", ButtonWatch(line, buttons, session, roster).run))
    for n, port in enumerate(settings.board.ports):
        if port is line or (wiring is not None and port is wiring.port):
            continue
        boards = [board_of(d.name, d.address, load(d.profile), d.datum_m) for d in port.devices]
        watch = PortWatch(port, boards, session, roster)
        workers.append(Worker(f"port-{n}", watch.run))
    return workers


def _idle(stop: threading.Event, beat: Beat) -> None:
    while not stop.wait(5.0):
        beat()
