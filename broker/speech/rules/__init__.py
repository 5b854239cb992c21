"""The rules from written to spoken, in the order in which they claim characters of a text."""

from __future__ import annotations

from broker.speech.draft import Draft, Rule
from broker.speech.lexicon import Lexicon
from broker.speech.rules import (
    addresses,
    dates,
    figures,
    leftovers,
    legal,
    measures,
    money,
    phones,
    places,
    roman,
    times,
    words,
)

_BEFORE_WORDS: tuple[Rule, ...] = (
    *phones.RULES,
    *places.RULES,
    *times.RULES,
    *dates.RULES,
    *money.RULES,
    *measures.RULES,
    *roman.RULES,
)


def read(draft: Draft, lexicon: Lexicon) -> None:
    """Let every rule claim its part of the draft; what nobody could read ends as a doubt."""
    has_digit = any(char.isdigit() for char in draft.text)
    for rule in (*addresses.rules(lexicon), *legal.rules(lexicon), *_BEFORE_WORDS):
        if has_digit or rule.needs == "any":
            draft.apply(rule)
    words.claim(draft, lexicon)
    if has_digit:
        for rule in figures.RULES:
            draft.apply(rule)
    leftovers.claim(draft)
