"""Hours of silence: which moments they cover, on weekdays, at weekends and on holidays. Pure.

The hub asks when somebody writes, the node again when it is about to sound.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from broker.trust.bodies import LOCAL, Hours, Quiet


def hours_on(quiet: Quiet, day: date) -> Hours:
    """The hours of silence of one day."""
    if quiet.holiday is not None and day.isoformat() in quiet.holidays:
        return quiet.holiday
    if quiet.weekend is not None and day.weekday() >= 5:
        return quiet.weekend
    return Hours(since=quiet.since, until=quiet.until)


def kind_of_day(quiet: Quiet, day: date) -> str:
    """Whose hours hold on a day, as people call it: "ngày lễ", "cuối tuần", or "" for the usual ones."""
    if quiet.holiday is not None and day.isoformat() in quiet.holidays:
        return "ngày lễ"
    return "cuối tuần" if quiet.weekend is not None and day.weekday() >= 5 else ""


def quiet_on(quiet: Quiet, day: date) -> Quiet:
    """One day's own hours alone, for a picture of that day."""
    hours = hours_on(quiet, day)
    return Quiet(since=hours.since, until=hours.until)


def spans_of(hours: Hours) -> list[tuple[time, time | None]]:
    """The silent parts of a day as [from, to); None is midnight at its end."""
    since, until = time.fromisoformat(hours.since), time.fromisoformat(hours.until)
    if since == until:
        return []
    return [(since, until)] if since < until else [(time(), until), (since, None)]


def is_quiet(quiet: Quiet, since: datetime, until: datetime) -> bool:
    """Whether any moment from `since` to `until` (aware) is silent; a play may end as the silence begins."""
    return any(
        (begin < until or begin == since) and since < end for begin, end in silences(quiet, since, until)
    )


def silences(quiet: Quiet, since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The silent times of the days from `since` to `until`, as [begin, end), in order."""
    day, last = since.astimezone(LOCAL).date(), until.astimezone(LOCAL).date()
    while day <= last:
        for begin, end in spans_of(hours_on(quiet, day)):
            midnight = datetime.combine(day + timedelta(days=1), time(), LOCAL)
            yield (
                datetime.combine(day, begin, LOCAL),
                midnight if end is None else datetime.combine(day, end, LOCAL),
            )
        day += timedelta(days=1)
