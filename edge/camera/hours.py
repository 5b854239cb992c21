"""When movement before a camera raises an alert, and how easily: night and day, weekly spans, quiet areas. Pure.

Hours are the village's. While the node does not know the time it watches always, as by day: a camera that is
silent because of a wrong clock would be worse than one alert too many.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from broker.link.clock import LOCAL
from broker.trust.bodies import Polygon
from broker.trust.envelope import CameraSetup, QuietArea, Span

NIGHT_SINCE_H, NIGHT_UNTIL_H = 18, 6
"""Night for every camera: the sun sets in Vietnam between 17:15 and 18:45 and rises between 5:15 and 6:35."""


def is_night(now: datetime) -> bool:
    """Whether it is night in the village."""
    hour = now.astimezone(LOCAL).hour
    return hour >= NIGHT_SINCE_H or hour < NIGHT_UNTIL_H


def sensitivity_of(setup: CameraSetup, now: datetime | None) -> float:
    """How easily this camera reports at present. now: None while the time is unknown."""
    usual = setup.sensitivity
    if now is not None and setup.night_sensitivity is not None and is_night(now):
        usual = setup.night_sensitivity
    holding = (each for each in setup.quiet if each.corners is None and _is_quiet(each, now))
    return min([usual, *(each.sensitivity for each in holding if each.sensitivity is not None)])


def quiet_areas(setup: CameraSetup, now: datetime | None) -> list[Polygon]:
    """The areas in which movement tells nothing at present."""
    return [each.corners for each in setup.quiet if each.corners is not None and _is_quiet(each, now)]


def is_watching(schedule: Sequence[Span], now: datetime | None) -> bool:
    """Whether movement raises an alert at present. An empty schedule is always."""
    if now is None or not schedule:
        return True
    return any(_covers(span, now.astimezone(LOCAL)) for span in schedule)


def _is_quiet(area: QuietArea, now: datetime | None) -> bool:
    """Without hours always; with hours never while the time is unknown."""
    return not area.hours or (now is not None and is_watching(area.hours, now))


def _covers(span: Span, at: datetime) -> bool:
    """A span that ends no later than it begins goes on into the next day."""
    minute = at.hour * 60 + at.minute
    yesterday = (at - timedelta(days=1)).weekday()
    if span.since_min < span.until_min:
        return at.weekday() in span.days and span.since_min <= minute < span.until_min
    evening = at.weekday() in span.days and minute >= span.since_min
    return evening or (yesterday in span.days and minute < span.until_min)
