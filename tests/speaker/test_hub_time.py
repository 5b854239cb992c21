"""A whole loudspeaker service beside a hub whose clock is another: plays begin by the commune's time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from broker.contract.hub import TimeTold
from broker.contract.speaker import TimeAsked
from tests.speaker.house import House
from tests.speaker.signers import MORNING, Signers

START = MORNING + timedelta(seconds=10)


@contextmanager
def hub_of(house: House, ahead_s: float) -> Iterator[None]:
    """A hub that tells its time at once."""
    done = threading.Event()

    def tell() -> None:
        answered = -1
        while not done.is_set():
            house.waits(lambda before=answered: _last(house) > before, 0.25)
            if _last(house) > answered:
                answered = _last(house)
                now = house.clock.now() + timedelta(seconds=ahead_s)
                house.hear(TimeTold(ask=answered, heard_at=now, told_at=now))

    thread = threading.Thread(target=tell)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(5)


def _last(house: House) -> int:
    asked = house.session.messages(TimeAsked)
    return asked[-1].ask if asked else -1


@pytest.mark.parametrize(("ahead_s", "moved_s"), [(1.5, -1.5), (-1.5, 1.5), (7.0, 0.0)])
def test_a_play_begins_when_the_hubs_clock_says_so_unless_that_is_more_than_five_seconds_away(
    tmp_path: Path, signers: Signers, ahead_s: float, moved_s: float
) -> None:
    """The house's clock runs four times as fast as ours, which makes the way of a question four times as long."""
    house = House(tmp_path, signers)
    media = house.hub.add(0.3)
    house.start()
    try:
        with hub_of(house, ahead_s):
            house.hear(signers.trust_plan(), signers.plan(signers.announcement(START, audio=media)))
            played = house.receipt("played")
    finally:
        house.end()
    assert played.started_at is not None
    assert (played.started_at - START).total_seconds() == pytest.approx(moved_s, abs=0.3)
    assert abs(played.late_ms or 0) < 300
    assert ("hub-time" in house.session.problems) == (moved_s == 0.0)
