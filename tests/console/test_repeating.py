"""The fields about saying it again and again: what people type, the rule it means, and that nothing of it is lost."""

from __future__ import annotations

import unicodedata
from datetime import date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from broker.hub.announcing.public_days import HOLIDAYS
from broker.hub.announcing.recurring_days import LAST, Rule
from broker.hub.console import repeating
from broker.hub.console.typed import clock_of, date_of, dates_of
from broker.link.clock import LOCAL

NOW = datetime(2026, 11, 21, 16, 42, tzinfo=LOCAL)


def read(**typed: object) -> repeating.Read:
    """What a form means that says "again" and otherwise what a new page says."""
    form: MultiDict[str, str] = MultiDict(
        {
            "when": "again",
            "every": "day",
            "times": "17:00",
            "since": "21/11/2026",
            "until": "31/12/2026",
            "end": "until",
        }
    )
    for name, value in typed.items():
        form.setlist(name.replace("_", "-"), value if isinstance(value, list) else [str(value)])
    return repeating.read(repeating.again_of_form(form, NOW), NOW)


@pytest.mark.parametrize(
    ("typed", "clock"),
    [("17:30", "17:30"), ("5h30", "05:30"), ("17h", "17:00"), ("1730", "17:30"), ("5.05", "05:05"), ("0:00", "00:00"),
     ("24:00", None), ("17:60", None), ("", None), ("năm giờ", None), ("١٧:٠٠", None), ("17:30:00", None),
     ("-5:00", None)],
)  # fmt: skip
def test_times_are_read_as_people_write_them(typed: str, clock: str | None) -> None:
    assert clock_of(typed) == clock


@pytest.mark.parametrize(
    ("typed", "day"),
    [("24/11", date(2026, 11, 24)), ("20/11", date(2027, 11, 20)), ("1-12-2027", date(2027, 12, 1)),
     ("2026-12-01", date(2026, 12, 1)), ("29/2", date(2028, 2, 29)), ("31/2", None), ("2026-02-30", None),
     ("0/1", None), ("mai", None), ("🎉", None), ("1/1/99999", None), ("٢٤/١١", None)],
)  # fmt: skip
def test_a_date_without_a_year_is_the_next_such_day(typed: str, day: date | None) -> None:
    assert date_of(typed, NOW.date()) == day


def test_lists_of_dates_are_parted_by_commas_blanks_or_the_word_and() -> None:
    days, bad = dates_of("24/11, 1/12 và 3/12;24/11", NOW.date())
    assert [f"{day:%d/%m}" for day in days] == ["24/11", "01/12", "03/12"]
    assert bad == ""
    assert dates_of("24/11, 31/2", NOW.date()) == ([], "31/2")


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"times": ""}, "Xin ghi giờ phát"),
        ({"times": "17:00, abc"}, "Giờ “abc” không đọc được"),
        ({"times": "🕔"}, "Giờ “🕔” không đọc được"),
        ({"times": "1" * 100_000}, "không đọc được"),
        ({"times": ", ".join(f"{n}:00" for n in range(13))}, "nhiều nhất 12 giờ"),
        ({"since": "31/2/2026"}, "Ngày bắt đầu “31/2/2026” không có"),
        ({"since": ""}, "Ngày bắt đầu"),
        ({"until": "30 tháng 12"}, "Ngày kết thúc “30 tháng 12” không có"),
        ({"skip": "24/11, 99/99"}, "Ngày “99/99” không có"),
        (
            {"skip": ",".join(f"{1 + n % 28}/{1 + n // 28 % 12}/{2027 + n // 336}" for n in range(201))},
            "nhiều nhất 200",
        ),
        ({"every": "month", "month_days": "32"}, "Ngày “32” không có trong tháng"),
        ({"every": "lunar", "lunar_by": "days", "lunar_days": "31"}, "Ngày “31” không có trong tháng"),
        ({"every": "dates", "dates": "rằm"}, "Ngày “rằm” không có"),
    ],
)
def test_what_cannot_be_read_is_said_with_an_example(typed: dict[str, object], words: str) -> None:
    found = read(**typed)
    assert found.rule is None
    assert words in found.trouble


