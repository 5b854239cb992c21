"""One page of a long list, and the way to its neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import urlencode

from flask import request

Item = TypeVar("Item")


@dataclass(frozen=True)
class Page(Generic[Item]):
    """What is shown of a list, and where it stands in it."""

    items: Sequence[Item]
    number: int
    """From 1."""
    last: int
    """Number of the last page, at least 1."""
    total: int


def page_of(items: Sequence[Item], wanted: str, size: int) -> Page[Item]:
    """The page a person asked for by its number; the nearest there is for anything else."""
    last = max(1, -(-len(items) // size))
    asked = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 9 else 1
    number = min(max(1, asked), last)
    return Page(items[(number - 1) * size : number * size], number, last, len(items))


def turn(name: str, number: int) -> str:
    """Address of the page that is open, with the list called `name` turned to page `number`."""
    return f"{request.path}?{urlencode({**request.args, name: number})}"


def here() -> str:
    """Address of the page that is open, every list on the page it is turned to."""
    return f"{request.path}?{urlencode(request.args)}" if request.args else request.path
