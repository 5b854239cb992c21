"""Rules for saying something again and again: which moments, what they are called, what follows, what is refused."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import islice, pairwise

import pytest
from dateutil.rrule import DAILY, MONTHLY, WEEKLY, rrule
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.hub.announcing.checks import for_xml, visible
from broker.hub.announcing.public_days import HOLIDAYS, public_days
from broker.hub.announcing.recurrence import expand, kept_rule, next_period, refuse_rule, rule_of, say
from broker.hub.announcing.recurring_days import LAST, Rule, days_of
from broker.hub.declined import Declined
from broker.link.calendar import lunar_months, lunar_of
from broker.link.clock import LOCAL

NOW = datetime(2026, 11, 21, 16, 42, tzinfo=LOCAL)
TODAY = NOW.date()
YEAR_ON = TODAY + timedelta(days=365)


def rule(every: str = "day", **more: object) -> Rule:
    """A rule that starts today at 17:00."""
    fields: dict[str, object] = {
        "every": every,
        "times": ["17:00"],
        "since": TODAY,
        "until": date(2026, 12, 31),
    }
    return Rule(**(fields | more))  # type: ignore[arg-type]


def said(moments: list[datetime]) -> list[str]:
    return [f"{at:%d/%m %H:%M}" for at in moments]


def test_several_times_of_day_come_in_order_and_what_has_passed_today_is_left_out() -> None:
    found = expand(rule(times=["17:00", "05:30", "17:00"], until=date(2026, 11, 23)), NOW)
    assert said(found) == ["21/11 17:00", "22/11 05:30", "22/11 17:00", "23/11 05:30", "23/11 17:00"]
    assert all(at.utcoffset() == timedelta(hours=7) for at in found)
    assert expand(rule(until=date(2026, 11, 20), since=date(2026, 11, 1)), NOW) == []


def test_a_count_is_counted_from_the_first_start_and_not_from_the_day_one_looks() -> None:
    ten = rule(end="count", until=None, count=10)
    assert len(expand(ten, NOW)) == 10
    assert len(expand(ten, NOW + timedelta(days=4))) == 6
    late = rule(end="count", until=None, count=10, times=["06:00"], counted_from=NOW)
    assert said(expand(late, NOW))[0] == "22/11 06:00"
    assert len(expand(late, NOW)) == 10
    assert expand(ten, NOW + timedelta(days=40)) == []


def test_days_that_a_month_lacks_are_left_out_and_its_last_day_is_always_there() -> None:
    span = {"since": date(2027, 1, 1), "until": date(2027, 4, 30)}
    assert said(expand(rule("month", days=[31], **span), NOW)) == ["31/01 17:00", "31/03 17:00"]
    ends = ["31/01", "28/02", "31/03", "30/04"]
    assert [each[:5] for each in said(expand(rule("month", days=[LAST, 31], **span), NOW))] == ends
    assert said(expand(rule("month", days=[LAST], since=date(2028, 2, 1), until=date(2028, 2, 29)), NOW)) == [
        "29/02 17:00"
    ]
    assert said(expand(rule("month", nth=LAST, weekdays=[4], **span), NOW))[1] == "26/02 17:00"


def test_lunar_days_follow_months_of_29_and_30_days_and_leap_months() -> None:
    full = expand(rule("lunar", days=[15], until=YEAR_ON), NOW)
    assert said(full)[:2] == ["23/11 17:00", "23/12 17:00"]
    assert len(full) in (12, 13)
    assert all(lunar_of(at.date()).day == 15 for at in full)
    thirty = {lunar_of(at.date()).day for at in expand(rule("lunar", days=[30], until=YEAR_ON), NOW)}
    last = expand(rule("lunar", days=[LAST], until=YEAR_ON), NOW)
    assert thirty == {30}
    assert {lunar_of(at.date()).day for at in last} == {29, 30}
    assert {lunar_of(at.date() + timedelta(days=1)).day for at in last} == {1}
    year = {"since": date(2025, 7, 1), "until": date(2025, 9, 1)}  # 2025 has a second sixth month
    before = datetime(2025, 6, 1, tzinfo=LOCAL)
    sixth = rule("lunar", days=[1], month=6, **year)
    assert said(expand(sixth, before)) == []
    assert said(expand(rule("lunar", days=[1], month=6, leap=True, **year), before)) == ["25/07 17:00"]
    assert said(expand(rule("lunar", days=[1], **year), before)) == ["25/07 17:00", "23/08 17:00"]


def test_lunar_months_join_without_gap_and_are_29_or_30_days() -> None:
    months = list(lunar_months(date(2020, 1, 1), date(2035, 12, 31)))
    assert {length for _, _, length in months} == {29, 30}
    for (first, _, length), (following, said_of, _) in pairwise(months):
        assert first + timedelta(days=length) == following
        assert said_of == lunar_of(following)
        assert said_of.day == 1
    assert sum(one.leap for _, one, _ in months) == 6  # 2020, 2023, 2025, 2028, 2031, 2033


def test_public_holidays_are_said_by_name_and_can_be_told_of_days_before() -> None:
    days = public_days(date(2027, 1, 1), date(2027, 12, 31))
    assert {day.isoformat(): one.name for day, one in days.items() if one.key == "tet"} == {
        "2027-02-05": "Giao thừa",
        "2027-02-06": "Mồng một Tết",
        "2027-02-07": "Mồng hai Tết",
        "2027-02-08": "Mồng ba Tết",
    }
    assert [d.isoformat() for d, one in days.items() if one.key == "hung"] == ["2027-04-16"]
    assert [d.isoformat() for d, one in days.items() if one.key == "national"] == ["2027-09-02"]
    assert days[date(2027, 5, 3)].name == "Ngày Quốc tế Lao động (nghỉ bù)"
    assert {one.key for one in days.values()} <= set(HOLIDAYS)
    flags = rule("holiday", holidays=["national", "victory"], days_before=2, until=YEAR_ON)
    assert said(expand(flags, NOW)) == ["28/04 17:00", "31/08 17:00"]
    new_year = rule("holiday", holidays=["new-year"], days_before=1)
    assert said(expand(new_year, NOW)) == ["31/12 17:00"]  # the holiday itself lies beyond the end


def test_days_left_out_and_days_chosen_one_by_one() -> None:
    left_out = rule("week", weekdays=[0, 3], skip=[date(2026, 11, 26)], until=date(2026, 12, 3))
    assert said(expand(left_out, NOW)) == ["23/11 17:00", "30/11 17:00", "03/12 17:00"]
    chosen = rule("dates", until=None, dates=[date(2026, 12, 24), date(2026, 11, 24), date(2026, 11, 20)])
    assert said(expand(chosen, NOW)) == ["24/11 17:00", "24/12 17:00"]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (rule("week", weekdays=[3, 0]), "thứ Hai, thứ Năm hằng tuần lúc 17:00, đến hết 31/12"),
        (rule(times=["17:00", "05:30"]), "hằng ngày lúc 5:30 và 17:00, đến hết 31/12"),
        (rule("week", weekdays=list(range(7))), "hằng ngày lúc 17:00, đến hết 31/12"),
        (
            rule("month", days=[1, 15, LAST]),
            "ngày 1, 15 và ngày cuối mỗi tháng lúc 17:00, đến hết 31/12",
        ),
        (rule("month", nth=1, weekdays=[6]), "chủ nhật đầu tiên hằng tháng lúc 17:00, đến hết 31/12"),
        (
            rule("lunar", days=[15, 1], end="count", until=None, count=24),
            "mồng một và rằm hằng tháng âm lịch lúc 17:00, đủ 24 lượt",
        ),
        (
            rule("lunar", days=[23], month=12, until=date(2027, 2, 1)),
            "ngày 23 tháng Chạp âm lịch lúc 17:00, đến hết 1/2/2027",
        ),
        (
            rule("holiday", holidays=["national"], days_before=1, end="longest", until=None),
            "1 ngày trước ngày lễ (Quốc khánh 2/9) lúc 17:00, đến khi hết một năm hoặc đủ 400 lượt",
        ),
        (
            rule("dates", dates=[date(2026, 12, 1), date(2026, 11, 24)], until=None),
            "ngày 24/11 và 1/12 lúc 17:00",
        ),
        (rule(skip=[date(2026, 11, 24)]), "hằng ngày lúc 17:00, trừ ngày 24/11, đến hết 31/12"),
    ],
)
def test_a_rule_is_said_in_words(asked: Rule, words: str) -> None:
    assert say(asked) == words


@pytest.mark.parametrize(
    ("asked", "code", "words"),
    [
        (rule("week"), "no-weekday", "ngày trong tuần"),
        (rule("month"), "no-day", "ngày trong tháng"),
        (rule("lunar"), "no-day", "ngày trong tháng"),
        (rule("holiday"), "no-holiday", "ngày lễ"),
        (rule("dates"), "no-date", "những ngày phát"),
        (rule(until=None), "no-end", "ngày kết thúc"),
        (rule(until=date(2026, 11, 1)), "end-before-begin", "1/11/2026 ở trước ngày bắt đầu 21/11/2026"),
        (rule(end="count", until=None), "no-count", "số lượt"),
        (rule("month", days=[31], until=date(2026, 11, 30)), "no-start", "không còn giờ phát nào"),
        (
            rule(times=["05:30", "17:00"], until=date(2027, 6, 30)),
            "many-starts",
            "cho kết thúc vào 8/6/2027 hoặc bớt",
        ),
        (rule(end="count", until=None, count=401), "many-starts", "Có 401 giờ phát"),
    ],
)
def test_what_cannot_be_sent_says_what_to_choose_or_shorten(asked: Rule, code: str, words: str) -> None:
    with pytest.raises(Declined, match=words) as why:
        refuse_rule(asked, NOW)
    assert why.value.code == code


def test_four_hundred_starts_pass_and_a_rule_without_end_is_cut_there() -> None:
    assert len(refuse_rule(rule(end="count", until=None, count=400), NOW)) == 400
    shortened = rule(times=["05:30", "17:00"], until=date(2027, 6, 8))
    assert len(refuse_rule(shortened, NOW)) <= 400  # what the refusal proposed
    endless = rule(times=["05:30", "17:00"], end="longest", until=None)
    assert len(refuse_rule(endless, NOW)) == 400
    once_a_day = expand(rule(end="longest", until=None), NOW)
    assert once_a_day[-1].date() == YEAR_ON


def test_the_next_period_is_as_long_and_begins_the_day_after() -> None:
    quarter = rule(since=date(2026, 10, 1), until=date(2026, 12, 31))
    following = next_period(quarter, NOW)
    assert following is not None
    assert (following.since, following.until) == (date(2027, 1, 1), date(2027, 3, 31))
    weeks = next_period(rule("week", weekdays=[0], since=date(2026, 11, 2), until=date(2026, 11, 29)), NOW)
    assert weeks is not None
    assert (weeks.since, weeks.until) == (date(2026, 11, 30), date(2026, 12, 27))
    long_over = next_period(rule(since=date(2026, 1, 1), until=date(2026, 1, 31)), NOW)
    assert long_over is not None
    assert long_over.since == TODAY
    ten = next_period(
        rule(end="count", until=None, count=10, skip=[date(2026, 11, 23), date(2026, 12, 24)]), NOW
    )
    assert ten is not None
    assert (ten.since, ten.count, ten.skip) == (date(2026, 12, 2), 10, [date(2026, 12, 24)])
    assert next_period(rule("dates", dates=[TODAY], until=None), NOW) is None


def test_a_rule_is_kept_as_plain_json_and_read_back() -> None:
    asked = rule("lunar", days=[1, 15], month=3, leap=True, skip=[TODAY], counted_from=NOW)
    assert rule_of(kept_rule(asked)) == asked
    assert rule_of(None) is None
    assert kept_rule(None) is None


FREQUENCIES = {"day": DAILY, "week": WEEKLY, "month": MONTHLY}


@settings(max_examples=60, deadline=None)
@given(
    every=st.sampled_from(sorted(FREQUENCIES)),
    since=st.dates(date(2026, 1, 1), date(2028, 12, 31)),
    length=st.integers(0, 300),
    weekdays=st.lists(st.integers(0, 6), min_size=1, max_size=7, unique=True),
    days=st.lists(st.sampled_from([-1, *range(1, 32)]), min_size=1, max_size=5, unique=True),
    skip=st.lists(st.integers(0, 300), max_size=3),
)
def test_solar_rules_fall_on_the_days_that_rfc_5545_says(
    every: str, since: date, length: int, weekdays: list[int], days: list[int], skip: list[int]
) -> None:
    last = since + timedelta(days=length)
    left_out = [since + timedelta(days=n) for n in skip]
    asked = rule(every, since=since, until=last, weekdays=weekdays, days=days, skip=left_out)
    begin, end = datetime.combine(since, datetime.min.time()), datetime.combine(last, datetime.min.time())
    by = {"week": {"byweekday": weekdays}, "month": {"bymonthday": days}}.get(every, {})
    oracle = [at.date() for at in rrule(FREQUENCIES[every], dtstart=begin, until=end, **by)]  # type: ignore[arg-type]
    assert list(islice(days_of(asked, last), 500)) == [day for day in oracle if day not in left_out]


def test_words_keep_no_character_that_xml_forbids() -> None:
    forbidden = "\ufffe\uffff\ufdd0\ufdef\U0001fffe\U0010ffff\x00\x0b\x1f\ud800"
    assert visible(f"Họp{forbidden} dân\n") == "Họp dân\n"
    assert for_xml(f"Họp{forbidden} dân\n") == "Họp dân\n"
    assert visible("Họp 🎉") == "Họp 🎉"
