"""Cutting a sentence for engines that take only so much at once. Pure."""

from __future__ import annotations


def chunks(text: str, longest: int) -> list[str]:
    """A text in pieces of at most `longest` code points, hardly more of them than the least there can be.

    Cut after a clause where little is left over, else at a space. Pieces without a letter or digit are left out.
    """
    words = [word[at : at + longest] for word in text.split() for at in range(0, len(word), longest)]
    out: list[str] = []
    line = ""
    for word in words:
        if line and len(line) + 1 + len(word) > longest:
            head, tail = _at_clause(line, longest)
            out.append(head)
            line = f"{tail} {word}".strip()
        else:
            line = f"{line} {word}".strip()
    out += [line] if line else []
    return [piece for piece in out if any(char.isalnum() for char in piece)]


def _at_clause(line: str, longest: int) -> tuple[str, str]:
    """Split a full line at its last comma when little is left over, so that the voice does not break a clause."""
    cut = max(line.rfind(mark) for mark in (", ", "; ", ": ", ". "))
    return (line[: cut + 1], line[cut + 2 :]) if cut > longest * 0.8 else (line, "")
