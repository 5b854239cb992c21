"""What other programs write becomes series of the hub: names, times and bounds. Pure.

A field of a line is one series of the hub's own service `hub.web`, which no node can be and no board can write
to, so it never mixes with what the nodes measured. Its name is `<measurement>.<token>.<field>` followed by
`.<tag>.<value>` for each tag in order, where all of that is spelt as the contract spells names; else a readable
beginning and `.x<hash>` of the whole. The one has an odd number of parts and the other four, so two quantities
never share a name.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from broker.contract import HUB, Identity
from broker.hub.telemetry.line import SHOWN, BadLine, Line

WRITER = Identity(HUB, "web")
"""Under this identity stand all series that other programs write."""

NS_OF = {
    "ns": 1, "n": 1, "us": 1_000, "u": 1_000, "µ": 1_000, "ms": 1_000_000,
    "s": 1_000_000_000, "m": 60_000_000_000, "h": 3_600_000_000_000,
}  # fmt: skip
"""Nanoseconds of each unit that a writer may give times in."""

LONGEST_NAME = 80
"""Of a series, by the contract."""
LONGEST_KEY = 1000
"""Of what a writer calls a quantity: measurement, tags and field together."""

_QUANTITY = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_PART = re.compile(r"[a-z0-9_-]+", re.ASCII)
_ESCAPES = str.maketrans({sign: f"\\{sign}" for sign in ",= "})
_OTHER = re.compile(r"[^a-z0-9_]+", re.ASCII)


@dataclass(frozen=True)
class Point:
    """One value as a writer gave it."""

    number: int
    """Of its line."""
    key: str
    """What the writer calls the quantity."""
    name: str
    """What the hub calls it."""
    at_ms: int
    value: float
    is_stamped: bool
    """False: the writer gave no time, the time of arrival stands in."""


def points_of(
    lines: Iterable[Line | BadLine], token: str, unit_ns: int, now_ms: int, kept: tuple[int, int]
) -> Iterator[Point | BadLine]:
    """Every number of the lines. kept: oldest and newest time in ms that is stored."""
    names: dict[tuple[object, ...], tuple[str, str]] = {}
    for line in lines:
        if isinstance(line, BadLine):
            yield line
            continue
        at_ms = now_ms if line.stamp is None else line.stamp * unit_ns // 1_000_000
        if reason := _why_not(line, at_ms, kept):
            yield BadLine(line.number, key_of(line, "")[:SHOWN].strip(), reason)
            continue
        for field, value in line.values.items():
            whole = (line.measurement, line.tags, field)
            if whole not in names:
                names[whole] = (key_of(line, field), name_of(token, line, field))
            key, name = names[whole]
            if len(key) > LONGEST_KEY:
                yield BadLine(line.number, key[:SHOWN], f"names longer than {LONGEST_KEY} characters")
            else:
                yield Point(line.number, key, name, at_ms, value, line.stamp is not None)


def key_of(line: Line, field: str) -> str:
    """Measurement, tags in order and field, written as a line has them."""
    tags = "".join(f",{_escape(key)}={_escape(value)}" for key, value in line.tags)
    return f"{_escape(line.measurement)}{tags} {_escape(field)}"


def name_of(token: str, line: Line, field: str) -> str:
    """The hub's name of the series."""
    parts = [line.measurement, token, field, *(part for tag in line.tags for part in tag)]
    plain = ".".join(parts)
    if (
        len(plain) <= LONGEST_NAME
        and _QUANTITY.fullmatch(line.measurement)
        and all(_PART.fullmatch(part) for part in parts[1:])
    ):
        return plain
    digest = hashlib.sha256(key_of(line, field).encode()).hexdigest()[:12]
    quantity = _spelt(line.measurement).lstrip("0123456789_")[:20] or "other"
    return f"{quantity}.{token}.{_spelt(field)[:18] or 'value'}.x{digest}"


def _why_not(line: Line, at_ms: int, kept: tuple[int, int]) -> str:
    """Why a line cannot be stored whatever its fields are; empty when it can."""
    names = [line.measurement, *line.values, *(part for tag in line.tags for part in tag)]
    if not all(name.isprintable() for name in names):
        return "a name holds a character that cannot be shown"
    if at_ms < kept[0]:
        return "points beyond retention policy: older than what is kept"
    if at_ms > kept[1]:
        return "time lies more than a day ahead of the hub's clock"
    return ""


def _escape(name: str) -> str:
    return name.translate(_ESCAPES)


def _spelt(name: str) -> str:
    """A name as near as the contract's letters come: without tone marks, in lower case."""
    bare = unicodedata.normalize("NFD", name.replace("đ", "d").replace("Đ", "D").lower())
    return _OTHER.sub("_", "".join(c for c in bare if not unicodedata.combining(c))).strip("_")
