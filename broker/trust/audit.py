"""The audit log's chain: every entry carries the hash of all before it; no row changes in silence.

Pure functions over rows; who stores the rows (the hub's database) is not their matter. The chain alone shows an
edit, an insertion, a removal and a reordering. Whoever owns the database can cut off the tail, or compute the
whole chain anew: that is shown by heads that were kept elsewhere (every node keeps them, reports print them).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, Literal

import msgspec
from msgspec import Struct

GENESIS: Final = "0" * 64
"""What the first entry links to."""

CODE_SIGNS: Final = 16
"""Signs of a comparison code: 80 bits, so nobody finds another history with the same code."""

_SIGNS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no letter that looks like a digit."""
_LOOKALIKES: Final = str.maketrans("OIL", "011")
_HASH: Final = re.compile(r"[0-9a-f]{64}")

Flaw = Literal["missing", "edited", "moved", "rewritten", "cut"]


class Head(Struct, frozen=True):
    """The end of the log at some moment: how many entries, and the hash over all of them.

    `hash` may be a comparison code where the head was copied from paper.
    """

    index: int
    hash: str


START: Final = Head(0, GENESIS)
"""The head of an empty log."""


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


class Fault(Struct, kw_only=True, frozen=True):
    """The first place where the log is not what it was.

    missing: row `index` is not there, and later ones are. edited: row `index` does not say what it said. moved:
    row `index` does not follow the one before it (inserted, reordered, or others changed or taken out). rewritten:
    the chain holds, but a head kept elsewhere says otherwise of `index`: from `since` on it was computed anew.
    cut: the log ends before `index`, of which a head was kept elsewhere.
    """

    index: int
    since: int
    """Everything before this row is confirmed; the change lies between it and `index`."""
    flaw: Flaw


class Verdict(Struct, kw_only=True, frozen=True):
    """What looking through the whole log found."""

    head: Head
    """Where the log ends; its index is the number of rows."""
    fault: Fault | None = None
    untrue: frozenset[Head] = frozenset()
    """Those of the heads kept elsewhere that this log does not contain."""

    @property
    def is_whole(self) -> bool:
        """No row was touched, and every head kept elsewhere is in it."""
        return self.fault is None


def entry_hash(prev: str, entry: Entry) -> str:
    """SHA-256 (hex) over the previous hash and the entry's canonical JSON: keys sorted, no spaces."""
    return hashlib.sha256(prev.encode() + b"\0" + _encode(entry)).hexdigest()


_encode = msgspec.json.Encoder(order="sorted").encode


def append(last: Row | Head | None, entry: Entry) -> Row:
    """The row that follows `last`, or the first. The writer holds the log's lock: two rows may not follow one."""
    index, prev = (last.index + 1, last.hash) if last else (1, GENESIS)
    return Row(index=index, entry=entry, prev=prev, hash=entry_hash(prev, entry))


def verify(rows: Iterable[Row], heads: Iterable[Head] = (), after: Head = START) -> Verdict:
    """Look through the log, and compare it with heads kept elsewhere.

    rows: in the order of their index, all of them, or those after `after` when that head is known to be right.
    """
    kept: dict[int, set[str]] = {}
    for head in heads:
        kept.setdefault(head.index, set()).add(head.hash)
    index, prev = after.index, after.hash
    fault: Fault | None = None
    untrue: set[Head] = set()
    confirmed = index
    for row in rows:
        flaw = _flaw(row, index + 1, prev)
        if flaw and fault is None:
            fault = Fault(index=index + 1 if flaw == "missing" else row.index, since=index + 1, flaw=flaw)
        if row.index in kept:
            wrong = kept.pop(row.index) - {row.hash, code_of(row.hash)}
            untrue.update(Head(row.index, each) for each in wrong)
            if wrong:
                fault = fault or Fault(index=row.index, since=confirmed + 1, flaw="rewritten")
            else:
                confirmed = row.index
        index, prev = row.index, row.hash
    for beyond in sorted(n for n in kept if n > index):
        untrue.update(Head(beyond, each) for each in kept[beyond])
        fault = fault or Fault(index=beyond, since=index + 1, flaw="cut")
    # A head inside the log whose row is not there: its row was taken out, which the chain has shown already.
    untrue.update(Head(n, each) for n in kept if after.index < n <= index for each in kept[n])
    return Verdict(head=Head(index, prev), fault=fault, untrue=frozenset(untrue))


def _flaw(row: Row, expected: int, prev: str) -> Flaw | None:
    if row.index > expected:
        return "missing"
    if row.index < expected or row.prev != prev:
        return "moved"
    return "edited" if row.hash != entry_hash(prev, row.entry) else None


def code_of(digest: str) -> str:
    """A hash (hex) as people compare it with paper: `7QK2-M8XA-0ZDR-N3FT`. Empty for what is no hash."""
    if not _HASH.fullmatch(digest):
        return ""
    bits = int(digest, 16) >> (len(digest) * 4 - CODE_SIGNS * 5)
    signs = "".join(_SIGNS[bits >> 5 * n & 31] for n in reversed(range(CODE_SIGNS)))
    return "-".join(signs[n : n + 4] for n in range(0, CODE_SIGNS, 4))


def read_head(text: str) -> Head:
    """`INDEX:HASH` as somebody typed it, with the whole hash or only its comparison code.

    The head has either 64 hex digits or a code as `code_of` writes it. Raises ValueError.
    """
    number, colon, digest = text.partition(":")
    digest = digest.strip()
    if not colon or not number.strip().isascii() or not number.strip().isdigit() or int(number) < 1:
        raise ValueError(
            f"{text!r} is no head; write INDEX:HASH or INDEX:CODE, as in 1204:7QK2-M8XA-0ZDR-N3FT"
        )
    if _HASH.fullmatch(digest.lower()):
        return Head(int(number), digest.lower())
    signs = re.sub(r"[\s-]", "", digest).upper().translate(_LOOKALIKES)
    if len(signs) != CODE_SIGNS or not set(signs) <= set(_SIGNS):
        raise ValueError(f"{digest!r} is neither a hash of 64 hex digits nor a code of {CODE_SIGNS} signs")
    return Head(int(number), "-".join(signs[n : n + 4] for n in range(0, CODE_SIGNS, 4)))
