"""The hub's time as a loudspeaker reckons it: over bad networks, drifting crystals, clocks that are set, and lies."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any, cast

import numpy as np
import pytest

from broker.contract import Identity
from broker.contract.hub import TimeTold
from broker.contract.speaker import TimeAsked
from broker.link.session import NotConnected
from edge.speaker.align import CALM_EVERY_S, ENOUGH, HELD_S, MOST_MOVED_S, HubTime, moment_of
from tests.fakes.clock import FakeClock
from tests.fakes.session import FakeSession
from tests.speaker.clocks import EPOCH, Network, Node, Town, nodes_of

SEEDS = 40
"""Nodes in a trial, each with its own luck."""


def errors_ms(nodes: list[Node]) -> list[float]:
    return [abs(node.error_s()) * 1000 for node in nodes]


# -- how well it goes (the figures of the bench are the same simulation with more seeds)


def test_a_minute_after_connecting_the_hubs_time_is_known_to_a_few_milliseconds() -> None:
    town = Town()
    nodes = nodes_of(town, SEEDS, 3)
    town.run_to(60)
    assert np.percentile(errors_ms(nodes), 95) <= 8


def test_without_answers_for_two_minutes_it_goes_on_by_the_drift_it_has_seen() -> None:
    town = Town()
    nodes = nodes_of(town, SEEDS // 4, 4)
    found: list[float] = []
    for true_s in range(60, 601, 20):
        for node in nodes:
            node.is_cut = 100 <= true_s < 220
        town.run_to(true_s)
        found += errors_ms(nodes)
    assert max(found) <= 15
    assert np.percentile(found, 95) <= 6


def test_a_clock_four_seconds_wrong_is_moved_by_four_seconds() -> None:
    town = Town()
    node = town.node(1, offset_s=-4.0, drift=30e-6)
    town.run_to(30)
    now, now_s = node.clock.now(), node.clock.monotonic()
    assert node.hub_time.moves_s(now, now_s) == pytest.approx(4.0, abs=0.02)
    elapsed = node.hub_time.elapsed_of(EPOCH + timedelta(seconds=40), now, now_s)
    assert elapsed(now_s) == pytest.approx(-10.0, abs=0.02)
    assert elapsed(now_s + 12) == pytest.approx(2.0, abs=0.02)
    assert node.problems == {}


def test_on_a_local_network_one_question_in_a_while_is_enough() -> None:
    town = Town()
    node = town.node(1, 1.0, 20e-6, Network((0.0002, 0.003), 0.0))
    town.run_to(1200)
    asked = node.asked
    assert asked > ENOUGH
    town.run_to(1800)
    assert node.asked - asked <= 600 / CALM_EVERY_S[0] + 1
    assert abs(node.error_s()) < 0.001


# -- what it does not do


def test_more_than_five_seconds_apart_the_own_clock_counts_and_somebody_is_told() -> None:
    town = Town(hub_offset_s=MOST_MOVED_S + 1)
    node = town.node(1, 0.0, 0.0)
    town.run_to(30)
    assert node.hub_time.moves_s(node.clock.now(), node.clock.monotonic()) == 0.0
    assert "5 giây" in node.problems["hub-time"]
    node.clock.offset_s += MOST_MOVED_S + 0.5
    town.run_to(120)
    assert node.hub_time.moves_s(node.clock.now(), node.clock.monotonic()) == pytest.approx(0.5, abs=0.02)
    assert node.problems == {}


def test_without_any_answer_the_own_clock_counts() -> None:
    town = Town(hub_offset_s=2.0)
    node = town.node(1, 0.0, 0.0)
    node.is_cut = True
    town.run_to(60)
    now, now_s = node.clock.now(), node.clock.monotonic()
    elapsed = node.hub_time.elapsed_of(EPOCH + timedelta(seconds=61), now, now_s)
    assert elapsed(now_s) == pytest.approx(-1.0, abs=1e-6)
    node.is_cut = False
    town.run_to(120)
    assert node.hub_time.moves_s(node.clock.now(), node.clock.monotonic()) != 0.0
    assert elapsed(now_s + 5) == pytest.approx(4.0, abs=1e-6), (
        "a play that began by the own clock stays with it"
    )


def test_half_a_day_without_an_answer_the_own_clock_counts_again() -> None:
    town = Town(hub_offset_s=2.0)
    node = town.node(1, 0.0, 10e-6)
    town.run_to(600)
    node.connected = False
    town.run_to(600 + HELD_S - 60)
    assert node.hub_time.moves_s(node.clock.now(), node.clock.monotonic()) != 0.0
    town.run_to(600 + HELD_S + 60)
    assert node.hub_time.moves_s(node.clock.now(), node.clock.monotonic()) == 0.0


def test_a_wall_clock_that_is_set_does_not_move_a_play_that_has_its_time() -> None:
    """±1 h a second before the start: the elapsed time goes on as if nothing had happened."""
    town = Town(hub_offset_s=0.3)
    node = town.node(1, 0.0, 0.0)
    town.run_to(60)
    now, now_s = node.clock.now(), node.clock.monotonic()
    elapsed = node.hub_time.elapsed_of(EPOCH + timedelta(seconds=61), now, now_s)
    before = elapsed(now_s)
    for hour in (3600.0, -7200.0):
        node.clock.offset_s += hour
        town.run_to(town.true_s + 90)
        passed_s = node.clock.monotonic() - now_s
        assert elapsed(now_s + passed_s) == pytest.approx(before + passed_s, abs=0.02)


def test_a_hub_that_is_set_meanwhile_does_not_move_a_play_but_the_next_one() -> None:
    town = Town()
    node = town.node(1, 0.0, 0.0)
    town.run_to(120)
    now, now_s = node.clock.now(), node.clock.monotonic()
    elapsed = node.hub_time.elapsed_of(EPOCH + timedelta(seconds=120), now, now_s)
    town.hub_offset_s = 3.0
    town.run_to(240)
    assert abs(node.error_s()) < 0.03, "three answers in a row have said so"
    now_s += 120
    assert elapsed(now_s) == pytest.approx(120.0, abs=0.03)
    later = node.hub_time.elapsed_of(EPOCH + timedelta(seconds=120), node.clock.now(), now_s)
    assert later(now_s) == pytest.approx(123.0, abs=0.03)


def test_one_answer_that_contradicts_all_others_moves_nothing() -> None:
    town = Town()
    node = town.node(1, 0.0, 0.0)
    town.run_to(120)
    before = node.error_s()
    town.hub_offset_s = 2.0
    asked = node.asked
    while node.asked == asked:
        town.run_to(town.true_s + 0.05)
    town.run_to(town.true_s + 0.1)
    town.hub_offset_s = 0.0
    town.run_to(town.true_s + 60)
    assert abs(node.error_s() - before) < 0.005


def test_after_a_new_connection_it_asks_quickly_again_and_keeps_what_it_knew() -> None:
    town = Town()
    node = town.node(1, 0.0, 40e-6)
    town.run_to(300)
    node.connected = False
    town.run_to(420)
    asked = node.asked
    node.connected, node.connections = True, 2
    town.run_to(432)
    assert node.asked - asked >= 15
    assert abs(node.error_s()) < 0.008


class Disturbed(FakeClock):
    """Something else runs for a while just before some of its readings."""

    def __init__(self, *pauses_s: float) -> None:
        super().__init__(EPOCH)
        self._pauses = list(pauses_s)

    def now(self) -> datetime:
        """As FakeClock."""
        if self._pauses:
            self.advance(self._pauses.pop(0))
        return super().now()


@pytest.mark.parametrize("pauses_s", [(), (0.1,), (0.1, 0.05, 0.02), (0.1, 0.1, 0.1, 0.1, 0.004, 0.1)])
def test_both_clocks_are_read_at_one_moment_whatever_comes_between(pauses_s: tuple[float, ...]) -> None:
    now, now_s = moment_of(Disturbed(*pauses_s))
    assert (now - EPOCH).total_seconds() == pytest.approx(now_s, abs=0.003)


# -- the worker and its answers


def told(ask: int, heard_at: datetime, told_at: datetime | None = None) -> TimeTold:
    return TimeTold(ask=ask, heard_at=heard_at, told_at=told_at or heard_at)


class Asking:
    """A HubTime with a clock that stands until it is moved."""

    def __init__(self) -> None:
        self.clock = FakeClock(EPOCH)
        self.session = FakeSession(Identity("thon-01", "speaker"), clock=cast(Any, self.clock))
        self.hub_time = HubTime(cast(Any, self.session))

    def ask(self) -> int:
        """Let time pass until the next question."""
        before = len(self.session.messages(TimeAsked))
        while True:
            rest_s = self.hub_time.step()
            if len(self.session.messages(TimeAsked)) > before:
                break
            self.clock.advance(rest_s)
        ask: int = self.session.messages(TimeAsked)[-1].ask
        return ask

    def moved_s(self) -> float:
        """What is believed."""
        return self.hub_time.moves_s(self.clock.now(), self.clock.monotonic())


def test_an_answer_to_no_question_of_ours_counts_for_nothing() -> None:
    asking = Asking()
    ask = asking.ask()
    ahead = asking.clock.now() + timedelta(seconds=2)
    asking.hub_time.hear(told(ask + 7, ahead), asking.clock.monotonic())
    assert asking.moved_s() == 0.0
    asking.hub_time.hear(told(ask, ahead), asking.clock.monotonic())
    assert asking.moved_s() == pytest.approx(2.0, abs=0.001)
    asking.hub_time.hear(told(ask, ahead + timedelta(seconds=1)), asking.clock.monotonic())
    assert asking.moved_s() == pytest.approx(2.0, abs=0.001), "an answer is heard once"


@pytest.mark.parametrize("late_s", [1.5, 3.0])
def test_an_answer_that_was_long_on_its_way_counts_for_nothing(late_s: float) -> None:
    asking = Asking()
    ask = asking.ask()
    ahead = asking.clock.now() + timedelta(seconds=2)
    asking.clock.advance(late_s)
    asking.hub_time.hear(told(ask, ahead), asking.clock.monotonic())
    assert asking.moved_s() == 0.0


def test_an_answer_that_took_the_hub_longer_than_it_took_counts_for_nothing() -> None:
    asking = Asking()
    for seconds in (1.0, -1.0):
        heard_at = asking.clock.now()
        asking.hub_time.hear(
            told(asking.ask(), heard_at, heard_at + timedelta(seconds=seconds)), asking.clock.monotonic()
        )
    assert asking.moved_s() == 0.0


def test_a_broker_that_leaves_between_two_looks_ends_nothing() -> None:
    asking = Asking()
    asking.session.refuse = NotConnected("away")
    for _ in range(5):
        asking.clock.advance(asking.hub_time.step())
    asking.session.refuse = None
    assert asking.ask() > 0


def test_the_worker_asks_hears_and_stops() -> None:
    clock = FakeClock(EPOCH, running=True)
    session = FakeSession(Identity("thon-01", "speaker"), clock=cast(Any, clock))
    hub_time = HubTime(cast(Any, session))
    stop, beats = threading.Event(), threading.Event()
    worker = threading.Thread(target=hub_time.run, args=(stop, beats.set))
    worker.start()
    try:
        asked = session.wait_for(TimeAsked)
        session.deliver(told(asked.ask, clock.now() + timedelta(seconds=3)))
        session.wait_for(TimeAsked, lambda later: later.ask > asked.ask)
        assert beats.is_set()
    finally:
        stop.set()
        worker.join(5)
    assert not worker.is_alive()
    assert hub_time.moves_s(clock.now(), clock.monotonic()) == pytest.approx(3.0, abs=0.6)
