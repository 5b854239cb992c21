"""Whole sets of sentences: our own must be read without a fault, those of others at least as well as they are now."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from broker.speech.lexicon import load as load_lexicon
from broker.speech.normalise import normalise
from tests.speech.score import is_right, load, misses, words

HERE = Path(__file__).resolve().parent
SHARED = HERE.parents[2] / "shared/data/normalise.jsonl"
OWN = load(HERE / "data/office_life.jsonl")
LEXICON = load_lexicon()

# Exact sentences of each set, as reached; a change may only raise them.
REACHED = {
    "office": 210,
    "village": 210,
    "clerk": 150,
    "delta": 150,
    "announcer": 150,
    "highland": 130,
    "bulletin": 150,
    "desk": 199,
}
"""Sets by eight authors who had not seen the rules. Read at first sight: 199, 193, 134, 131, 148, 112, 150 and 197."""
FLOORS = {HERE / f"blind/{name}.jsonl": floor for name, floor in REACHED.items()} | {SHARED: 120}


@pytest.mark.parametrize("path", FLOORS, ids=lambda path: path.stem)
def test_sentences_of_other_authors_stay_read_as_well_as_they_were(path: Path) -> None:
    if not path.exists():
        pytest.skip(f"{path.name} lies outside the repository and is not here")
    rows = load(path)
    missed = misses(rows, [normalise(row["text"], LEXICON).text for row in rows])
    assert len(rows) - len(missed) >= FLOORS[path], missed


@pytest.mark.parametrize("row", OWN, ids=lambda row: row["text"][:48])
def test_a_sentence_of_our_own_set_is_read_exactly_and_doubted_only_where_it_should_be(
    row: dict[str, Any],
) -> None:
    found = normalise(row["text"], LEXICON)
    assert is_right(row, found.text), f"{found.text!r} instead of {row['spoken']!r}"
    assert [doubt.found for doubt in found.doubts] == row.get("doubts", [])


def test_our_own_set_is_large_and_has_every_class() -> None:
    tags = {tag for row in OWN for tag in row["tags"]}
    assert len(OWN) >= 600
    assert tags >= {
        *(
            "date",
            "time",
            "phone",
            "code",
            "money",
            "unit",
            "range",
            "legal",
            "roman",
            "storm",
            "lunar",
            "abbr",
        ),
        *("title", "place", "web", "list", "heading", "mixed", "percent", "plain", "doubt", "nfd"),
    }


def test_the_scorer_forgives_spelling_and_nothing_else() -> None:
    assert words("Hoá đơn hai ngàn, kỹ sư.") == words("hóa đơn hai nghìn kĩ sư")
    assert words("hai mươi bốn") == words("hai mươi tư")
    assert words("một") != words("mốt")
    row = {"text": "", "spoken": "một hai", "slots": [["một", ""], ["hai", "hai ba"]]}
    assert [is_right(row, said) for said in ("một hai", "hai ba", "một hai ba", "ba", "một")] == [
        *(True, True, True),
        *(False, False),
    ]


def test_a_sentence_costs_little_time() -> None:
    for row in OWN[:50]:
        normalise(row["text"], LEXICON)
    start = time.process_time()
    for row in OWN:
        normalise(row["text"], LEXICON)
    # Half a millisecond of CPU on a quiet machine; a busy one is given room.
    assert (time.process_time() - start) / len(OWN) < 0.003


def test_the_lexicon_stays_small() -> None:
    folder = HERE.parents[1] / "broker/speech"
    assert (folder / "lexicon.toml").stat().st_size < 1_000_000
