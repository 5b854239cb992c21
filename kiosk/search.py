"""Finds a procedure from what a villager types or says, with or without marks, with slips, in dialect.

Each word asked may stand for several words of the content, each with how sure that is. A procedure gains by the
weight of the words it holds, by neighbours that stand side by side in it too, and by its one phrase that is most like
the whole question. What it does not hold counts against it, also words that nothing here holds: a question about
something else ends below what is worth showing. Index in memory, nothing on disk.
"""

from __future__ import annotations

import itertools
import math
from array import array
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from sys import intern
from zlib import crc32

from kiosk.spelling import (
    DIALECT,
    SHORT,
    deletions,
    fold,
    is_near,
    letters_and_tone,
    likeness,
    sound,
    tokens,
    without_telex,
    without_vni,
)

MAX_QUERY_WORDS = 40
"""Words read of a query; a child holding a key down must not stop the kiosk."""
LONGEST_WORD = 24

WEAK = frozenset(
    map(
        fold,
        """tôi tui tao em anh chị bác ông bà cô chú cháu con nhà mình cho của và là có không ở đâu thì mà bị được để với
        một các những này kia đi đến lên ra vào lại muốn cần xin phải làm giấy tờ thủ tục như thế nào gì hỏi giờ vừa rồi
        chưa đã khi nếu hay nộp đơn người ai mấy cái chuẩn báo bây đang sẽ thôi nhé ạ dạ ơi à ừ hả vậy sao nên từ trong
        ngoài trên dưới cùng cả hết luôn mới cũng chỉ rất quá lắm nhiều ít nữa hồi hôm nay mai ngày tháng năm tuần tuổi
        thằng đứa nó họ tự thế đây đó kìa về qua theo tới trước sau còn biết giúp nhờ định bảo gọi xem tìm việc chuyện
        bằng hoặc do tại vì bao lâu nhiêu tiền mất phí đúng sắp nhanh lúc lần thấy lấy dùng""".split(),  # noqa: SIM905
    )
)
"""Words that say little about which procedure is meant, and that every spoken sentence is full of."""

DECISIVE = frozenset(
    [
        "hong",
        "rach",
        "doi",
        "sua",
        "sai",
        "tach",
        "xoa",
        "chia",
        "cat",
        "huy",
        "het",
        "han",
        "muon",
        "lai",
        "mat",
    ]
)
"""Words that tell two procedures about the same paper apart: lost, changed, corrected, divided."""

_TELEX, _SWAPPED, _DIALECT, _SOUNDS, _NEAR, _LEAST = 0.92, 0.8, 0.72, 0.66, 0.55, 0.25
_NEAR_FROM = 4
"""Letters a word, or the one that was meant, must have before a slip is looked for: shorter ones are all near."""
_CHATTER, _STRANGE = 0.12, 0.6
"""What a word weighs that nothing here holds, against one that half of all holds."""
_NAMED = 0.85
"""Known by name only: behind a full answer that fits as well."""
_ENOUGH = (0.87, 0.72, 0.64, 0.53, 0.48)
"""What the best answer must reach, by how many words of the question tell anything (0, 1 … 4 and more). A single such
word is easily shared with a question about something else; a long story never fits one phrase whole."""
_BESIDE = 0.36
"""What the answers after it must reach."""
_PHRASES_FOR = 16
"""Procedures whose phrases are compared one by one; the others are too far behind to win by a phrase."""


@dataclass(frozen=True)
class Entry:
    """One procedure as search knows it."""

    code: str
    title: str
    """As shown."""
    phrases: Sequence[tuple[str, float]]
    """What it is called and what people tell when they need it, each with its weight (1 the most)."""
    named_only: bool = False
    elsewhere: bool = False
    """No procedure: where this fits best, the question is about something else."""


@dataclass(frozen=True)
class Hit:
    """One answer; a higher score is a better one."""

    code: str
    title: str
    score: float


@dataclass(frozen=True, slots=True)
class _Phrase:
    weight: float
    total: float
    text: str
    """The words in order, a blank around each: words and neighbours are found in it with a tenth of a set's memory."""


@dataclass
class _Document:
    entry: Entry
    words: Counter[str] = field(default_factory=Counter)
    """Word → phrases that hold it."""
    phrases: list[tuple[tuple[str, ...], float]] = field(default_factory=list)


@dataclass(frozen=True)
class _Asked:
    """One word of a question: what it may stand for, and what it weighs."""

    readings: dict[str, float]
    weight: float
    tells: bool
    """It says something about which procedure is meant."""


_Held = tuple[float, list[tuple[str, float]]]


