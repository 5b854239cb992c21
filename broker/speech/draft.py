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
_SIGNED = "-−±+"

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
    """"figure": the pattern can begin only with the first figure of a number; "signed": or with a sign before it."""
    figures: int = 0
    """Tried only on texts with so many figures unclaimed. Only for speed."""


_SHOUTED = re.compile(r"(?<!\w)[^\W\d_a-z]{2,7}(?![^\W\d_])")


def softened(text: str) -> str:
    """The text with small letters in the Vietnamese words of headings: "THÁNG 11" is read as "tháng 11" is.

    Only words with marks: capitals without any may be an abbreviation.
    """
    return _SHOUTED.sub(_small, text)


def _small(match: re.Match[str]) -> str:
    word = match[0]
    if word.isupper() and has_marks(word) and is_syllable(word):
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
        for match in self._matches(rule) if rule.at else rule.pattern.finditer(self.mask):
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

    def _matches(self, rule: Rule) -> list[re.Match[str]]:
        """What `finditer` would find of a pattern that begins at a number, without a look at every letter."""
        out, upto, match_at = [], 0, rule.pattern.match
        for start in self.starts:
            tries = (self._sign_before(start), start) if rule.at == "signed" else (start,)
            for place in tries:
                if place >= upto and (match := match_at(self.mask, place)) is not None:
                    out.append(match)
                    upto = match.end()
                    break
        return out

    def _sign_before(self, start: int) -> int:
        """The place of a sign right before a number or one space before it; -1 where there is none."""
        if start and self.mask[start - 1] in _SIGNED:
            return start - 1
        spaced = start > 1 and self.mask[start - 1].isspace() and self.mask[start - 2] in _SIGNED
        return start - 2 if spaced else -1

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