def test_each_way_of_repeating_becomes_the_rule_it_says() -> None:
    week = read(every="week", weekday=["3", "0", "9", "x"]).rule
    assert week is not None
    assert week.weekdays == [0, 3]
    month = read(every="month", month_days=unicodedata.normalize("NFD", "1, 15 và cuối tháng")).rule
    assert month is not None
    assert month.days == [LAST, 1, 15]
    nth = read(every="month", month_by="nth", nth="-1", nth_weekday="4").rule
    assert nth is not None
    assert (nth.nth, nth.weekdays, nth.days) == (-1, [4], [])
    lunar = read(every="lunar", lunar_by="full", lunar_month="1", leap="1").rule
    assert lunar is not None
    assert (lunar.days, lunar.month, lunar.leap) == ([15], 1, True)
    feast = read(every="holiday", holiday=["tet", "bogus"], before="1", end="count", count="3").rule
    assert feast is not None
    assert (feast.holidays, feast.days_before, feast.count, feast.counted_from) == (["tet"], 1, 3, NOW)
    dates = read(every="dates", dates="24/11, 1/12", until="", since="").trouble
    assert "bắt đầu" in dates or dates == ""
    odd = read(every="hourly", end="never", count="1e9").rule
    assert odd is not None
    assert (odd.every, odd.end) == ("week", "until")  # what no page of ours sends is read as the usual


WEEKDAYS = st.lists(st.integers(0, 6), min_size=1, max_size=7, unique=True).map(sorted)
DATES = st.dates(date(2026, 11, 21), date(2027, 12, 31))
TIMES = st.lists(st.times().map(lambda at: f"{at:%H:%M}"), min_size=1, max_size=12, unique=True).map(sorted)


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    """Any rule that the page can say."""
    every = draw(st.sampled_from(["day", "week", "month", "nth", "lunar", "holiday", "dates"]))
    end = "until" if every == "dates" else draw(st.sampled_from(["until", "count", "longest"]))
    dates = sorted(draw(st.lists(DATES, min_size=1, max_size=9, unique=True))) if every == "dates" else []
    days = st.lists(st.sampled_from([LAST, *range(1, 31)]), min_size=1, max_size=6, unique=True).map(sorted)
    since = dates[0] if dates else draw(DATES)
    month = draw(st.integers(0, 12)) if every == "lunar" else 0
    return Rule(
        every="month" if every == "nth" else every,  # type: ignore[arg-type]
        times=draw(TIMES),
        since=since,
        end=end,  # type: ignore[arg-type]
        until=max(since, draw(DATES)) if end == "until" and not dates else None,
        count=draw(st.integers(1, 9999)) if end == "count" else None,
        weekdays=draw(WEEKDAYS) if every == "week" else [draw(st.integers(0, 6))] if every == "nth" else [],
        days=draw(days) if every in ("month", "lunar") else [],
        nth=draw(st.sampled_from([-1, 1, 2, 3, 4])) if every == "nth" else 0,
        month=month,
        leap=draw(st.booleans()) if month else False,
        holidays=[key for key in HOLIDAYS if draw(st.booleans())] if every == "holiday" else [],
        days_before=draw(st.sampled_from([0, 1, 2, 3, 7])) if every == "holiday" else 0,
        dates=dates,
        skip=sorted(draw(st.lists(DATES, max_size=4, unique=True))),
        counted_from=NOW if end == "count" else None,
    )


@settings(max_examples=40, deadline=None)
@given(rule=rules())
def test_a_rule_comes_back_from_the_page_as_it_went_there(rule: Rule) -> None:
    again = repeating.again_of_rule(rule, NOW)
    assert repeating.read(again, NOW) == repeating.Read(rule)
    shown = MultiDict({"when": "again", "leap": "1" if again.leap else "0"})
    for name in ("every", "times", "nth", "before", "dates", "since", "end", "until", "count", "skip"):
        shown[name] = getattr(again, name)
    for name in (
        "month_by",
        "month_days",
        "nth_weekday",
        "lunar_by",
        "lunar_days",
        "lunar_month",
        "counted_from",
    ):
        shown[name.replace("_", "-")] = getattr(again, name)
    shown.setlist("weekday", sorted(again.weekdays))
    shown.setlist("holiday", sorted(again.holidays))
    assert repeating.read(repeating.again_of_form(shown, NOW), NOW) == repeating.Read(rule)
