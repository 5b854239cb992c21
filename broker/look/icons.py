"""The project's own icons: `icon()` refers to a symbol, `sprite()` carries the symbols a page really uses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from markupsafe import Markup, escape

ICONS = Path(__file__).parent / "static" / "icons.svg"
_SYMBOL = re.compile(r'<symbol id="i-([a-z]+)".*?</symbol>', re.DOTALL)
_USED = re.compile(r'href="#i-([a-z]+)"')
_MARK = re.compile(r"<!--sprite([a-z ]*)-->")


@cache
def symbols(source: Path = ICONS) -> Mapping[str, str]:
    """Every symbol by its name, as SVG text."""
    return {m[1]: m[0] for m in _SYMBOL.finditer(source.read_text(encoding="utf-8"))}


def icon(name: str, cls: str = "") -> Markup:
    """An icon in the line of text; decoration only, the word beside it says what it means.

    Raises KeyError for a name that was never drawn.
    """
    if name not in symbols():
        raise KeyError(f"no icon {name!r}; drawn are: {', '.join(sorted(symbols()))}")
    more = f" {escape(cls)}" if cls else ""
    return Markup(f'<svg class="icon{more}" aria-hidden="true"><use href="#i-{name}"/></svg>')  # noqa: S704


def drawn(name: str) -> str:
    """An icon that content asks for, or a plain sheet for one that this release never drew."""
    return name if name in symbols() else "note"


def sprite(*more: str) -> Markup:
    """Where the page's symbols go (last thing in the body). `more`: icons that only scripts will show."""
    for name in more:
        icon(name)
    return Markup(f"<!--sprite {' '.join(more)}-->")  # noqa: S704


def fill_sprite(page: str) -> str:
    """Replace the mark left by `sprite()` with the symbols the finished page uses, and no others."""
    mark = _MARK.search(page)
    if mark is None:
        return page
    used = sorted(set(_USED.findall(page)) | set(mark[1].split()))
    body = "".join(symbols()[name] for name in used if name in symbols())
    return page[: mark.start()] + f'<svg class="sprite" aria-hidden="true">{body}</svg>' + page[mark.end() :]
