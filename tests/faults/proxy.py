"""A TCP link between a service and its broker that can be held, cut, slowed, refused and made to repeat itself.

Bytes that a hole swallows are not thrown away: TCP sends them again when the hole closes, so they wait here.
What is replayed are whole earlier PUBLISH packets of the lanes that must survive it, as copies of QoS 0.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from tests.faults.schedule import Way

CHUNK = 4096
QUEUED = 64
"""Chunks that wait in one direction; beyond, the sender feels it."""
KEPT = 200
"""Earlier packets that may be replayed, in each direction."""
REPLAYED = ([b"alarm"], [b"event"], [b"tele"], [b"ack"])
SLICE_S = 0.02


class Packets:
    """Cuts a stream of one direction into MQTT packets."""

    def __init__(self) -> None:
        self._rest = b""
        self.count = 0

    @property
    def is_between(self) -> bool:
        """True where one packet has ended and no other begun."""
        return not self._rest

    def feed(self, data: bytes) -> list[bytes]:
        """Packets that are whole now."""
        self._rest += data
        found = []
        while (end := _end_of(self._rest)) is not None:
            found.append(self._rest[:end])
            self._rest = self._rest[end:]
        self.count += len(found)
        return found


def _end_of(data: bytes) -> int | None:
    """Where the first packet ends, None while it is not whole."""
    length = shift = 0
    for n, byte in enumerate(data[1:5], 2):
        length |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return n + length if len(data) >= n + length else None
    return None


def copy_of(packet: bytes) -> bytes | None:
    """A PUBLISH of a lane that repeats safely, as QoS 0; None for any other packet, and for bytes of TLS."""
    if packet[0] >> 4 != 3:
        return None
    start = 1 + next(n for n, byte in enumerate(packet[1:5], 1) if not byte & 0x80)
    size = int.from_bytes(packet[start : start + 2], "big")
    topic = packet[start + 2 : start + 2 + size]
    if topic.split(b"/")[-2:-1] not in REPLAYED:
        return None
    rest = packet[start + 2 + size + (2 if packet[0] & 0x06 else 0) :]
    body = packet[start : start + 2 + size] + rest
    return b"\x30" + _length(len(body)) + body


def _length(value: int) -> bytes:
    out = bytearray()
    while True:
        value, digit = divmod(value, 128)
        out.append(digit | (0x80 if value else 0))
        if not value:
            return bytes(out)


@dataclass
class _Direction:
    """What is wrong with one direction of the link."""

    held: bool = False
    delay_s: float = 0.0
    bytes_per_s: float = 0.0
    left: int | None = None
    """Bytes that still pass before the link is cut."""
    passed: int = 0
    kept: deque[bytes] = field(default_factory=lambda: deque(maxlen=KEPT))


class Proxy:
    """One port in front of another. Runs in a thread of its own; its methods may be called from any other."""

    def __init__(self, port: int, seed: int = 0) -> None:
        """port: where the broker listens on loopback."""
        self._behind = port
        self._dice = random.Random(seed)
        self._ways: dict[Way, _Direction] = {"up": _Direction(), "down": _Direction()}
        self._refused = False
        self._links: set[_Link] = set()
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._door.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=f"proxy-{self.port}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Cut everything and listen no more."""
        self._ask(self._end)
        self._thread.join(10)

    # -- what can go wrong

    def hold(self, way: Way, on: bool = True) -> None:
        """Nothing arrives this way until it is let go again."""
        self._ask(lambda: setattr(self._ways[way], "held", on))

    def delay(self, way: Way, seconds: float) -> None:
        """Whatever comes in from now on arrives later by this and up to half as much more."""
        self._ask(lambda: setattr(self._ways[way], "delay_s", seconds))

    def trickle(self, way: Way, bytes_per_s: float) -> None:
        """Only so much passes; 0 lifts it."""
        self._ask(lambda: setattr(self._ways[way], "bytes_per_s", bytes_per_s))

    def cut_after(self, way: Way, count: int) -> None:
        """Let exactly `count` more bytes pass this way, then reset both ends."""
        self._ask(lambda: setattr(self._ways[way], "left", count))

    def refuse(self, on: bool = True) -> None:
        """Reset what is connected, and whoever connects, until it is lifted."""

        def act() -> None:
            self._refused = on
            if on:
                self._cut()

        self._ask(act)

    def replay(self, way: Way, count: int) -> None:
        """Say up to `count` earlier packets again, between two others, in any order."""

        def act() -> None:
            kept = list(self._ways[way].kept)
            said = self._dice.sample(kept, min(count, len(kept)))
            for link in self._links:
                link.again[way].extend(said)
                link.wake(way)

        self._ask(act)

    def heal(self) -> None:
        """All as it should be. What was held arrives now."""

        def act() -> None:
            self._refused = False
            for each in self._ways.values():
                each.held, each.delay_s, each.bytes_per_s, each.left = False, 0.0, 0.0, None

        self._ask(act)

    def passed(self, way: Way) -> int:
        """Bytes that went through so far."""
        return self._ways[way].passed

    # -- inside its thread

    def _ask(self, act: Callable[[], None]) -> None:
        done = threading.Event()

        def run() -> None:
            act()
            done.set()

        self._loop.call_soon_threadsafe(run)
        done.wait(5)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._over = asyncio.Event()
        server = await asyncio.start_server(self._connected, sock=self._door, limit=CHUNK * 4)
        await self._over.wait()
        server.close()
        links = list(self._links)
        self._cut()
        await asyncio.gather(*(each.gone.wait() for each in links))

    def _end(self) -> None:
        self._over.set()

    def _cut(self) -> None:
        for link in list(self._links):
            link.reset()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refused or self._over.is_set():
            _reset(writer)
            return
        try:
            behind = await asyncio.open_connection("127.0.0.1", self._behind, limit=CHUNK * 4)
        except OSError:
            _reset(writer)
            return
        if self._refused or self._over.is_set():  # meanwhile
            _reset(behind[1])
            _reset(writer)
            return
        link = _Link(self._ways, self._dice, reader, writer, *behind)
        self._links.add(link)
        await link.run()
        self._links.discard(link)


