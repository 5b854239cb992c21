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
    ">>": "",
    "<<": "",
}
_DROPPED = frozenset("*•·●○■□▪►➢«»“”‘’„‟\"'`_|~^†…❖◆★☆¬\u00ad\u200b\u200c\u200d\u2060\ufeff\ufe0f#\\")
_ODD = re.compile(rf"[^{LETTER[1:-1]}\s.,;:!?()\-–—\[\]{{}}{CLAIMED}]+")


def claim(draft: Draft) -> None:
    """Claim every character that is left and is neither letter nor ordinary punctuation."""
    taken = []
    for match in _ODD.finditer(draft.mask):
        start, end = match.span()
        if match[0] in "'’" and _inside_word(draft.text, start):
            continue  # "H'Nhi"
        start -= match[0] == ">" and draft.mask[start - 1 : start] == "-"  # "->"
        draft.add(_read(draft.text, start, end))
        taken.append((start, end))
    draft.blot(taken)


def _inside_word(text: str, at: int) -> bool:
    return text[at - 1 : at].isalpha() and text[at + 1 : at + 2].isalpha() and at > 0


def _read(text: str, start: int, end: int) -> Claim:
    run = text[start:end]
    if all(char in _DROPPED or _is_picture(char) for char in run):
        return Claim(start, end, "")
    if run in _TRENDS and text[end : end + 2].strip()[:1].isdigit():
        return Claim(start, end, _TRENDS[run])
    if run in _ARROWS:
        return _arrow(text, start, end)
    if (
        all(char in _TICKS or char == "\ufe0f" for char in run)
        and not text[:start].rpartition("\n")[2].strip()
    ):
        return Claim(start, end, "")
    if run == "/" and text[start - 1 : start] == ".":
        return Claim(start, end, "")  # "./." ends an official text
    if run == "/" and _TWINS.match(text, start - 2) and start > 1:
        return Claim(start, end, ",")  # "4G/5G"
    if run == "/":
        return Claim(start, end, "hoặc", ("hoặc", "trên", "một"), is_doubtful=True)
    if run == "+" and _is_bullet(text, start):
        return Claim(start, end, "")
    if run in "+-" and text[start - 1 : start] == "(":
        return Claim(start, end, "cộng", ("dương tính", "cộng"), is_doubtful=True)  # "test (+)"
    words = _SIGNS.get(run) or _PAIRS.get(run)
    if words is not None and run not in "%‰°@":
        return Claim(start, end, words)
    kept = " ".join(_SIGNS[char] for char in run if char in _SIGNS)
    return Claim(start, end, kept, (kept,) if kept else (), is_doubtful=True)


def _is_bullet(text: str, at: int) -> bool:
    """ "+ Thời gian: …": a plus that opens a line or a clause heads an item."""
    head = text[max(at - 24, 0) : at].rpartition("\n")[2].rstrip(" \t-")
    is_first = not head or head[-1] in ":;.,"
    return is_first and text[at + 1 : at + 2].isspace() and not text[at + 2 : at + 3].isdigit()


_TWINS = re.compile(r"\d[A-Z]/\d[A-Z](?!\w)")
_TRENDS = {"↓": "giảm", "↑": "tăng", "▼": "giảm", "▲": "tăng", "⬇": "giảm", "⬆": "tăng"}
_STEP = re.compile(r"(?:vào|chọn|bấm|nhấn|mở|truy cập|mục|ứng dụng|menu|tải|đăng nhập)(?!\w)[^;\n]*$", re.I)
_ARROWS = frozenset({"→", "⇒", "➔", "➡", "➡\ufe0f", "⟶", "➝", "->"})
_TICKS = frozenset("✓✔✅☑❌✖✗✘⛔🚫")


def _is_picture(char: str) -> bool:
    """Small pictures adorn a text and say nothing; ticks and crosses may."""
    return char not in _TICKS and (
        "\U0001f300" <= char <= "\U0001faff" or ("\u2600" <= char <= "\u27bf" and char not in _ARROWS)
    )


def _arrow(text: str, start: int, end: int) -> Claim:
    """An arrow that opens a line is a bullet; between two things it may mean "to"."""
    if not text[:start].rpartition("\n")[2].strip(" :;.-"):
        return Claim(start, end, "")
    if _STEP.search(text[max(start - 80, 0) : start]):
        return Claim(start, end, ",")  # "vào Cài đặt → chọn …"
    return Claim(start, end, "đến", ("đến", "thì"), is_doubtful=True)
