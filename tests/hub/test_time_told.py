"""What time it is at the hub: told at once, to whoever asks, but not to one who never stops."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from broker.contract import HUB, Identity
from broker.contract.hub import TimeTold
from broker.contract.speaker import TimeAsked
from broker.hub.announcing.time_told import AGAIN_PER_S, AT_ONCE, MOST_SOURCES, Telling
from broker.link.clock import MachineClock, wall_time
from broker.link.session import NotConnected, Session
from edge.speaker.align import HubTime
from tests.brokers import RunningBroker, broker_of
from tests.fakes.clock import FakeClock
from tests.fakes.session import FakeSession
from tests.link.living import ANNOUNCE, EVERYONE, SPEAKER, living, session_of
from tests.settings import give_passwords, hub_settings
from tests.until import until

THON = Identity("thon-01", "speaker")


class Hub:
    """`announce` without a broker: `asks` hands a question to its worker's inbox, and the worker takes it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.session = FakeSession(Identity(HUB, "announce"), clock=cast(Any, self.clock))
        self.telling = Telling(cast(Any, self.session))
        self.inbox = self.session.inbox(TimeAsked)

    def asks(self, who: Identity = THON, ask: int = 1) -> bool:
        """One question; True when it was answered."""
        self.session.deliver(TimeAsked(ask=ask), who)
        received = self.inbox.get(0)
        assert received is not None
        return self.telling.tell(received)


def test_the_answer_names_the_question_and_goes_to_who_asked() -> None:
    hub = Hub()
    assert hub.asks(THON, 41)
    assert hub.asks(Identity("thon-02", "speaker"), 7)
    assert [(one.message.ask, str(one.to)) for one in hub.session.sent] == [
        (41, "thon-01.speaker"),
        (7, "thon-02.speaker"),
    ]
    told = hub.session.messages(TimeTold)[0]
    assert told.heard_at == told.told_at == hub.clock.now()


def test_a_node_that_never_stops_asking_is_answered_once_a_second_and_the_others_as_before() -> None:
    hub = Hub()
    assert sum(hub.asks() for _ in range(1000)) == AT_ONCE
    assert hub.asks(Identity("thon-02", "speaker"))
    hub.clock.advance(10)
    assert sum(hub.asks() for _ in range(1000)) == 10 * AGAIN_PER_S
    hub.clock.advance(3600)
    assert sum(hub.asks() for _ in range(1000)) == AT_ONCE


def test_what_is_remembered_of_who_asked_stays_small() -> None:
    hub = Hub()
    for number in range(MOST_SOURCES + 5):
        assert hub.asks(Identity(f"n-{number}", "speaker"))
    assert len(hub.telling._may_ask) <= MOST_SOURCES


def test_a_broker_that_is_away_ends_nothing() -> None:
    hub = Hub()
    hub.session.refuse = NotConnected("away")
    assert not hub.asks()
    hub.session.refuse = None
    assert hub.asks()


def test_the_worker_answers_and_stops() -> None:
    hub = Hub()
    stop, beat = threading.Event(), threading.Event()
    worker = threading.Thread(target=hub.telling.run, args=(stop, beat.set))
    worker.start()
    hub.session.deliver(TimeAsked(ask=5), THON)
    assert hub.session.wait_for(TimeTold).ask == 5
    stop.set()
    worker.join(5)
    assert not worker.is_alive()
    assert beat.is_set()


# -- over a real broker


@pytest.fixture(params=["mosquitto", "amqtt"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunningBroker]:
    yield from broker_of(request, tmp_path / "broker", EVERYONE)


def announce_of(broker: RunningBroker, folder: Path, ahead_s: float) -> Session:
    """The hub's `announce` on a machine whose clock is ahead."""
    settings = hub_settings(folder, port=broker.port)
    give_passwords(settings, broker.passwords)
    ahead = MachineClock(
        settings.data_dir / "floor", "host", wall=lambda: wall_time() + timedelta(seconds=ahead_s)
    )
    return Session(settings, ANNOUNCE.service, ahead)


@pytest.mark.timeout(120)
def test_over_a_real_broker_a_loudspeaker_learns_how_far_its_clock_is_from_the_hubs(
    broker: RunningBroker, tmp_path: Path
) -> None:
    speaker, announce = session_of(SPEAKER, broker, tmp_path), announce_of(broker, tmp_path, 3.0)
    telling, hub_time = Telling(announce), HubTime(speaker)
    stop = threading.Event()
    workers = [threading.Thread(target=run, args=(stop, lambda: None)) for run in (telling.run, hub_time.run)]
    with living(speaker, announce):
        for worker in workers:
            worker.start()
        try:
            until(lambda: hub_time.moves_s(speaker.clock.now(), speaker.clock.monotonic()) != 0.0, 30)
            now, now_s = speaker.clock.now(), speaker.clock.monotonic()
            assert hub_time.moves_s(now, now_s) == pytest.approx(3.0, abs=0.5)
        finally:
            stop.set()
            for worker in workers:
                worker.join(5)
    assert not [worker for worker in workers if worker.is_alive()]
