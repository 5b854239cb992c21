"""A rule for saying something again and again: its starts, its words, what is wrong with it, what follows. Pure.

Starts are written out before anybody signs: a signature covers times, never a rule.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Any

import msgspec

from broker.hub.announcing.public_days import HOLIDAYS
from broker.hub.announcing.recurring_days import FAR, LAST, Rule, days_of, is_far
from broker.hub.declined import Declined
from broker.link.calendar import day_name as weekday_of
from broker.link.calendar import month_name
from broker.link.clock import LOCAL
from broker.trust.envelope import MOST_STARTS

LONGEST = timedelta(days=365)
"""How far the starts of a rule without an end go."""
LOOKED_AHEAD = timedelta(days=800)
"""Beyond this a last day is not even looked at; what lies over a year ahead is refused anyway."""
RENEW_BEFORE = timedelta(days=14)
"""So long before its last start a list is called to mind."""
RENEW_AGAIN = timedelta(days=3)
"""So long before its last start it is called to mind as urgent."""


def expand(rule: Rule, now: datetime) -> list[datetime]:
    """The starts of a rule that are still to come, ascending, aware; those of a count are counted from the first."""
    since = max(rule.since, now.astimezone(LOCAL).date()) if rule.end != "count" else rule.since
    last = _last_day(rule, now)
    if since > last:
        return []
    begun = rule.counted_from
    moments = (
        datetime.combine(day, time.fromisoformat(clock), LOCAL)
        for day in days_of(msgspec.structs.replace(rule, since=max(since, rule.since)), last)
        for clock in sorted(set(rule.times))
    )
    counted = (at for at in moments if begun is None or at > begun)
    most = (rule.count or 0) if rule.end == "count" else None
    ahead = [at for at in islice(counted, most) if at > now]
    return ahead[:MOST_STARTS] if rule.end == "longest" else ahead


def _last_day(rule: Rule, now: datetime) -> date:
    today = now.astimezone(LOCAL).date()
    if rule.end == "until" and rule.until is not None:
        return min(rule.until, today + LOOKED_AHEAD)
    return today + (LONGEST if rule.end == "longest" else LOOKED_AHEAD)


def refuse_rule(rule: Rule, now: datetime) -> list[datetime]:
    """The starts of a rule that can be sent for approval. Raises Declined with what to choose or to shorten."""
    _refuse_unfinished(rule)
    _refuse_far(rule, now.astimezone(LOCAL).date())
    starts = expand(rule, now)
    if not starts:
        raise Declined("no-start", "Theo cách chọn này không còn giờ phát nào, xin xem lại ngày và giờ.")
    if len(starts) > MOST_STARTS:
        raise Declined("many-starts", _too_many(rule, starts))
    if rule.end == "count" and (rule.count or 0) > MOST_STARTS:
        raise Declined("many-starts", f"Mỗi lần duyệt nhiều nhất {MOST_STARTS} lượt, xin ghi số nhỏ hơn.")
    return starts


def _refuse_unfinished(rule: Rule) -> None:
    if rule.every == "week" and not rule.weekdays:
        raise Declined("no-weekday", "Xin chọn ít nhất một ngày trong tuần.")
    if rule.every in ("month", "lunar") and not rule.days and not (rule.nth and rule.weekdays):
        raise Declined("no-day", "Xin ghi ngày trong tháng, ví dụ 1, 15.")
    if rule.every == "holiday" and not rule.holidays:
        raise Declined("no-holiday", "Xin chọn ít nhất một ngày lễ.")
    if rule.every == "dates" and not rule.dates:
        raise Declined("no-date", "Xin ghi những ngày phát, ví dụ 24/11, 1/12.")
    if rule.every == "dates":
        return
    if rule.end == "until" and rule.until is None:
        raise Declined("no-end", "Xin chọn ngày kết thúc.")
    if rule.end == "until" and rule.until is not None and rule.until < rule.since:
        raise Declined(
            "end-before-begin", f"Ngày kết thúc {_day(rule.until)} ở trước ngày bắt đầu {_day(rule.since)}."
        )
    if rule.end == "count" and not rule.count:
        raise Declined("no-count", "Xin ghi số lượt phát.")


def _refuse_far(rule: Rule, today: date) -> None:
    ends = [rule.until] if rule.end == "until" and rule.until is not None else []
    for day in (rule.since, *ends, *rule.dates, *rule.skip):
        if is_far(day, today):
            raise Declined("far", f"Ngày {_day(day)} xa quá, xin ghi ngày trong vòng {FAR.days // 365} năm.")


def _too_many(rule: Rule, starts: Sequence[datetime]) -> str:
    """What to shorten where there are more starts than one signature takes."""
    told = f"Có {len(starts)} giờ phát, mỗi lần duyệt nhiều nhất {MOST_STARTS}."
    last_whole = starts[MOST_STARTS].date() - timedelta(days=1)
    ways = [f"cho kết thúc vào {_day(last_whole)}"]
    if len(set(rule.times)) > 1:
        ways.append("bớt giờ trong ngày")
    return f"{told} Xin {' hoặc '.join(ways)}, đến lúc đó gia hạn."


def next_period(rule: Rule, now: datetime) -> Rule | None:
    """The same for the time that follows: as long, with as many starts. None where days were chosen one by one."""
    if rule.every == "dates":
        return None
    today, period = now.astimezone(LOCAL).date(), rule.period_since or rule.since
    begun = rule.counted_from or datetime.combine(rule.since, time(), LOCAL)
    starts = expand(rule, min(now, begun - timedelta(seconds=1)))
    end = rule.until if rule.end == "until" and rule.until else starts[-1].date() if starts else today
    since = max(end + timedelta(days=1), today)
    until = _as_long(period, end, since) if rule.end == "until" else None
    count = max(1, sum(at.date() >= period for at in starts)) if rule.end == "count" else None
    left_out = [day for day in rule.skip if day >= since]
    return msgspec.structs.replace(
        rule, since=since, until=until, count=count, skip=left_out, counted_from=None, period_since=None
    )


def renewed(rule: Rule, now: datetime) -> Rule | None:
    """What is left of a rule and the period after it, as one: an approved revision takes the place of the older one."""
    following = next_period(rule, now)
    if following is None:
        return None
    left = expand(rule, now)
    if not left:
        return following
    today = now.astimezone(LOCAL).date()
    return msgspec.structs.replace(
        following,
        since=max(rule.since, today),
        count=len(left) + (following.count or 0) if rule.end == "count" else None,
        counted_from=now if rule.end == "count" else None,
        skip=[day for day in rule.skip if day >= today],
        period_since=following.since,
    )


def _as_long(since: date, end: date, begin: date) -> date:
    """The last day of a time as long as from `since` to `end` that starts on `begin`: whole months stay whole."""
    after = end + timedelta(days=1)
    months = (after.year - since.year) * 12 + after.month - since.month
    if since.day == after.day and months > 0 and begin.day == since.day:
        index = begin.year * 12 + begin.month - 1 + months
        year, month = divmod(index, 12)
        length = calendar.monthrange(year, month + 1)[1]
        return date(year, month + 1, min(begin.day, length)) - timedelta(days=1)
    return begin + (end - since)


def say(rule: Rule) -> str:
    """A rule as people say it: "thứ Hai, thứ Năm hằng tuần lúc 17:00, đến hết 31/12"."""
    times = [clock.removeprefix("0") for clock in sorted(set(rule.times))]
    parts = [f"{_say_days(rule)} lúc {_and(times)}"]
    if rule.skip:
        parts.append(f"trừ ngày {_and([_short(day) for day in sorted(rule.skip)])}")
    if rule.every != "dates":
        parts += _say_end(rule)
    return ", ".join(parts)


def _say_days(rule: Rule) -> str:
    if rule.every == "day":
        return "hằng ngày"
    if rule.every == "week":
        days = sorted(set(rule.weekdays))
        return "hằng ngày" if len(days) == 7 else f"{', '.join(map(_weekday, days))} hằng tuần"
    if rule.every == "month" and rule.nth and rule.weekdays:
        nth = {1: "đầu tiên", LAST: "cuối cùng"}.get(rule.nth, f"lần thứ {rule.nth}")
        return f"{_weekday(rule.weekdays[0])} {nth} hằng tháng"
    if rule.every == "month":
        return _say_monthly(rule.days)
    if rule.every == "lunar":
        return _say_lunar(rule)
    if rule.every == "dates":
        return f"ngày {_and([_short(day) for day in sorted(set(rule.dates))])}"
    feasts = [name for key, name in HOLIDAYS.items() if key in rule.holidays]
    before = f"{rule.days_before} ngày trước " if rule.days_before else ""
    return f"{before}ngày lễ ({'; '.join(feasts)})"


def _say_lunar(rule: Rule) -> str:
    names = {1: "mồng một", 15: "rằm", LAST: "ngày cuối tháng"}
    days = [
        names.get(n, f"mồng {n}" if n <= 10 else f"ngày {n}") for n in sorted(set(rule.days), key=_last_last)
    ]
    if not rule.month:
        return f"{_and(days)} hằng tháng âm lịch"
    leap = ", cả tháng nhuận" if rule.leap else ""
    return f"{_and(days)} tháng {month_name(rule.month)} âm lịch{leap}"


def _say_end(rule: Rule) -> list[str]:
    if rule.end == "until" and rule.until is not None:
        said = _short(rule.until)
        return [f"đến hết {said}" if rule.until.year == rule.since.year else f"đến hết {_day(rule.until)}"]
    if rule.end == "count":
        return [f"đủ {rule.count} lượt"]
    return [f"đến khi hết một năm hoặc đủ {MOST_STARTS} lượt"]


def _say_monthly(days: Sequence[int]) -> str:
    whole = [str(n) for n in sorted(set(days)) if n != LAST]
    if LAST not in days:
        return f"ngày {_and(whole)} hằng tháng"
    return f"ngày {', '.join(whole)} và ngày cuối mỗi tháng" if whole else "ngày cuối mỗi tháng"


def _last_last(day: int) -> int:
    return 99 if day == LAST else day


def _and(words: Sequence[str]) -> str:
    return " và ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _weekday(number: int) -> str:
    name = weekday_of(date(2024, 1, 1 + number))  # a Monday and the days after it
    return name[0].lower() + name[1:]


def _short(day: date) -> str:
    return f"{day.day}/{day.month}"


def _day(day: date) -> str:
    return f"{day.day}/{day.month}/{day.year}"


def rule_of(kept: Mapping[str, Any] | None) -> Rule | None:
    """A rule as a revision keeps it; None for starts chosen one by one, and for one that cannot be read."""
    try:
        return None if kept is None else msgspec.convert(kept, Rule)
    except msgspec.ValidationError:
        return None


def kept_rule(rule: Rule | None) -> dict[str, Any] | None:
    """A rule as a revision keeps it."""
    return None if rule is None else dict(msgspec.to_builtins(rule))
