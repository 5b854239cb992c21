"""The proxy breaks exactly what it is told to, and nothing else."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.faults.proxy import Packets, Proxy, copy_of
from tests.faults.schedule import Way
from tests.until import until


class Far:
    """A server behind the proxy that keeps what it gets and can answer."""

    def __init__(self) -> None:
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = self._door.getsockname()[1]
        self.got = bytearray()
        self.ended: list[str] = []
        self.talks: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                talk, _ = self._door.accept()
            except OSError:
                return
            self.talks.append(talk)
            threading.Thread(target=self._read, args=(talk,), daemon=True).start()

    def _read(self, talk: socket.socket) -> None:
        try:
            while data := talk.recv(65536):
                self.got += data
            self.ended.append("closed")
        except ConnectionResetError:
            self.ended.append("reset")
        except OSError:
            self.ended.append("gone")

    def close(self) -> None:
        with suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        for talk in self.talks:
            talk.close()


@pytest.fixture
def far() -> Iterator[Far]:
    found = Far()
    yield found
    found.close()


@pytest.fixture
def proxy(far: Far) -> Iterator[Proxy]:
    found = Proxy(far.port)
    yield found
    found.close()


@pytest.fixture
def near(proxy: Proxy, far: Far) -> Iterator[socket.socket]:
    """A connection through the proxy."""
    with socket.create_connection(("127.0.0.1", proxy.port)) as found:
        found.settimeout(20)
        until(lambda: far.talks, 20)
        yield found


@pytest.mark.parametrize("count", [1, 1023, 70_001])
def test_the_proxy_cuts_exactly_where_it_is_told(
    proxy: Proxy, near: socket.socket, far: Far, count: int
) -> None:
    near.sendall(b"before")
    until(lambda: bytes(far.got) == b"before", 20)
    proxy.cut_after("up", count)
    data = bytes(n % 251 for n in range(100_000))
    with suppress(ConnectionError):  # the end may come while the rest is still being written
        near.sendall(data)
    until(lambda: far.ended, 20)
    assert far.ended == ["reset"]
    assert bytes(far.got) == b"before" + data[:count]
    assert proxy.passed("up") == 6 + count
    with socket.create_connection(("127.0.0.1", proxy.port)) as again:
        again.sendall(b"again")
        until(lambda: far.got.endswith(b"again"), 20)


@pytest.mark.parametrize("way", ["up", "down"])
def test_a_hole_lets_nothing_through_one_way_and_loses_nothing(
    proxy: Proxy, near: socket.socket, far: Far, way: Way
) -> None:
    proxy.hold(way)
    near.sendall(b"question")
    far.talks[0].sendall(b"answer")
    if way == "up":
        assert near.recv(100) == b"answer"
        assert bytes(far.got) == b""
    else:
        until(lambda: bytes(far.got) == b"question", 20)
        near.settimeout(0.3)
        with pytest.raises(TimeoutError):
            near.recv(100)
        near.settimeout(20)
    assert proxy.passed(way) == 0
    proxy.hold(way, False)
    until(lambda: bytes(far.got) == b"question", 20)
    assert way == "up" or near.recv(100) == b"answer"


def test_what_is_delayed_arrives_later_and_in_order(proxy: Proxy, near: socket.socket, far: Far) -> None:
    proxy.delay("up", 0.4)
    began_s = time.monotonic()
    for n in range(20):
        near.sendall(bytes([n]))
    until(lambda: len(far.got) == 20, 20)
    assert time.monotonic() - began_s >= 0.4
    assert bytes(far.got) == bytes(range(20))


def test_a_trickle_lets_only_so_much_through(proxy: Proxy, near: socket.socket, far: Far) -> None:
    proxy.trickle("up", 10_000)
    began_s = time.monotonic()
    near.sendall(bytes(5000))
    until(lambda: len(far.got) == 5000, 30)
    assert time.monotonic() - began_s >= 0.4
    proxy.heal()
    near.sendall(bytes(1_000_000))
    until(lambda: len(far.got) == 1_005_000, 30)


def is_turned_away(port: int) -> bool:
    """Whether a connection there is reset before anybody speaks."""
    try:
        with socket.create_connection(("127.0.0.1", port)) as found:
            found.settimeout(20)
            found.recv(1)
    except ConnectionError:
        return True
    return False


def test_who_is_refused_is_reset_until_it_is_lifted(proxy: Proxy, near: socket.socket, far: Far) -> None:
    proxy.refuse()
    with pytest.raises(ConnectionError):
        near.recv(1)
    assert is_turned_away(proxy.port)
    assert len(far.talks) == 1
    proxy.refuse(False)
    with socket.create_connection(("127.0.0.1", proxy.port)) as again:
        again.sendall(b"hello")
        until(lambda: bytes(far.got) == b"hello", 20)


def test_nobody_behind_the_proxy_looks_like_nobody(far: Far) -> None:
    far.close()
    proxy = Proxy(far.port)
    assert is_turned_away(proxy.port)
    proxy.close()


CONNECT = b"\x10\x02\x00\x00"


def publish(topic: str, body: bytes, qos: int = 1) -> bytes:
    """A PUBLISH as a service writes it."""
    name = topic.encode()
    rest = len(name).to_bytes(2, "big") + name + (b"\x00\x07" if qos else b"") + body
    length = bytes([len(rest)]) if len(rest) < 128 else bytes([len(rest) % 128 | 0x80, len(rest) // 128])
    return bytes([0x30 | qos << 1]) + length + rest


def test_the_proxy_repeats_whole_packets_between_two_others(
    proxy: Proxy, near: socket.socket, far: Far
) -> None:
    event = publish("ls/00/00000/thon-01/kiosk/event/feedback", b"e" * 300)
    state = publish("ls/00/00000/thon-01/kiosk/state/service", b"s")
    copy = publish("ls/00/00000/thon-01/kiosk/event/feedback", b"e" * 300, qos=0)
    near.sendall(CONNECT + event + state + event[:50])
    until(lambda: bytes(far.got) == CONNECT + event + state + event[:50], 20)
    proxy.replay("up", 5)
    near.sendall(event[50:])
    until(lambda: bytes(far.got) == CONNECT + event + state + event + copy, 20, lambda: len(far.got))
    proxy.replay("up", 1)
    until(lambda: bytes(far.got) == CONNECT + event + state + event + copy + copy, 20)


def test_packets_are_found_in_pieces_of_any_size() -> None:
    whole = [CONNECT, publish("a/event/b", b"x" * 200), b"\xc0\x00", publish("a/tele/b", b"", qos=0)]
    for size in (1, 2, 3, 7, 1000):
        packets, found = Packets(), []
        stream = b"".join(whole)
        for start in range(0, len(stream), size):
            found += packets.feed(stream[start : start + size])
        assert found == whole
        assert packets.is_between
    assert not Packets().feed(b"\x30\x85")
    assert copy_of(whole[0]) is None
    assert copy_of(whole[1]) == publish("a/event/b", b"x" * 200, qos=0)
    assert copy_of(publish("a/state/b", b"")) is None
