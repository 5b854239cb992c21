"""Finds a procedure from what a villager types, with or without marks, with slips, in dialect.

One pass over all phrases of all procedures (their plain names, aliases and official names); at a commune's size
that is about a millisecond and needs no index on disk. research: folding, sound keys and aliases each measured.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from kiosk.spelling import DIALECT, fold, is_near, sound, tokens, without_telex

MAX_QUERY_WORDS = 24
"""Words read of a query; a child holding a key down must not stop the kiosk."""

WEAK = frozenset(
    map(
        fold,
        """tôi tui em anh chị bác ông bà cháu con nhà mình cho của và là có không ở đâu thì mà bị được để với một
        các những này kia đi đến lên ra vào lại muốn cần xin phải làm giấy tờ thủ tục như thế nào gì hỏi giờ vừa rồi
        chưa đã khi nếu hay nộp đơn người ai mấy cái chuẩn báo""".split(),  # noqa: SIM905  (a list of 70 is unreadable)
    )
)
"""Words that say little about which procedure is meant."""

DECISIVE = frozenset(
    ["mat", "hong", "rach", "doi", "sua", "sai", "tach", "xoa", "chia", "cat", "huy", "het", "han"]
)
"""Words that tell two procedures about the same paper apart: lost, changed, corrected, divided."""

_EXACT, _FOLDED, _SOUNDS, _NEAR = 1.0, 0.92, 0.66, 0.52


class Searchable(Protocol):
    """What search needs of a procedure."""

    @property
    def code(self) -> str:
        """National code."""
        ...

    @property
    def title(self) -> str:
        """Name in plain words, as shown."""
        ...

    @property
    def name(self) -> str:
        """Official name."""
        ...

    @property
    def aliases(self) -> list[str]:
        """What people call it."""
        ...


@dataclass(frozen=True)
class Hit:
    """One answer; a higher score is a better one."""

    code: str
    title: str
    score: float


@dataclass(frozen=True)
class _Phrase:
    document: int
    words: tuple[str, ...]
    folded: tuple[str, ...]
    weight: float


class Search:
    """An index in memory over the procedures of one content generation."""

    def __init__(self, documents: Iterable[Searchable]) -> None:
        """documents: each with a plain title, an official name and aliases."""
        self._documents = list(documents)
        self._phrases: list[_Phrase] = []
        for number, each in enumerate(self._documents):
            for text, weight in [
                (each.title, 1.0),
                (each.name, 0.8),
                *((alias, 1.0) for alias in each.aliases),
            ]:
                words = tuple(tokens(text))
                if words:
                    self._phrases.append(_Phrase(number, words, tuple(map(fold, words)), weight))
        self._idf = self._weigh()
        self._by_sound: dict[str, set[str]] = defaultdict(set)
        for word in self._idf:
            self._by_sound[sound(word)].add(word)
        self._marked: set[str] = {word for phrase in self._phrases for word in phrase.words}

    def _weigh(self) -> dict[str, float]:
        """Rare words weigh more; weak words weigh little and decisive ones much, however rare."""
        seen: Counter[str] = Counter()
        for number in range(len(self._documents)):
            seen.update({word for p in self._phrases if p.document == number for word in p.folded})
        total = max(1, len(self._documents))
        factor = dict.fromkeys(WEAK, 0.25) | dict.fromkeys(DECISIVE, 1.8)
        return {word: math.log(1 + total / count) * factor.get(word, 1.0) for word, count in seen.items()}

    def find(self, query: str, limit: int = 5) -> list[Hit]:
        """The best answers, best first; none when nothing is alike. Never raises."""
        asked = [self._readings(word) for word in tokens(query)[:MAX_QUERY_WORDS]]
        asked = [each for each in asked if each]
        if not asked:
            return []
        best: dict[int, float] = {}
        reach: dict[int, dict[int, float]] = defaultdict(dict)
        for phrase in self._phrases:
            score = self._score(asked, phrase, reach[phrase.document])
            if score > best.get(phrase.document, 0.0):
                best[phrase.document] = score
        total = sum(max(self._idf[word] for word in each) for each in asked)
        ranked = []
        for number, phrase_score in best.items():
            share = sum(reach[number].values()) / total
            ranked.append((phrase_score * (0.4 + 0.6 * share) + 0.9 * share, -number))
        ranked.sort(reverse=True)
        return [
            Hit(self._documents[-n].code, self._documents[-n].title, round(score, 4))
            for score, n in ranked[:limit]
            if score >= 0.3
        ]

    def _readings(self, word: str) -> dict[str, float]:
        """Words of the content that this word may stand for, each with how sure that is."""
        plain = fold(word)
        found: dict[str, float] = {}
        if plain in self._idf:
            # Marks that agree with the content's are stronger than none; wrong marks are only a little weaker.
            found[plain] = _EXACT if word in self._marked else _FOLDED
        for other, sure in ((DIALECT.get(plain), 0.9), (without_telex(word), 0.95)):
            if other and other in self._idf and other not in found:
                found[other] = sure if not found else 0.6
        for other in self._by_sound.get(sound(plain), ()):
            found.setdefault(other, _SOUNDS)
        if not found and len(plain) >= 4:
            key = sound(plain)
            for other_key, words in self._by_sound.items():
                if len(other_key) >= 3 and is_near(key, other_key):
                    found.update(dict.fromkeys(words, _NEAR))
        return found

    def _score(self, asked: list[dict[str, float]], phrase: _Phrase, reach: dict[int, float]) -> float:
        """How well one phrase answers: how much of it was said, how much of what was said it holds, in what order.

        reach collects, for the phrase's document, the best weight of each asked word over all its phrases.
        """
        said = covered = run = 0.0
        places: dict[str, int] = {word: at for at, word in enumerate(phrase.folded)}
        last = -9
        matched: dict[str, float] = {}
        for number, readings in enumerate(asked):
            word, sure = max(
                ((w, s) for w, s in readings.items() if w in places),
                key=lambda pair: pair[1] * self._idf[pair[0]],
                default=("", 0.0),
            )
            if not word:
                last = -9
                continue
            weight = sure * self._idf[word]
            said += weight
            reach[number] = max(reach.get(number, 0.0), weight)
            matched[word] = max(matched.get(word, 0.0), sure)
            if places[word] == last + 1:
                run += weight
            last = places[word]
        if not matched:
            return 0.0
        whole = sum(self._idf[word] for word in set(phrase.folded))
        asked_whole = sum(max(self._idf[w] for w in readings) for readings in asked)
        covered = sum(self._idf[word] * sure for word, sure in matched.items()) / whole
        return phrase.weight * (0.75 * covered + 1.0 * said / asked_whole + 0.45 * run / asked_whole)
