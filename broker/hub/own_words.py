"""A reason in somebody's own words: how long it must be, and what the audit log says instead of it. Pure."""

from __future__ import annotations

from typing import Final

from broker.hub.declined import Declined

LOGGED: Final = "lý do khác"
"""In the audit log: own words may name people."""
FEWEST, MOST = 5, 400
"""Characters of own words."""


def cleaned(words: str) -> str:
    """One line of what can be printed, as long as a reason may be."""
    return " ".join("".join(c if c.isprintable() else " " for c in words).split())[:MOST]


def refuse_few(words: str, asked: str = "Xin ghi rõ lý do, ít nhất vài chữ.") -> None:
    """Raises Declined, saying what is `asked`, for words that say nothing."""
    if len(cleaned(words)) < FEWEST:
        raise Declined("no-reason", asked)
