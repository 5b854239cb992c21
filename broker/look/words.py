"""Words on the screen: Vietnamese in the source, other languages from `<language>.po`, read at start."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Callable, Iterable
from gettext import GNUTranslations
from pathlib import Path

import polib
from flask import Flask, current_app

SOURCE = "vi"
SHARED = Path(__file__).parent / "catalogues"


class Words:
    """The catalogues of one app and the choice of language for the request being answered."""

    def __init__(self, folders: Iterable[Path], language: Callable[[], str]) -> None:
        self._language = language
        files: dict[str, list[Path]] = defaultdict(list)
        for folder in folders:
            for file in sorted(folder.glob("*.po")):
                files[file.stem].append(file)
        self._known = {known: _read(own) for known, own in files.items()}

    @property
    def languages(self) -> tuple[str, ...]:
        """What a reader can choose from, Vietnamese first."""
        return (SOURCE, *sorted(self._known))

    def language(self) -> str:
        """The language of this request; Vietnamese when an unknown one is asked for."""
        asked = self._language()
        return asked if asked in self._known else SOURCE

    def gettext(self, text: str, /, **values: object) -> str:
        """`text` in the reader's language, with `%(name)s` filled from `values` when there are any."""
        known = self._known.get(self._language())
        said = known.gettext(text) if known else text
        return said % values if values else said

    def ngettext(self, one: str, many: str, n: int, /, **values: object) -> str:
        """The form for `n` (Vietnamese has one form), with `%(n)s` and `values` filled."""
        known = self._known.get(self._language())
        said = known.ngettext(one, many, n) if known else many
        return said % {"n": n, **values}


def _read(files: Iterable[Path]) -> GNUTranslations:
    """One catalogue of several; what a later one says again holds."""
    joined = polib.POFile()
    said: dict[str, polib.POEntry] = {}
    for file in files:
        read = polib.pofile(str(file), encoding="utf-8")
        joined.metadata = read.metadata
        said.update({each.msgid: each for each in read if each.translated()})
    joined.extend(said.values())
    return GNUTranslations(io.BytesIO(joined.to_binary()))


def words_of(app: Flask) -> Words:
    """The words a dressed app speaks with."""
    words: Words = app.extensions["look.words"]
    return words


def say(text: str, /, **values: object) -> str:
    """Gettext for Python code that answers a request: `say("Đã cất ở máy này")`."""
    return words_of(current_app).gettext(text, **values)