class Search:
    """An index in memory over the procedures of one content generation."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        """entries: full procedures and those known by name only."""
        self._documents = [_read(entry) for entry in entries]
        self._holding: dict[str, list[int]] = defaultdict(list)
        for number, document in enumerate(self._documents):
            for word in document.words:
                self._holding[word].append(number)
        self._side_by_side = _Register(
            (pair, number) for number, document in enumerate(self._documents) for pair in _pairs(document)
        )
        total = max(1, len(self._documents))
        self._idf = {
            word: math.log(1 + total / len(held)) * _factor(word) for word, held in self._holding.items()
        }
        self._unknown = math.log(1 + total / 2)
        self._parts = {word: letters_and_tone(word) for word in self._idf}
        self._plain = {word: fold(word) for word in self._idf}
        self._by_fold: dict[str, list[str]] = {}
        self._by_sound: dict[str, list[str]] = {}
        for word in self._idf:
            plain = self._plain[word]
            self._by_fold.setdefault(plain, []).append(word)
            self._by_sound.setdefault(sound(plain), []).append(word)
        self._folded = list(self._by_fold)
        self._slips = _Register(
            (left, number)
            for number, plain in enumerate(self._folded)
            if len(plain) >= _NEAR_FROM - 1
            for left in deletions(plain)
        )
        self._compared = [self._weigh(document) for document in self._documents]
        for document in self._documents:
            document.phrases.clear()

    def _weigh(self, document: _Document) -> list[_Phrase]:
        made = []
        for words, weight in document.phrases:
            total = sum(self._idf[word] for word in dict.fromkeys(words))
            made.append(_Phrase(weight, total, f" {' '.join(words)} "))
        return made

    def find(self, query: str, limit: int = 5) -> list[Hit]:
        """The best answers, best first; none when nothing is alike. Never raises."""
        asked = [self._read_word(word) for word in _spelled_out(query)]
        total = sum(each.weight for each in asked)
        if not any(each.readings for each in asked):
            return []
        reach = self._reach(asked)
        near = self._near(asked)
        whole_near = sum(near.values()) and max(near.values())
        ranked = sorted(
            (
                (held / total + 0.25 * near[number] / (whole_near or 1.0), number)
                for number, held in reach.items()
            ),
            reverse=True,
        )[:_PHRASES_FOR]
        scored = []
        for _, number in ranked:
            document = self._documents[number]
            share = reach[number] / total
            pair_share = near[number] / total
            held = [(each.weight, _held(each, document)) for each in asked]
            alike = max((self._alike(held, total, phrase) for phrase in self._compared[number]), default=0.0)
            score = 0.6 * share + 0.25 * min(1.0, pair_share) + 0.55 * alike
            scored.append((score * (_NAMED if document.entry.named_only else 1.0), -number))
        scored.sort(reverse=True)
        if not scored or self._documents[-scored[0][1]].entry.elsewhere:
            return []
        telling = sum(each.tells for each in asked)
        if scored[0][0] < _ENOUGH[min(telling, len(_ENOUGH) - 1)]:
            return []
        return [
            Hit(entry.code, entry.title, round(score, 4))
            for score, n in scored
            if score >= _BESIDE and not (entry := self._documents[-n].entry).elsewhere
        ][:limit]

    def _reach(self, asked: Sequence[_Asked]) -> dict[int, float]:
        """Weight of the asked words that each procedure holds; more when several of its phrases hold them."""
        found: dict[int, float] = defaultdict(float)
        for each in asked:
            best: dict[int, float] = {}
            for word, sure in each.readings.items():
                for number in self._holding[word]:
                    often = min(1.0, 0.7 + 0.1 * self._documents[number].words[word])
                    worth = sure * often
                    if worth > best.get(number, 0.0):
                        best[number] = worth
            for number, worth in best.items():
                found[number] += worth * each.weight
        return found

    def _near(self, asked: Sequence[_Asked]) -> dict[int, float]:
        """Weight of neighbours in the question that are neighbours in the procedure too."""
        found: dict[int, float] = defaultdict(float)
        for one, two in itertools.pairwise(asked):
            best: dict[int, float] = {}
            for a, sure_a in one.readings.items():
                for b, sure_b in two.readings.items():
                    for number in self._side_by_side.of(f"{a} {b}"):
                        best[number] = max(best.get(number, 0.0), sure_a * sure_b)
            for number, sure in best.items():
                found[number] += sure * (one.weight + two.weight) / 2
        return found

    def _alike(self, asked: Sequence[_Held], total: float, phrase: _Phrase) -> float:
        """How like the whole question one phrase is: shared weight against both, more for neighbours that stay.

        asked: each word's weight, with those of its readings that the procedure has.
        """
        said, run, text = 0.0, 0.0, phrase.text
        shared: dict[str, float] = {}
        last = ""
        for weight, readings in asked:
            word, sure = "", 0.0
            for reading, how in readings:
                if how > sure and reading in text:
                    word, sure = reading, how
            if word:
                said += sure * weight
                shared[word] = max(shared.get(word, 0.0), sure)
                if last and last + word[1:] in text:
                    run += sure * weight
            last = word
        if not shared:
            return 0.0
        covered = sum(self._idf[word[1:-1]] * sure for word, sure in shared.items()) / phrase.total
        spoken = said / total
        return (
            phrase.weight
            * (0.5 * covered + 0.3 * spoken + 0.2 * run / total)
            * math.sqrt(max(covered, spoken))
        )

    def _read_word(self, word: str) -> _Asked:
        plain = fold(word)
        found = {known: likeness(word, known, self._parts[known]) for known in self._by_fold.get(plain, ())}
        for other in filter(None, (DIALECT.get(word), DIALECT.get(plain))):
            for known in self._by_fold.get(other, ()):
                found.setdefault(known, _DIALECT)
        for known in self._by_sound.get(sound(plain), ()):
            found.setdefault(known, _SOUNDS * self._tone_agrees(word, known))
        if plain not in self._by_fold:
            self._guess(word, plain, found)
        found = {known: sure for known, sure in found.items() if sure >= _LEAST}
        tells = plain not in WEAK and not plain.isdigit()
        if not found:
            return _Asked({}, self._unknown * (_STRANGE if tells else _CHATTER), tells)
        return _Asked(found, max(self._idf[known] * sure for known, sure in found.items()), tells)

    def _guess(self, word: str, plain: str, found: dict[str, float]) -> None:
        """A word the content does not have: typed in Telex or VNI, or with one slip."""
        for other in (without_telex(word), without_vni(word)):
            for known in self._by_fold.get(other, ()):
                found[known] = _TELEX
        if found or len(plain) < _NEAR_FROM - 1 or plain in WEAK:
            return
        for number in {number for left in deletions(plain) for number in self._slips.of(left)}:
            if max(len(plain), len(self._folded[number])) >= _NEAR_FROM and is_near(
                plain, self._folded[number]
            ):
                sure = _SWAPPED if sorted(plain) == sorted(self._folded[number]) else _NEAR
                for known in self._by_fold[self._folded[number]]:
                    found.setdefault(known, sure * self._tone_agrees(word, known))

    def _tone_agrees(self, typed: str, known: str) -> float:
        """Whoever takes one letter for another still hears the tone."""
        tone, right = letters_and_tone(typed)[1], self._parts[known][1]
        return 1.0 if typed.isascii() or tone == right or {tone, right} == {"3", "4"} else 0.4


class _Register:
    """Numbers under texts, of which only marks are kept, in a row: as texts they would be half of the memory.

    Two texts may have one mark: once in some hundred thousand questions a word finds what it should not.
    """

    def __init__(self, pairs: Iterable[tuple[str, int]]) -> None:
        row = sorted((_mark(text), number) for text, number in pairs)
        self._marks = array("L", (mark for mark, _ in row))
        self._numbers = array("H", (number for _, number in row))

    def of(self, text: str) -> array[int]:
        """The numbers under a text, ascending."""
        mark = _mark(text)
        since = bisect_left(self._marks, mark)
        return self._numbers[since : bisect_right(self._marks, mark, since)]


def _mark(text: str) -> int:
    return crc32(text.encode())


def _held(asked: _Asked, document: _Document) -> list[tuple[str, float]]:
    """Readings that a procedure has, a blank around each, and how sure they are."""
    return [(f" {word} ", sure) for word, sure in asked.readings.items() if word in document.words]


def _factor(word: str) -> float:
    if word in DECISIVE:
        return 1.3
    return 0.22 if fold(word) in WEAK or word.isdigit() else 1.0


def _read(entry: Entry) -> _Document:
    document = _Document(entry)
    for text, weight in entry.phrases:
        words = tuple(map(intern, _spelled_out(text)))  # a word is in twenty phrases
        if not words:
            continue
        document.words.update(set(words))
        document.phrases.append((words, weight))
    return document


def _pairs(document: _Document) -> set[str]:
    """Words that stand side by side in one of its phrases."""
    return {f"{a} {b}" for words, _ in document.phrases for a, b in itertools.pairwise(words)}


def _spelled_out(query: str) -> list[str]:
    """Words of a text, with what is written short written out."""
    found: list[str] = []
    for word in tokens(query[:1000])[:MAX_QUERY_WORDS]:
        short = SHORT.get(word) or SHORT.get(fold(word[:LONGEST_WORD]))
        found.extend(short.split() if short else [word[:LONGEST_WORD]])
    return found
