"""The road to one address: whom a name leads to is looked up once and checked, and nobody holds it longer than allowed.

Plain http.client over a socket of our own: a time-out of each read is no time-out of the whole (a sender may drip a
byte every second), and who is asked must be who was checked, not what the name says a moment later.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final
from urllib.parse import urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from broker.link.service import Beat

CONNECT_S: Final = 5.0
READ_S: Final = 10.0
MOST_ADDRESSES: Final = 3
"""Of one name that are tried."""
_LOOK_S: Final = 0.5
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")


class InsideError(Exception):
    """A name leads into this house."""


def is_inside(host: str) -> bool:
    """Whether a host, as it is written, is this machine or one of its own network. Names are not looked up here."""
    host = host.rstrip(".").lower()
    if host == "localhost" or ("." not in host and ":" not in host):
        return True
    if host.endswith((".localhost", ".local", ".internal")):
        return True
    try:
        return _is_own(host)
    except ValueError:
        pass
    try:  # 127.1, 0177.0.0.1, 0x7f.0.0.1: what the system's own reader takes for numbers
        return _is_own(socket.inet_ntoa(socket.inet_aton(host)))
    except (OSError, ValueError):
        return False


@contextmanager
def travel(
    address: str,
    headers: dict[str, str],
    until_s: float,
    stop: threading.Event,
    beat: Beat,
    *,
    is_bound: bool,
) -> Iterator[http.client.HTTPResponse]:
    """Ask an address, without following it on. until_s: on the monotonic clock, for all of it.

    is_bound: it may not lead into this house. Raises InsideError, OSError, http.client.HTTPException.
    """
    parts = urlsplit(address)
    host, is_safe = (parts.hostname or "").rstrip("."), parts.scheme == "https"
    port = parts.port or (443 if is_safe else 80)
    raw = _connected(host, port, until_s, is_bound=is_bound)
    with raw, _watched(raw, until_s, stop, beat):
        sock = raw
        if is_safe:
            sock = ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH).wrap_socket(
                raw, server_hostname=host
            )
        with sock:
            sock.settimeout(READ_S)
            kind = http.client.HTTPSConnection if is_safe else http.client.HTTPConnection
            line = kind(host, port)
            line.auto_open = 0
            line.sock = sock
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            line.request("GET", path, headers={**headers, "Connection": "close"})
            with line.getresponse() as answer:
                yield answer


def _connected(host: str, port: int, until_s: float, *, is_bound: bool) -> socket.socket:
    found = list(
        dict.fromkeys(each[4][0] for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    )
    if is_bound and any(_is_own(str(each)) for each in found):
        raise InsideError
    trouble: OSError = TimeoutError()
    for each in found[:MOST_ADDRESSES]:
        left_s = min(CONNECT_S, until_s - time.monotonic())
        if left_s <= 0:
            break
        try:
            return socket.create_connection((str(each), port), timeout=left_s)
        except OSError as why:
            trouble = why
    raise trouble


@contextmanager
def _watched(raw: socket.socket, until_s: float, stop: threading.Event, beat: Beat) -> Iterator[None]:
    """Beat while the other side is waited for, and hang up when its time is over or the service ends."""
    line = raw.dup()  # the same connection still when TLS has taken the socket over
    done = threading.Event()

    def watch() -> None:
        while not done.wait(_LOOK_S):
            if stop.is_set() or time.monotonic() > until_s:
                with suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)
                return
            beat()

    watcher = threading.Thread(target=watch, name="warnings-watch")
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
        line.close()


def _is_own(number: str) -> bool:
    """Whether an address is of this machine or a network of its own, also inside an IPv6 address."""
    found = ipaddress.ip_address(number)
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            return _is_own(str(inner))
    return not found.is_global or found.is_multicast
