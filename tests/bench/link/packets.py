"""The few MQTT 3.1.1 packets a publisher of the bench writes and reads by itself, so that it costs next to nothing."""

from __future__ import annotations

from collections.abc import Iterator

CONNACK, PUBLISH, PUBACK, SUBACK = 2, 3, 4, 9


def connect(client: str, user: str, password: str, keepalive_s: int = 600) -> bytes:
    """CONNECT with a clean session."""
    head = b"\x00\x04MQTT\x04\xc2" + keepalive_s.to_bytes(2, "big")
    return _packet(0x10, head + _text(client) + _text(user) + _text(password))


def subscribe(topic: str, qos: int) -> bytes:
    """SUBSCRIBE to one filter, as packet 1."""
    return _packet(0x82, b"\x00\x01" + _text(topic) + bytes([qos]))


def publish(topic: str, payload: bytes, number: int) -> bytes:
    """PUBLISH with QoS 1; number: of the packet, any positive integer."""
    return _packet(0x32, _text(topic) + (number % 0xFFFF + 1).to_bytes(2, "big") + payload)


def disconnect() -> bytes:
    """DISCONNECT, so that no will is said."""
    return b"\xe0\x00"


class Incoming:
    """Packets out of a stream of bytes."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """(kind, body) of each packet that is complete; of a PUBLISH with QoS 0 the payload alone."""
        data = self._rest + data
        at = 0
        while at + 2 <= len(data):
            length, start = _length(data, at + 1)
            if start < 0 or start + length > len(data):
                break
            kind, body = data[at] >> 4, data[start : start + length]
            at = start + length
            if kind == PUBLISH:
                body = body[2 + int.from_bytes(body[:2], "big") :]
            yield kind, body
        self._rest = data[at:]


def _length(data: bytes, at: int) -> tuple[int, int]:
    """Remaining length and where the body starts; start is -1 when bytes are missing."""
    length = shift = 0
    while at < len(data):
        length |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if not data[at - 1] & 0x80:
            return length, at
    return 0, -1


def _text(text: str) -> bytes:
    raw = text.encode()
    return len(raw).to_bytes(2, "big") + raw


def _packet(first: int, body: bytes) -> bytes:
    length, head = len(body), bytearray([first])
    while True:
        length, digit = divmod(length, 128)
        head.append(digit | 0x80 if length else digit)
        if not length:
            return bytes(head) + body
