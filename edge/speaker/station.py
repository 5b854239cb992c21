"""Opens what a signed address names: a station on the web, and nothing else that somebody could make of it.

Who signs an address answers for the station, not for what that station's machine, its redirects or its name server
may turn the request into. So every connection is judged where it is made, by the address it really goes to: this
machine itself never; the network of the house only where the signed address itself names it; what was signed with
https stays https; and what is no sound is not read any further.
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, Final
from urllib.parse import SplitResult, quote, urljoin, urlsplit

MOST_MOVES: Final = 5
"""Redirects and lists of addresses that are followed from the signed address."""

LONGEST_LIST: Final = 256 * 1024
"""Bytes of a list of addresses or segments."""

_MOVED: Final = frozenset({301, 302, 303, 307, 308})
_AGENT: Final = "LangSo/1.0"
_LOCAL_NAME: Final = re.compile(r"^[^.]+$|\.(local|lan|internal|home\.arpa)$", re.IGNORECASE)
_LISTED: Final = re.compile(r"^(?:File\d+=)?(https?://\S+)", re.IGNORECASE | re.MULTILINE)
_LISTS: Final = ("mpegurl", "scpls", "pls+xml")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class StationError(Exception):
    """The station cannot be had; the text says why, and holds nothing of what was answered."""


def is_local_name(host: str) -> bool:
    """Whether an address names a machine of this network: by number, by a bare name or by a name of such networks."""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return _LOCAL_NAME.search(host) is not None


def may_connect(address: Address, is_local: bool, may_be_here: bool = False) -> bool:
    """Whether a station may be at this address.

    is_local: the signed address names the network of the house. may_be_here: this machine itself may be asked
    (tests, and nothing else).
    """
    # an address of the old kind may hide in one of the new: written into it, or as where a tunnel leads
    there = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None) or address
    if there.is_loopback:
        return may_be_here
    if there.is_unspecified or there.is_multicast or there.is_link_local or there.is_reserved:
        return False
    return there.is_global or is_local


def addresses_of(host: str, port: int, is_local: bool, may_be_here: bool = False) -> Iterator[str]:
    """The numeric addresses of a host that may be connected to. Raises StationError when there is none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, ValueError) as why:
        raise StationError(f"the name {host} is not known") from why
    numbers = dict.fromkeys(str(one[4][0]) for one in found)
    allowed = [
        one
        for one in numbers
        if may_connect(ipaddress.ip_address(one.partition("%")[0]), is_local, may_be_here)
    ]
    if not allowed:
        raise StationError(f"{host} is a place where no station is looked for")
    yield from allowed


@dataclass
class Stream:
    """The answer of a station, read as it comes."""

    url: str
    """Where it was found in the end."""
    kind: str
    """Content type as answered, in small letters."""
    response: http.client.HTTPResponse
    sock: socket.socket

    @property
    def is_whole(self) -> bool:
        """Whether the answer had a length, and all of it came: a recording that has ended, not a cut."""
        return self.response.length == 0

    def read(self, most: int) -> bytes:
        """What is there, at least one byte; empty at the end. Raises OSError, also when nothing comes in time."""
        try:
            return self.response.read1(most)
        except (http.client.HTTPException, ValueError) as why:
            raise OSError(f"the station's answer breaks off: {why}") from why

    def close(self) -> None:
        """Give the connection back."""
        self.response.close()
        self.sock.close()


