"""What is read again and again on the amplifier's line: the keys, the coil of its relay, its current. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from firmware_bridge.bus import Board
from firmware_bridge.drivers.modbus import READ_COILS, READ_INPUTS, Request
from firmware_bridge.interlock import Contact, Interlock
from firmware_bridge.profile import counts_of
from firmware_bridge.wiring import Terminal, Wiring

KEYS_S: Final = 0.1
RELAY_S: Final = 0.5
CURRENT_S: Final = 0.25
"""How often each is read."""

Take = Callable[[tuple[int, ...], float], None]
"""What to do with the values, and the monotonic second at which they came."""


@dataclass
class Ask:
    """One question, how often it is asked, and what its answer is for."""

    request: Request
    timeout_s: float
    board: Board
    every_s: float
    take: Take
    due_s: float = 0.0
    is_answered: bool = False
    """Whether it ever was."""
    is_doubtful: bool = False
    """What was read must be seen once more before it counts: it is asked again at once."""


def key_asks(wiring: Wiring, boards: Mapping[str, Board], interlock: Interlock) -> list[Ask]:
    """One question for each board that has keys."""
    wired: list[tuple[Terminal, Contact]] = []
    if wiring.microphone is not None:
        wired.append((wiring.microphone, "microphone"))
    if wiring.mute is not None:
        wired.append((wiring.mute, "mute"))
    wired.sort(key=lambda each: (each[0].unit, each[0].number))
    return [
        _key_ask(list(keys), boards, interlock) for _, keys in groupby(wired, key=lambda each: each[0].unit)
    ]


def _key_ask(keys: list[tuple[Terminal, Contact]], boards: Mapping[str, Board], interlock: Interlock) -> Ask:
    first, last = keys[0][0], keys[-1][0]
    request = Request(first.unit, READ_INPUTS, first.number, last.number - first.number + 1)

    def take(values: tuple[int, ...], now_s: float) -> None:
        for terminal, contact in keys:
            interlock.read_key(contact, bool(values[terminal.number - first.number]), now_s)

    return Ask(request, first.timeout_s, boards[first.board], KEYS_S, take)


def coil_ask(wiring: Wiring, boards: Mapping[str, Board], take: Take) -> Ask | None:
    """The relay's coil, None without a relay."""
    relay = wiring.relay
    if relay is None:
        return None
    request = Request(relay.unit, READ_COILS, relay.number, 1)
    return Ask(request, relay.timeout_s, boards[relay.board], RELAY_S, take)


def current_ask(wiring: Wiring, boards: Mapping[str, Board], interlock: Interlock) -> Ask | None:
    """The current, None without a sensor."""
    sensor = wiring.current
    if sensor is None:
        return None
    quantity = sensor.quantity

    def take(values: tuple[int, ...], now_s: float) -> None:
        current_a = round(counts_of(quantity, values) * quantity.scale, 6)
        if quantity.low <= current_a <= quantity.high:  # not so for NaN either
            interlock.read_current(current_a, now_s)

    request = Request(sensor.unit, quantity.function, quantity.register, quantity.width)
    return Ask(request, sensor.timeout_s, boards[sensor.board], CURRENT_S, take)
