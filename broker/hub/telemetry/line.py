"""InfluxDB's line protocol, both ways: what other programs write to the hub, and what the copy is sent. Pure.

Reading is strict, and one bad line spoils no other: it comes back with its number and why. Source:
https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/ (a backslash escapes only what would
otherwise end the name; anywhere else it stands for itself, as InfluxDB reads it).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

SHOWN = 120
"""Characters of a bad line that an error repeats."""

_SPACE = re.compile(r"[ \t\r]*")
_MEASUREMENT = re.compile(r"(?:[^, \n\\]++|\\[, ]?+)++")
_NAME = re.compile(r"(?:[^,= \n\\]++|\\[,= ]?+)++")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_PLAIN = re.compile(r"[^, \r\n]+")
_FLOAT = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_INTEGER = re.compile(r"([+-]?[0-9]{1,19}i)|([0-9]{1,20}u)")
_STAMP = re.compile(r"-?[0-9]{1,19}")
_ESCAPED = re.compile(r"\\([, ])")
_ESCAPED_NAME = re.compile(r"\\([,= ])")
_BOOLEANS = {
    **dict.fromkeys(("t", "T", "true", "True", "TRUE"), 1.0),
    **dict.fromkeys(("f", "F", "false", "False", "FALSE"), 0.0),
}
_INT64 = 2**63
_UINT64 = 2**64


@dataclass(frozen=True)
class Line:
    """One line that could be read. Integers and truth values are numbers here; texts are only named."""

    number: int
    """From 1, of the line where it begins."""
    measurement: str
    tags: tuple[tuple[str, str], ...]
    """By key."""
    values: dict[str, float]
    texts: tuple[str, ...]
    """Names of fields that hold a text."""
    stamp: int | None
    """In the unit the writer chose; None: the time it arrives."""


@dataclass(frozen=True)
class BadLine:
    """A line that could not be read, or not be taken."""

    number: int
    text: str
    """Its beginning."""
    reason: str


class _Unreadable(Exception):
    """`str()` is the reason."""


def read(text: str) -> Iterator[Line | BadLine]:
    """Every line of a request, in order; empty lines and comments are passed over."""
    at, number = 0, 1
    while at < len(text):
        began = _space(text, at)
        if text.startswith(("\n", "#"), began) or began == len(text):
            end = _end_of_line(text, began)
        else:
            try:
                line, end = _line(text, began, number)
                yield line
            except _Unreadable as why:
                end = _end_of_line(text, began)
                yield BadLine(number, text[began : min(end, began + SHOWN)].rstrip(), str(why))
        number += text.count("\n", at, end + 1)
        at = end + 1


def written(head: str, value: float, quality: int, at_ms: int) -> str:
    """The line of one reading for the copy, its time in milliseconds. head: of `head_of`."""
    return f"{head} value={value!r},quality={quality}i {at_ms}"


def head_of(node: str, service: str, name: str) -> str:
    """Measurement and tags of a series. The contract's names hold no character that would need escaping."""
    measurement, _, sensor = name.partition(".")
    head = f"{measurement},node={node},service={service}"
    return f"{head},sensor={sensor}" if sensor else head


def _end_of_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _line(text: str, at: int, number: int) -> tuple[Line, int]:
    """The line that begins at `at`, and where it ends. A quoted text may hold line ends. Raises _Unreadable."""
    found = _MEASUREMENT.match(text, at)
    if found is None:
        raise _Unreadable("missing measurement")
    measurement, at = _ESCAPED.sub(r"\1", found[0]), found.end()
    tags: dict[str, str] = {}
    while text.startswith(",", at):
        key, at = _name(text, at + 1, "tag key")
        value, at = _name(text, _after(text, at, "=", "missing tag value"), "tag value")
        if key in tags:
            raise _Unreadable("duplicate tags")
        tags[key] = value
    at = _after(text, at, " ", "missing fields")
    values: dict[str, float] = {}
    texts: list[str] = []
    at -= 1
    while True:
        key, at = _name(text, _space(text, at + 1), "field key")
        at = _after(text, at, "=", "missing field value")
        if (quoted := _STRING.match(text, at)) is not None:
            texts.append(key)
            at = quoted.end()
        else:
            values[key], at = _number(text, at)
        if not text.startswith(",", at):
            break
    stamp, at = _stamp(text, at)
    return Line(number, measurement, tuple(sorted(tags.items())), values, tuple(texts), stamp), at


def _name(text: str, at: int, what: str) -> tuple[str, int]:
    found = _NAME.match(text, at)
    if found is None:
        raise _Unreadable(f"missing {what}")
    name = found[0]
    return _ESCAPED_NAME.sub(r"\1", name) if "\\" in name else name, found.end()


def _after(text: str, at: int, sign: str, otherwise: str) -> int:
    if not text.startswith(sign, at):
        raise _Unreadable(otherwise)
    return at + 1


def _space(text: str, at: int) -> int:
    """Past spaces, of which there may be none."""
    return _SPACE.match(text, at).end()  # type: ignore[union-attr]


def _number(text: str, at: int) -> tuple[float, int]:
    """A field's value that is no text. Raises _Unreadable."""
    found = _PLAIN.match(text, at)
    if found is None:
        raise _Unreadable("missing field value")
    if found[0].startswith('"'):
        raise _Unreadable("unbalanced quotes")
    return _value(found[0]), found.end()


def _value(plain: str) -> float:
    if plain in _BOOLEANS:
        return _BOOLEANS[plain]
    if _FLOAT.fullmatch(plain):
        if math.isinf(value := float(plain)):
            raise _Unreadable("invalid number: out of range")
        return value
    whole = _INTEGER.fullmatch(plain)
    if whole is None:
        raise _Unreadable("invalid number")
    number = int(plain[:-1])
    low, high = (-_INT64, _INT64) if whole[1] else (0, _UINT64)
    if not low <= number < high:
        raise _Unreadable("invalid number: out of range")
    return float(number)


def _stamp(text: str, at: int) -> tuple[int | None, int]:
    """The time after the fields, and the end of the line. Raises _Unreadable."""
    if not text.startswith((" ", "\t", "\r", "\n"), at) and at < len(text):
        raise _Unreadable("invalid field format")
    at = _space(text, at)
    found = _STAMP.match(text, at)
    if found is not None:
        at = _space(text, found.end())
    if at < len(text) and text[at] != "\n":
        raise _Unreadable("bad timestamp")
    return None if found is None else int(found[0]), at
