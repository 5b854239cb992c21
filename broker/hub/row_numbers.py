"""Numbers of records as addresses, forms and links bring them: one reader, so that none is larger than a key can be."""

from __future__ import annotations

from typing import Final

LARGEST: Final = 2**31 - 1
"""Of an integer key on either database."""


def number_of(text: str) -> int | None:
    """The number that a text of plain digits names, 0 to LARGEST; None for everything else."""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST))):
        return None
    found = int(text)
    return found if found <= LARGEST else None
