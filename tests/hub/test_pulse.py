"""Who lives, as ingest knows it: by what is said again and again, not only by wills that somebody must have heard."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from broker.contract import Identity
from broker.hub.pulse import UNHEARD_S, Pulse
from broker.hub.records import Change, Database, ServiceSeen
from tests.fakes.clock import FakeClock
from tests.fakes.session import FakeSession

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)


class Room:
    """Ingest's pulse, and services that say their state."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = FakeClock(NOW)
        self.session: Any = FakeSession(Identity("hub", "ingest"), clock=self.clock)
        self.pulse = Pulse(database, self.session)

    def say(self, identity: str, state: str = "ready") -> None:
        """What arrives of a service's state."""
        with self.database.session() as db:
            node, _, service = identity.partition(".")
            row = db.get(ServiceSeen, identity)
            if row is None:
                row = ServiceSeen(identity=identity, node=node, service=service, since=NOW)
                row.boot, row.version, row.problems = "b", "1", []
                db.add(row)
            row.state, row.seen_at = state, self.clock.now()

    def wait(self, seconds: float) -> None:
        """Time passes, and the pulse looks every ten seconds."""
        for _ in range(int(seconds / 10)):
            self.clock.advance(10)
            self.pulse.find_lost()

    def states(self) -> dict[str, str]:
        """What the records say of each."""
        with self.database.reading() as db:
            return {row.identity: row.state for row in db.scalars(select(ServiceSeen))}


@pytest.fixture
def room(database: Database) -> Room:
    return Room(database)


def test_a_service_that_died_unheard_is_lost_and_one_that_speaks_lives(room: Room) -> None:
    room.say("thon-01.camera")
    room.say("thon-01.kiosk", "stopped")
    for _ in range(5):
        room.say("thon-01.speaker")
        room.wait(60)
    assert room.states() == {
        "thon-01.camera": "lost",
        "thon-01.kiosk": "stopped",
        "thon-01.speaker": "ready",
    }
    with room.database.reading() as db:
        assert [change.key for change in db.scalars(select(Change))] == ["thon-01.camera"]


def test_time_in_which_nothing_could_be_heard_does_not_count(room: Room) -> None:
    room.say("thon-01.camera")
    room.wait(UNHEARD_S - 20)
    room.session.connected = False
    room.wait(3600)
    room.session.connected = True
    room.wait(UNHEARD_S - 20)
    assert room.states() == {"thon-01.camera": "ready"}
    room.wait(60)
    assert room.states() == {"thon-01.camera": "lost"}


def test_a_clock_that_is_set_forward_makes_nobody_lost(room: Room) -> None:
    room.say("thon-01.camera")
    room.pulse.find_lost()
    room.clock.step(400 * 86_400)
    room.pulse.find_lost()
    room.wait(60)
    assert room.states() == {"thon-01.camera": "ready"}


def test_what_ingest_says_of_itself_is_not_its_to_doubt(room: Room) -> None:
    room.pulse.write()
    room.wait(2 * UNHEARD_S)
    assert room.states() == {"hub.ingest": "ready"}
