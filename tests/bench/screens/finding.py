"""Search of the kiosk beside SQLite's FTS5 over the same phrases, both without marks."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from kiosk.content import shipped
from kiosk.search import Search
from kiosk.spelling import fold, tokens
from tests.bench.link.processes import figure, percentile

TUNING: Final = Path(__file__).resolve().parents[4] / "shared" / "data" / "search-queries.json"
Find = Callable[[str], Sequence[str]]


def figures(folder: Path) -> Iterator[dict[str, Any]]:
    """Time of an answer and, where the tuning set stands beside the checkout, how often it is the right one."""
    entries = shipped().entries()
    began = time.perf_counter()
    index = Search(entries)
    yield figure("search: building the index", (time.perf_counter() - began) * 1e3, "ms")
    procedures = [entry for entry in entries if not entry.elsewhere]
    table = _table([(entry.code, phrase) for entry in procedures for phrase, _ in entry.phrases])
    finders: dict[str, Find] = {
        "ours": lambda query: [hit.code for hit in index.find(query)],
        "FTS5": lambda query: _ask(table, query),
    }
    asked = [phrase for entry in procedures for phrase, _ in entry.phrases]
    p95 = {name: _p95(find, asked) for name, find in finders.items()}
    yield figure("search: an answer, p95", p95["ours"], "ms", "FTS5", p95["ours"] / p95["FTS5"])
    if not TUNING.is_file():
        return
    queries = json.loads(TUNING.read_text(encoding="utf-8"))["queries"]
    for first in (1, 3):
        right = {name: _right(find, queries, first) for name, find in finders.items()}
        name = f"search: right among the first {first}, tuning set"
        yield figure(name, 100 * right["ours"], "%", "FTS5", right["ours"] / max(right["FTS5"], 0.01))


def _p95(find: Find, asked: Sequence[str]) -> float:
    took = []
    for query in asked:
        began = time.perf_counter()
        find(query)
        took.append((time.perf_counter() - began) * 1e3)
    return percentile(took, 0.95)


def _right(find: Find, queries: Sequence[dict[str, Any]], first: int) -> float:
    hits = sum(any(code in each["expect"] for code in list(find(each["text"]))[:first]) for each in queries)
    return hits / len(queries)


def _table(phrases: Sequence[tuple[str, str]]) -> sqlite3.Connection:
    db = sqlite3.connect(":memory:")
    db.execute("CREATE VIRTUAL TABLE phrase USING fts5(code UNINDEXED, words)")
    db.executemany("INSERT INTO phrase VALUES (?, ?)", [(code, _plain(text)) for code, text in phrases])
    return db


def _ask(db: sqlite3.Connection, query: str) -> list[str]:
    words = " OR ".join(f'"{word}"' for word in _plain(query).split())
    rows = db.execute(
        "SELECT code FROM phrase WHERE phrase MATCH ? ORDER BY rank LIMIT 60", (words or '"x"',)
    )
    return list(dict.fromkeys(code for (code,) in rows))[:5]


def _plain(text: str) -> str:
    return " ".join(map(fold, tokens(text)))
