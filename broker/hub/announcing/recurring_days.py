"""Which days a repeated announcement falls on: weekdays, days of a month, the lunar calendar, public holidays. Pure."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Annotated, Literal

from msgspec import Meta, Struct

from broker.hub.announcing.public_days import public_days
from broker.link.calendar import lunar_months
from broker.trust.envelope import LocalTime

Every = Literal["day", "week", "month", "lunar", "holiday", "dates"]
End = Literal["until", "count", "longest"]
LAST = -1
"""Of days: the last of its month, whatever its number; of `nth`: the last such weekday."""
MOST_TIMES = 12
MOST_DATES = 200
FAR = timedelta(days=3 * 366)
"""A day further from now than this is a slip of the hand: nobody plans so far, and calendars end somewhere."""


class Rule(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """When something is said again and again, as an official chose it. Days and times are local."""

    every: Every
    times: Annotated[list[LocalTime], Meta(min_length=1, max_length=MOST_TIMES)]
    since: date
    end: End = "until"
    until: date | None = None
    """Last day; only with end `until`."""
    count: Annotated[int, Meta(ge=1, le=9999)] | None = None
    """So many starts; only with end `count`."""
    weekdays: list[Annotated[int, Meta(ge=0, le=6)]] = []
    """Monday is 0; for every week, and one of them with `nth`."""
    days: list[Annotated[int, Meta(ge=LAST, le=31)]] = []
    """Days of the month, solar or lunar."""
    nth: Annotated[int, Meta(ge=LAST, le=4)] = 0
    """Every month on the nth of a weekday instead of on `days`."""
    month: Annotated[int, Meta(ge=0, le=12)] = 0
    """Lunar month; 0: each, leap months too."""
    leap: bool = False
    """Of a lunar month that is named: its leap month as well."""
    holidays: Annotated[list[str], Meta(max_length=20)] = []
    """Keys of public_days.HOLIDAYS."""
    days_before: Annotated[int, Meta(ge=0, le=30)] = 0
    dates: Annotated[list[date], Meta(max_length=MOST_DATES)] = []
    skip: Annotated[list[date], Meta(max_length=MOST_DATES)] = []
    """Days left out."""
    period_since: date | None = None
    """First day of the newest period where an older one is carried on; the next one is as long as from here."""
    counted_from: datetime | None = None
    """Starts up to here are no part of it: they had passed when it was written."""


def is_far(day: date, today: date) -> bool:
    """Whether a day lies so far away, before or after, that nobody can mean it."""
    return abs(day - today) > FAR


def days_of(rule: Rule, last: date) -> Iterator[date]:
    """The days of a rule from `since` to `last`, ascending, without those left out."""
    left_out = set(rule.skip)
    return (day for day in _DAYS[rule.every](rule, last) if rule.since <= day <= last and day not in left_out)


def _daily(rule: Rule, last: date) -> Iterator[date]:
    return (rule.since + timedelta(days=n) for n in range((last - rule.since).days + 1))


def _weekly(rule: Rule, last: date) -> Iterator[date]:
    return (day for day in _daily(rule, last) if day.weekday() in rule.weekdays)


def _monthly(rule: Rule, last: date) -> Iterator[date]:
    year, month = rule.since.year, rule.since.month
    while (year, month) <= (last.year, last.month):
        length = calendar.monthrange(year, month)[1]
        if rule.nth and rule.weekdays:
            yield _nth_weekday(year, month, length, rule.nth, rule.weekdays[0])
        else:
            yield from (date(year, month, day) for day in _numbers(rule.days, length))
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)


def _nth_weekday(year: int, month: int, length: int, nth: int, weekday: int) -> date:
    if nth == LAST:
        return max(day for n in range(7) if (day := date(year, month, length - n)).weekday() == weekday)
    first = 1 + (weekday - date(year, month, 1).weekday()) % 7
    return date(year, month, first + 7 * (nth - 1))


def _lunar(rule: Rule, last: date) -> Iterator[date]:
    for first, said, length in lunar_months(rule.since, last):
        if rule.month and (said.month != rule.month or (said.leap and not rule.leap)):
            continue
        yield from (first + timedelta(days=day - 1) for day in _numbers(rule.days, length))


def _numbers(days: list[int], length: int) -> list[int]:
    """The days that a month of this length has; the last one by its number."""
    return sorted({length if day == LAST else day for day in days if day == LAST or 1 <= day <= length})


def _on_holidays(rule: Rule, last: date) -> Iterator[date]:
    before = timedelta(days=rule.days_before)
    found = public_days(rule.since + before, last + before)
    return iter(sorted(day - before for day, one in found.items() if one.key in rule.holidays))


def _on_dates(rule: Rule, last: date) -> Iterator[date]:
    return (day for day in sorted(set(rule.dates)) if day <= last)


_DAYS = {
    "day": _daily,
    "week": _weekly,
    "month": _monthly,
    "lunar": _lunar,
    "holiday": _on_holidays,
    "dates": _on_dates,
}
