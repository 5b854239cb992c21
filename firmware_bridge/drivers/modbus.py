"""Modbus RTU master: asks, switches coils, and finds in whatever comes back the one reply that answers. Pure.

Source: "MODBUS Application Protocol Specification V1.1b3" and "MODBUS over Serial Line V1.02", modbus.org.

A reply carries no register address, only unit, function and length. So the codec takes bytes only while a
request is open, takes only a frame of exactly the awaited unit, function and length with a right CRC, and
closes the request with the first one. Whoever owns the line must let late replies pass before asking again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

READ_COILS, READ_INPUTS, READ_HOLDING, READ_INPUT_REGISTERS, WRITE_COIL = 1, 2, 3, 4, 5
READING = (READ_COILS, READ_INPUTS, READ_HOLDING, READ_INPUT_REGISTERS)
MOST_REGISTERS, MOST_BITS = 125, 2000

EXCEPTIONS = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "device failure",
    5: "acknowledge",
    6: "device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target failed to respond",
}


def _crc_table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        crc = value
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
        table.append(crc)
    return tuple(table)


_TABLE = _crc_table()


def crc16(data: bytes | bytearray) -> int:
    """CRC-16/MODBUS: polynomial 0xA001 reflected, start 0xFFFF; sent low byte first."""
    crc = 0xFFFF
    table = _TABLE
    for byte in data:
        crc = (crc >> 8) ^ table[(crc ^ byte) & 0xFF]
    return crc


def framed(body: bytes) -> bytes:
    """A frame as it goes on the line: body and CRC."""
    return body + crc16(body).to_bytes(2, "little")


@dataclass(frozen=True)
class Request:
    """Read `count` registers (functions 3, 4) or bits (1, 2) of a unit from address `start` on."""

    unit: int
    function: int
    start: int
    count: int

    def __post_init__(self) -> None:
        most = MOST_BITS if self.function in (READ_COILS, READ_INPUTS) else MOST_REGISTERS
        if not 1 <= self.unit <= 247:
            raise ValueError(f"unit {self.unit} is not within 1 to 247")
        if self.function not in READING:
            raise ValueError(f"function {self.function} is none of {READING}")
        if not 1 <= self.count <= most or not 0 <= self.start <= 0x10000 - self.count:
            raise ValueError(f"{self.count} from address {self.start} is not within the protocol's limits")

    @property
    def reply_bytes(self) -> int:
        """Length of the right reply, in bytes."""
        return self.data_bytes + 5

    @property
    def data_bytes(self) -> int:
        """Length of the data in the right reply, in bytes."""
        bits = self.function in (READ_COILS, READ_INPUTS)
        return (self.count + 7) // 8 if bits else self.count * 2

    def encode(self) -> bytes:
        """The request as it goes on the line."""
        head = bytes((self.unit, self.function))
        return framed(head + self.start.to_bytes(2, "big") + self.count.to_bytes(2, "big"))


@dataclass(frozen=True)
class CoilWrite:
    """Switch one coil of a unit (function 5). The right reply is the request itself.

    An adapter that hears its own line gives just that without any board: only reading the coil proves that it moved.
    """

    unit: int
    coil: int
    is_on: bool
    function: ClassVar[int] = WRITE_COIL
    reply_bytes: ClassVar[int] = 8

    def __post_init__(self) -> None:
        if not 1 <= self.unit <= 247:
            raise ValueError(f"unit {self.unit} is not within 1 to 247")
        if not 0 <= self.coil <= 0xFFFF:
            raise ValueError(f"coil {self.coil} is not within the protocol's limits")

    def encode(self) -> bytes:
        """The request as it goes on the line."""
        return framed(
            bytes((self.unit, WRITE_COIL))
            + self.coil.to_bytes(2, "big")
            + (b"\xff\0" if self.is_on else b"\0\0")
        )


@dataclass(frozen=True)
class Reply:
    """The answer: registers as unsigned 16-bit numbers, or bits as 0 and 1; `request.count` of them. A coil that
    was switched: its new bit."""

    request: Request | CoilWrite
    values: tuple[int, ...]


@dataclass(frozen=True)
class Refusal:
    """The unit heard the request and cannot serve it."""

    request: Request | CoilWrite
    code: int

    @property
    def meaning(self) -> str:
        """What the specification calls this code."""
        return EXCEPTIONS.get(self.code, "unknown exception")


class Master:
    """One line: at most one open request, and the bytes that may yet become its reply (≤ 256 of them)."""

    def __init__(self) -> None:
        self.noise_bytes = 0
        """Bytes so far that belonged to no awaited reply."""
        self._request: Request | CoilWrite | None = None
        self._buffer = bytearray()

    @property
    def waiting(self) -> bool:
        """Is a request open?"""
        return self._request is not None

    @property
    def held_bytes(self) -> int:
        """Bytes kept in memory."""
        return len(self._buffer)

    def ask(self, request: Request | CoilWrite) -> bytes:
        """Open a request; whatever came before it is noise. Gives the bytes to write."""
        self.give_up()
        self._request = request
        return request.encode()

    def give_up(self) -> None:
        """Close the open request, if any: its reply is not awaited any more."""
        self._request = None
        self._drop(len(self._buffer))

    def feed(self, data: bytes) -> list[Reply | Refusal]:
        """Take what the line brought, in pieces of any size: at most one event, and never an exception."""
        self._buffer += data
        request = self._request
        if request is None:
            self._drop(len(self._buffer))
            return []
        event = self._find(request)
        if event is None:
            return []
        self.give_up()
        return [event]

    def _find(self, request: Request | CoilWrite) -> Reply | Refusal | None:
        """Look at each place where the reply could begin; keep from the first one that is still open."""
        buffer, place = self._buffer, 0
        keep = len(buffer)
        while (place := buffer.find(request.unit, place)) >= 0:
            event, is_open = _match(request, buffer, place)
            if event is not None:
                used = 5 if isinstance(event, Refusal) else request.reply_bytes
                del buffer[place : place + used]
                return event
            if is_open:
                keep = min(keep, place)
            place += 1
        self._drop(keep)
        return None

    def _drop(self, count: int) -> None:
        self.noise_bytes += count
        del self._buffer[:count]


def _match(
    request: Request | CoilWrite, buffer: bytearray, place: int
) -> tuple[Reply | Refusal | None, bool]:
    """Is there a whole frame at `place`, or the beginning of one (the second value)?"""
    have = len(buffer) - place
    if have < 2:
        return None, True
    function = buffer[place + 1]
    if function == request.function | 0x80:
        if have < 5:
            return None, True
        if _is_sound(buffer, place, 5):
            return Refusal(request, buffer[place + 2]), False
        return None, False
    if isinstance(request, CoilWrite):
        echo = request.encode()
        if not echo.startswith(buffer[place : place + len(echo)]):
            return None, False
        return (Reply(request, (int(request.is_on),)), False) if have >= len(echo) else (None, True)
    if function != request.function or (have > 2 and buffer[place + 2] != request.data_bytes):
        return None, False
    length = request.reply_bytes
    if have < length:
        return None, True
    if not _is_sound(buffer, place, length):
        return None, False
    return Reply(request, _values(request, buffer[place + 3 : place + length - 2])), False


def _is_sound(buffer: bytearray, place: int, length: int) -> bool:
    end = place + length
    return crc16(buffer[place : end - 2]) == buffer[end - 2] | buffer[end - 1] << 8


def _values(request: Request, data: bytearray) -> tuple[int, ...]:
    if request.function in (READ_COILS, READ_INPUTS):
        return tuple(data[n >> 3] >> (n & 7) & 1 for n in range(request.count))
    return tuple(data[n] << 8 | data[n + 1] for n in range(0, len(data), 2))
