"""Pieces of patterns that several rules share, and how a number as written is read."""

from __future__ import annotations

import re

from broker.speech.numbers import cardinal, decimal, digits

DASH = r"\s?[-–—~]\s?"
"""Between two ends of a range."""

NUMBER = r"(?:\d{1,3}(?:\.\d{3})+(?:,\d{1,4})?|\d{1,3}(?:,\d{3}){2,}|\d+(?:[.,]\d+)?)"
"""A figure with Vietnamese thousands points or a decimal comma (or point)."""

START = r"(?<![\w.,/\-–+])"
LOOSE_START = r"(?<!\w)(?<!\d[.,/\-–])"
END = r"(?![\w])(?![.,/]\d)"

LETTER = r"[A-Za-zÀ-ÖØ-öø-ɏḀ-ỿ]"
"""A Latin letter; \\w would take ① and ½ for letters too."""

_THOUSANDS = re.compile(r"\d{1,3}(?:\.\d{3})+(?:,\d+)?")
_ENGLISH = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")


def value(text: str, *, is_money: bool = False) -> str:
    """A figure as written, in words. With money "12,500" has thousands; elsewhere one comma is decimal."""
    if _THOUSANDS.fullmatch(text) and not text.startswith("0"):
        whole, _, fraction = text.replace(".", "").partition(",")
    elif _ENGLISH.fullmatch(text) and (is_money or text.count(",") > 1 or ",000" in text) and text[0] != "0":
        whole, _, fraction = text.replace(",", "").partition(".")
    else:
        whole, _, fraction = text.replace(".", ",").partition(",")
    if fraction:
        return decimal(whole, fraction)
    return plain(whole, is_money=is_money)


def plain(figures: str, *, is_money: bool = False) -> str:
    """Figures without any mark: a number, or digit by digit where they are a code."""
    if not is_money and (len(figures) > 8 or (len(figures) > 2 and figures[0] == "0")):
        return digits(figures)
    return cardinal(int(figures)) if len(figures) <= 18 else digits(figures)


def amount(text: str) -> float:
    """The size of a figure, to tell a rising range from anything else."""
    if _THOUSANDS.fullmatch(text):
        text = text.replace(".", "")
    elif text.count(",") > 1:
        text = text.replace(",", "")
    return float(text[:30].replace(",", "."))
