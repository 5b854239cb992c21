"""Hours of the week in which a camera's movement raises alerts: as people type them, as the plan says them. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from broker.hub.declined import Declined

MOST_SPANS: Final = 6
DAYS: Final = ("T2", "T3", "T4", "T5", "T6", "T7", "CN")
_CLOCK: Final = re.compile(r"([0-9]{1,2})(?:[:hg]([0-9]{2})?)?")
DAY_MIN: Final = 1440


@dataclass(frozen=True)
class SpanRow:
    """One span as the page shows it and gets it back."""

    days: tuple[str, ...] = ()
    """"0" is Monday."""
    since: str = ""
    until: str = ""


def rows_of(schedule: Sequence[dict[str, Any]]) -> list[SpanRow]:
    """The spans of a record as rows of the page."""
    return [
        SpanRow(tuple(str(day) for day in each["days"]), write(each["since_min"]), write(each["until_min"]))
        for each in schedule
    ]


def read(rows: Sequence[SpanRow]) -> list[dict[str, Any]]:
    """The spans of a form; empty rows are left out. Raises Declined for a row that is half filled or unreadable."""
    found = []
    for row in rows:
        if not (row.days or row.since.strip() or row.until.strip()):
            continue
        days = sorted({int(day) for day in row.days if day in tuple("0123456")})
        since, until = _minutes(row.since), _minutes(row.until)
        if not days or since is None or until is None or since == DAY_MIN:
            raise Declined(
                "bad-span",
                "Mỗi khung giờ cần ít nhất một ngày, giờ bắt đầu và giờ hết, ví dụ 22:00 đến 05:00.",
            )
        found.append({"days": days, "since_min": since, "until_min": until})
    if len(found) > MOST_SPANS:
        raise Declined("many-spans", f"Mỗi camera có nhiều nhất {MOST_SPANS} khung giờ.")
    if not found:
        raise Declined("no-span", "Xin chọn ít nhất một khung giờ, hoặc chọn luôn canh.")
    return found


def write(minutes: int) -> str:
    """Minutes after midnight as a clock: 1320 is "22:00"."""
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _minutes(text: str) -> int | None:
    """Minutes after midnight of "22:00", "22h" or "24:00"; None for what is no time."""
    parts = _CLOCK.fullmatch(text.strip().lower())
    if parts is None:
        return None
    minutes = int(parts[1]) * 60 + int(parts[2] or 0)
    return minutes if int(parts[2] or 0) < 60 and minutes <= DAY_MIN else None
