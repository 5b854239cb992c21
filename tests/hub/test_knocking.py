"""Strangers at the hub's HTTPS listeners: what they send is bounded, in bytes, in time and in connections."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from broker.hub.keys.https import Listener
from broker.hub.keys.knocking import Knocking, network_of
from tests.hub.town import Keys, make_keys
from tests.until import until


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return make_keys(tmp_path_factory.mktemp("keys"))


Answer = Callable[..., Iterable[bytes]]


def hello(_env: dict[str, Any], start: Answer) -> list[bytes]:
    """An application that says one word."""
    start("200 OK", [("Content-Length", "5")])
    return [b"hello"]


@contextmanager
def listener(keys: Keys, *, most: int, patience_s: float, ask_peer: bool = False) -> Iterator[int]:
    """Yields its port."""
    made = Listener(
        keys.hub,
        ("127.0.0.1", 0),
        hello,
        key="enrolment.port",
        ask_peer=ask_peer,
        threads=4,
        most_body=1024,
        most_knocking=most,
        patience_s=patience_s,
    )
    stop = threading.Event()
    thread = threading.Thread(target=made.run, args=(stop, lambda: None))
    thread.start()
    try:
        yield made.port
    finally:
        stop.set()
        thread.join(10)


def come(port: int, keys: Keys, service: str = "") -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(keys.hub / "ca.pem"))
    if service:
        context.load_cert_chain(keys.node / f"{service}.pem", keys.node / f"{service}.key")
    plain = socket.create_connection(("127.0.0.1", port), 20)
    return context.wrap_socket(plain, server_hostname="127.0.0.1")


def says_hello(port: int, keys: Keys) -> bool:
    with suppress(OSError), come(port, keys) as line:
        line.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        return b"hello" in b"".join(iter(lambda: line.recv(4096), b""))
    return False


def is_hung_up(line: socket.socket) -> bool:
    try:
        return line.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


@pytest.mark.parametrize("begin", [b"GET /", b"GET / HTTP/1.1\r\nHost: x\r\nX-A: "])
def test_a_request_line_or_header_without_end_is_cut_off(keys: Keys, begin: bytes) -> None:
    with listener(keys, most=2, patience_s=60) as port, come(port, keys) as line:
        line.sendall(begin)
        with pytest.raises(OSError):
            line.sendall(b"a" * 64 * 1024 * 1024)
        until(lambda: says_hello(port, keys), 20)


@pytest.mark.parametrize(
    "begin", [b"", b"GET / HTTP/1.1\r\nHost: x\r\nX-A: ", b"POST / HTTP/1.1\r\nContent-Le"]
)
def test_whoever_drips_is_hung_up_on_when_his_time_is_over(keys: Keys, begin: bytes) -> None:
    with listener(keys, most=9, patience_s=1.0) as port, come(port, keys) as line:
        line.sendall(begin)
        line.settimeout(0.1)

        def dripped() -> bool:
            line.sendall(b"a")
            return is_hung_up(line)

        with suppress(OSError):
            until(dripped, 30)
        assert says_hello(port, keys)


def test_a_handshake_that_never_comes_ends_too(keys: Keys) -> None:
    with (
        listener(keys, most=9, patience_s=1.0) as port,
        socket.create_connection(("127.0.0.1", port)) as line,
    ):
        line.settimeout(30)
        assert is_hung_up(line)


def test_one_address_has_a_few_connections_and_no_thread_beyond(keys: Keys) -> None:
    with listener(keys, most=2, patience_s=60) as port:
        with come(port, keys), come(port, keys):
            with pytest.raises(OSError):
                come(port, keys)
            assert not says_hello(port, keys)
        until(lambda: says_hello(port, keys), 20)
        assert all(says_hello(port, keys) for _ in range(5)), "what was answered counts no more"


def test_a_certificate_shown_takes_a_connection_out_of_the_strangers(keys: Keys) -> None:
    with listener(keys, most=1, patience_s=1.0, ask_peer=True) as port:
        lines = []
        for _ in range(3):
            line = come(port, keys, "speaker")
            line.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            heard = b""
            while b"hello" not in heard:
                heard += line.recv(4096)
            lines.append(line)
        for line in lines:
            line.close()


def test_an_ipv6_host_is_one_with_its_whole_network() -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff") != network_of("2001:db8:0:1::1")
    assert network_of("10.0.0.1") != network_of("10.0.0.2")


def test_connections_are_counted_and_overdue_by_the_clock() -> None:
    knocking = Knocking[str](most=2, patience_s=15)
    assert [knocking.begins(each, "10.0.0.1", 0.0) for each in ("a", "b", "c")] == [True, True, False]
    assert knocking.begins("d", "10.0.0.2", 10.0)
    assert knocking.overdue(14.9) == []
    assert knocking.overdue(15.0) == ["a", "b"]
    knocking.ends("a")
    knocking.ends("a")
    assert knocking.begins("c", "10.0.0.1", 16.0)
    assert knocking.overdue(16.0) == ["b"]
