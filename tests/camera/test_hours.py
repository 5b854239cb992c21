"""When a camera watches, and how easily it reports."""

from __future__ import annotations

from datetime import datetime

import pytest

from broker.link.clock import LOCAL
from broker.trust.envelope import CameraSetup, QuietArea, Span
from edge.camera.hours import is_night, is_watching, quiet_areas, sensitivity_of


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """A local time of November 2026; the 23rd is a Monday."""
    return datetime(2026, 11, day, hour, minute, tzinfo=LOCAL)


@pytest.mark.parametrize(
    ("hour", "night"), [(5, True), (6, False), (12, False), (17, False), (18, True), (0, True)]
)
def test_night_is_from_eighteen_to_six_in_the_village(hour: int, night: bool) -> None:
    assert is_night(at(23, hour)) is night


def test_a_night_sensitivity_counts_at_night_and_only_when_the_time_is_known() -> None:
    setup = CameraSetup(camera="c", name="Cổng", sealed=b"", sensitivity=0.7, night_sensitivity=0.2)
    assert sensitivity_of(setup, at(23, 12)) == 0.7
    assert sensitivity_of(setup, at(23, 23)) == 0.2
    assert sensitivity_of(setup, None) == 0.7
    plain = CameraSetup(camera="c", name="Cổng", sealed=b"", sensitivity=0.7)
    assert sensitivity_of(plain, at(23, 23)) == 0.7


def test_a_span_over_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    friday_night = [Span(days=[4], since_min=22 * 60, until_min=5 * 60)]
    assert not is_watching(friday_night, at(27, 21, 59))
    assert is_watching(friday_night, at(27, 22))
    assert is_watching(friday_night, at(28, 4, 59))
    assert not is_watching(friday_night, at(28, 5))
    assert not is_watching(friday_night, at(27, 4)), "that night began on Thursday"
    assert not is_watching(friday_night, at(28, 23))


def test_a_span_within_a_day_and_a_whole_day() -> None:
    noon = [Span(days=[0, 1], since_min=11 * 60, until_min=13 * 60)]
    assert is_watching(noon, at(23, 11))
    assert not is_watching(noon, at(23, 13))
    assert not is_watching(noon, at(25, 12))
    whole = [Span(days=[0], since_min=0, until_min=1440)]
    assert is_watching(whole, at(23, 0))
    assert is_watching(whole, at(23, 23, 59))
    assert not is_watching(whole, at(24, 0))


def test_without_a_schedule_or_without_the_time_a_camera_watches_always() -> None:
    never_on_monday = [Span(days=[1], since_min=0, until_min=1440)]
    assert is_watching([], at(23, 3))
    assert is_watching(never_on_monday, None)
    assert not is_watching(never_on_monday, at(23, 3))


def test_a_quiet_area_holds_in_its_hours_and_never_by_a_clock_nobody_trusts() -> None:
    tree, gate = [(0.0, 0.0), (0.3, 0.0), (0.3, 0.3)], [(0.6, 0.6), (0.9, 0.6), (0.9, 0.9)]
    evening = [Span(days=list(range(7)), since_min=17 * 60, until_min=60)]
    quiet = [QuietArea(corners=tree), QuietArea(corners=gate, hours=evening), QuietArea(sensitivity=0.1)]
    setup = CameraSetup(camera="c", name="Cổng", sealed=b"", quiet=quiet)
    assert quiet_areas(setup, at(23, 12)) == [tree]
    assert quiet_areas(setup, at(24, 0, 30)) == [tree, gate]
    assert quiet_areas(setup, None) == [tree]


def test_a_quiet_camera_reports_less_easily_in_its_hours_and_never_more_easily() -> None:
    noon = [Span(days=list(range(7)), since_min=11 * 60, until_min=13 * 60)]
    area = [(0.0, 0.0), (0.3, 0.0), (0.3, 0.3)]
    quiet = [
        QuietArea(sensitivity=0.3, hours=noon),
        QuietArea(sensitivity=0.6),
        QuietArea(corners=area, sensitivity=0.0),
    ]
    setup = CameraSetup(camera="c", name="C", sealed=b"", sensitivity=0.7, night_sensitivity=0.4, quiet=quiet)
    assert sensitivity_of(setup, at(23, 12)) == 0.3
    assert sensitivity_of(setup, at(23, 14)) == 0.6
    assert sensitivity_of(setup, at(23, 23)) == 0.4
    assert sensitivity_of(setup, None) == 0.6
