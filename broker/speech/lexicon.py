"""The words a text may use that are not said as written: abbreviations, foreign words, names of letters."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

_SHIPPED = Path(__file__).with_name("lexicon.toml")


class LexiconError(ValueError):
    """A lexicon cannot be used; the text says which entry and why."""


@dataclass(frozen=True)
class Sense:
    """One meaning of an abbreviation and the neighbours that settle on it."""

    said: str
    before: re.Pattern[str] | None
    """Found at the end of what stands before, lower case; None asks nothing."""
    after: re.Pattern[str] | None
    """Matched by what follows, lower case; None asks nothing."""


@dataclass(frozen=True, eq=False)
class Lexicon:
    """Everything `normalise` looks up. Built by `load`."""

    abbreviations: Mapping[str, tuple[str, ...]]
    """As written, capitals and all → what it can mean; more than one meaning makes a doubt."""
    words: Mapping[str, str]
    """Lower case → how it is said, however it is capitalised."""
    names: frozenset[str]
    """Said as written though they look like abbreviations."""
    issuers: Mapping[str, str]
    """Second half of a document's sign: "UBND" → who issued it."""
    titles: frozenset[str]
    """Shortened before a name: their full stop ends no sentence ("TP. Huế")."""
    papers: Mapping[str, str]
    """First half of a document's sign: "QĐ" → what it is."""
    subjects: Mapping[str, str]
    """Second half of a document's sign that names no issuer but what it is about: "VPHC"."""
    senses: Mapping[str, tuple[Sense, ...]]
    """Abbreviations whose neighbours tell what they mean; the first sense that fits wins."""
    keys: frozenset[str]
    """Everything a token may be looked up as, in lower case: what is not here and looks like a word is one."""

    def with_words(self, own: Mapping[str, str]) -> Lexicon:
        """The same with a commune's own words, which win over ours. Raises LexiconError."""
        added = {_key(written): (_spoken(written, said),) for written, said in own.items()}
        senses = {key: senses for key, senses in self.senses.items() if key not in added}
        return replace(
            self,
            abbreviations={**self.abbreviations, **added},
            names=self.names - added.keys(),
            senses=senses,
            keys=self.keys | {key.lower() for key in added},
        )


def load(own: Path | None = None) -> Lexicon:
    """The shipped lexicon, with a commune's own file (one table `words`) over it. Raises LexiconError."""
    lexicon = _shipped()
    return lexicon if own is None else lexicon.with_words(_read(own).get("words", {}))


@cache
def _shipped() -> Lexicon:
    raw = _read(_SHIPPED)
    meanings = {
        _key(written): tuple(said) if isinstance(said, list) else (said,)
        for written, said in raw["abbreviations"].items()
    }
    return Lexicon(
        abbreviations=meanings,
        words={_key(written).lower(): said for written, said in raw["words"].items()},
        names=frozenset(map(_key, raw["names"]["as_written"])),
        issuers={_key(sign): said for sign, said in raw["issuers"].items()},
        titles=frozenset(map(_key, raw["names"]["titles"])),
        papers={_key(sign): said for sign, said in raw["papers"].items()},
        subjects={_key(sign): said for sign, said in raw["subjects"].items()},
        senses={_key(sign): tuple(map(_sense, found)) for sign, found in raw["senses"].items()},
        keys=frozenset(
            _key(written).lower() for table in ("abbreviations", "words", "senses") for written in raw[table]
        ),
    )


def _sense(entry: list[str]) -> Sense:
    """An entry [said, words before, words after]; the words are patterns, an empty one asks nothing."""
    said, before, after = entry
    after = "|".join(r"\d+" if one == r"\d" else one for one in after.split("|"))
    return Sense(
        said,
        re.compile(rf"(?<!\w)(?:{before})(?:\s\d+)?[^\w.;]{{0,3}}$") if before else None,
        re.compile(rf"[^\w;]{{0,3}}(?:{after})(?!\w)") if after else None,
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as why:
        raise LexiconError(f"{path}: {why}") from why


def _key(written: str) -> str:
    return unicodedata.normalize("NFC", written).strip()


def _spoken(written: str, said: object) -> str:
    """A person's own entry, checked: words only, so that nothing unread hides in the lexicon."""
    if not _key(written) or not isinstance(said, str):
        raise LexiconError(f"entry {written!r} must be a word with its spoken form")
    spoken = unicodedata.normalize("NFC", said).strip()
    if not spoken or not all(char.isalpha() or char in " ,-" for char in spoken):
        raise LexiconError(f"entry {written!r}: {said!r} must be words only, without digits or signs")
    return spoken
