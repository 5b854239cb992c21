"""What the bench lets engines say: sentences of our own set, written and spoken."""

from __future__ import annotations

from tests.bench.speaking.reading import SETS
from tests.speech.score import load


def written(count: int, first: int = 0) -> list[str]:
    """Some written sentences of one line, with full stops."""
    return [text for text, _ in _pairs()][first : first + count]


def spoken(count: int, first: int = 0) -> list[str]:
    """The same as they are said."""
    return [said for _, said in _pairs()][first : first + count]


def _pairs() -> list[tuple[str, str]]:
    """Sentences without a doubt, 40 to 300 letters as spoken."""
    rows = load(SETS["own set"])
    return [
        (row["text"], row["spoken"])
        for row in rows
        if not row.get("doubts")
        and 40 <= len(row["spoken"]) <= 300
        and row["text"].endswith(".")
        and "\n" not in row["text"]
    ]
