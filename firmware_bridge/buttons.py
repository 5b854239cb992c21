"""SOS buttons: which input each hangs on, when it counts as pressed, and the alarm that tells of it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import Final

from broker.contract.board import SosAlarm
from broker.link.clock import Clock
from broker.link.config import Settings
from broker.link.equipment import BoardPort
from broker.link.session import Session
from firmware_bridge.alarm_book import AlarmBook
from firmware_bridge.asks import KEYS_S, Ask
from firmware_bridge.bus import Board
from firmware_bridge.drivers.modbus import READ_INPUTS, Request
from firmware_bridge.profile import load
from firmware_bridge.wiring import Terminal, boards_of

PRESSED_READS: Final = 2
"""A press counts when it is read twice in a row, the second time at once: a spark on the wire is none."""
OPEN_READS: Final = 3
"""Let go after so many readings in a row, so that a contact that bounces is one press."""


@dataclass(frozen=True)
class Button:
    """One button and where it is wired."""

    name: str
    place: str
    terminal: Terminal
    closed_at_rest: bool


class SosAlarms(AlarmBook[SosAlarm]):
    """Alarms of the buttons of this node, one of each at a time. For one thread."""

    def __init__(self, file: Path, session: Session) -> None:
        """file: where they are kept across starts."""
        super().__init__(file, session, SosAlarm, "input", "sos")


class Contact:
    """One button's contact, debounced. Pure."""

    def __init__(self, is_pressed: bool) -> None:
        self.is_pressed = is_pressed
        self.since_s = 0.0
        """When the press that counts, or is about to, was read first."""
        self._reads = 0

    @property
    def is_doubtful(self) -> bool:
        """Whether it reads as pressed and does not count so yet."""
        return not self.is_pressed and self._reads > 0

    def take(self, is_pressed: bool, now_s: float) -> bool:
        """What was read. Whether that turned it."""
        if is_pressed == self.is_pressed:
            self._reads = 0
            return False
        self._reads += 1
        if is_pressed and self._reads == 1:
            self.since_s = now_s
        if self._reads < (PRESSED_READS if is_pressed else OPEN_READS):
            return False
        self.is_pressed, self._reads = is_pressed, 0
        return True


class Buttons:
    """All SOS buttons of this node. For the thread of their line."""

    def __init__(self, buttons: Sequence[Button], alarms: SosAlarms, clock: Clock) -> None:
        self._buttons = buttons
        self._alarms = alarms
        self._clock = clock
        was_open = alarms.open_keys()
        self._contacts = {each.name: Contact(each.name in was_open) for each in buttons}
        self._begun_here: set[str] = set()
        """Alarms that began since this service did: their length is known whatever people do to the clock."""
        for name in was_open - self._contacts.keys():
            alarms.end(name, clock.now())  # a button that is not in the settings any more

    def asks(self, boards: Mapping[str, Board]) -> list[Ask]:
        """One question for each board that has buttons."""
        wired = sorted(self._buttons, key=lambda each: (each.terminal.unit, each.terminal.number))
        return [
            self._ask(list(group), boards) for _, group in groupby(wired, key=lambda each: each.terminal.unit)
        ]

    def tell(self) -> None:
        """Put what still waits into the outbox."""
        self._alarms.tell()

    def _ask(self, group: list[Button], boards: Mapping[str, Board]) -> Ask:
        first, last = group[0].terminal, group[-1].terminal
        request = Request(first.unit, READ_INPUTS, first.number, last.number - first.number + 1)

        def take(values: tuple[int, ...], now_s: float) -> None:
            for button in group:
                self._take(button, bool(values[button.terminal.number - first.number]), now_s)
            ask.is_doubtful = any(self._contacts[button.name].is_doubtful for button in group)

        ask = Ask(request, first.timeout_s, boards[first.board], KEYS_S, take)
        return ask

    def _take(self, button: Button, is_closed: bool, now_s: float) -> None:
        contact = self._contacts[button.name]
        if not contact.take(is_closed != button.closed_at_rest, now_s):
            return
        now = self._clock.now()
        if contact.is_pressed:
            started_at = now - timedelta(seconds=now_s - contact.since_s)
            self._begun_here.add(button.name)
            self._alarms.add(
                SosAlarm(
                    alarm=os.urandom(8).hex(),
                    input=button.name,
                    place=button.place,
                    started_at=started_at,
                    mono_ms=round(contact.since_s * 1000),
                )
            )
            return
        begun = self._alarms.started_at(button.name)
        if begun is not None and button.name in self._begun_here:
            now = begun + timedelta(seconds=now_s - contact.since_s)
        self._alarms.end(button.name, now)


def buttons_of(settings: Settings) -> tuple[BoardPort | None, list[Button]]:
    """The line of the buttons and each of them, of settings in which `faults` finds none; (None, []) without one."""
    names = {each.input.partition(":")[0] for each in settings.board.sos}
    port = next((port for port in settings.board.ports if names & {d.name for d in port.devices}), None)
    if port is None:
        return None, []
    devices = {device.name: device for device in port.devices}
    found = []
    for each in settings.board.sos:
        name, _, number = each.input.partition(":")
        timeout_s = load(devices[name].profile).timeout_s
        terminal = Terminal(name, devices[name].address, int(number), timeout_s)
        found.append(Button(each.name, each.place, terminal, each.closed_at_rest))
    return port, found


def button_faults(settings: Settings) -> list[str]:
    """What is wrong with `[[board.sos]]`, a sentence each. The boards' profiles must exist."""
    amplifier = settings.board.amplifier
    profiles = {d.name: load(d.profile) for port in settings.board.ports for d in port.devices}
    taken = {amplifier.microphone: "the microphone key", amplifier.mute: "the mute key"}
    lines, names = [], set()
    for n, each in enumerate(settings.board.sos):
        key = f"board.sos[{n}]"
        name, _, number = each.input.partition(":")
        if each.name in names:
            lines.append(f"{key}: found name {each.name!r} twice; each button needs its own")
        names.add(each.name)
        if name not in profiles:
            lines.append(f"{key}.input: found {name!r}, which is none of board.ports' boards")
        elif int(number) >= profiles[name].inputs:
            lines.append(
                f"{key}.input: found {each.input!r}; {name!r} has {profiles[name].inputs} inputs, from 0 on"
            )
        elif each.input in taken:
            lines.append(f"{key}.input: found {each.input!r}, which is {taken[each.input]}'s")
        elif profiles[name].is_linked and each.input == amplifier.relay:
            lines.append(
                f"{key}.input: found {each.input!r}, the amplifier's relay's own number; as delivered this "
                "board lets an input switch the relay of its number"
            )
        taken[each.input] = f"button {each.name!r}"
    return lines or _line_faults(settings)


def _line_faults(settings: Settings) -> list[str]:
    """A press must be known within a second: nobody else may hold up the line."""
    names = {each.input.partition(":")[0] for each in settings.board.sos}
    allowed = names | boards_of(settings.board.amplifier)
    used = [(n, p) for n, p in enumerate(settings.board.ports) if names & {d.name for d in p.devices}]
    lines = []
    if len(used) > 1:
        lines.append("board.sos: the buttons' boards stand on several lines; they belong on one")
    for n, port in used:
        others = sorted({device.name for device in port.devices} - allowed)
        if others:
            lines.append(
                f"board.ports[{n}]: found {', '.join(others)} beside SOS buttons; they stand alone on their "
                "line, or on the amplifier's"
            )
    return lines
