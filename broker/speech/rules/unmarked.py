"""Vietnamese written without its marks ("Thong bao hop thon"), which no voice can read: a person writes it again."""

from __future__ import annotations

import re

from broker.speech.draft import Claim, Draft
from broker.speech.letters import is_bare_syllable, is_syllable

_RUN = re.compile(r"(?<!\w)[A-Za-z]{1,12}(?:[ ,]{1,2}[A-Za-z]{1,12}){2,}(?!\w)")
_WORD = re.compile(r"[a-z]+")
_ENOUGH = 2


def claim(draft: Draft) -> None:
    """Doubt every run of three words and more in which at least two have surely lost their marks."""
    taken = []
    for match in _RUN.finditer(draft.mask):
        lost = 0
        for word in _WORD.findall(match[0].lower()):
            lost += has_lost_marks(word)
            if lost == _ENOUGH:
                draft.add(Claim(*match.span(), match[0], (match[0],), is_doubtful=True))
                taken.append(match.span())
                break
    draft.blot(taken)


def has_lost_marks(word: str) -> bool:
    """Whether small letters would be a Vietnamese syllable with marks and are none without: "hop", "viec", "truong".

    What ends in c, ch, p or t always carries a tone; ie, uo and ye always carry a hat or a horn.
    """
    return is_bare_syllable(word) and (word[-1] in "cpt" or word.endswith("ch") or not is_syllable(word))
