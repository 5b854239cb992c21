"""Asking an address for warnings over HTTP: bounded in time, bytes and redirects, and led nowhere but to the web."""

from __future__ import annotations

import ipaddress
import re
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

from broker.hub.cap.opening import LARGEST
from broker.hub.declined import Declined
from broker.link.service import Beat

if TYPE_CHECKING:
    import requests

LONGEST_ADDRESS: Final = 500
MOST_REDIRECTS: Final = 3
BUDGET_S: Final = 30.0
"""For one address with all its redirects."""
_TIMEOUT_S: Final = (5.0, 10.0)
"""To connect, and for each read."""
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


def ask(address: str, etag: str, stop: threading.Event, beat: Beat) -> Answer:
    """Fetch an address, following a few redirects. Raises AskError.

    Nothing packed is taken: what is fetched cannot grow after its size was counted.
    """
    import requests  # half a second, and most communes have no source

    until_s = time.monotonic() + BUDGET_S
    here = address
    with requests.Session() as session:
        session.trust_env = False
        for _ in range(MOST_REDIRECTS + 1):
            beat()
            try:
                answer = _get(session, here, etag if here == address else "")
                with answer:
                    if answer.status_code not in (301, 302, 303, 307, 308):
                        return _read(answer, until_s, stop, beat)
                    here = _onward(here, answer.headers.get("Location", ""))
            except (requests.RequestException, OSError, UnicodeError) as why:
                raise AskError(f"Không hỏi được {_host(here)}; có thể mạng hoặc máy ở đó đang hỏng.") from why
            if stop.is_set() or time.monotonic() > until_s:
                raise AskError(f"{_host(here)} trả lời quá chậm.")
    raise AskError(f"{_host(address)} chuyển địa chỉ quá nhiều lần.")


def onward(feed: str, address: str) -> str:
    """The address of a warning that a feed names, made whole. Raises AskError for one that must not be asked."""
    return _onward(feed, address)


def _get(session: requests.Session, address: str, etag: str) -> requests.Response:
    headers = {"Accept-Encoding": "identity", "User-Agent": "LangSo/1 (CAP 1.2)"}
    if etag:
        headers["If-None-Match"] = etag
    return session.get(address, headers=headers, timeout=_TIMEOUT_S, allow_redirects=False, stream=True)


def _read(answer: requests.Response, until_s: float, stop: threading.Event, beat: Beat) -> Answer:
    from urllib3.exceptions import HTTPError

    host = _host(answer.url or "")
    if answer.status_code == 304:
        return Answer(None)
    if answer.status_code != 200:
        raise AskError(f"{host} trả lời mã {answer.status_code}, không phải một cảnh báo.")
    if answer.headers.get("Content-Encoding", "identity").strip().lower() not in ("identity", ""):
        raise AskError(f"{host} gửi dữ liệu nén mà trung tâm không hỏi.")
    out = bytearray()
    try:
        for piece in iter(lambda: answer.raw.read1(_CHUNK), b""):
            out += piece
            beat()
            if len(out) > LARGEST:
                raise AskError(f"{host} gửi quá nhiều, một lần nhiều nhất {LARGEST // 1024 // 1024} MB.")
            if stop.is_set() or time.monotonic() > until_s:
                raise AskError(f"{host} trả lời quá chậm.")
    except HTTPError as why:
        raise AskError(f"{host} ngừng giữa chừng.") from why
    length = answer.headers.get("Content-Length", "")
    if length.isdecimal() and int(length) != len(out):
        raise AskError(f"{host} ngừng giữa chừng.")
    return Answer(bytes(out), answer.headers.get("ETag", "")[:200])


def _onward(here: str, location: str) -> str:
    """Where an answer points. Never from https down to http, and from elsewhere never into this house."""
    there = urljoin(here, location)
    old, new = urlsplit(here), urlsplit(there)
    is_down = old.scheme == "https" and new.scheme != "https"
    is_inside = new.hostname != old.hostname and _is_inside(new.hostname or "")
    if not location or not _is_web(there) or is_down or is_inside:
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


def _is_inside(host: str) -> bool:
    """Whether a host is this machine or one of its own network, as it is written."""
    if host == "localhost" or ("." not in host and ":" not in host):
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host.endswith((".localhost", ".local", ".internal"))


def _host(address: str) -> str:
    return urlsplit(address).hostname or "Địa chỉ này"
