"""A written text while rules turn it into words: who has claimed which characters, and what is said for them."""

from __future__ import annotations

import re
from bisect import insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from broker.speech.letters import has_marks, is_syllable

CLAIMED = "\ue000"
"""Stands in `Draft.mask` for every character a rule has claimed, so that offsets stay what they were."""


@dataclass(frozen=True, order=True)
class Claim:
    """Characters start … end of the text and the words that are said for them."""

    start: int
    end: int
    words: str
    suggestions: tuple[str, ...] = ()
    is_doubtful: bool = False


@dataclass(frozen=True)
class Said:
    """What a rule answers when it is not sure: words for now, and what else it could be."""

    words: str
    suggestions: tuple[str, ...]


_FIGURES = re.compile(r"\d+")

Say = Callable[[re.Match[str], "Draft"], "str | Said | None"]


@dataclass(frozen=True)
class Rule:
    """A written form and how it is said; None from `say` leaves the match alone.

    Only the group `x` is claimed where the pattern has one; what is around it is context.
    """

    pattern: re.Pattern[str]
    say: Say
    needs: str = "digit"
    """"digit": tried only while a figure is unclaimed; "claim": once something is claimed; "any": always."""
    sign: str = ""
    """Tried only on texts with at least one of these characters; the empty string: always."""
    hints: tuple[str, ...] = ()
    """Tried only on texts with at least one of these words, lower case; empty: always. Only for speed."""
    at: str = ""
    """Where the pattern can begin: "figure": with the first figure of a number; "signed": or up to two characters
    before it; "word": with the first letter of a word that holds a figure; the empty string: anywhere."""
    figures: int = 0
    """Tried only on texts with so many figures unclaimed. Only for speed."""


_CAPITALS = "".join(filter(str.isupper, map(chr, (*range(0xC0, 0x1B1), *range(0x1EA0, 0x1EFA)))))
_SHOUTED = re.compile(rf"[A-Z{_CAPITALS}]{{2,}}(?![^\W\d_])")


def softened(text: str) -> str:
    """The text with small letters in the Vietnamese words of headings: "THÁNG 11" is read as "tháng 11" is.

    Only words with marks: capitals without any may be an abbreviation.
    """
    return _SHOUTED.sub(_small, text)


def _small(match: re.Match[str]) -> str:
    word = match[0]
    is_whole = not match.start() or not match.string[match.start() - 1].isalpha()
    if is_whole and word.isupper() and has_marks(word) and is_syllable(word):
        lower = word.lower()
        return lower if len(lower) == len(word) else word
    return word


@dataclass
class Draft:
    """One text being read. `mask` is `text` with claimed characters blotted out."""

    text: str
    mask: str = ""
    claims: list[Claim] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    """Where the unclaimed numbers begin."""
    figures: int = 0
    """How many figures are unclaimed."""

    def __post_init__(self) -> None:
        self.mask = self.mask or softened(self.text)
        self._count()

    def raise_again(self) -> None:
        """Give what is unclaimed its capitals back, which tell an abbreviation from a word."""
        self.mask = "".join(
            char if char == CLAIMED else written for char, written in zip(self.mask, self.text, strict=True)
        )

    def _count(self) -> None:
        numbers = [match.span() for match in _FIGURES.finditer(self.mask)]
        self.starts = [start for start, _ in numbers]
        self.figures = sum(end - start for start, end in numbers)

    def before(self, at: int, reach: int = 48) -> str:
        """What stands before a place on the same line, lower case."""
        return self.text[max(at - reach, 0) : at].rpartition("\n")[2].lower()

    def after(self, at: int, reach: int = 24) -> str:
        """What stands after a place on the same line, lower case."""
        return self.text[at : at + reach].partition("\n")[0].lower()

    def apply(self, rule: Rule) -> bool:
        """Let one rule claim whatever it can read; whether it claimed anything."""
        taken: list[tuple[int, int]] = []
        for match in self.matches(rule):
            start, end = match.span("x") if "x" in rule.pattern.groupindex else match.span()
            said = rule.say(match, self) if start < end else None
            if said is None:
                continue
            if isinstance(said, Said):
                self.add(Claim(start, end, said.words, said.suggestions, is_doubtful=True))
            else:
                self.add(Claim(start, end, said))
            taken.append((start, end))
        if taken:
            self.blot(taken)
        return bool(taken)

    def matches(self, rule: Rule) -> list[re.Match[str]]:
        """What `finditer` finds; of a pattern that begins at a number without a look at every letter."""
        if not rule.at:
            return list(rule.pattern.finditer(self.mask))
        match_at, mask = rule.pattern.match, self.mask
        found = [match for place in self._places(rule.at) if (match := match_at(mask, place)) is not None]
        if len(found) < 2:
            return found
        out, upto = [], 0
        for match in found:
            if match.start() >= upto:
                out.append(match)
                upto = match.end()
        return out

    def _places(self, at: str) -> list[int]:
        """Where a pattern of this kind can begin, in rising order."""
        if at == "figure":
            return self.starts
        if at == "signed":
            near = {start - back for start in self.starts for back in range(min(start, 2) + 1)}
            return sorted(near)
        return self._words()

    def _words(self) -> list[int]:
        """The beginnings of the words that hold a figure."""
        out, before = [], -1
        for start in self.starts:
            at = start
            while at > before + 1 and (self.mask[at - 1].isalnum() or self.mask[at - 1] == "_"):
                at -= 1
            if at != before + 1 or at == 0:
                out.append(at)
            before = start
        return out

    def add(self, claim: Claim) -> None:
        """Keep a claim in the order of the text."""
        if not self.claims or self.claims[-1] < claim:
            self.claims.append(claim)
        else:
            insort(self.claims, claim)

    def blot(self, taken: Sequence[tuple[int, int]]) -> None:
        """Take claimed stretches, in rising order, out of the sight of later rules."""
        parts, at = [], 0
        for start, end in taken:
            parts += [self.mask[at:start], CLAIMED * (end - start)]
            at = end
        self.mask = "".join([*parts, self.mask[at:]])
        self._count()
