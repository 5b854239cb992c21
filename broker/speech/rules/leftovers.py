"""What no rule could read: signs with one plain meaning are said, the rest become doubts."""

from __future__ import annotations

import re

from broker.speech.draft import CLAIMED, Claim, Draft
from broker.speech.rules.patterns import LETTER

_SIGNS = {
    "&": "và", "+": "cộng", "=": "bằng", "%": "phần trăm", "‰": "phần nghìn", "<": "nhỏ hơn", ">": "lớn hơn",
    "≤": "nhỏ hơn hoặc bằng", "≥": "lớn hơn hoặc bằng", "±": "cộng trừ", "°": "độ", "@": "a còng",
}  # fmt: skip
_PAIRS = {
    ">=": "lớn hơn hoặc bằng",
    "<=": "nhỏ hơn hoặc bằng",
    "+/-": "cộng trừ",
    "=>": "",
    ">>": "",
    "<<": "",
}
_DROPPED = frozenset("*•·●○■□▪►➢✓✔«»“”‘’„‟\"'`_|~^†…→⇒➔❖◆★☆¬\u00ad\u200b\u200c\u200d\u2060\ufeff\ufe0f#\\")
_QUIET = re.compile(rf"{LETTER}|[\s.,;:!?()\-–—\[\]{{}}{CLAIMED}]")


def claim(draft: Draft) -> None:
    """Claim every character that is left and is neither letter nor ordinary punctuation."""
    at = 0
    mask = draft.mask
    odd = [index for index, char in enumerate(mask) if char != CLAIMED and not _QUIET.match(char)]
    taken = []
    while at < len(odd):
        start = end = odd[at]
        while at < len(odd) and odd[at] == end:
            end += 1
            at += 1
        draft.add(_read(draft.text, start, end))
        taken.append((start, end))
    draft.blot(taken)


def _read(text: str, start: int, end: int) -> Claim:
    run = text[start:end]
    if all(char in _DROPPED for char in run):
        return Claim(start, end, "")
    if run == "/":
        return Claim(start, end, "hoặc")
    words = _SIGNS.get(run) or _PAIRS.get(run)
    if words is not None and run not in "%‰°@":
        return Claim(start, end, words)
    kept = " ".join(_SIGNS[char] for char in run if char in _SIGNS)
    return Claim(start, end, kept, (kept,) if kept else (), is_doubtful=True)
