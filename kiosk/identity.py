"""Identity numbers: nobody needs one at this screen, so none is taken, whoever sends it and from whichever form."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

LENGTHS = (9, 12)
"""Digits of the old card (chứng minh nhân dân) and of the new one (căn cước)."""
_PIECE = re.compile(r"\d(?:[ .\-]*\d)*", re.ASCII)
_CHAIN = re.compile(r"\d(?:[ .\-,]*\d)*", re.ASCII)
"""Pieces with other signs between them: 038/204/009/876."""
_TELEPHONE = re.compile(r"0[235789]\d{8}|84[235789]\d{8}|1[89]00\d{4}(?:\d\d)?", re.ASCII)
_NO_NUMBER_OF_A_PERSON = re.compile(
    r"(?<![\d.])\d{1,2}([.\-,])\d{1,2}\1(?:19|20)\d\d(?!\d)|(?<![\d.])[1-9]\d{0,2}(?:\.\d{3})*\.000(?![.\d])",
    re.ASCII,
)
"""A day (20.11.2026, 20/11/2026) or a round sum of money (150.000.000)."""
_DIGIT = (
    r"(?:không|khong|một|mốt|mot|hai|ba|bốn|bon|tư|tu|năm|lăm|nam|lam|sáu|sau|bảy|bẩy|bay|tám|tam|chín|chin)"
)
_SPOKEN = re.compile(rf"\b{_DIGIT}(?:[\s,.\-]+{_DIGIT})+\b", re.IGNORECASE)


def holds_identity(text: str) -> bool:
    """Whether `text` has a number of 9 or 12 digits, whatever stands between them but letters, or one in words.

    kiosk/static/identity.js says the same on the page, but for words. A telephone number is none, nor is what stands
    behind a comma after it.
    """
    composed = unicodedata.normalize("NFC", text)
    if any(len(re.findall(r"[^\W\d_]+", said)) in LENGTHS for said in _SPOKEN.findall(composed)):
        return True
    plain = _NO_NUMBER_OF_A_PERSON.sub(lambda part: "x" * len(part[0]), "".join(map(_plain, text)))
    return any(_is_identity(chain) for chain in _CHAIN.findall(plain))


def _plain(sign: str) -> str:
    """One of a digit, blank, dot, hyphen, comma for all other signs, x for letters."""
    if sign.isdigit():
        return str(unicodedata.digit(sign))
    kind = unicodedata.category(sign)
    if sign == "." or kind == "Pd":
        return sign if sign == "." else "-"
    if kind[0] in "ZC":
        return " "
    return "x" if kind[0] in "LMN" else ","


def _is_identity(chain: str) -> bool:
    for group in _groups(chain):
        whole = "".join(group).replace(" ", "")
        parts = [part for piece in group for part in (piece.replace(" ", ""), *piece.split())]
        if any(len(part) in LENGTHS for part in (whole, *parts)):
            return True
    return False


def _groups(chain: str) -> Iterator[list[str]]:
    """Pieces that may be parts of one number: between telephone numbers. In each, blanks where anything stood."""
    group: list[str] = []
    for found in _PIECE.findall(chain):
        piece = re.sub(r"[ .\-]+", " ", found)
        if _TELEPHONE.fullmatch(piece.replace(" ", "")):
            yield group
            group = []
        else:
            group.append(piece)
    yield group
