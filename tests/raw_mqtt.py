"""One connection, one request, by hand: for what a well-behaved client cannot say."""

from __future__ import annotations

import socket
import struct
from contextlib import suppress

CONNACK, PUBACK, SUBACK = 0x20, 0x40, 0x90
GOODBYE = b"\xe0\0"
"""A DISCONNECT."""


def ask(port: int, user: str, password: str, client_id: str, packet: bytes, seconds: float = 20) -> set[int]:
    """Connect, send one packet, and wait until it is acknowledged or the broker hangs up.

    Returns the kinds of packets that came: {CONNACK} alone means that the request was refused, nothing that the
    connection was.
    """
    found: set[int] = set()
    # A broker that hangs up while we still speak resets the connection.
    with suppress(ConnectionError), socket.create_connection(("127.0.0.1", port), seconds) as link:
        link.sendall(_connect(user, password, client_id) + packet)
        data = b""
        while not {PUBACK, SUBACK} & found:
            more = link.recv(4096)
            data += more
            while len(data) > 1 and len(data) >= 2 + data[1]:  # short packets only come here
                if data[0] != CONNACK or data[3] == 0:
                    found.add(data[0] & 0xF0)
                data = data[2 + data[1] :]
            if not more:
                break
    return found


def publish(topic: str, body: bytes) -> bytes:
    """A PUBLISH of QoS 1."""
    return _packet(0x32, _text(topic) + struct.pack(">H", 1) + body)


def subscribe(pattern: str) -> bytes:
    """A SUBSCRIBE of QoS 0 to one filter."""
    return _packet(0x82, struct.pack(">H", 1) + _text(pattern) + b"\0")


def _connect(user: str, password: str, client_id: str) -> bytes:
    head = _text("MQTT") + bytes([4, 0xC2]) + struct.pack(">H", 60)
    return _packet(0x10, head + _text(client_id) + _text(user) + _text(password))


def _text(text: str) -> bytes:
    return struct.pack(">H", len(text.encode())) + text.encode()


def _packet(kind: int, body: bytes) -> bytes:
    length, rest = b"", len(body)
    while True:
        rest, digit = rest >> 7, rest & 0x7F
        length += bytes([digit | (0x80 if rest else 0)])
        if not rest:
            return bytes([kind]) + length + body
