"""Identity numbers: nobody needs one at this screen, so none is taken, whoever sends it and from whichever form."""

from __future__ import annotations

import re

_RUN = re.compile(r"(?<!\d)\d(?:[ .\-–]*\d)*", re.ASCII)
_NO_NUMBER_OF_A_PERSON = re.compile(
    r"(?<![\d.])\d{1,2}([.\-])\d{1,2}\1(?:19|20)\d\d(?!\d)|(?<![\d.])\d{1,3}(?:\.\d{3})*\.000(?![.\d])",
    re.ASCII,
)
"""A day (20.11.2026) or a round sum of money (150.000.000)."""
LENGTHS = (9, 12)
"""Digits of the old card (chứng minh nhân dân) and of the new one (căn cước)."""


def holds_identity(text: str) -> bool:
    """Whether `text` has 9 or 12 digits in a row, also with spaces, dots or dashes between them.

    kiosk/static/identity.js says the same on the page.
    """
    plain = _NO_NUMBER_OF_A_PERSON.sub(lambda part: "/" * len(part[0]), text)
    return any(sum(c.isdigit() for c in run) in LENGTHS for run in _RUN.findall(plain))
