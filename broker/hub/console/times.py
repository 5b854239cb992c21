"""The starts of an announcement as a list to look through: each with its day, what day it is, what is in its way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from broker.hub.announcing import recurrence, schedule
from broker.hub.announcing.public_days import public_days
from broker.hub.announcing.recurring_days import Rule
from broker.hub.console.wording import WEEKDAYS, hm, local
from broker.hub.records import Revision
from broker.link.calendar import lunar_of

NEXT = 3
"""So many are always in sight."""


@dataclass(frozen=True)
class Moment:
    """One start as a line."""

    at: datetime
    day: str
    """ "Thứ Năm 26/11"; with the year where it is not this one."""
    clock: str
    note: str
    """The lunar day or the holiday, for rules that go by them."""
    trouble: str


@dataclass(frozen=True)
class Times:
    """All starts of an announcement."""

    said: str
    """The rule in words; empty for starts without one."""
    info: str
    """ "36 lượt, từ 23/11/2026 đến 31/12/2026"."""
    moments: Sequence[Moment]
    troubled: int

    @property
    def next(self) -> Sequence[Moment]:
        """The three that come first."""
        return self.moments[:NEXT]

    @property
    def may_skip(self) -> bool:
        """Whether leaving out the days in trouble leaves most of them; else another hour is the way."""
        days = {each.day for each in self.moments}
        return 0 < 2 * len({each.day for each in self.in_trouble}) <= len(days)

    @property
    def in_trouble(self) -> Sequence[Moment]:
        """Those that something is in the way of."""
        return [each for each in self.moments if each.trouble]


def times_of(
    starts: Sequence[datetime],
    rule: Rule | None,
    now: datetime,
    troubles: Mapping[datetime, str] | None = None,
    count: int = 0,
) -> Times:
    """The list of some starts, ascending. troubles: what stands in the way, by start. count: where there are more."""
    troubles, names = troubles or {}, _names(starts, rule)
    this_year = local(now).year
    moments = [
        Moment(
            at, _say_day(day := local(at).date(), this_year), hm(at), names.get(day, ""), troubles.get(at, "")
        )
        for at in starts
    ]
    return Times(
        said=recurrence.say(rule) if rule is not None else "",
        info=_info(starts, max(count, len(starts))),
        moments=moments,
        troubled=sum(bool(each.trouble) for each in moments),
    )


def times_of_revision(revision: Revision, now: datetime) -> Times:
    """The list of a revision as it was sent, without what has passed."""
    ahead = [each.at for each in schedule.starts_of(revision) if each.at > now]
    return times_of(ahead, recurrence.rule_of(revision.recurrence), now)


def _info(starts: Sequence[datetime], count: int) -> str:
    if not starts:
        return "Chưa có giờ phát nào"
    first, last = local(starts[0]).date(), local(starts[-1]).date()
    if len(starts) == 1:
        return f"1 lượt, ngày {_full(first)}"
    if count > len(starts):
        return f"{len(starts)} lượt đầu trong {count} lượt"
    return f"{count} lượt, từ {_full(first)} đến {_full(last)}"


def _names(starts: Sequence[datetime], rule: Rule | None) -> dict[date, str]:
    """What kind of day each is, where the rule goes by such days."""
    days = [local(at).date() for at in starts]
    if rule is None or not days:
        return {}
    if rule.every == "lunar":
        return {day: lunar_of(day).text for day in days}
    if rule.every == "holiday":
        away = timedelta(days=rule.days_before)
        known, before = public_days(days[0] + away, days[-1] + away), "trước " if rule.days_before else ""
        return {day: before + known[day + away].name for day in days if day + away in known}
    return {}


def _say_day(day: date, this_year: int) -> str:
    said = f"{WEEKDAYS[day.weekday()]} {day.day}/{day.month}"
    return said if day.year == this_year else f"{said}/{day.year}"


def _full(day: date) -> str:
    return f"{day.day}/{day.month}/{day.year}"
