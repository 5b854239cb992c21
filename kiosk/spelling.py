"""What a villager types, made comparable: without marks, without dialect, without Telex residue, by sound. Pure."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

_TOKEN = re.compile(r"[^\W_]+")

DIALECT = {
    "tui": "toi", "mi": "may", "mo": "dau", "rang": "sao", "chi": "gi", "man": "lam", "vo": "vao", "sanh": "sinh",
    "me": "ba", "ma": "me", "ba": "bo", "tia": "bo", "u": "me", "bam": "bo", "bong": "be", "nhon": "nhan",
    "nhut": "nhat", "dich": "chich", "hun": "hon", "kiem": "tim", "heo": "lon", "ngoai": "ngoai", "mang": "mang",
    "bịnh": "benh", "binh": "benh", "lanh": "nhan", "xai": "dung", "biu": "bao", "chanh": "chinh", "giay": "giay",
}  # fmt: skip
"""Folded dialect word → folded standard word; only tried when the word itself is nowhere in the content."""

_TELEX_TONES = str.maketrans({"s": "", "f": "", "r": "", "x": "", "j": ""})
_TELEX_PAIRS = (
    ("dd", "d"),
    ("aa", "a"),
    ("ee", "e"),
    ("oo", "o"),
    ("aw", "a"),
    ("ow", "o"),
    ("uw", "u"),
    ("w", "u"),
)

_SOUNDS = (
    (re.compile("^ngh"), "ng"),
    (re.compile("^gh"), "g"),
    (re.compile("^(gi|r|v)(?=[aeiouy])"), "d"),
    (re.compile("^tr"), "ch"),
    (re.compile("^s"), "x"),
    (re.compile("^(k|q)(?=[aeiouy])"), "c"),
    (re.compile("^l"), "n"),
    (re.compile("y"), "i"),
    (re.compile("ng$"), "n"),
    (re.compile("c$"), "t"),
)


def tokens(text: str) -> list[str]:
    """Words of a text, lower case, NFC; glued digits and letters stay together."""
    return _TOKEN.findall(unicodedata.normalize("NFC", text).lower())


@cache
def fold(word: str) -> str:
    """The word without marks: `đăng` → `dang`. SQLite's own folding leaves đ, so it is done here."""
    bare = unicodedata.normalize("NFD", word.replace("đ", "d").replace("Đ", "d"))
    return "".join(ch for ch in bare if not unicodedata.combining(ch)).lower()


@cache
def sound(folded: str) -> str:
    """Words that many people spell alike get one key: tr/ch, s/x, gi/d/r/v, l/n, final ng/n and c/t, i/y."""
    for pattern, by in _SOUNDS:
        folded = pattern.sub(by, folded)
    return folded


@cache
def without_telex(word: str) -> str:
    """A word typed in Telex with the keyboard set to English, folded: `ddawng` → `dang`, `keets` → `ket`."""
    if not word.isascii():
        return fold(word)
    head, tail = word[:1], word[1:]
    plain = head + (tail[:-1] + tail[-1:].translate(_TELEX_TONES) if tail else "")
    for pair, by in _TELEX_PAIRS:
        plain = plain.replace(pair, by)
    return plain


def is_near(a: str, b: str) -> bool:
    """One slip apart: a letter added, left out, changed, or two neighbours swapped."""
    if a == b:
        return True
    if abs(len(a) - len(b)) > 1:
        return False
    start = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    rest_a, rest_b = a[start:], b[start:]
    return (
        rest_a[1:] == rest_b[1:]
        or rest_a[1:] == rest_b
        or rest_a == rest_b[1:]
        or (rest_a[:2] == rest_b[1::-1] and rest_a[2:] == rest_b[2:])
    )
