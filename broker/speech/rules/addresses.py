"""Rules."""

from broker.speech.draft import Rule
from broker.speech.lexicon import Lexicon


def rules(lexicon: Lexicon) -> tuple[Rule, ...]:
    return ()
