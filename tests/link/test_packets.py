"""The stream under paho: whole PUBLISH packets are heard here, everything else is paho's, whatever the pieces."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator

import pytest

from broker.link.packets import Stream

SUBACK = b"\x90\x03\x00\x01\x00"
PINGRESP = b"\xd0\x00"


def publish(topic: bytes, body: bytes, qos: int = 0, mark: int = 0) -> bytes:
    rest = len(topic).to_bytes(2, "big") + topic + (mark.to_bytes(2, "big") if qos else b"") + body
    length, left = b"", len(rest)
    while True:
        left, byte = left >> 7, left & 127
        length += bytes([byte | (128 if left else 0)])
        if not left:
            return bytes([0x30 | qos << 1]) + length + rest


class Line:
    """A stream, the far end of its socket, and what was heard."""

    def __init__(self) -> None:
        near, self.far = socket.socketpair()
        self.heard: list[tuple[bytes, bytes]] = []
        self.stream = Stream(near, self.heard.extend)
        self.stream.setblocking(False)
        self.far.settimeout(5)

    def read(self) -> bytes:
        """What paho gets until there is no more."""
        got = b""
        try:
            while piece := self.stream.recv(7):
                got += piece
        except BlockingIOError:
            pass
        return got


@pytest.fixture
def line() -> Iterator[Line]:
    made = Line()
    yield made
    made.stream.close()
    made.far.close()


def test_publishes_are_heard_and_other_packets_reach_paho_untouched(line: Line) -> None:
    line.far.sendall(
        SUBACK + publish(b"a/b", b"one", 1, 7) + PINGRESP + publish(b"c", b"") + publish(b"d", b"2")
    )
    assert line.read() == SUBACK + PINGRESP
    assert line.heard == [(b"a/b", b"one"), (b"c", b""), (b"d", b"2")]
    assert line.far.recv(99) == b"\x40\x02\x00\x07", "only what came with QoS 1 is acknowledged"


def test_packets_cut_anywhere_are_put_together_again(line: Line) -> None:
    dice = random.Random(3)
    bodies = [dice.randbytes(dice.choice((0, 1, 90, 127, 128, 5000, 70_000))) for _ in range(60)]
    wire = b"".join(publish(b"t/%d" % n, body, n % 2, n + 1) + PINGRESP for n, body in enumerate(bodies))
    got, acks = b"", b""
    while wire:
        cut = dice.choice((1, 2, 3, 50, 4000, 60_000))
        line.far.sendall(wire[:cut])
        wire = wire[cut:]
        got += line.read()
    while len(acks) < 4 * 30:
        acks += line.far.recv(4096)
    assert line.heard == [(b"t/%d" % n, body) for n, body in enumerate(bodies)]
    assert got == PINGRESP * 60
    assert acks == b"".join(b"\x40\x02" + (n + 1).to_bytes(2, "big") for n in range(1, 60, 2))


@pytest.mark.parametrize(
    "wire",
    [
        b"\x36\x05\x00\x01a\x00\x01",  # QoS 3
        b"\x34\x05\x00\x01a\x00\x01",  # QoS 2 was never asked for
        b"\x30\x03\x00\x09a",  # a topic longer than its packet
        b"\x30\x01\x00",
        b"\x32\x03\x00\x01a",  # no room for its number
        b"\x30\xff\xff\xff\xff\x01",  # a length of five bytes
        b"\x30\xff\xff\xff\x7f",  # 256 MB
    ],
)
def test_a_broken_stream_ends_the_connection(line: Line, wire: bytes) -> None:
    line.far.sendall(wire)
    with pytest.raises(ConnectionError):
        line.stream.recv(1)
    assert line.heard == []


def test_the_end_of_the_connection_is_told(line: Line) -> None:
    line.far.close()
    assert line.stream.recv(1) == b""


def test_acknowledgements_never_cut_a_packet_of_paho_s_in_two(line: Line) -> None:
    packet = b"\x30\x80\x80\x04" + b"p" * 65536
    left = packet * 40
    sent = line.stream.send(left)  # the far end reads nothing yet: the socket fills
    assert sent < len(left)
    line.far.sendall(publish(b"t", b"1", 1, 1))
    line.read()
    got = b""
    left = left[sent:]
    while left:
        got += line.far.recv(1 << 20)
        try:
            left = left[line.stream.send(left) :]
        except BlockingIOError:
            continue
    while not got.endswith(b"\x40\x02\x00\x01"):
        line.stream.pending()  # as paho asks once a turn
        got += line.far.recv(1 << 20)
    assert got == packet * 40 + b"\x40\x02\x00\x01"
