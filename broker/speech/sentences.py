"""Cutting a text into the sentences that are spoken, kept and highlighted one by one. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

LONGEST = 600
"""No sentence is longer than this many characters: a text without full stops is cut at a clause or a space."""

# A full stop ends a sentence only before white space and not after one letter or a short title ("TP. Huế").
_END = re.compile(r"(?:[.!?…]+[\"'”’)\]]*(?=\s)|;(?=\s)|\n)")
_TITLE = re.compile(
    r"(?:(?<![^\s(])(?:[^\W\d_]|TP|TX|TT|Tp|Tx|Tt|tp|Th?S|Ts|PGS|GS|BS|Bs|Dr|Mr|Mrs|St|No|[Đđ]/c|KS|Ks|CN|tr|LH|ĐT|QL|TM|KT)"
    r"|(?<![^\n])[ \t]*\d{1,2})\.$"
)


@dataclass(frozen=True)
class Sentence:
    """One sentence, where it stands in the text, and how long the voice rests after it."""

    start: int
    end: int
    text: str
    rest_ms: int


def sentences(text: str) -> list[Sentence]:
    """The sentences of a text in order. `text[s.start:s.end] == s.text`; what lies between them is blank.

    Offsets count code points.
    """
    found: list[Sentence] = []
    start = 0
    for match in _END.finditer(text):
        if match[0] == "." and _TITLE.search(text, max(start, match.end() - 8), match.end()):
            continue
        found += _pieces(text, start, match.end())
        start = match.end()
    found += _pieces(text, start, len(text))
    return found


def _pieces(text: str, start: int, end: int) -> list[Sentence]:
    """A sentence without its blanks, cut where it is too long; nothing when there is nothing to say."""
    while start < end and text[start].isspace():
        start += 1
    is_last_line = "\n" in text[end - 1 : end + 1] if end else False
    while end > start and text[end - 1].isspace():
        end -= 1
    out = []
    while end - start > LONGEST:
        cut = max(text.rfind(mark, start + LONGEST // 2, start + LONGEST) for mark in (",", ":", "–"))
        if cut < 0:
            cut = text.rfind(" ", start + 1, start + LONGEST)
        cut = cut + 1 if cut >= 0 else start + LONGEST
        out.append(Sentence(start, cut, text[start:cut], 200))
        start = cut
        while start < end and text[start].isspace():
            start += 1
    piece = text[start:end]
    if any(char.isalnum() for char in piece):
        out.append(Sentence(start, end, piece, 250 if piece.endswith(";") else 700 if is_last_line else 450))
    return out
