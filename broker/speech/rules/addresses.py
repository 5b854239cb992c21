"""Web and mail addresses: their parts are said as words where they are Vietnamese without its marks."""

from __future__ import annotations

import re

from broker.speech.draft import Draft, Rule, Said
from broker.speech.letters import is_bare_syllable, spelled
from broker.speech.lexicon import Lexicon
from broker.speech.numbers import digits

_ENDINGS = "vn|com|net|org|gov|edu|info|asia|io|me|app|xyz|top|cc|co"
_ADDRESS = re.compile(
    rf"(?<![\w@.])(?:https?://)?(?:[A-Za-z0-9_.+\-]{{1,64}}@)?(?:[A-Za-z0-9][A-Za-z0-9\-]{{0,62}}\.){{1,6}}(?:{_ENDINGS})(?![\w])"
    r"(?:/[A-Za-z0-9_.~\-/%]{0,200}[A-Za-z0-9_/])?",
    re.I,
)
_MARKS = {
    ".": "chấm",
    "/": "gạch chéo",
    "-": "gạch ngang",
    "_": "gạch dưới",
    "@": "a còng",
    "+": "cộng",
    "~": "ngã",
    "%": "phần trăm",
}
_KNOWN = {
    "vn": "vê en", "com": "com", "net": "nét", "org": "o rờ gờ", "gov": "gờ ô vê", "edu": "e đu", "info": "in phô",
    "www": "vê kép vê kép vê kép", "gmail": "gi meo", "yahoo": "da hu", "dichvucong": "dịch vụ công",
    "vneid": "vi en i ai đi",
    "xa": "xã", "phuong": "phường", "tinh": "tỉnh", "chinhphu": "chính phủ", "baohiemxahoi": "bảo hiểm xã hội",
    "vssid": "vi ét ét ai đi", "congan": "công an", "bocongan": "bộ công an", "thuvien": "thư viện",
    "vnexpress": "vi en ích pờ rét",
    "mobile": "mô bai", "api": "a pê i", "moh": "em o hát", "evn": "i vi en", "co": "co", "io": "ai ô",
    "me": "mi", "app": "áp",
}  # fmt: skip


def rules(lexicon: Lexicon) -> tuple[Rule, ...]:
    """The rule with the words this lexicon knows."""

    def address(match: re.Match[str], _: Draft) -> str | Said | None:
        text = re.sub(r"^https?://", "", match[0], flags=re.I)
        out: list[str] = []
        is_sure = True
        for part in re.findall(r"[A-Za-z]+|\d+|[^A-Za-z\d]", text):
            said, known = _part(part.lower(), lexicon)
            out.append(said)
            is_sure = is_sure and known
        words = " ".join(filter(None, out))
        return words if is_sure else Said(words, (words,))

    return (Rule(_ADDRESS, address, needs="any"),)


def _part(part: str, lexicon: Lexicon) -> tuple[str, bool]:
    """(words, whether they are certain) for one run of letters, figures, or a mark."""
    if part.isdecimal():
        return digits(part), True
    if not part.isalpha():
        return _MARKS.get(part, ""), part in _MARKS
    known = (
        _KNOWN.get(part)
        or lexicon.words.get(part)
        or "".join(lexicon.abbreviations.get(part.upper(), ())[:1])
    )
    if known:
        return known, True
    pieces = _syllables(part)
    if pieces is not None:
        return " ".join(pieces), True
    return spelled(part), False


def _syllables(word: str) -> list[str] | None:
    """A word as the fewest Vietnamese syllables without marks, None where it is none."""
    if len(word) > 40:
        return None
    best: list[list[str] | None] = [[]]
    for end in range(1, len(word) + 1):
        found: list[str] | None = None
        for start in range(max(0, end - 6), end):
            before = best[start]
            if before is not None and (end - start > 1 or word == "a") and is_bare_syllable(word[start:end]):
                option = [*before, word[start:end]]
                if found is None or len(option) < len(found):
                    found = option
        best.append(found)
    return best[-1]
