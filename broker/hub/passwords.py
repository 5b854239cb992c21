"""Which passwords are too weak to be anybody's. Pure; the rules follow NIST SP 800-63B: length, no well-known
ones, nothing about the person; no rules on kinds of characters.
"""

from __future__ import annotations

import unicodedata

from broker.hub.declined import Declined

SHORTEST = 10
LONGEST = 1024
FEWEST_KINDS = 5
"""Different characters a password needs at least."""

COMMON = (
    "password", "passw0rd", "matkhau", "qwerty", "asdfgh", "zxcvbn", "iloveyou", "admin", "letmein", "welcome",
    "abcdef", "abc123", "123456", "654321", "111111", "123123", "112233", "vietnam", "anhyeuem", "emyeuanh",
    "yeuemnhieu", "toilaai", "langso", "uybannhandan", "ubnd", "congan", "xaphuong", "quantri", "khongbiet",
)  # fmt: skip
"""Words that guessing begins with here; a password made of one and little else is refused."""
MOST_BESIDE = 5
"""Characters beside such a word that do not make it any better: `matkhau2026!`."""

_ROWS = ("0123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm")


def refuse_weak(password: str, username: str = "", full_name: str = "") -> None:
    """Raise Declined with a sentence that says what to do."""
    if len(password) < SHORTEST:
        raise Declined("short-password", f"Mật khẩu cần ít nhất {SHORTEST} ký tự.")
    if len(password) > LONGEST:
        raise Declined("long-password", f"Mật khẩu dài quá, xin dùng nhiều nhất {LONGEST} ký tự.")
    plain = plainly(password)
    if len(set(plain)) < FEWEST_KINDS or _is_run(plain):
        raise Declined("plain-password", "Mật khẩu này dễ đoán quá; xin ghép ba, bốn từ không liên quan.")
    if any(word in plain and len(plain) - len(word) <= MOST_BESIDE for word in COMMON):
        raise Declined(
            "common-password", "Mật khẩu này nhiều người dùng; xin ghép ba, bốn từ không liên quan."
        )
    if any(name in plain and len(plain) - len(name) <= MOST_BESIDE for name in _names(username, full_name)):
        raise Declined("own-name", "Mật khẩu không được là tên của anh/chị thêm vài ký tự.")


def plainly(text: str) -> str:
    """As somebody who guesses would write it: small letters, no marks, no spaces."""
    apart = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    return "".join(char for char in apart if not unicodedata.combining(char) and not char.isspace())


def _names(username: str, full_name: str) -> list[str]:
    """Ways to write the person's name: all of it, its last two words, the name to sign in with."""
    words = full_name.split()
    found = {plainly("".join(words)), plainly("".join(words[-2:])), plainly(username)}
    return [name for name in found if len(name) >= 4]


def _is_run(plain: str) -> bool:
    """Whether it is one stretch of the alphabet, of the digits or of a row of keys, in either direction."""
    return any(plain in (row * 3) or plain in (row * 3)[::-1] for row in _ROWS)
