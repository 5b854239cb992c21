"""Abbreviations, foreign words and headings in capitals: each token looked up, unknown capitals doubted."""

from __future__ import annotations

import re

from broker.speech.draft import Claim, Draft
from broker.speech.letters import has_marks, is_syllable, spelled
from broker.speech.lexicon import Lexicon
from broker.speech.rules.patterns import LETTER

# A token may hold inner marks: "GD&ĐT", "KT-XH", "V/v", "TP.HCM".
_TOKEN = re.compile(rf"(?<![\w@]){LETTER}[^\W_]*(?:(?:\s?&\s?|[.\-–/]){LETTER}[^\W_]*)*")
_PART = re.compile(r"[^\W_]+")
_LONGEST_ENTRY = 6
"""Parts an entry of the lexicon may have."""


def claim(draft: Draft, lexicon: Lexicon) -> None:
    """Claim what the lexicon knows and doubt the capitals it does not know."""
    found = list(_TOKEN.finditer(draft.mask))
    shouted = [is_shouted(match[0]) for match in found]
    taken: list[tuple[int, int]] = []
    for number, match in enumerate(found):
        is_heading = (number > 0 and shouted[number - 1] and _touch(draft, found[number - 1], match)) or (
            number + 1 < len(found) and shouted[number + 1] and _touch(draft, match, found[number + 1])
        )
        for one in _read(draft, match, lexicon, is_heading=is_heading):
            draft.add(one)
            taken.append((one.start, one.end))
    draft.blot(taken)


def is_shouted(token: str) -> bool:
    """Whether a token is a syllable in capitals, as headings are written."""
    return len(token) > 1 and token.isupper() and is_syllable(token)


def _touch(draft: Draft, one: re.Match[str], other: re.Match[str]) -> bool:
    """Whether two tokens stand side by side on one line."""
    return other.start() - one.end() <= 3 and "\n" not in draft.mask[one.end() : other.start()]


def _read(draft: Draft, match: re.Match[str], lexicon: Lexicon, *, is_heading: bool) -> list[Claim]:
    """The claims inside one token: the longest part the lexicon knows, then the rest in the same way."""
    base, text = match.start(), match[0]
    parts = [part.span() for part in _PART.finditer(text)]
    out: list[Claim] = []
    at = 0
    while at < len(parts):
        start = parts[at][0]
        for upto in range(min(len(parts), at + _LONGEST_ENTRY), at, -1):
            key = text[start : parts[upto - 1][1]].replace(" ", "")
            meanings = _meanings(key, lexicon, is_heading=is_heading)
            if meanings:
                break
        else:
            upto = at + 1
            key = text[start : parts[at][1]]
            meanings = _guess(key, is_heading=is_heading or not _is_alone(draft, match), lexicon=lexicon)
        end = parts[upto - 1][1]
        if meanings:
            stop = _title_stop(draft, base + end) if key in lexicon.titles else 0
            is_doubtful = len(meanings) > 1 or (key not in lexicon.abbreviations and not _knows(key, lexicon))
            out.append(Claim(base + start, base + end + stop, meanings[0], meanings, is_doubtful))
        if upto < len(parts):
            mark = text[end : parts[upto][0]].strip()
            if mark in _JOINTS:
                is_code = min(end - start, parts[upto][1] - parts[upto][0]) == 1  # "cúm A/H5N1"
                joint = "," if is_code and mark == "/" else _JOINTS[mark]
                out.append(Claim(base + end, base + parts[upto][0], joint))
        at = upto
    return out


_JOINTS = {"&": "và", "/": "hoặc"}


def _meanings(key: str, lexicon: Lexicon, *, is_heading: bool) -> tuple[str, ...]:
    """What the lexicon says of a key; in a heading "CA" and "BAN" are syllables first."""
    if not (is_heading and is_syllable(key)):
        found = lexicon.abbreviations.get(key)
        if found:
            return found
    said = lexicon.words.get(key.lower())
    return (said,) if said else ()


def _knows(key: str, lexicon: Lexicon) -> bool:
    return key.lower() in lexicon.words


def _guess(key: str, *, is_heading: bool, lexicon: Lexicon) -> tuple[str, ...]:
    """Readings of capitals that nobody explained; nothing for an ordinary word."""
    if key in lexicon.names or len(key) == 1 or not any(char.isupper() for char in key[1:]):
        return ()
    if not key.isalpha():
        return ()  # letters with figures are read by rules/figures.py
    if key.isupper() and is_syllable(key) and (has_marks(key) or is_heading):
        return ()
    letters = spelled(key)
    readings = (letters, key.lower()) if is_syllable(key) else (letters,)
    return tuple(dict.fromkeys(filter(None, readings)))


def _is_alone(draft: Draft, match: re.Match[str]) -> bool:
    """Whether a token is all its line says; a lone syllable in capitals is then a heading too."""
    line_start = draft.text.rfind("\n", 0, match.start()) + 1
    return bool(draft.text[line_start : match.start()].strip()) or bool(
        draft.text[match.end() :].partition("\n")[0].strip(" :.")
    )


def _title_stop(draft: Draft, end: int) -> int:
    """1 where the full stop after "TP" or "BS" only shortens the word and ends no sentence."""
    following = draft.text[end + 1 : end + 3].lstrip()
    return 1 if draft.text[end : end + 1] == "." and following[:1].isupper() else 0
