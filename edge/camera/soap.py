"""One question to one device in SOAP over HTTP, and its answer as XML.

Nothing the device says is trusted: it gets so many seconds for everything together however slowly it drips, so many
bytes, no DTD, no redirect, and never a password that others could read.
"""

from __future__ import annotations

import base64
import hashlib
import html
import io
import secrets
import select
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPException, HTTPMessage, HTTPResponse
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.request import parse_http_list, parse_keqv_list

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from broker.trust.envelope import CameraLogin

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MOST_BYTES: Final = 256 * 1024
_SLICE_S: Final = 0.2
"""A service must end within a second, also while a device is silent."""
_HASHES: Final = {"MD5": "md5", "SHA-256": "sha256"}
Code = Literal["silent", "password", "clock", "unsafe", "odd", "no-streams", "elsewhere", "network"]
SENTENCES: Final[dict[Code, str]] = {
    "silent": "Thiết bị không trả lời: kiểm tra nguồn và dây mạng của nó rồi hỏi lại.",
    "password": "Camera từ chối: sai tên hoặc mật khẩu. Nhiều camera có tài khoản ONVIF riêng, đặt trong trang cài đặt "
    "của camera.",
    "clock": "Camera từ chối, và đồng hồ của nó lệch {off}. Xin chỉnh giờ camera rồi hỏi lại; vẫn bị từ chối là sai "
    "tên hoặc mật khẩu.",
    "unsafe": "Camera không nhận tên và mật khẩu gửi kín, chỉ nhận gửi trần nên máy không gửi. Xin xem lại mật khẩu, "
    "bật xác thực Digest trong camera, hoặc gõ địa chỉ luồng bằng tay.",
    "odd": "Thiết bị trả lời không đúng chuẩn ONVIF; xin gõ địa chỉ luồng bằng tay.",
    "no-streams": "Camera không khai luồng hình nào; xin gõ địa chỉ luồng bằng tay.",
    "elsewhere": "Camera chỉ sang luồng hình ở máy khác, máy ở điểm không hỏi sang đó; xin gõ địa chỉ luồng bằng tay.",
    "network": "Máy ở điểm không hỏi ra mạng được: kiểm tra dây mạng của máy.",
}


class Unanswered(Exception):
    """No answer that can be used. `code` for programs; str() is the Vietnamese sentence for people."""

    def __init__(self, code: Code, off: str = "") -> None:
        super().__init__(SENTENCES[code].format(off=off))
        self.code: Code = code


class Fault(Exception):
    """The device understood and would not; the text is its own and goes nowhere."""


@dataclass(frozen=True)
class Patience:
    """How long anything may take, by the clock that nobody sets."""

    until_s: float
    monotonic: Callable[[], float]
    stop: threading.Event

    def left_s(self) -> float:
        """Seconds left. Raises TimeoutError when there are none, or when the service ends."""
        left_s = self.until_s - self.monotonic()
        if left_s <= 0 or self.stop.is_set():
            raise TimeoutError
        return left_s

    def readable(self, line: socket.socket) -> None:
        """Return when something came. Raises TimeoutError."""
        while not select.select([line], [], [], min(_SLICE_S, self.left_s()))[0]:
            pass


@dataclass(frozen=True)
class Address:
    """Where a device, or one of its services, takes questions."""

    host: str
    port: int
    path: str

    def __str__(self) -> str:
        port = "" if self.port == 80 else f":{self.port}"
        return f"http://{self.host}{port}{self.path}"


class _Slow(io.RawIOBase):
    """What comes over a connection, with the patience of all of it together rather than of each byte."""

    def __init__(self, line: socket.socket, patience: Patience) -> None:
        self._line, self._patience = line, patience

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._patience.readable(self._line)
        return self._line.recv_into(buffer)


class _Plug:
    """As much of a socket as HTTPResponse needs."""

    def __init__(self, line: socket.socket, patience: Patience) -> None:
        self._slow = _Slow(line, patience)

    def makefile(self, *_: object) -> io.BufferedReader:
        """What is read from."""
        return io.BufferedReader(self._slow)


def ask(
    to: Address,
    question: str,
    patience: Patience,
    login: CameraLogin | None = None,
    at: datetime | None = None,
) -> Element:
    """The body of the answer. at: the time on the device's own clock, by which it judges a login.

    Raises Unanswered, or Fault when the device says that it cannot.
    """
    body = _envelope(question, login, at).encode()
    status, headers, said = _post(to, body, "", patience)
    challenges = headers.get_all("WWW-Authenticate") or [] if status == 401 and login is not None else []
    if login is not None and challenges:
        proof = _digest(to, challenges, login)
        if not proof:
            raise Unanswered("unsafe")
        status, headers, said = _post(to, _envelope(question, None, None).encode(), proof, patience)
    if status in (401, 403):
        raise Unanswered("password")
    root = parse(said)
    found = next(named(root, "Body"), None)
    if found is None or status not in (200, 400, 500):
        raise Unanswered("odd")
    fault = next(named(found, "Fault"), None)
    if fault is None:
        return found
    told = " ".join(text for text in fault.itertext()).lower()
    if any(
        word in told for word in ("notauthorized", "not authorized", "failedauthentication", "unauthorized")
    ):
        raise Unanswered("password")
    raise Fault(told[:200])


