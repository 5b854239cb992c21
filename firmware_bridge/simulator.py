"""A simulated board behind a real pseudo-terminal: a Modbus RTU slave with air, humidity and a river, or an amplifier.

    python -m firmware_bridge.simulator --link /tmp/board

Used by the demo, by tests and by people without a board. It answers by the same profiles the bridge reads by;
the profiles themselves are tested against bytes from the makers' sheets.
"""

from __future__ import annotations

import argparse
import errno
import math
import os
import select
import signal
import sys
import threading
import tty
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from broker.link.clock import LOCAL
from firmware_bridge.drivers.modbus import READ_COILS, READ_INPUTS, READING, WRITE_COIL, crc16, framed
from firmware_bridge.profile import Profile, load, words_of

_DAY_S = 86_400.0
REQUEST_BYTES = 8


@dataclass
class Switches:
    """The relays and inputs of a simulated board, by number. May be changed while it answers."""

    coils: dict[int, bool] = field(default_factory=dict)
    inputs: dict[int, bool] = field(default_factory=dict)
    is_stuck: bool = False
    """Takes what it is told to switch, and does nothing."""


@dataclass(frozen=True)
class Device:
    """One simulated board on the line."""

    unit: int
    profile: Profile
    datum_m: float = 0.0
    switches: Switches = field(default_factory=Switches)


def nature(at: datetime) -> dict[str, float]:
    """Weather and river of a village in the Red River delta at that moment: smooth, repeatable, believable.

    Warmest at 14:00 and dampest before dawn; the river breathes with the tide (12.42 h) and carries a small
    flood wave every nine days.
    """
    local = at.astimezone(LOCAL)
    day = (local.hour * 3600 + local.minute * 60 + local.second + local.microsecond / 1e6) / _DAY_S
    seconds = at.timestamp()
    warmth = math.cos(2 * math.pi * (day - 14 / 24))
    drift = math.sin(2 * math.pi * seconds / (5.3 * _DAY_S))
    breeze = math.sin(2 * math.pi * seconds / 1380) + 0.6 * math.sin(2 * math.pi * seconds / 407)
    air = 24.5 + 4.2 * warmth + 1.8 * drift + 0.15 * breeze
    tide = math.sin(2 * math.pi * seconds / (12.42 * 3600))
    flood = max(0.0, math.sin(2 * math.pi * seconds / (9 * _DAY_S))) ** 3
    ripple = math.sin(2 * math.pi * seconds / 97)
    return {
        "air_celsius": air,
        "humidity_percent": min(99.0, 78 - 14 * warmth - 4 * drift + 0.8 * breeze),
        "water_level_m": 1.55 + 0.22 * tide + 1.1 * flood + 0.004 * ripple,
    }


