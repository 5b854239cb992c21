"""What changed between two revisions of an announcement: words, places, times, and the rest. Pure.

Whoever approves a corrected announcement should not have to read it twice to find one hour that moved.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from difflib import SequenceMatcher
from typing import Generic, Literal, TypeVar

Mark = Literal["same", "removed", "added"]
Thing = TypeVar("Thing", bound=Hashable)

_BREAK = r"\s.,;:!?()\[\]“”\"…–"
_TOKEN = re.compile(rf"\s+|[^{_BREAK}]+(?:[.,:][^{_BREAK}]+)*|.")
"""Spaces, words (figures like 50.000 or 17:30 are one), and single marks."""


@dataclass(frozen=True)
class Wording:
    """One revision as far as it is compared."""

    title: str = ""
    written: str = ""
    spoken: str = ""
    villages: Sequence[str] = ()
    starts: Sequence[datetime] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    """What else was decided, in words by its name: {"Loại": "Ưu tiên", "Đọc": "2 lần"}."""


@dataclass(frozen=True)
class Piece:
    """Some words that stand in both, only in the older or only in the newer."""

    text: str
    mark: Mark


@dataclass(frozen=True)
class Listed(Generic[Thing]):
    """Two lists against each other, each part in its own order."""

    kept: tuple[Thing, ...]
    removed: tuple[Thing, ...]
    added: tuple[Thing, ...]

    @property
    def is_same(self) -> bool:
        """Whether both hold the same things."""
        return not self.removed and not self.added


@dataclass(frozen=True)
class Fact:
    """Something that was decided otherwise; empty where a revision says nothing of it."""

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class Difference:
    """Everything that changed from one revision to another."""

    title: tuple[Piece, ...]
    written: tuple[Piece, ...]
    spoken: tuple[Piece, ...]
    places: Listed[str]
    times: Listed[datetime]
    facts: tuple[Fact, ...]

    @property
    def is_none(self) -> bool:
        """Whether both say the same, at the same places and times."""
        words = (self.title, self.written, self.spoken)
        same = all(is_same(pieces) for pieces in words) and self.places.is_same
        return same and self.times.is_same and not self.facts


def differ(before: Wording, after: Wording) -> Difference:
    """What changed from `before` to `after`."""
    names = [*before.facts, *(name for name in after.facts if name not in before.facts)]
    facts = [Fact(name, before.facts.get(name, ""), after.facts.get(name, "")) for name in names]
    return Difference(
        title=compare_words(before.title, after.title),
        written=compare_words(before.written, after.written),
        spoken=compare_words(before.spoken, after.spoken),
        places=compare_lists(before.villages, after.villages),
        times=compare_lists(before.starts, after.starts),
        facts=tuple(fact for fact in facts if fact.before != fact.after),
    )


def is_same(pieces: Sequence[Piece]) -> bool:
    """Whether nothing was removed or added."""
    return all(piece.mark == "same" for piece in pieces)


def compare_lists(before: Sequence[Thing], after: Sequence[Thing]) -> Listed[Thing]:
    """Which things stayed, went and came."""
    had, has = set(before), set(after)
    return Listed(
        kept=tuple(each for each in after if each in had),
        removed=tuple(each for each in before if each not in has),
        added=tuple(each for each in after if each not in had),
    )


def compare_words(before: str, after: str) -> tuple[Piece, ...]:
    """Two texts word by word. Joining all but the added pieces gives `before`, all but the removed ones `after`.

    Beyond 200 words those that come again and again are not looked for on their own (difflib's autojunk): it keeps
    the time of two long texts of the same few words below some milliseconds, and whole sentences are still found.
    """
    old, new = _TOKEN.findall(before), _TOKEN.findall(after)
    head = _shared(old, new)
    tail = _shared(old[head:][::-1], new[head:][::-1])
    old_end, new_end = len(old) - tail, len(new) - tail
    pieces = [Piece("".join(old[:head]), "same")]
    pieces += _middle(old[head:old_end], new[head:new_end])
    pieces.append(Piece("".join(old[old_end:]), "same"))
    return tuple(_joined(piece for piece in pieces if piece.text))


def _shared(old: Sequence[str], new: Sequence[str]) -> int:
    """How many tokens both begin with."""
    count = 0
    for one, other in zip(old, new, strict=False):
        if one != other:
            break
        count += 1
    return count


def _middle(old: Sequence[str], new: Sequence[str]) -> Iterator[Piece]:
    for kind, i, j, k, m in SequenceMatcher(None, old, new).get_opcodes():
        if kind == "equal":
            yield Piece("".join(old[i:j]), "same")
            continue
        yield Piece("".join(old[i:j]), "removed")
        yield Piece("".join(new[k:m]), "added")


def _joined(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Neighbours of one kind as one; a lone space between two changes belongs to both of them."""
    removed, added, space = "", "", ""
    for piece in pieces:
        if piece.mark == "same" and piece.text.isspace() and (removed or added):
            space += piece.text
            continue
        if piece.mark == "same":
            yield from _changes(removed, added)
            yield Piece(space + piece.text, "same")
            removed, added, space = "", "", ""
            continue
        if removed or added:
            removed, added = removed + space, added + space
        space = ""
        removed += piece.text if piece.mark == "removed" else ""
        added += piece.text if piece.mark == "added" else ""
    yield from _changes(removed, added)
    if space:
        yield Piece(space, "same")


def _changes(removed: str, added: str) -> Iterator[Piece]:
    if removed:
        yield Piece(removed, "removed")
    if added:
        yield Piece(added, "added")
