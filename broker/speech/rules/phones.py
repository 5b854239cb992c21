"""Rules."""

from broker.speech.draft import Rule

RULES: tuple[Rule, ...] = ()
