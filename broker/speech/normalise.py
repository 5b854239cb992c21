"""Written Vietnamese to spoken Vietnamese: every figure, sign and abbreviation in words. Pure.

The rules stand in `rules/` in the order in which they claim characters. What none of them can read for certain
comes back as a doubt: a person decides before anything is spoken.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from broker.speech.draft import Claim, Draft
from broker.speech.letters import has_marks, is_syllable
from broker.speech.lexicon import Lexicon
from broker.speech.rules import read
from broker.speech.rules.signs import APOSTROPHE


@dataclass(frozen=True)
class Span:
    """A piece that is said otherwise than written. Offsets count code points of each text as given.

    What lies between two spans is the same in both texts, but for the composition of letters and for characters
    without a shape (soft hyphens, joiners), which are not in the spoken one.
    """

    written_start: int
    written_end: int
    spoken_start: int
    spoken_end: int


@dataclass(frozen=True)
class Doubt:
    """A piece of the written text that was not read for certain, and what it might be said as."""

    start: int
    end: int
    found: str
    suggestions: tuple[str, ...]


@dataclass(frozen=True)
class Spoken:
    """A text as it is said."""

    text: str
    spans: tuple[Span, ...]
    doubts: tuple[Doubt, ...]


def normalise(text: str, lexicon: Lexicon) -> Spoken:
    """The spoken form of a written text. Never raises; linear in the length of the text."""
    written, places = _composed(text)
    draft = Draft(written)
    read(draft, lexicon)
    spoken, spans = _assemble(written, draft.claims, places)
    doubts = tuple(
        Doubt(places(one.start), places(one.end), text[places(one.start) : places(one.end)], one.suggestions)
        for one in draft.claims
        if one.is_doubtful
    )
    moved = tuple(
        Span(places(one.written_start), places(one.written_end), one.spoken_start, one.spoken_end)
        for one in spans
    )
    return Spoken(spoken, moved, doubts)


class _Places:
    """From a place in the composed text to the same place in the text as given."""

    def __init__(self, starts: list[int] | None, added: frozenset[int] = frozenset()) -> None:
        self._starts = starts
        self._added = added

    def __call__(self, at: int) -> int:
        return at if self._starts is None else self._starts[at]

    def is_added(self, at: int) -> bool:
        """Whether the character at a place stands for nothing in the text as given."""
        return at in self._added


_SHAPELESS = re.compile("[\u00ad\u180e\u200b-\u200d\u2060\ufeff]+")
"""Marks of where a word may break or letters join. Those that turn the direction of writing stay, for a doubt."""


def _composed(text: str) -> tuple[str, _Places]:
    """The text without shapeless characters, with composed letters (NFC) and a space between a word and a figure that
    were written as one.

    Every place of the text as given is still known.
    """
    if text.isascii():
        return _apart(text, None)
    shown, kept = _shown(text)
    if unicodedata.is_normalized("NFC", shown):
        return _apart(shown, kept)
    composed, starts = _clusters(shown)
    return _apart(composed, starts if kept is None else [kept[at] for at in starts])


def _shown(text: str) -> tuple[str, list[int] | None]:
    """What can be seen of a text, and where it stood; between two figures something unseen stays, for a doubt."""
    pieces: list[str] = []
    kept: list[int] = []
    at = 0
    for match in _SHAPELESS.finditer(text):
        start, end = match.span()
        if text[start - 1 : start].isdigit() and text[end : end + 1].isdigit():
            continue
        pieces.append(text[at:start])
        kept += range(at, start)
        at = end
    if not at:
        return text, None
    return "".join([*pieces, text[at:]]), [*kept, *range(at, len(text) + 1)]


def _clusters(text: str) -> tuple[str, list[int]]:
    """The text in composed letters, and where each code point of it and its end stood."""
    pieces: list[str] = []
    starts: list[int] = []
    at = 0
    while at < len(text):
        end = at + 1
        while end < len(text) and unicodedata.combining(text[end]):
            end += 1
        piece = unicodedata.normalize("NFC", text[at:end])
        pieces.append(piece)
        # A cluster that stays longer than one code point keeps its places as near as they can be.
        starts += [min(at + index, end - 1) for index in range(len(piece))]
        at = end
    return "".join(pieces), [*starts, len(text)]


_FIGURES = re.compile(r"\d+")
_WORD_BEFORE = re.compile(r"(?<![\w.@/\-])[^\W\d_]{2,7}$")
_HEADS = frozenset({"ĐT", "SĐT", "DĐ", "LH", "STK", "MST", "CCCD", "Tel", "TEL", "Zalo"})
_WORD_AFTER = re.compile(r"[^\W\d_]{2,7}(?![^\W\d_])")


def _apart(text: str, starts: list[int] | None) -> tuple[str, _Places]:
    """ "tầng2" → "tầng 2", "30người" → "30 người": a Vietnamese word and a figure are never one token."""
    cuts = []
    for number in _FIGURES.finditer(text):
        start, end = number.span()
        if start and text[start - 1].isalpha():
            word = _WORD_BEFORE.search(text, max(start - 9, 0), start)
            if word is not None and (
                (word[0] in _HEADS and end - start > 6) or (has_marks(word[0]) and is_syllable(word[0]))
            ):
                cuts.append(start)
        if text[end : end + 1].isalpha():
            word = _WORD_AFTER.match(text, end)
            if word is not None and has_marks(word[0]) and is_syllable(word[0]):
                cuts.append(end)
    if not cuts:
        return text, _Places(starts)
    places = list(range(len(text) + 1)) if starts is None else starts
    pieces: list[str] = []
    moved: list[int] = []
    at = 0
    for cut in cuts:
        pieces += [text[at:cut], " "]
        moved += [*places[at:cut], places[cut]]
        at = cut
    added = frozenset(cut + number for number, cut in enumerate(cuts))
    return "".join([*pieces, text[at:]]), _Places([*moved, *places[at:]], added)


def _assemble(written: str, claims: list[Claim], places: _Places) -> tuple[str, list[Span]]:
    """Put the words in place of what was claimed, with a space where a word would stick to the next."""
    out: list[str] = []
    spans: list[Span] = []
    at = length = 0
    tail = ""
    for claim in claims:
        start = claim.start - (claim.start > at and places.is_added(claim.start - 1))
        end = claim.end + places.is_added(claim.end)
        kept = written[at:start]
        out.append(kept)
        length += len(kept)
        tail = kept[-1:] or tail
        words = claim.words
        if words[:1].isalnum() and tail and (tail.isalnum() or tail in ",;:.!?)"):
            words = " " + words
        following = written[end : end + 1]
        if words and words != APOSTROPHE and following and (following.isalnum() or following == "("):
            words += " "
        if not words and _needs_room(claim, tail, following):
            words = " "
        out.append(words)
        spans.append(Span(start, end, length, length + len(words)))
        length += len(words)
        tail = words[-1:] or tail
        at = end
    out.append(written[at:])
    return "".join(out), spans


def _needs_room(claim: Claim, tail: str, following: str) -> bool:
    """Whether a sign that is not said leaves a space: between two words, and where a person may put words instead."""
    if claim.is_doubtful:
        return tail.isalnum() or following.isalnum()
    return tail.isalnum() and following.isalnum()
