"""The audit log's chain: every entry carries the hash of all before it; no row changes in silence.

Pure functions over rows; who stores the rows (the hub's database) is not their matter. An edit, insertion,
removal or reordering is found by `verify`; a cut-off tail is found by comparing with a head kept elsewhere
(`verify(rows, head=…)`: nodes hold the published head).
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct

GENESIS: Final = "0" * 64
"""What the first entry links to."""


class Entry(Struct, kw_only=True, frozen=True):
    """Who did what to which thing. Never holds personal data of citizens."""

    at: datetime
    actor: str
    """Account or identity: `bich.an`, `hub.ingest`."""
    action: str
    """Past participle of the decision: `announcement.approved`, `clip.viewed`."""
    subject: str
    detail: Mapping[str, str] = {}


class Row(Struct, kw_only=True, frozen=True):
    """An entry as stored: its position from 1, the hash of the row before, and its own."""

    index: int
    entry: Entry
    prev: str
    hash: str


def entry_hash(prev: str, entry: Entry) -> str:
    """SHA-256 (hex) over the previous hash and the entry's canonical JSON."""
    text = unicodedata.normalize("NFC", msgspec.json.encode(entry, order="sorted").decode())
    return hashlib.sha256(prev.encode() + b"\0" + text.encode()).hexdigest()


def append(last: Row | None, entry: Entry) -> Row:
    """The row that follows `last`. The writer holds the log's lock: two rows may not follow one."""
    index, prev = (last.index + 1, last.hash) if last else (1, GENESIS)
    return Row(index=index, entry=entry, prev=prev, hash=entry_hash(prev, entry))


def verify(rows: Iterable[Row], head: tuple[int, str] | None = None) -> int | None:
    """The first index at which the chain is broken, or None when it is whole.

    head: index and hash kept elsewhere; a log that ends before it, or has another hash there, is broken too.
    """
    prev, expected = GENESIS, 1
    head_seen = head is None or head == (0, GENESIS)
    for row in rows:
        if row.index != expected or row.prev != prev or row.hash != entry_hash(prev, row.entry):
            return expected
        if head is not None and row.index == head[0]:
            if row.hash != head[1]:
                return expected
            head_seen = True
        prev, expected = row.hash, expected + 1
    return None if head_seen else expected
