"""The part of the compose form about saying it again and again: fields as typed, and the rule they mean."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from werkzeug.datastructures import MultiDict

from broker.hub.announcing.public_days import HOLIDAYS
from broker.hub.announcing.recurring_days import FAR, LAST, MOST_DATES, MOST_TIMES, Rule, is_far
from broker.hub.console.typed import date_of, dates_of, parts_of, times_of
from broker.hub.console.wording import WEEKDAYS, local
from broker.link.calendar import month_name

EVERY = {
    "week": "Hằng tuần",
    "day": "Hằng ngày",
    "month": "Hằng tháng",
    "lunar": "Theo âm lịch",
    "holiday": "Ngày lễ",
    "dates": "Chọn từng ngày",
}
ENDS = {"until": "đến hết ngày", "count": "đủ số lượt", "longest": "lâu nhất được"}
NTH = {"1": "đầu tiên", "2": "lần thứ 2", "3": "lần thứ 3", "4": "lần thứ 4", "-1": "cuối cùng"}
MONTH_BY = {"days": "vào ngày", "last": "ngày cuối tháng", "nth": "theo thứ"}
LUNAR_BY = {"both": "mồng một và rằm", "full": "rằm", "new": "mồng một", "days": "ngày khác"}
LUNAR_MONTHS = {"0": "hằng tháng"} | {str(n): f"tháng {month_name(n)}" for n in range(1, 13)}
BEFORE = {
    "0": "đúng ngày",
    "1": "trước 1 ngày",
    "2": "trước 2 ngày",
    "3": "trước 3 ngày",
    "7": "trước 7 ngày",
}
DEFAULT_LENGTH = timedelta(days=90)

_COUNT = re.compile(r"[1-9][0-9]{0,3}", re.ASCII)
_LONGEST_FIELD = 2000
_FULL, _NEW = 15, 1


@dataclass(frozen=True)
class Again:
    """The fields as they stand in the browser; they are shown again as they were typed."""

    is_on: bool = False
    every: str = "week"
    times: str = ""
    weekdays: frozenset[str] = frozenset()
    month_by: str = "days"
    month_days: str = ""
    nth: str = "1"
    nth_weekday: str = "0"
    lunar_by: str = "both"
    lunar_days: str = ""
    lunar_month: str = "0"
    leap: bool = False
    holidays: frozenset[str] = frozenset()
    before: str = "0"
    dates: str = ""
    since: str = ""
    end: str = "until"
    until: str = ""
    count: str = ""
    skip: str = ""
    period_since: str = ""
    counted_from: str = ""
    """Both only carried: see Rule."""


@dataclass(frozen=True)
class Read:
    """What the fields mean: a rule, or the sentence about what cannot be read."""

    rule: Rule | None = None
    trouble: str = ""


def fresh(at: datetime) -> Again:
    """The fields of a new announcement: this weekday, from today on, for three months."""
    today = local(at).date()
    return Again(
        weekdays=frozenset({str(today.weekday())}),
        nth_weekday=str(today.weekday()),
        since=_said(today),
        until=_said(today + DEFAULT_LENGTH),
    )


def again_of_form(form: MultiDict[str, str], at: datetime) -> Again:
    """The fields as they came; those of a new announcement where the form had none."""
    if "every" not in form:
        return fresh(at)

    def text(name: str, otherwise: str = "") -> str:
        return form.get(name, otherwise)[:_LONGEST_FIELD]

    return Again(
        is_on=form.get("when") == "again",
        every=_one_of(EVERY, text("every"), "week"),
        times=text("times"),
        weekdays=frozenset(form.getlist("weekday")) & {str(n) for n in range(7)},
        month_by=_one_of(MONTH_BY, text("month-by"), "days"),
        month_days=text("month-days"),
        nth=_one_of(NTH, text("nth"), "1"),
        nth_weekday=_one_of({str(n): "" for n in range(7)}, text("nth-weekday"), "0"),
        lunar_by=_one_of(LUNAR_BY, text("lunar-by"), "both"),
        lunar_days=text("lunar-days"),
        lunar_month=_one_of(LUNAR_MONTHS, text("lunar-month"), "0"),
        leap=form.get("leap") == "1",
        holidays=frozenset(form.getlist("holiday")) & HOLIDAYS.keys(),
        before=_one_of(BEFORE, text("before"), "0"),
        dates=text("dates"),
        since=text("since"),
        end=_one_of(ENDS, text("end"), "until"),
        until=text("until"),
        count=text("count"),
        skip=text("skip"),
        period_since=text("period-since"),
        counted_from=text("counted-from"),
    )


def again_of_rule(rule: Rule, at: datetime) -> Again:
    """The fields that mean a rule."""
    whole, is_month = ", ".join(str(n) for n in rule.days if n != LAST), rule.every == "month"
    month_by = "nth" if rule.nth else "last" if rule.days == [LAST] else "days"
    named = {(_FULL,): "full", (_NEW,): "new", (_NEW, _FULL): "both"}
    weekdays = frozenset(str(n) for n in rule.weekdays)
    return Again(
        is_on=True,
        every=rule.every,
        times=", ".join(rule.times),
        weekdays=weekdays if rule.every == "week" else fresh(at).weekdays,
        month_by=month_by if is_month else "days",
        month_days=_with_last(whole, rule.days) if is_month and month_by == "days" else "",
        nth=str(rule.nth or 1),
        nth_weekday=next(iter(weekdays)) if rule.nth and weekdays else fresh(at).nth_weekday,
        lunar_by=named.get(tuple(sorted(rule.days)), "days") if rule.every == "lunar" else "both",
        lunar_days=_with_last(whole, rule.days) if rule.every == "lunar" else "",
        lunar_month=str(rule.month),
        leap=rule.leap,
        holidays=frozenset(rule.holidays),
        before=str(rule.days_before) if str(rule.days_before) in BEFORE else "0",
        dates=", ".join(_said(day) for day in rule.dates),
        since=_said(rule.since),
        end=rule.end,
        until=_said(rule.until) if rule.until else "",
        count=str(rule.count or ""),
        skip=", ".join(_said(day) for day in rule.skip),
        period_since=rule.period_since.isoformat() if rule.period_since else "",
        counted_from=rule.counted_from.isoformat() if rule.counted_from else "",
    )


def by_dates(starts: Sequence[datetime]) -> Rule | None:
    """A rule of single days that means exactly these starts; None where the days differ in their times."""
    clocks: dict[date, set[str]] = {}
    for at in starts:
        clocks.setdefault(local(at).date(), set()).add(f"{local(at):%H:%M}")
    times, days = next(iter(clocks.values())), sorted(clocks)
    if any(each != times for each in clocks.values()) or len(days) > MOST_DATES or len(times) > MOST_TIMES:
        return None
    return Rule(every="dates", times=sorted(times), since=days[0], dates=days)


def read(again: Again, at: datetime) -> Read:
    """The rule that the fields mean. What is not filled in yet is not trouble here: recurrence.refuse_rule says it."""
    today = local(at).date()
    times, bad_time = times_of(again.times)
    if bad_time:
        return Read(trouble=f"Giờ “{bad_time}” không đọc được, xin ghi như 5:30, 17:00.")
    if not times:
        return Read(trouble="Xin ghi giờ phát, ví dụ 17:00; nhiều giờ thì cách nhau bằng dấu phẩy.")
    if len(times) > MOST_TIMES:
        return Read(trouble=f"Một ngày nhiều nhất {MOST_TIMES} giờ phát, xin bớt giờ.")
    since = date_of(again.since, today)
    if since is None:
        return Read(trouble=f"Ngày bắt đầu “{again.since.strip()[:20]}” không có, xin ghi như 1/12/2026.")
    until = date_of(again.until, since) if again.end == "until" and again.every != "dates" else None
    if again.end == "until" and again.until.strip() and again.every != "dates" and until is None:
        return Read(trouble=f"Ngày kết thúc “{again.until.strip()[:20]}” không có, xin ghi như 31/12/2026.")
    days, bad_number = _numbers(again)
    if bad_number:
        return Read(trouble=f"Ngày “{bad_number}” không có trong tháng, xin ghi như 1, 15.")
    skip, bad_day = dates_of(again.skip, since)
    dates, bad_date = dates_of(again.dates, today) if again.every == "dates" else ([], "")
    if bad_day or bad_date:
        return Read(trouble=f"Ngày “{bad_day or bad_date}” không có, xin ghi như 24/11 hoặc 24/11/2026.")
    begin = None if again.every == "dates" else since
    far = next((day for day in (begin, until, *skip, *dates) if day is not None and is_far(day, today)), None)
    if far is not None:
        return Read(trouble=f"Ngày {_said(far)} xa quá, xin ghi ngày trong vòng {FAR.days // 365} năm.")
    if max(len(skip), len(dates)) > MOST_DATES:
        return Read(trouble=f"Nhiều ngày quá, xin ghi nhiều nhất {MOST_DATES} ngày.")
    count = int(again.count) if again.end == "count" and _COUNT.fullmatch(again.count.strip()) else None
    by_weekday = again.every == "month" and again.month_by == "nth"
    weekdays = [int(again.nth_weekday)] if by_weekday else sorted(map(int, again.weekdays))
    return Read(
        Rule(
            every=again.every,  # type: ignore[arg-type]
            times=times,
            since=min(dates, default=today) if again.every == "dates" else since,
            end="until" if again.every == "dates" else again.end,  # type: ignore[arg-type]
            until=until,
            count=count,
            weekdays=weekdays if by_weekday or again.every == "week" else [],
            days=days,
            nth=int(again.nth) if by_weekday else 0,
            month=int(again.lunar_month) if again.every == "lunar" else 0,
            leap=again.leap and again.every == "lunar" and again.lunar_month != "0",
            holidays=[key for key in HOLIDAYS if key in again.holidays] if again.every == "holiday" else [],
            days_before=int(again.before) if again.every == "holiday" else 0,
            dates=dates,
            skip=skip,
            period_since=_period(again, since) if again.every != "dates" else None,
            counted_from=_moment(again.counted_from, at) if again.end == "count" else None,
        )
    )


def shown() -> Mapping[str, Mapping[str, str]]:
    """The choices, for the template."""
    return {
        "every": EVERY,
        "ends": ENDS,
        "nth": NTH,
        "month_by": MONTH_BY,
        "lunar_by": LUNAR_BY,
        "lunar_months": LUNAR_MONTHS,
        "before": BEFORE,
        "holidays": HOLIDAYS,
        "weekdays": {str(n): name for n, name in enumerate(WEEKDAYS)},
    }


def with_skipped(again: Again, days: Iterable[date]) -> str:
    """What stands in the field of days left out after some more were left out."""
    more = [_said(day) for day in days]
    return ", ".join([part for part in (again.skip.strip().strip(","), *more) if part])


def _numbers(again: Again) -> tuple[list[int], str]:
    """Days of the month; and the first piece that is none."""
    if again.every == "lunar" and again.lunar_by != "days":
        return {"both": [_NEW, _FULL], "full": [_FULL], "new": [_NEW]}[again.lunar_by], ""
    if again.every == "month" and again.month_by != "days":
        return [LAST] if again.month_by == "last" else [], ""
    if again.every not in ("month", "lunar"):
        return [], ""
    typed, most = (again.month_days, 31) if again.every == "month" else (again.lunar_days, 30)
    found: set[int] = set()
    for part in parts_of(typed.lower()):
        if part == "cuối":
            found.add(LAST)
        elif part.isascii() and part.isdecimal() and len(part) <= 4 and 1 <= int(part) <= most:
            found.add(int(part))
        elif part not in ("ngày", "mồng", "mùng", "tháng"):
            return [], part[:20]
    return sorted(found), ""


def _moment(kept: str, otherwise: datetime) -> datetime:
    try:
        found = datetime.fromisoformat(kept)
    except ValueError:
        return otherwise
    return found if found.tzinfo is not None and not is_far(found.date(), otherwise.date()) else otherwise


def _period(again: Again, since: date) -> date | None:
    found = date_of(again.period_since, since)
    return None if found is None or is_far(found, since) else found


def _with_last(whole: str, days: list[int]) -> str:
    return ", ".join(filter(None, [whole, "cuối" if LAST in days else ""]))


def _said(day: date) -> str:
    return f"{day.day}/{day.month}/{day.year}"


def _one_of(known: Mapping[str, str], asked: str, otherwise: str) -> str:
    return asked if asked in known else otherwise
