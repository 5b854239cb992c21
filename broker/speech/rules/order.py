"""Rules in their order, and at a glance which of them a text cannot need: most of reading is not reading."""

from __future__ import annotations

import re
from collections.abc import Iterable

from broker.speech.draft import Draft, Rule

_INNER_POINT = re.compile(r"\.(?:\s?\d|[^\W\d_])|(?<!\w)[acôb]\.", re.I)


class Order:
    """Applies rules one after the other. A set of rules is an int whose bit n stands for rule n."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(rules)
        self._steps = tuple((1 << place, rule) for place, rule in enumerate(self.rules))
        self._by_sign: dict[str, int] = {}
        self._unsigned = 0
        hinted: dict[tuple[str, ...], int] = {}
        for bit, rule in self._steps:
            for sign in rule.sign:
                self._by_sign[sign] = self._by_sign.get(sign, 0) | bit
            self._unsigned |= 0 if rule.sign else bit
            hinted[rule.hints] = hinted.get(rule.hints, 0) | bit
        hinted.pop((), None)
        self._hinted = tuple(hinted.items())

    def apply(self, draft: Draft) -> None:
        """Let every rule that may find something claim what it can read."""
        hintless = self._without_hints(draft.text.lower())
        may = self._signed(draft.mask) & ~hintless
        for bit, rule in self._steps:
            if not may & bit or draft.figures < rule.figures:
                continue
            if (rule.needs == "digit" and not draft.starts) or (rule.needs == "claim" and not draft.claims):
                continue
            if draft.apply(rule):
                may = self._signed(draft.mask) & ~hintless

    def _signed(self, mask: str) -> int:
        """The rules whose signs are among what nobody has claimed; a point counts only inside of something."""
        signs = set(mask)
        if "." in signs and not _INNER_POINT.search(mask):
            signs.discard(".")
        may = self._unsigned
        for sign in signs & self._by_sign.keys():
            may |= self._by_sign[sign]
        return may

    def _without_hints(self, lower: str) -> int:
        """The rules none of whose words are in the text."""
        out = 0
        for hints, rules in self._hinted:
            if not any(map(lower.__contains__, hints)):
                out |= rules
        return out
