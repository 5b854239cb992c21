"""A written text while rules turn it into words: who has claimed which characters, and what is said for them."""

from __future__ import annotations

import re
from bisect import insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

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


Say = Callable[[re.Match[str], "Draft"], "str | Said | None"]


@dataclass(frozen=True)
class Rule:
    """A written form and how it is said; None from `say` leaves the match alone.

    Only the group `x` is claimed where the pattern has one; what is around it is context.
    """

    pattern: re.Pattern[str]
    say: Say
    needs: str = "digit"
    """"digit": tried only on texts with a digit; "any": always."""
    sign: str = ""
    """Tried only on texts with at least one of these characters; the empty string: always."""
    hints: tuple[str, ...] = ()
    """Tried only on texts with at least one of these words, lower case; empty: always. Only for speed."""


@dataclass
class Draft:
    """One text being read. `mask` is `text` with claimed characters blotted out."""

    text: str
    mask: str = ""
    claims: list[Claim] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.mask = self.mask or self.text

    def before(self, at: int, reach: int = 48) -> str:
        """What stands before a place on the same line, lower case."""
        return self.text[max(at - reach, 0) : at].rpartition("\n")[2].lower()

    def after(self, at: int, reach: int = 24) -> str:
        """What stands after a place on the same line, lower case."""
        return self.text[at : at + reach].partition("\n")[0].lower()

    def apply(self, rule: Rule) -> None:
        """Let one rule claim whatever it can read."""
        has_x = "x" in rule.pattern.groupindex
        taken: list[tuple[int, int]] = []
        for match in rule.pattern.finditer(self.mask):
            start, end = match.span("x") if has_x else match.span()
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
