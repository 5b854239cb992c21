"""Which times of a message can be believed enough to be stored. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

AHEAD: Final = timedelta(hours=24)
"""A time further in the future than this comes from a wrong clock."""
PLANNED: Final = frozenset({"planned_at"})
"""Fields that may rightly lie in the future, by up to FURTHEST."""
FURTHEST: Final = timedelta(days=400)
ALARM_SINCE: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""Before the first release nothing was told: a clock that woke up in 1970 has not been set."""
ALARM_AHEAD: Final = timedelta(minutes=5)
LEAST_YEAR: Final = 1970
"""A time outside these cannot be shown in the commune's own time zone."""


class Unusable(ValueError):
    """A message that can be read but not stored; the text is the reason under which it is counted."""


def check_times(message: msgspec.Struct, now: datetime) -> None:
    """Raise Unusable for a time without a zone, before 1970, or more than a day ahead."""
    for name in message.__struct_fields__:
        doubt = doubt_of(name, getattr(message, name), now)
        if doubt:
            raise Unusable(doubt)


def doubt_of(name: str, value: object, now: datetime) -> str:
    """Why a time cannot be one; empty for what can, and for what is no time."""
    if not isinstance(value, datetime):
        return ""
    if value.tzinfo is None:
        return f"{name} has no time zone"
    if value.year < LEAST_YEAR:
        return f"{name} lies before {LEAST_YEAR}"
    if name not in PLANNED and value > now + AHEAD:
        return f"{name} is more than 24 h in the future"
    return f"{name} is more than {FURTHEST.days} days in the future" if value > now + FURTHEST else ""


def doubt_of_alarm(name: str, value: object, now: datetime) -> str:
    """The same for what an alarm tells, more strictly: an officer acts on its time, and the hub has one of its own."""
    doubt = doubt_of(name, value, now)
    if doubt or not isinstance(value, datetime):
        return doubt
    if value < ALARM_SINCE:
        return f"{name} lies before the first release"
    return (
        f"{name} is more than {ALARM_AHEAD.seconds // 60} min in the future"
        if value > now + ALARM_AHEAD
        else ""
    )
