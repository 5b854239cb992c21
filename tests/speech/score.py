"""Scoring spoken sentences: what two readings have in common once spelling and taste are set aside.

A row is {"text", "spoken", "tags"} and, where several readings are right, "slots": pieces in order, each with its
alternatives. A reading is exact when it is one of the ways through the slots. Only tests use this.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TONES = "\u0300\u0301\u0303\u0309\u0323"

# The same sound under two names; the left is turned into the right, longest first.
_SAME = {
    "ngàn": "nghìn",
    "lẻ": "linh",
    "nhăm": "lăm",
    "mồng": "mùng",
    "tới": "đến",
    "tỉ": "tỷ",
    "xuyệc": "xuyệt",
    "xuộc": "xuyệt",
    "độ c": "độ xê",
    "độ celsius": "độ xê",
    "cây số": "ki lô mét",
    "kilomet": "ki lô mét",
    "kilômét": "ki lô mét",
    "hecta": "héc ta",
    "hét ta": "héc ta",
    "ki lô gram": "ki lô gam",
    "mi li gram": "mi li gam",
    "xen ti mét": "xăng ti mét",
    "ki lô watt giờ": "ki lô oát giờ",
}
_SAME_WORDS = re.compile(
    rf"(?<!\S)(?:{'|'.join(sorted(map(re.escape, _SAME), key=len, reverse=True))})(?!\S)"
)
_GLIDE = re.compile(r"(?<!\S)([hklmst]|qu)([iy])(?!\S)")


@dataclass(frozen=True)
class Miss:
    """A sentence that was read otherwise."""

    text: str
    said: str
    wanted: str


def words(text: str) -> list[str]:
    """The words of a reading: small letters, no punctuation, one spelling for what sounds alike."""
    plain = unicodedata.normalize("NFC", text).lower()
    plain = " ".join(re.sub(r"[^\w\s]|_", " ", plain).split())
    plain = _SAME_WORDS.sub(lambda match: _SAME[match[0]], plain)
    plain = re.sub(r"(?<!\S)mươi bốn(?!\S)", "mươi tư", plain)
    return [_alike(word) for word in plain.split()]


def _alike(word: str) -> str:
    """One word with its tone behind it ("hoá" and "hòa" carry it on different letters) and i for y after h, k, l …"""
    apart = unicodedata.normalize("NFD", word)
    tone = "".join(char for char in apart if char in _TONES)
    bare = unicodedata.normalize("NFC", "".join(char for char in apart if char not in _TONES))
    return _GLIDE.sub(lambda match: f"{match[1]}i", bare) + tone


def is_right(row: dict[str, Any], said: str) -> bool:
    """Whether a reading is one of those a row accepts."""
    heard = words(said)
    slots: list[list[str]] = row.get("slots") or [[row["spoken"]]]
    places = {0}
    for slot in slots:
        places = {
            at + len(wanted)
            for wanted in map(words, slot)
            for at in places
            if heard[at : at + len(wanted)] == wanted
        }
    return len(heard) in places


def load(path: Path) -> list[dict[str, Any]]:
    """The rows of a set."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def misses(rows: Sequence[dict[str, Any]], said: Sequence[str]) -> list[Miss]:
    """The sentences read otherwise, in order."""
    return [
        Miss(row["text"], each, row["spoken"])
        for row, each in zip(rows, said, strict=True)
        if not is_right(row, each)
    ]
