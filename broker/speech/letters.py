"""Names of letters, and what a Vietnamese syllable looks like. Pure."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_NAMES = {
    "a": "a",
    "ă": "á",
    "â": "ớ",
    "b": "bê",
    "c": "xê",
    "d": "dê",
    "đ": "đê",
    "e": "e",
    "ê": "ê",
    "f": "ép",
    "g": "giê",
    "h": "hát",
    "i": "i",
    "j": "gi",
    "k": "ca",
    "l": "lờ",
    "m": "em",
    "n": "en",
    "o": "o",
    "ô": "ô",
    "ơ": "ơ",
    "p": "pê",
    "q": "quy",
    "r": "rờ",
    "s": "ét",
    "t": "tê",
    "u": "u",
    "ư": "ư",
    "v": "vê",
    "w": "vê kép",
    "x": "ích",
    "y": "i dài",
    "z": "dét",
}

_TONES = dict.fromkeys(map(ord, "\u0300\u0301\u0303\u0309\u0323"))

_ONSET = r"(?:ngh|ng|nh|gh|gi|kh|ph|th|tr|ch|qu|[bcdđghklmnprstvx])?"
_RHYME = (
    r"(?:oa|oă|oe|uâ|uơ|uê|uy|uya|uyê|iê|yê|ươ|uô|ưa|ua|ia|ai|ay|ao|au|âu|ây|eo|êu|iu|oi|ôi|ơi|ui|ưi|ưu"
    r"|iêu|yêu|uôi|ươi|ươu|oai|oay|oeo|uây|uyu|oong|[aăâeêioôơuưy])"
)
_BARE_SYLLABLE = re.compile(
    r"(?:ngh|ng|nh|gh|gi|kh|ph|th|tr|ch|qu|[bcdghklmnprstvx])?"
    r"(?:ieu|yeu|uoi|uou|oai|oay|uay|uyu|uye|oa|oe|ua|ue|uo|uy|ie|ye|ia|ai|ay|ao|au|eo|eu|iu|oi|ui|uu|[aeiouy])"
    r"(?:ng|nh|ch|[cmnpt])?"
)
_SYLLABLE = re.compile(rf"{_ONSET}{_RHYME}(?:ng|nh|ch|[cmnpt])?")


def spelled(text: str) -> str:
    """Letter by letter: "UBX" → "u bê ích". What is no Vietnamese or Latin letter is left out."""
    return " ".join(name for char in text.lower() if (name := _NAMES.get(_bare(char))))


def _bare(char: str) -> str:
    """A letter without its tone."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", char).translate(_TONES))


@lru_cache(maxsize=16384)
def is_syllable(word: str) -> bool:
    """Whether a word can be a Vietnamese syllable, in any case: "HỘI" and "ban" can, "UBND" cannot."""
    return len(word) <= 7 and _SYLLABLE.fullmatch(bare(word.lower())) is not None


def bare(word: str) -> str:
    """A word without its tones; the letters ă â ê ô ơ ư đ stay."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", word).translate(_TONES))


@lru_cache(maxsize=16384)
def is_bare_syllable(word: str) -> bool:
    """Whether a word can be a Vietnamese syllable that lost all its marks, as in addresses: "phuong"."""
    return _BARE_SYLLABLE.fullmatch(word) is not None


def has_marks(word: str) -> bool:
    """Whether a word carries a letter or tone that only Vietnamese has: a sure sign that it is no abbreviation."""
    return any(ord(char) > 127 for char in word if char not in "đĐ")
