"""The reader of written Vietnamese beside public ones: exact sentences, CPU, memory, hostile text, size of its words.

Scored as tests/speech/score.py scores. Of these sets the first was there for tuning, the others have been tuned on
since they came: none is blind any more. LANGSO_BENCH_SETS names files of further sets, separated by colons.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from broker.speech.lexicon import load as load_lexicon
from broker.speech.normalise import normalise
from tests.bench.link.processes import ROOT, figure
from tests.bench.speaking import others
from tests.bench.speaking.aims import absent, aimed
from tests.speech.score import is_right, load

SHARED = ROOT.parent / "shared" / "data" / "normalise.jsonl"
SETS = {
    "tuning set": SHARED,
    "own set": ROOT / "tests" / "speech" / "data" / "office_life.jsonl",
    "office set": ROOT / "tests" / "speech" / "blind" / "office.jsonl",
    "village set": ROOT / "tests" / "speech" / "blind" / "village.jsonl",
}
PUBLIC = ("sea-g2p", "vietnormalizer")
MUST = frozenset({"phone", "time", "money", "storm"})
"""Classes of which no sentence may be read wrongly."""
EXACT_PERCENT = 97.0
SENTENCE_MS = 0.5
HOSTILE_BYTES = 100_000
_SURE_S = 0.05
"""What is over sooner says nothing about growth: the clock and the other work on the machine weigh too much."""
_LINEAR = 2.6
"""Twice the text may cost twice the time; the rest is what a busy machine adds."""


def figures() -> Iterator[dict[str, Any]]:
    """All figures of the reader."""
    try:
        python, why = others.environment(), ""
    except others.AbsentError as failed:
        python, why = Path(), str(failed)
    own = [Path(name) for name in os.environ.get("LANGSO_BENCH_SETS", "").split(":") if name]
    for title, path in {**SETS, **{each.stem: each for each in own}}.items():
        if path.is_file():
            yield from _set(title, load(path), python, why)
        else:
            yield absent(title, f"{path.name} is not here")
    yield from _hostile()
    words = ROOT / "broker" / "speech" / "lexicon.toml"
    yield aimed("words shipped", words.stat().st_size, "bytes", 1_000_000)


def _set(title: str, rows: list[dict[str, Any]], python: Path, why: str) -> Iterator[dict[str, Any]]:
    texts = [row["text"] for row in rows]
    ours = others.read("langso", Path(sys.executable), texts)
    exact = _percent(rows, ours.said)
    yield aimed(f"{title}: exact sentences", exact, f"% of {len(rows)}", EXACT_PERCENT, at_least=True)
    must = [n for n, row in enumerate(rows) if MUST & set(row["tags"])]
    right = _percent([rows[n] for n in must], [ours.said[n] for n in must])
    yield aimed(f"{title}: … phones, times, money, storms", right, f"% of {len(must)}", 100, at_least=True)
    yield aimed(f"{title}: CPU of a sentence", ours.ms, "ms", SENTENCE_MS)
    yield figure(f"{title}: memory", ours.mib, "MiB")
    for name in PUBLIC:
        try:
            if why:
                raise others.AbsentError(why)
            theirs = others.read(name, python, texts)
        except others.AbsentError as failed:
            yield absent(f"{title}: {name}", str(failed))
            continue
        # Both names of the letter P are right; our scorer knows ours only, which would be unfair.
        renamed = [each.replace(" phê", " pê") for each in theirs.said]
        found = max(_percent(rows, theirs.said), _percent(rows, renamed))
        named = f"{name} {theirs.version}"
        yield figure(
            f"{title}: exact sentences of {named}", found, "%", "ours", found / exact if exact else None
        )
        yield figure(f"{title}: CPU of {named}", theirs.ms, "ms", "ours", theirs.ms / ours.ms)
        yield figure(f"{title}: memory of {named}", theirs.mib, "MiB", "ours", theirs.mib / ours.mib)


def _percent(rows: Sequence[dict[str, Any]], said: Sequence[str]) -> float:
    right = sum(is_right(row, each) for row, each in zip(rows, said, strict=True))
    return 100 * right / len(rows) if rows else 0.0


HOSTILE = {
    "digits": "7",
    "dots between figures": "1.",
    "strokes": "1/2/",
    "hours": "7h-",
    "ranges": "1-2-",
    "brackets": "((",
    "marks without letters": "a\u0300\u0301\u0323",
    "capitals": "QĐ-",
    "addresses": "a.b@",
    "phone numbers": "0912 345 678 ",
    "blanks": "  \t",
    "signs": "%$&+=~",
    "Roman figures": "khu phố III ",
    "sums of money": "400.000-600.000đ ",
    "lines of a list": "1) a\n",
    "figures and letters": "1a2B",
    "figures and blanks": "1 ",
    "minutes": "5'",
    "units": "m2/",
    "degrees": "1°",
    "words of capitals": "UBND-",
    "days": "ngày 1/2-",
}
"""What is repeated up to the size asked for."""


def _hostile() -> Iterator[dict[str, Any]]:
    """The slowest of 100 kB of each kind, and the one whose time grows most when the text doubles."""
    lexicon = load_lexicon()
    slowest_s, slowest, steepest, growth = 0.0, "", "", 0.0
    for kind, seed in HOSTILE.items():
        half_s, whole_s = (_read_s(seed, size, lexicon) for size in (HOSTILE_BYTES // 2, HOSTILE_BYTES))
        if whole_s > slowest_s:
            slowest_s, slowest = whole_s, kind
        if whole_s > _SURE_S and whole_s / half_s > growth:
            growth, steepest = whole_s / half_s, kind
    yield figure(f"slowest of {len(HOSTILE)} hostile texts of 100 kB ({slowest})", slowest_s * 1000, "ms")
    yield aimed(f"time when a hostile text doubles, at most ({steepest})", growth, "times", _LINEAR)


def _read_s(seed: str, size: int, lexicon: Any) -> float:
    text = seed * (size // len(seed.encode()))
    best_s = float("inf")
    for _ in range(4):
        began = time.process_time()
        normalise(text, lexicon)
        best_s = min(best_s, time.process_time() - began)
    return best_s
