"""Times and dates as people type them: "5h30, 17:00", "24/11, 1/12/2027". Pure."""

from __future__ import annotations

import re
import unicodedata
from datetime import date

_CLOCK = re.compile(r"([0-9]{1,2})(?:[:h.]?([0-9]{2})|h)?", re.ASCII)
_DATE = re.compile(r"([0-9]{1,2})[/.-]([0-9]{1,2})(?:[/.-]([0-9]{4}))?", re.ASCII)
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_BETWEEN = re.compile(r"[,;\s]+|\bvà\b")
_YEARS_AHEAD = 5
"""29/2 comes again within so many."""


def parts_of(typed: str) -> list[str]:
    """The pieces of a list: parted by commas, blanks or "và"."""
    return [part for part in _BETWEEN.split(unicodedata.normalize("NFC", typed)) if part]


def clock_of(typed: str) -> str | None:
    """A time as people write it, "17:30", "17h30", "17h", "1730", as "17:30"; None when it is none."""
    found = _CLOCK.fullmatch(typed.strip().lower())
    if found is None or int(found[1]) > 23 or int(found[2] or 0) > 59:
        return None
    return f"{int(found[1]):02d}:{int(found[2] or 0):02d}"


def times_of(typed: str) -> tuple[list[str], str]:
    """Times of day, ascending; and the first piece that is none."""
    found: set[str] = set()
    for part in parts_of(typed):
        clock = clock_of(part)
        if clock is None:
            return [], part[:20]
        found.add(clock)
    return sorted(found), ""


def dates_of(typed: str, since: date) -> tuple[list[date], str]:
    """Dates, ascending; and the first piece that is none. One without a year is the next such day from `since` on."""
    found: set[date] = set()
    for part in parts_of(typed):
        day = date_of(part, since)
        if day is None:
            return [], part[:20]
        found.add(day)
    return sorted(found), ""


def date_of(typed: str, since: date) -> date | None:
    """A date as typed or as a browser sends it; without a year the next such day from `since` on; None for none."""
    text = typed.strip()
    try:
        if _ISO.fullmatch(text):
            return date.fromisoformat(text)
        found = _DATE.fullmatch(text)
        if found is None:
            return None
        day, month = int(found[1]), int(found[2])
        if found[3]:
            return date(int(found[3]), month, day)
        return next(
            one
            for year in range(since.year, since.year + _YEARS_AHEAD)
            if (one := _real(year, month, day)) is not None and one >= since
        )
    except (ValueError, StopIteration):
        return None


def _real(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
