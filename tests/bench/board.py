"""`langso bench board`: what a poll and a decoded frame cost beside pymodbus, and what damage does."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pymodbus.client import ModbusSerialClient
from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU

from firmware_bridge.bus import Bus, board_of
from firmware_bridge.drivers.modbus import Master, Reply, Request, framed
from firmware_bridge.port import Line
from firmware_bridge.profile import load
from tests.fakes.session import FakeClock

POLLS = 600
FRAMES = 20_000
DAMAGED = 200_000
ROUNDS = 3
AIR = Request(1, 4, 1, 2)


def figures() -> Iterator[dict[str, Any]]:
    """Polls through a real pseudo-terminal, decoding alone, and damaged frames."""
    with _board() as path:
        ours, theirs = _paired(lambda: _our_polls(path), lambda: _their_polls(path))
    yield _figure("CPU of a Modbus poll", ours * 1e6, "µs", "pymodbus", ours / theirs)
    ours, theirs = _paired(_our_frames, _their_frames)
    yield _figure("CPU of a decoded reply", ours * 1e6, "µs", "pymodbus", ours / theirs)
    wrong, lost = _damage()
    yield _figure("wrong values from damaged frames", wrong, f"of {DAMAGED}", "", None)
    yield _figure("damaged frames that cost their reply", lost / DAMAGED * 100, "%", "", None)


def _figure(name: str, value: float, unit: str, baseline: str, ratio: float | None) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": unit, "baseline": baseline, "ratio": ratio}


def _paired(ours: Callable[[], float], theirs: Callable[[], float]) -> tuple[float, float]:
    """Both in turn, several times, the best of each: other work on the machine only ever adds."""
    pairs = [(ours(), theirs()) for _ in range(ROUNDS)]
    return min(pair[0] for pair in pairs), min(pair[1] for pair in pairs)


@contextmanager
def _board() -> Iterator[str]:
    """The simulated board in a process of its own, so that its CPU is not counted."""
    command = [sys.executable, "-m", "firmware_bridge.simulator"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2], text=True
    ) as program:
        try:
            assert program.stdout is not None
            yield program.stdout.readline().strip()
        finally:
            program.terminate()


def _our_polls(path: str) -> float:
    """Seconds of CPU for one poll: request, reply, checks, readings."""
    bus = Bus([board_of("x", 1, load("xy-md02"), 0.0)], FakeClock(running=True))
    with Line(path, 9600, "N") as line:
        before_s = time.thread_time()
        for _ in range(POLLS):
            bus.start()
            assert len(bus.poll(line, lambda: None)) == 2
        return (time.thread_time() - before_s) / POLLS


def _their_polls(path: str) -> float:
    client = ModbusSerialClient(path, baudrate=9600, timeout=1)
    assert client.connect()
    try:
        before_s = time.thread_time()
        for _ in range(POLLS):
            assert len(client.read_input_registers(1, count=2, device_id=1).registers) == 2
        return (time.thread_time() - before_s) / POLLS
    finally:
        client.close()


def _our_frames() -> float:
    reply = framed(bytes((1, 4, 4, 1, 0x31, 2, 0x22)))
    master = Master()
    before_s = time.thread_time()
    for _ in range(FRAMES):
        master.ask(AIR)
        assert master.feed(reply)
    return (time.thread_time() - before_s) / FRAMES


def _their_frames() -> float:
    reply = framed(bytes((1, 4, 4, 1, 0x31, 2, 0x22)))
    framer = FramerRTU(DecodePDU(is_server=False))
    before_s = time.thread_time()
    for _ in range(FRAMES):
        AIR.encode()  # ours is charged with it too
        assert framer.handleFrame(reply, 0, 0)[1]
    return (time.thread_time() - before_s) / FRAMES


def _damage() -> tuple[int, int]:
    """Wrong values and lost replies: a flipped bit, a lost byte, a burst, or garbage in front, in turn."""
    dice = random.Random(20261121)
    wrong = lost = 0
    for n in range(DAMAGED):
        words = (dice.getrandbits(16), dice.getrandbits(16))
        frame = bytearray(framed(bytes((1, 4, 4)) + b"".join(word.to_bytes(2, "big") for word in words)))
        place = dice.randrange(len(frame))
        if n % 4 == 0:
            frame[place] ^= 1 << dice.randrange(8)
        elif n % 4 == 1:
            del frame[place]
        elif n % 4 == 2:
            frame[place : place + 4] = dice.randbytes(4)
        else:
            frame[0:0] = dice.randbytes(64)
        master = Master()
        master.ask(AIR)
        events = master.feed(bytes(frame))
        wrong += any(event != Reply(AIR, words) for event in events)
        lost += not events
    return wrong, lost