class Web:
    """The web as the station of one signed address may use it."""

    def __init__(self, address: str, patience_s: float, may_be_here: bool = False) -> None:
        """patience_s: for a connection and between two bytes of an answer. Raises StationError for no address."""
        parts = _parts(address)
        self._is_local = is_local_name(parts.hostname or "")
        self._must_be_safe = parts.scheme == "https"
        self._patience_s = patience_s
        self._may_be_here = may_be_here
        self.has_ended = False
        """A list of segments said that nothing will follow."""

    def find(self, address: str) -> Stream | str:
        """The sound behind an address, or the address of its list of segments (HLS). Raises StationError."""
        for _ in range(MOST_MOVES + 1):
            stream = self._asked(address)
            if not _is_list(stream):
                if stream.kind.startswith("text/"):
                    stream.close()
                    raise StationError("the address answers with a page, not with sound")
                return stream
            text = self._text(stream)
            if "#EXT-X-" in text:
                return stream.url
            listed = _LISTED.search(text)
            if listed is None:
                raise StationError("the list of the station names no stream")
            address = listed[1]
        raise StationError("the address leads from one list to the next")

    def open(self, url: str, flags: int = 0, options: object = None) -> IO[bytes] | Stream:
        """One list or one segment, as the decoder asks for them. Raises StationError."""
        del flags, options
        stream = self._asked(url)
        if not _is_list(stream):
            return stream
        text = self._text(stream)
        self.has_ended = self.has_ended or "#EXT-X-ENDLIST" in text
        return io.BytesIO(text.encode())

    def _asked(self, url: str) -> Stream:
        for _ in range(MOST_MOVES + 1):
            stream = self._get(url)
            status = stream.response.status
            if status == 200:
                return stream
            place = stream.response.getheader("Location") or ""
            stream.close()
            if status not in _MOVED or not place:
                raise StationError(f"the station answers {status}")
            try:
                url = urljoin(url, place)
            except ValueError as why:
                raise StationError("the station leads to what is no address") from why
        raise StationError("the address leads from one to the next")

    def _get(self, url: str) -> Stream:
        parts = _parts(url)
        if self._must_be_safe and parts.scheme != "https":
            raise StationError("the station leads away from https")
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        sock = self._connected(host, port, parts.scheme == "https")
        try:
            asked = http.client.HTTPConnection(host, port)
            asked.response_class = _Response
            asked.sock = sock
            path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~") + (
                "?" + _query(parts) if parts.query else ""
            )
            asked.request("GET", path, headers={"User-Agent": _AGENT, "Accept": "*/*", "Connection": "close"})
            response = asked.getresponse()
        except (OSError, http.client.HTTPException, ValueError) as why:
            sock.close()
            raise StationError(f"{host} does not answer as a station does: {type(why).__name__}") from why
        return Stream(url, (response.getheader("Content-Type") or "").lower(), response, sock)

    def _connected(self, host: str, port: int, is_safe: bool) -> socket.socket:
        last: OSError | None = None
        for number in addresses_of(host, port, self._is_local, self._may_be_here):
            try:
                sock = socket.create_connection((number, port), self._patience_s)
            except OSError as why:
                last = why
                continue
            if not is_safe:
                return sock
            try:
                return ssl.create_default_context().wrap_socket(sock, server_hostname=host)
            except OSError as why:
                sock.close()
                last = why
        raise StationError(f"{host} cannot be reached: {last}") from last

    def _text(self, stream: Stream) -> str:
        """A list as text; what is too long is cut off."""
        body = b""
        try:
            while len(body) < LONGEST_LIST and (more := stream.read(LONGEST_LIST - len(body))):
                body += more
        except OSError as why:
            raise StationError(f"the list of the station breaks off: {type(why).__name__}") from why
        finally:
            stream.close()
        return body.decode("utf-8", "replace")


def _parts(url: str) -> SplitResult:
    """An address in its parts. Raises StationError for what is no plain address on the web."""
    try:
        parts = urlsplit(url)
        is_plain = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1) > 0
    except ValueError as why:
        raise StationError("the address cannot be read") from why
    if not is_plain:
        raise StationError("only addresses of http and https are followed")
    if parts.username is not None or parts.password is not None:
        raise StationError("an address with a name or password in it is not taken")
    return parts


def _query(parts: SplitResult) -> str:
    return quote(parts.query, safe="/%:@!$&'()*+,;=~?")


def _is_list(stream: Stream) -> bool:
    path = urlsplit(stream.url).path.lower()
    return any(word in stream.kind for word in _LISTS) or path.endswith((".m3u", ".m3u8", ".pls"))


class _Response(http.client.HTTPResponse):
    """Takes the answer `ICY 200 OK` of old stations as well."""

    def __init__(self, sock: socket.socket, *args: Any, **more: Any) -> None:
        super().__init__(sock, *args, **more)
        head = self.fp.peek(4)[:4]
        if head.startswith(b"ICY "):
            self.fp.read(3)
            self.fp = io.BufferedReader(_Prefixed(b"HTTP/1.0", self.fp))


class _Prefixed(io.RawIOBase):
    """A few bytes before what a file gives."""

    def __init__(self, first: bytes, rest: io.BufferedReader) -> None:
        self._first = first
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._first[: len(buffer)] or self._rest.read1(len(buffer))
        self._first = self._first[len(data) :]
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._rest.close()
        super().close()
