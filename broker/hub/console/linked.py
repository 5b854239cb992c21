"""A text as written and as it will be said, in pieces that know each other, so that a page lights both up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from broker.speech.normalise import Spoken


@dataclass(frozen=True)
class Linked:
    """Both sides of one text. Their text is the text itself, line ends and all: show them with `pre-wrap`."""

    written: Markup
    spoken: Markup


def linked(text: str, spoken: Spoken, asked: Sequence[str] = ()) -> Linked:
    """Mark what is said otherwise than written (`u`) and what is in doubt (`mark`), with one number on both sides.

    asked: the pieces that the page asks about, in the order of its questions; a piece then names its question. On
    the spoken side a piece also tells where it stands in the written text, in UTF-16 units as scripts count.
    Pieces that are not said at all (ornaments, list marks) are left plain, unless they are in doubt.
    """
    doubts = {(doubt.start, doubt.end) for doubt in spoken.doubts}
    numbers = {found: number for number, found in reversed(list(enumerate(asked, 1)))}
    left: list[Markup] = []
    right: list[Markup] = []
    at = said_at = units = 0
    for number, span in enumerate(spoken.spans, 1):
        before = text[at : span.written_start]
        piece = text[span.written_start : span.written_end]
        said = spoken.text[span.spoken_start : span.spoken_end]
        start = units + units_of(before)
        units = start + units_of(piece)
        left.append(escape(before))
        right.append(escape(spoken.text[said_at : span.spoken_start]))
        tag = "mark" if (span.written_start, span.written_end) in doubts else "u"
        asks = f' data-asks="{numbers[piece]}"' if piece in numbers else ""
        if said.strip() or tag == "mark":
            left.append(_tagged(tag, f'data-piece="{number}"{asks}', piece))
            place = f'data-piece="{number}" data-from="{start}" data-to="{units}"{asks}'
            right.append(_tagged(tag, place, said))
        else:
            left.append(escape(piece))
            right.append(escape(said))
        at, said_at = span.written_end, span.spoken_end
    left.append(escape(text[at:]))
    right.append(escape(spoken.text[said_at:]))
    return Linked(Markup("").join(left), Markup("").join(right))


def units_of(text: str) -> int:
    """Length in UTF-16 units, as a browser counts the places of a text."""
    return len(text) + sum(char > "\uffff" for char in text)


def _tagged(tag: str, attributes: str, words: str) -> Markup:
    """Blanks at the edges stay outside, so that only words are marked."""
    bare = words.strip()
    head, _, tail = words.partition(bare) if bare else (words, "", "")
    opened = Markup(f"<{tag} {attributes}>")  # noqa: S704  (numbers and names of our own)
    return escape(head) + opened + escape(bare) + Markup(f"</{tag}>") + escape(tail)  # noqa: S704
