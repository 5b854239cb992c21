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
    signs,
    ticks,
    times,
    unmarked,
    words,
)
from broker.speech.rules.order import Order

_BEFORE_WORDS: tuple[Rule, ...] = (
    *signs.NAMES,
    *codes.RULES,
    *phones.RULES,
    *places.RULES,
    *ticks.RULES,
    *times.RULES,
    *dates.RULES,
    *money.RULES,
    *measures.RULES,
    *roman.RULES,
)
AFTER_WORDS = Order((*signs.RULES, *ratios.RULES, *figures.RULES))


@lru_cache(maxsize=8)
def before_words(lexicon: Lexicon) -> Order:
    """The rules that claim before single words are looked up."""
    return Order((*addresses.rules(lexicon), *legal.rules(lexicon), *_BEFORE_WORDS))


def read(draft: Draft, lexicon: Lexicon) -> None:
    """Let every rule claim its part of the draft; what nobody could read ends as a doubt."""
    before_words(lexicon).apply(draft)
    draft.raise_again()
    words.claim(draft, lexicon)
    unmarked.claim(draft)
    AFTER_WORDS.apply(draft)
    leftovers.claim(draft)