def parse(said: bytes) -> Element:
    """XML of a stranger. Raises Unanswered for what is none, or declares anything of its own."""
    try:
        root: Element = fromstring(said, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as why:
        raise Unanswered("odd") from why
    return root


def named(root: Element, name: str) -> Iterator[Element]:
    """What is called so inside, whatever namespace a make puts it in."""
    return (each for each in root.iter() if each.tag.rpartition("}")[2] == name)


def text_of(root: Element | None, name: str) -> str:
    """The words of the first thing called so; empty without one."""
    found = None if root is None else next(named(root, name), None)
    return (found.text or "").strip() if found is not None else ""


def _post(to: Address, body: bytes, proof: str, patience: Patience) -> tuple[int, HTTPMessage, bytes]:
    login = f"Authorization: {proof}\r\n" if proof else ""
    head = (
        f"POST {to.path} HTTP/1.1\r\nHost: {to.host}:{to.port}\r\nConnection: close\r\n"
        f"Content-Type: application/soap+xml; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
        f"{login}\r\n"
    )
    try:
        with socket.create_connection((to.host, to.port), min(2.0, patience.left_s())) as line:
            line.sendall(head.encode() + body)
            plug: Any = _Plug(line, patience)
            answer = HTTPResponse(plug, method="POST")
            answer.begin()
            said = answer.read(MOST_BYTES + 1)
    except (HTTPException, ValueError) as why:  # a chunk of minus five bytes is a ValueError
        raise Unanswered("odd") from why
    except OSError as why:
        raise Unanswered("silent") from why
    if len(said) > MOST_BYTES:
        raise Unanswered("odd")
    return answer.status, answer.headers, said


def _envelope(question: str, login: CameraLogin | None, at: datetime | None) -> str:
    head = _security(login, at) if login is not None and at is not None else ""
    return (
        '<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
        'xmlns:tt="http://www.onvif.org/ver10/schema">'
        f"<s:Header>{head}</s:Header><s:Body>{question}</s:Body></s:Envelope>"
    )


def _security(login: CameraLogin, at: datetime) -> str:
    """The login as a digest (WS-Security UsernameToken Profile 1.1): the password itself is not sent."""
    nonce, created = secrets.token_bytes(16), f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"
    proof = hashlib.sha1(nonce + created.encode() + login.password.encode(), usedforsecurity=False).digest()
    names = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
    return (
        f'<w:Security s:mustUnderstand="1" xmlns:w="{names}wssecurity-secext-1.0.xsd" '
        f'xmlns:u="{names}wssecurity-utility-1.0.xsd"><w:UsernameToken>'
        f"<w:Username>{html.escape(login.user)}</w:Username>"
        f'<w:Password Type="{names}username-token-profile-1.0#PasswordDigest">{base64.b64encode(proof).decode()}'
        f'</w:Password><w:Nonce EncodingType="{names}soap-message-security-1.0#Base64Binary">'
        f"{base64.b64encode(nonce).decode()}</w:Nonce><u:Created>{created}</u:Created>"
        "</w:UsernameToken></w:Security>"
    )


def _digest(to: Address, challenges: list[str], login: CameraLogin) -> str:
    """The answer to the first challenge for a digest (RFC 7616, qop "auth" or none); empty when there is none that can
    be answered. Ours, because the standard library's takes no password with a letter of Vietnamese in it.
    """
    for challenge in challenges:
        kind, _, rest = challenge.partition(" ")
        told = parse_keqv_list([each for each in parse_http_list(rest) if each.partition("=")[2]])
        name, realm, nonce = told.get("algorithm", "MD5").upper(), told.get("realm"), told.get("nonce")
        qop = [each.strip() for each in told.get("qop", "").split(",")]
        if (
            kind.lower() != "digest"
            or name not in _HASHES
            or realm is None
            or not nonce
            or qop == ["auth-int"]
        ):
            continue
        parts = [_hashed(name, f"{login.user}:{realm}:{login.password}"), nonce]
        own = secrets.token_hex(8)
        if "auth" in qop:
            parts += ["00000001", own, "auth"]
        proof = _hashed(name, ":".join([*parts, _hashed(name, f"POST:{to.path}")]))
        more = f', qop=auth, nc=00000001, cnonce="{own}"' if "auth" in qop else ""
        more += f', opaque="{told["opaque"]}"' if "opaque" in told else ""
        user = login.user.replace("\\", "\\\\").replace('"', '\\"')
        return (
            f'Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{to.path}", algorithm={name}, '
            f'response="{proof}"{more}'
        )
    return ""


def _hashed(name: str, text: str) -> str:
    return hashlib.new(_HASHES[name], text.encode(), usedforsecurity=False).hexdigest()
