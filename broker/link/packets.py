"""The socket under paho, read in large pieces: PUBLISH packets are taken out here, all others are paho's.

paho reads a packet in three or more calls and spends most of a subscriber's processor time on it. Here one `recv`
brings many packets, their topics and payloads go straight to `hear`, and their PUBACKs leave in one piece.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from socket import socket

Hear = Callable[[list[tuple[bytes, bytes]]], None]
"""Topic and payload of each PUBLISH packet that one read has brought."""

AT_ONCE = 1 << 16
"""Bytes asked of the system in one call."""
LARGEST = 1 << 20
"""A packet that claims more than this is a broken stream, not a message."""
_PUBLISH = 0x30


class Stream:
    """A connected socket as paho sees it, without the PUBLISH packets. Not blocking once paho says so."""

    def __init__(self, sock: socket | ssl.SSLSocket, hear: Hear) -> None:
        self._sock = sock
        self._hear = hear
        self._rest = b""
        self._others = b""
        """Bytes of packets that are paho's to read."""
        self._acks = bytearray()
        self._is_midway = False
        """Part of a packet of paho's is sent: nothing may come between it and its end."""
        self._gate = threading.Lock()

    def recv(self, count: int) -> bytes:
        """Up to `count` bytes for paho. Raises BlockingIOError when there are none, OSError on a broken stream."""
        if not self._others:
            data = self._sock.recv(AT_ONCE)
            if not data:
                return b""
            self._split(self._rest + data if self._rest else data)
            self._send_acks()
            if not self._others:
                raise BlockingIOError
        found, self._others = self._others[:count], self._others[count:]
        return found

    def pending(self) -> int:
        """Bytes that `select` does not know of. paho asks once a turn: a chance for PUBACKs that had to wait."""
        self._send_acks()
        hidden = getattr(self._sock, "pending", None)
        return len(self._others) + (hidden() if hidden is not None else 0)

    def send(self, data: bytes | bytearray) -> int:
        """Send bytes of paho's. Returns how many; raises BlockingIOError when none can go now."""
        self._send_acks()
        with self._gate:
            if self._acks and not self._is_midway:
                raise BlockingIOError
            count = self._sock.send(data)
            self._is_midway = count < len(data)
            return count

    def close(self) -> None:
        """Close the connection."""
        self._sock.close()

    def fileno(self) -> int:
        """For `select`."""
        return self._sock.fileno()

    def setblocking(self, flag: bool) -> None:
        """As a socket's."""
        self._sock.setblocking(flag)

    def shutdown(self, how: int) -> None:
        """As a socket's."""
        self._sock.shutdown(how)

    def _send_acks(self) -> None:
        """What the other side does not take now goes before paho's next packet."""
        with self._gate:
            if not self._acks or self._is_midway:
                return
            try:
                del self._acks[: self._sock.send(self._acks)]
            except OSError:  # would block, or broken: the next read says which
                return

    def _split(self, data: bytes) -> None:
        """Hear the whole PUBLISH packets in `data`, set other packets aside, keep the rest."""
        at, size = 0, len(data)
        heard: list[tuple[bytes, bytes]] = []
        while size - at >= 2:
            length, start = data[at + 1], at + 2
            if length > 127:
                length, start = _long_length(data, at + 1)
                if start == 0:
                    break
            end = start + length
            if end > size:
                break
            if data[at] & 0xF0 == _PUBLISH:
                heard.append(self._take(data[at] >> 1 & 3, data, start, end))
            else:
                self._others += data[at:end]
            at = end
        self._rest = data[at:]
        if heard:
            self._hear(heard)

    def _take(self, qos: int, data: bytes, start: int, end: int) -> tuple[bytes, bytes]:
        """Topic and payload of one PUBLISH packet. Raises ConnectionError when it is malformed."""
        topic = start + 2
        body = topic + (data[start] << 8 | data[start + 1]) if topic <= end else end + 1
        mark = body
        if qos:
            body += 2
        if body > end or qos > 1:
            raise ConnectionError("malformed PUBLISH packet")
        if qos:
            self._acks += b"\x40\x02" + data[mark:body]
        return data[topic:mark], data[body:end]


def _long_length(data: bytes, at: int) -> tuple[int, int]:
    """Remaining length of two to four bytes, and where it ends; (0, 0) while it is not whole.

    Raises ConnectionError when it is longer than any packet here.
    """
    length = 0
    for place in range(4):
        if at + place >= len(data):
            return 0, 0
        byte = data[at + place]
        length |= (byte & 127) << 7 * place
        if byte < 128:
            if length > LARGEST:
                raise ConnectionError(f"packet of {length} bytes")
            return length, at + place + 1
    raise ConnectionError("remaining length of more than four bytes")
