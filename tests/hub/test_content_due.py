"""When a procedure is to be looked at again."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import msgspec
import pytest

from broker.hub.content_due import due_of, first_day
from kiosk.content import shipped

ONE = shipped().bundle.procedures[0]
CHECKED = date(2026, 11, 21)


def told(days: int, **change: Any) -> tuple[str, date | None, str, bool]:
    change = {"checked_on": CHECKED, "valid_to": None, "valid_from": None} | change
    due = due_of(msgspec.structs.replace(ONE, **change), CHECKED + timedelta(days=days))
    return due.standing, due.by, due.then, due.is_asked


DAY_60, DAY_90 = date(2027, 1, 20), date(2027, 2, 19)


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (0, ("fresh", DAY_60, "due", False)),
        (45, ("fresh", DAY_60, "due", False)),
        (46, ("fresh", DAY_60, "due", True)),
        (60, ("due", DAY_90, "stale", True)),
        (89, ("due", DAY_90, "stale", True)),
        (90, ("stale", None, "stale", True)),
    ],
)
def test_a_review_is_asked_for_two_weeks_before_the_screen_does(days: int, said: object) -> None:
    assert told(days) == said


def test_the_last_day_it_holds_asks_as_well() -> None:
    last = CHECKED + timedelta(days=20)
    assert told(6, valid_to=last) == ("fresh", last + timedelta(days=1), "ended", False)
    assert told(7, valid_to=last)[3]
    assert told(21, valid_to=last) == ("ended", None, "ended", True)
    assert told(0, valid_to=date.max)[1] == DAY_60


def test_what_is_not_yet_in_force_asks_for_nothing() -> None:
    begins = CHECKED + timedelta(days=5)
    assert told(0, valid_from=begins) == ("early", begins, "fresh", False)


def test_what_is_hidden_comes_first_and_what_is_far_off_last() -> None:
    today = CHECKED + timedelta(days=100)
    ages = {"hidden": 100, "asked": 70, "soon": 50, "far": 1}
    found = {
        name: due_of(
            msgspec.structs.replace(ONE, checked_on=today - timedelta(days=age), valid_to=None), today
        )
        for name, age in ages.items()
    }
    assert sorted(found, key=lambda name: found[name].rank) == list(ages)
    assert first_day(found.values()) == found["soon"].by
    assert first_day([]) is None