def answer(devices: Sequence[Device], values: dict[str, float], request: bytes) -> bytes:
    """What the addressed slave says to one request of 8 bytes; nothing when it is not for any, or damaged."""
    if len(request) != REQUEST_BYTES or crc16(request[:-2]) != int.from_bytes(request[-2:], "little"):
        return b""
    unit, function = request[0], request[1]
    start, count = int.from_bytes(request[2:4], "big"), int.from_bytes(request[4:6], "big")
    device = next((each for each in devices if each.unit == unit), None)
    if device is None:
        return b""
    if function == WRITE_COIL:
        return _switched(device, start, count, request)
    if function not in READING:
        return framed(bytes((unit, function | 0x80, 1)))
    words: dict[int, int] = {}
    if function == READ_COILS:
        words = {n: int(device.switches.coils.get(n, False)) for n in range(device.profile.coils)}
    elif function == READ_INPUTS:
        words = {n: int(device.switches.inputs.get(n, False)) for n in range(device.profile.inputs)}
    for quantity in device.profile.quantities:
        if quantity.function == function:
            told = words_of(quantity, values.get(quantity.name, quantity.low), device.datum_m)
            words.update(enumerate(told, quantity.register))
    if not 1 <= count <= 125 or any(place not in words for place in range(start, start + count)):
        return framed(bytes((unit, function | 0x80, 2)))
    found = [words[place] for place in range(start, start + count)]
    if function in (READ_COILS, READ_INPUTS):
        packed = sum(bit << n for n, bit in enumerate(found))
        data = packed.to_bytes((count + 7) // 8, "little")
    else:
        data = b"".join(word.to_bytes(2, "big") for word in found)
    return framed(bytes((unit, function, len(data))) + data)


def _switched(device: Device, coil: int, value: int, request: bytes) -> bytes:
    """Switch one coil: the answer is the request."""
    if coil >= device.profile.coils:
        return framed(bytes((device.unit, WRITE_COIL | 0x80, 2)))
    if value not in (0x0000, 0xFF00):
        return framed(bytes((device.unit, WRITE_COIL | 0x80, 3)))
    if not device.switches.is_stuck:
        device.switches.coils[coil] = value != 0
    return request


class SimulatedBoard:
    """A slave on a pseudo-terminal, answering from its own thread. `path` is what the bridge opens.

    link: also reachable under this name, as a udev rule would do. spoil: what happens to each answer on its
    way (damage, delay, nothing).
    """

    def __init__(
        self,
        devices: Sequence[Device],
        link: Path | None = None,
        values: Callable[[], dict[str, float]] | None = None,
        spoil: Callable[[bytes], bytes] | None = None,
    ) -> None:
        self.devices = list(devices)
        self.path = ""
        self.asked = 0
        self.echoes = False
        """The adapter hears what it sends: each request comes back before any answer."""
        self._link = link
        self._values = values or (lambda: nature(datetime.now(UTC)))
        self._spoil = spoil or (lambda raw: raw)
        self._main = -1
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    def plug(self) -> str:
        """Connect: make the terminal (a new one each time) and answer on it. Gives its path."""
        self._main, child = os.openpty()
        tty.setraw(child)
        self.path = os.ttyname(child)
        os.close(child)
        if self._link is not None:
            self._unlink(self._link)
            self._link.symlink_to(self.path)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(self._main, self._stop), name="board")
        self._thread.start()
        return self.path

    def unplug(self) -> None:
        """Pull the cable: the terminal is gone, whoever has it open gets an error."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
            os.close(self._main)
        if self._link is not None:
            self._unlink(self._link)

    @staticmethod
    def _unlink(link: Path) -> None:
        if link.is_symlink():  # never remove somebody's file
            link.unlink()

    def __enter__(self) -> SimulatedBoard:
        self.plug()
        return self

    def __exit__(self, *_: object) -> None:
        self.unplug()

    def _serve(self, main: int, stop: threading.Event) -> None:
        held = b""
        while not stop.is_set():
            try:
                if not select.select([main], [], [], 0.05)[0]:
                    held = b""  # a pause ends a frame, as on the line
                    continue
                held += os.read(main, 256)
                while len(held) >= REQUEST_BYTES:
                    request, held = held[:REQUEST_BYTES], held[REQUEST_BYTES:]
                    self.asked += 1
                    told = self._spoil(answer(self.devices, self._values(), request))
                    os.write(main, request + told if self.echoes else told)
            except OSError as why:
                if why.errno != errno.EIO:
                    raise
                held = b""  # nobody has opened the other end yet, or they have closed it
                stop.wait(0.05)


def village_board() -> list[Device]:
    """What the demo's cultural house has on its line: air at unit 1, the river at unit 15."""
    return [Device(1, load("xy-md02")), Device(15, load("urm15"), datum_m=4.5)]


class SimulatedAmplifier:
    """What stands on an amplifier's line: a relay board at unit 1, a current sensor at unit 2, and the house's keys.

    The relay is coil 0; input 6 is the microphone key, which also powers the amplifier; input 7 is the mute key.
    """

    RELAY, MICROPHONE, MUTE = 0, 6, 7

    def __init__(self, drawn_a: float = 0.42) -> None:
        """drawn_a: what it draws while it is on, amperes."""
        self.switches = Switches()
        self.drawn_a = drawn_a
        self.is_dead = False
        """It draws nothing, whatever is switched."""
        self.is_bridged = False
        """Somebody has bridged the relay: it is always on."""
        self.devices = [
            Device(1, load("waveshare-relay-d"), switches=self.switches),
            Device(2, load("pzem-016")),
        ]

    @property
    def is_on(self) -> bool:
        """Whether the relay is closed."""
        return self.switches.coils.get(self.RELAY, False)

    def turn(self, key: int, is_closed: bool) -> None:
        """Somebody turns a key: MICROPHONE or MUTE."""
        self.switches.inputs[key] = is_closed

    def values(self) -> dict[str, float]:
        """What the sensor measures."""
        is_fed = self.is_on or self.is_bridged or self.switches.inputs.get(self.MICROPHONE, False)
        return {"voltage_v": 221.0, "current_a": self.drawn_a if is_fed and not self.is_dead else 0.0}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; the first line written to stdout is the path to open."""
    reader = argparse.ArgumentParser(prog="python -m firmware_bridge.simulator", description=__doc__)
    reader.add_argument("--link", type=Path, help="also make a symbolic link of this name")
    reader.add_argument(
        "--amplifier", action="store_true", help="an amplifier's relay, keys and sensor instead"
    )
    chosen = reader.parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    amplifier = SimulatedAmplifier()
    devices, values = (amplifier.devices, amplifier.values) if chosen.amplifier else (village_board(), None)
    with SimulatedBoard(devices, link=chosen.link, values=values) as board:
        sys.stdout.write(f"{board.path}\n")
        sys.stdout.flush()
        stop.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
