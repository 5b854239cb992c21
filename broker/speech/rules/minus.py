"""A dash before a figure: below zero, a mark of a list, or a pause."""

from __future__ import annotations

import re

from broker.speech.draft import Said

COLD = re.compile(
    r"(?:nhiệt độ|xuống|dưới|thấp nhất|hạ|chạm|mức|ngưỡng|rét|lạnh|băng giá|sương muối|đông đá|còn|chỉ)"
    r"(?!\w)[^.;\d]{0,16}$"
)
"""What stands before a temperature below zero, lower case."""


def below(sign: str, said: str, before: str, *, is_degree: bool) -> str | Said:
    """What a figure with a dash before it is said as.

    sign: the dash and the blank behind it. said: the words of the figure. before: what stands before the dash on
    its line, lower case. is_degree: whether it counts degrees.
    """
    mark = sign.strip()
    under = f"âm {said}"
    is_glued = sign == mark
    if is_glued and (mark in "-−" or is_degree):
        return under
    if is_degree and COLD.search(before):
        return under  # "nhiệt độ – 5°C"
    if not is_degree and not is_glued and not before.strip():
        return said  # "- 5 kg gạo" in a list
    if not is_degree and not is_glued and mark in "–—":
        return f"{mark} {said}"  # a pause
    return under if mark == "−" else Said(under, (under, said))
