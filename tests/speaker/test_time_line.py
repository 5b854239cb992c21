"""The line over the monotonic clock: what a few answers say, and how wrong uneven ways make it."""

from __future__ import annotations

import random

import pytest

from edge.speaker.time_line import MOST_DRIFT, Answer, Line, lay

HUB_S = 1_790_000_000.0


def answer(asked_s: float, there_s: float, back_s: float, drift: float = 0.0, ahead_s: float = 0.0) -> Answer:
    """A question on its way there and back; the hub's clock shows HUB_S at monotonic second 0, and `ahead_s` more."""
    heard = HUB_S + ahead_s + (asked_s + there_s) * (1 + drift)
    came_s = asked_s + there_s + 0.001 + back_s
    return Answer(asked_s, came_s, heard, heard + 0.001)


def test_one_answer_gives_the_middle_of_its_way() -> None:
    line = lay([answer(100.0, 0.030, 0.010)])
    assert line.hub_at(100.0) - (HUB_S + 100.0) == pytest.approx(0.010, abs=1e-4)
    assert line.drift == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("drift", [-50e-6, 0.0, 50e-6])
def test_the_drift_shows_after_some_minutes(drift: float) -> None:
    chance = random.Random(1)
    line = lay([answer(25.0 * n, chance.uniform(0, 0.02), chance.uniform(0, 0.02), drift) for n in range(40)])
    assert line.drift == pytest.approx(drift, abs=3e-6)
    assert line.hub_at(1000.0) == pytest.approx(HUB_S + 1000 * (1 + drift), abs=0.003)


def test_few_answers_in_a_few_seconds_are_not_taken_for_a_drift() -> None:
    chance = random.Random(2)
    line = lay([answer(0.5 * n, chance.uniform(0, 0.04), chance.uniform(0, 0.04)) for n in range(16)])
    assert abs(line.drift) < 40e-6


def test_slow_packets_say_nothing_and_do_no_harm() -> None:
    fast = [answer(10.0 * n, 0.005, 0.005) for n in range(20)]
    slow = [answer(10.0 * n + 5, 0.4, 0.005) for n in range(20)]
    line = lay(sorted(fast + slow, key=lambda each: each.asked_s))
    assert line.hub_at(200.0) == pytest.approx(HUB_S + 200.0, abs=0.001)


def test_ways_that_always_differ_cost_half_their_difference() -> None:
    """Nobody can see this from one end; docs/LIMITS.md says so."""
    line = lay([answer(10.0 * n, 0.040, 0.010) for n in range(20)])
    assert line.hub_at(200.0) - (HUB_S + 200.0) == pytest.approx(0.015, abs=0.001)


def test_an_answer_contradicts_when_no_way_could_have_made_it_so() -> None:
    line = lay([answer(10.0 * n, 0.01, 0.01) for n in range(20)])
    assert not line.contradicts(answer(200.0, 0.3, 0.01))
    assert not line.contradicts(answer(200.0, 0.01, 0.3))
    assert line.contradicts(answer(200.0, 0.01, 0.01, ahead_s=0.1))
    assert line.contradicts(answer(200.0, 0.01, 0.01, ahead_s=-0.1))


def test_after_a_long_silence_more_is_forgiven() -> None:
    line = Line(0.0, HUB_S, 0.0, 0.0)
    after_s = 1000.0
    off_s = MOST_DRIFT / 2 * after_s
    assert not line.contradicts(answer(after_s, 0.001, 0.001, ahead_s=off_s))
    assert line.contradicts(answer(1.0, 0.001, 0.001, ahead_s=off_s))
