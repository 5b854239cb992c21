"""Asking an address for warnings over HTTP: bounded in time, bytes and redirects, and led nowhere but to the web."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import Final
from urllib.parse import urljoin, urlsplit

from broker.hub.cap.opening import LARGEST
from broker.hub.declined import Declined
from broker.link.service import Beat

LONGEST_ADDRESS: Final = 500
MOST_REDIRECTS: Final = 3
BUDGET_S: Final = 30.0
"""For one address with all its redirects."""
_CHUNK: Final = 64 * 1024
_ADDRESS: Final = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")
"""Characters of an address (RFC 3986)."""


class AskError(Exception):
    """An address gave no warning. `str()` is one plain Vietnamese sentence."""


@dataclass(frozen=True)
class Answer:
    """What came: nothing new (`data` is None), or bytes; `etag` to ask with the next time."""

    data: bytes | None
    etag: str = ""


def refuse_address(address: str) -> None:
    """Declined for what is no address of the web, or holds a password."""
    if not _is_web(address):
        raise Declined(
            "cap-address", "Địa chỉ này chưa dùng được; xin chép đủ, bắt đầu bằng https:// hoặc http://."
        )
    if "@" in urlsplit(address).netloc:
        raise Declined(
            "cap-address", "Không nhận địa chỉ có mật khẩu bên trong; xin hỏi nơi gửi địa chỉ khác."
        )


def ask(
    address: str, etag: str, stop: threading.Event, beat: Beat, *, home: str = "", budget_s: float = BUDGET_S
) -> Answer:
    """Fetch an address, following a few redirects. Raises AskError.

    home: the address a person entered, by which this one was found; itself when empty. Only the machine and door of
    that may stand in this house. Nothing packed is taken: what is fetched cannot grow after its size was counted.
    """
    from broker.hub.cap.road import InsideError, travel  # most communes have no source

    until_s = time.monotonic() + budget_s
    here = address
    for _ in range(MOST_REDIRECTS + 1):
        beat()
        headers = {"Accept-Encoding": "identity", "User-Agent": "LangSo/1 (CAP 1.2)"}
        if etag and here == address:
            headers["If-None-Match"] = etag
        is_bound = _door(here) != _door(home or address)
        try:
            with travel(here, headers, until_s, stop, beat, is_bound=is_bound) as answer:
                if answer.status not in (301, 302, 303, 307, 308):
                    return _read(answer, _host(here), until_s, stop, beat)
                here = _onward(here, answer.headers.get("Location", ""))
        except InsideError as why:
            raise AskError(f"{_host(here)} là máy mà trung tâm không được hỏi.") from why
        except (OSError, HTTPException, UnicodeError, ValueError) as why:
            if stop.is_set() or time.monotonic() > until_s:
                raise AskError(f"{_host(here)} trả lời quá chậm.") from why
            raise AskError(f"Không hỏi được {_host(here)}; có thể mạng hoặc máy ở đó đang hỏng.") from why
        if stop.is_set() or time.monotonic() > until_s:
            raise AskError(f"{_host(here)} trả lời quá chậm.")
    raise AskError(f"{_host(address)} chuyển địa chỉ quá nhiều lần.")


def onward(feed: str, address: str) -> str:
    """The address of a warning that a feed names, made whole. Raises AskError for one that must not be asked."""
    return _onward(feed, address)


def _read(answer: HTTPResponse, host: str, until_s: float, stop: threading.Event, beat: Beat) -> Answer:
    if answer.status == 304:
        return Answer(None)
    if answer.status != 200:
        raise AskError(f"{host} trả lời mã {answer.status}, không phải một cảnh báo.")
    if answer.headers.get("Content-Encoding", "identity").strip().lower() not in ("identity", ""):
        raise AskError(f"{host} gửi dữ liệu nén mà trung tâm không hỏi.")
    out = bytearray()
    for piece in iter(lambda: answer.read1(_CHUNK), b""):
        out += piece
        beat()
        if len(out) > LARGEST:
            raise AskError(f"{host} gửi quá nhiều, một lần nhiều nhất {LARGEST // 1024 // 1024} MB.")
        if stop.is_set() or time.monotonic() > until_s:
            raise AskError(f"{host} trả lời quá chậm.")
    if stop.is_set() or time.monotonic() > until_s:
        raise AskError(f"{host} trả lời quá chậm.")
    length = answer.headers.get("Content-Length", "")
    if length.isdecimal() and int(length) != len(out):
        raise AskError(f"{host} ngừng giữa chừng.")
    return Answer(bytes(out), answer.headers.get("ETag", "")[:200])


def _onward(here: str, location: str) -> str:
    """Where an answer points. Never from https down to http, and from elsewhere never into this house."""
    from broker.hub.cap.road import is_inside

    try:
        there = urljoin(here, location)
    except ValueError:  # "http://[": no address at all
        there = ""
    is_down = here.startswith("https:") and not there.startswith("https:")
    is_bad = not location or not _is_web(there) or is_down
    if is_bad or (_door(there) != _door(here) and is_inside(urlsplit(there).hostname or "")):
        raise AskError(f"{_host(here)} chỉ sang một địa chỉ mà trung tâm không được hỏi.")
    return there


def _is_web(address: str) -> bool:
    if len(address) > LONGEST_ADDRESS or not _ADDRESS.fullmatch(address):
        return False
    try:
        parts = urlsplit(address)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port or an address in brackets that is none
        return False


def _door(address: str) -> tuple[str, int]:
    """Machine and port of an address."""
    parts = urlsplit(address)
    return (parts.hostname or "").rstrip("."), parts.port or (443 if parts.scheme == "https" else 80)


def _host(address: str) -> str:
    return urlsplit(address).hostname or "Địa chỉ này"
