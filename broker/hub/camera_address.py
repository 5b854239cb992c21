"""Addresses of cameras as people type and see them: what may be one, and the same without its password. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from broker.hub.declined import Declined

MASK: Final = "•••"
LONGEST: Final = 400
_ADDRESS: Final = re.compile(r"(?:(?:rtsps?|https?)://[^\s/]|/)\S*", re.ASCII)
_PARTS: Final = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?:(?P<who>\S*)@)?(?P<rest>[^\s@]*)")
"""What stands before the last @ is user and password, whatever is in it: makes allow / and # in passwords."""
_ASKED: Final = re.compile(
    r"((?:^|[/?&;_])(?:\w{0,20}pas\w{0,20}|\w{0,20}(?:pwd?|psw|secret|token|key)|auth\w{0,20})=)"
    r"(?:(?![;_][a-z]+=[^=&;])[^&])+",
    re.ASCII | re.IGNORECASE,
)
"""Cameras that take their password in the query or the path (user=a_password=b_channel=1); a value goes on to the next
& or the next name, so that no end of it stays because it holds / or _."""
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*", re.ASCII | re.IGNORECASE)
_READ: Final = 1000
"""No address is longer, its password filled in; of what is, nothing is shown."""
BAD: Final = "Nguồn hình phải là địa chỉ rtsp://… hoặc http(s)://… viết liền, hoặc đường dẫn như /dev/video0."
AGAIN: Final = "Địa chỉ đã đổi người dùng hoặc đổi máy, xin gõ lại mật khẩu của camera thay cho dấu •••."


def shown(source: str) -> str:
    """An address without the password in it, for the screen and for the records in clear."""
    parts = _PARTS.fullmatch(source) if len(source) <= _READ else None
    if parts is None:
        return _unreadable(source)
    rest = _ASKED.sub(rf"\1{MASK}", parts["rest"])
    if parts["who"] is None:
        return f"{parts['scheme']}{rest}"
    if _ASKED.search(parts["who"]):  # an @ within a password of the query
        return f"{parts['scheme']}{MASK}"
    user, colon, _ = parts["who"].partition(":")
    return f"{parts['scheme']}{user}{':' + MASK if colon else ''}@{rest}"


def _unreadable(source: str) -> str:
    """What is no whole address, as far as no password can stand in it."""
    scheme, found, _ = source.partition("://")
    if found:
        return f"{scheme}://{MASK}" if len(scheme) < 10 and _SCHEME.fullmatch(scheme.strip()) else MASK
    return MASK if "@" in source or len(source) > _READ else _ASKED.sub(rf"\1{MASK}", source)


def meant(typed: str, kept: Sequence[str]) -> str:
    """The address a person means who left the mask in its place: with the password of the first of `kept` that has one
    for the same user on the same machine. Raises Declined: no address, or whose password is not known.
    """
    typed = typed.strip()
    for each in kept:
        if each and typed == shown(each):
            return each
    if len(typed) > LONGEST:
        raise Declined(
            "long-source", f"Địa chỉ đang dài {len(typed)} chữ, nhiều nhất {LONGEST}; xin kiểm tra lại."
        )
    if not _ADDRESS.fullmatch(typed) or not typed.isprintable():
        raise Declined("bad-source", BAD)
    if MASK not in typed:
        return typed
    for each in kept:
        if MASK in typed and _machine(typed) == _machine(shown(each)):
            filled = typed.replace(f":{MASK}@", f":{_password(each)}@", 1)
            if MASK not in filled:
                return filled
    raise Declined("no-password", AGAIN)


def _machine(source: str) -> tuple[str, ...]:
    """Scheme, user and machine with its port, of an address as it is shown: a password is given to nobody else."""
    parts = _PARTS.fullmatch(source)
    if parts is None:
        return ()
    return parts["scheme"].lower(), parts["who"] or "", re.split(r"[/?#]", parts["rest"])[0].lower()


def _password(source: str) -> str:
    parts = _PARTS.fullmatch(source)
    return (parts["who"] or "").partition(":")[2] if parts else ""
