"""The rules from written to spoken, in the order in which they claim characters of a text."""

from __future__ import annotations

from functools import lru_cache

from broker.speech.draft import Draft, Rule
from broker.speech.lexicon import Lexicon
from broker.speech.rules import (
    addresses,
    codes,
    dates,
    figures,
    leftovers,
    legal,
    measures,
    money,
    phones,
    places,
    ratios,
    roman,
    times,
    words,
)

_BEFORE_WORDS: tuple[Rule, ...] = (
    *codes.RULES,
    *phones.RULES,
    *places.RULES,
    *times.RULES,
    *dates.RULES,
    *money.RULES,
    *measures.RULES,
    *roman.RULES,
)
_AFTER_WORDS: tuple[Rule, ...] = (*ratios.RULES, *figures.RULES)


@lru_cache(maxsize=8)
def _rules(lexicon: Lexicon) -> tuple[Rule, ...]:
    return (*addresses.rules(lexicon), *legal.rules(lexicon), *_BEFORE_WORDS)


def read(draft: Draft, lexicon: Lexicon) -> None:
    """Let every rule claim its part of the draft; what nobody could read ends as a doubt."""
    signs = frozenset(draft.text)
    has_digit = any(char.isdigit() for char in signs)
    lower = draft.text.lower()

    def may(rule: Rule) -> bool:
        return (
            (has_digit or rule.needs == "any")
            and not (rule.sign and signs.isdisjoint(rule.sign))
            and (not rule.hints or any(hint in lower for hint in rule.hints))
        )

    for rule in _rules(lexicon):
        if may(rule):
            draft.apply(rule)
    words.claim(draft, lexicon)
    for rule in _AFTER_WORDS:
        if may(rule):
            draft.apply(rule)
    leftovers.claim(draft)