class _Link:
    """One connection through the proxy."""

    def __init__(
        self,
        ways: dict[Way, _Direction],
        dice: random.Random,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        reader_behind: asyncio.StreamReader,
        writer_behind: asyncio.StreamWriter,
    ) -> None:
        self._ways = ways
        self._dice = dice
        self._ends: dict[Way, tuple[asyncio.StreamReader, asyncio.StreamWriter]] = {
            "up": (reader, writer_behind),
            "down": (reader_behind, writer),
        }
        self._queues: dict[Way, asyncio.Queue[tuple[float, bytes | None]]] = {
            "up": asyncio.Queue(QUEUED),
            "down": asyncio.Queue(QUEUED),
        }
        self._packets: dict[Way, Packets] = {"up": Packets(), "down": Packets()}
        self.again: dict[Way, list[bytes]] = {"up": [], "down": []}
        self._broken = asyncio.Event()
        self.gone = asyncio.Event()

    async def run(self) -> None:
        """Carry bytes both ways until either end leaves or the link is cut."""
        ways: tuple[Way, ...] = ("up", "down")
        tasks = [asyncio.create_task(act(way)) for way in ways for act in (self._take, self._give)]
        await self._broken.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for _, writer in self._ends.values():
            writer.transport.abort()
        self.gone.set()

    def reset(self) -> None:
        """Both ends learn at once that it is over."""
        for _, writer in self._ends.values():
            _reset(writer)
        self._broken.set()

    def wake(self, way: Way) -> None:
        """Something is to be said again, whether or not anything else comes."""
        with suppress(asyncio.QueueFull):
            self._queues[way].put_nowait((0.0, b""))

    async def _take(self, way: Way) -> None:
        reader = self._ends[way][0]
        direction = self._ways[way]
        loop = asyncio.get_running_loop()
        due_s = 0.0
        data: bytes | None = b"x"
        while data:
            try:
                data = await reader.read(CHUNK) or None
            except OSError:
                data = None
            late_s = direction.delay_s * (1 + self._dice.random() / 2)
            due_s = max(due_s, loop.time() + late_s) if late_s else 0.0
            await self._queues[way].put((due_s, data))

    async def _give(self, way: Way) -> None:
        direction = self._ways[way]
        loop = asyncio.get_running_loop()
        while True:
            due_s, data = await self._queues[way].get()
            while direction.held or loop.time() < due_s:
                await asyncio.sleep(SLICE_S)
            if data is None:
                break
            try:
                whole = await self._write(way, data)
            except OSError:
                break
            if not whole:
                self.reset()
                return
        # An orderly end: what is still on its way to the other side arrives before the connection closes.
        with suppress(OSError):
            self._ends[way][1].close()
            await self._ends[way][1].wait_closed()
        self._broken.set()

    async def _write(self, way: Way, data: bytes) -> bool:
        """Let a chunk pass as the direction allows. False when the link is to be cut."""
        direction, writer = self._ways[way], self._ends[way][1]
        while data:
            size = len(data)
            if direction.bytes_per_s:
                size = min(size, max(1, int(direction.bytes_per_s * SLICE_S)))
                await asyncio.sleep(SLICE_S)
            if direction.left is not None:
                size = min(size, direction.left)
                direction.left -= size
            part, data = data[:size], data[size:]
            writer.write(part)
            direction.passed += len(part)
            self._remember(way, part)
            await writer.drain()
            if direction.left == 0:
                direction.left = None
                await _flushed(writer)
                return False
        self._say_again(way)
        return True

    def _remember(self, way: Way, part: bytes) -> None:
        for packet in self._packets[way].feed(part):
            copy = copy_of(packet)
            if copy is not None:
                self._ways[way].kept.append(copy)

    def _say_again(self, way: Way) -> None:
        packets = self._packets[way]
        if self.again[way] and packets.is_between and packets.count > 1:
            for packet in self.again[way]:
                self._ends[way][1].write(packet)
            self.again[way].clear()


async def _flushed(writer: asyncio.StreamWriter) -> None:
    """Wait until the kernel has every byte, so that a cut loses none of those that were to pass."""
    while writer.transport.get_write_buffer_size():
        await asyncio.sleep(0)


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    if sock is not None:
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
