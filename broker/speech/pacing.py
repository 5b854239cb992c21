"""How a sentence is said: phone numbers and codes slower and in groups, and the manner a loudspeaker wants. Pure.

Works from the spoken text alone, so that the hub and a node that speaks for itself sound the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Manner:
    """How an engine is asked to speak; both are factors of its own calm way. An engine may lack a pitch."""

    rate: float = 1.0
    pitch: float = 1.0


CALM = Manner()
AT_A_HORN = Manner(rate=0.9, pitch=1.3)
"""Slower, for what comes back from the hills, and a little higher. Measured with espeak-ng's three voices through
the horn's band (November 2026): 3.1 syllables a second instead of 3.5, and at the same loudness 0.05 to 0.3 dB more of
it between 1 and 4 kHz; a still higher pitch brought one voice nothing more. Measured, not heard by villagers."""

SPELLING_RATE = 0.8
"""What somebody writes down while listening."""


@dataclass(frozen=True)
class Piece:
    """A part of a sentence that is said in one go."""

    text: str
    rate: float = 1.0
    """Factor of the rate around it."""
    rest_ms: int = 0
    """Silence after it, within the sentence."""


_REST_MS = 350
"""Between the groups of a number."""
_LEAD_MS = 90
"""Where the slow part begins or ends without a comma."""
_LONGEST_GROUP = 4

_DIGITS = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")
# Names of letters as letters.py says them. The unsure ones are words of their own too: goat, dyke, younger sister.
_SURE = frozenset(["bê", "xê", "giê", "lờ", "en", "pê", "rờ", "ét", "tê", "vê", "kép", "ép", "ích", "dét"])
_UNSURE = frozenset(
    [
        "a",
        "á",
        "ớ",
        "gờ",
        "dê",
        "đê",
        "e",
        "ê",
        "hát",
        "i",
        "gi",
        "ca",
        "em",
        "o",
        "ô",
        "ơ",
        "quy",
        "u",
        "ư",
        "dài",
    ]
)
_SPELLED = _SURE | _UNSURE | frozenset(_DIGITS)
_SIGNS = frozenset(("gạch ngang", "gạch chéo", "gạch dưới", "chấm", "xuyệt"))
_COUNTED = frozenset(
    [
        "mười",
        "mươi",
        "trăm",
        "nghìn",
        "ngàn",
        "vạn",
        "triệu",
        "tỷ",
        "phẩy",
        "phần",
        "linh",
        "lẻ",
        "rưỡi",
        "chục",
    ]
)
_WORD = re.compile(rf"(?:{'|'.join(_SIGNS)})(?!\w)|\w+")


@dataclass(frozen=True)
class _Word:
    """A word and where it stands; `after` is what stands between the word before and this one."""

    start: int
    text: str
    after: str

    @property
    def belongs(self) -> bool:
        """Whether it can be part of something spelled."""
        return self.text in _SPELLED or self.text in _SIGNS


def pieces(sentence: str) -> list[Piece]:
    """A spoken sentence in the parts it is said in; one part where nothing in it is spelled.

    Runs of three or more digits or names of letters are said slower, group by group with short rests: as their
    commas group them, else by threes and fours. Counted numbers and "hai ba năm nữa" stay as they are. The parts
    hold the words of the sentence, in order, each once; a part that goes on ends with a comma, so that the voice
    stays up.
    """
    words = _words(sentence)
    cuts: dict[int, float] = {0: 1.0}
    for first, behind in _runs(words):
        cuts.update((words[at].start, SPELLING_RATE) for at in _groups(words, first, behind))
        if behind < len(words):
            cuts[words[behind].start] = 1.0
    borders = [*sorted(cuts), len(sentence)]
    parts = [(sentence[start:end].strip(), cuts[start]) for start, end in pairwise(borders)]
    parts = [(text, rate) for text, rate in parts if any(char.isalnum() for char in text)]
    if len(parts) < 2:
        return [Piece(sentence, parts[0][1] if parts else 1.0)]
    return [*(_open(*part, after[1]) for part, after in pairwise(parts)), Piece(*parts[-1])]


def _open(text: str, rate: float, rate_after: float) -> Piece:
    """A part after which the sentence goes on."""
    bare = text.rstrip('(["“‘ ')
    is_paused = not bare[-1].isalnum()
    is_within = rate == rate_after == SPELLING_RATE
    return Piece(bare if is_paused else f"{bare},", rate, _REST_MS if is_paused or is_within else _LEAD_MS)


def _words(sentence: str) -> list[_Word]:
    out: list[_Word] = []
    end = 0
    for match in _WORD.finditer(sentence):
        text = match[0] if out else match[0].lower()  # "Năm" within a sentence is somebody's name
        out.append(_Word(match.start(), text, sentence[end : match.start()].strip()))
        end = match.end()
    return out


def _runs(words: list[_Word]) -> Iterator[tuple[int, int]]:
    """Where something is spelled: from the first word to the one behind the last."""
    at = 0
    while at < len(words):
        behind = at
        while (
            behind < len(words)
            and words[behind].belongs
            and (behind == at or words[behind].after in ("", ","))
        ):
            behind += 1
        first, last = _bare_run(words, at, behind)
        before = words[first - 1].text if first else ""
        if _is_spelled([word for word in words[first:last] if word.text not in _SIGNS], before):
            yield first, last
        at = max(behind, at + 1)


def _bare_run(words: list[_Word], first: int, behind: int) -> tuple[int, int]:
    """A run without the digits that belong to a counted number beside it, and without signs at its end."""
    if 0 < first < behind and words[first].after == "" and words[first - 1].text in _COUNTED:
        first = behind if words[first - 1].text == "phẩy" else first + 1
    if first < behind < len(words) and words[behind].after == "" and words[behind].text in _COUNTED:
        behind -= 1
    while first < behind and words[behind - 1].text in _SIGNS:
        behind -= 1
    return first, behind


def _is_spelled(run: list[_Word], before: str) -> bool:
    """Whether these digits and letters are a phone number, a plate or a code, and no list and no guess of years.

    before: the word in front of them.
    """
    longest = group = 0
    for word in run:
        group = 1 if word.after == "," else group + 1
        longest = max(longest, group)
    digits = [_DIGITS.index(word.text) for word in run if word.text in _DIGITS]
    sure = sum(word.text in _SURE for word in run)
    if len(digits) < len(run):
        return longest >= _LONGEST_GROUP and (
            sure >= 2 or len(digits) >= 5 or (sure == 1 and len(digits) >= 3)
        )
    if len(run) == 3 and digits[2] == 5 and digits[1] == digits[0] + 1:
        return False  # "hai ba năm nữa": two or three years
    if len(run) == 3 and run[0].text not in ("không", "một") and before != "cộng":
        return False  # all short numbers begin so, 111 to 199; the rest is "thôn bảy ba hai", a score
    return longest >= 3 or (longest == 2 and len(run) >= 6)


def _groups(words: list[_Word], first: int, behind: int) -> list[int]:
    """Where each group of a run begins: after a comma, at a sign, and so that none holds more than four."""
    starts = [
        at for at in range(first, behind) if at == first or words[at].after == "," or words[at].text in _SIGNS
    ]
    sized: list[tuple[int, int]] = []
    for start, end in zip(starts, [*starts[1:], behind], strict=True):
        is_sign = words[start].text in _SIGNS
        sizes = _cut(end - start - is_sign)
        joins = is_sign and bool(sized) and sized[-1][1] + sizes[0] <= _LONGEST_GROUP
        if joins:  # "một chấm không không hai" is one group
            sized[-1] = (sized[-1][0], sized[-1][1] + sizes[0])
        at = start
        for number, size in enumerate(sizes):
            if number or not joins:
                sized.append((at, size))
            at += size + (is_sign and not number)
    return [start for start, _ in sized]


def _cut(count: int) -> list[int]:
    """The sizes of the groups of a number without commas: fours before threes, as telephone numbers are said."""
    if count <= _LONGEST_GROUP:
        return [count]
    if count == 5:
        return [3, 2]
    fours = count % 3  # 7 is 4 and 3, 8 twice 4, 10 is 4, 3, 3
    return [4] * fours + [3] * ((count - 4 * fours) // 3)
