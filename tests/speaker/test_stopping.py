"""Stopping: a stop reaches what it means, at once, and nothing else."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from broker.contract import Identity
from broker.contract.hub import StopPlay
from broker.contract.speaker import PlanApplied
from broker.trust.envelope import occurrence_id
from edge.speaker.journal import KEPT_DAYS
from edge.speaker.silence import STOP_HOLDS_S
from edge.speaker.stopping import MOST_FORBIDDEN
from tests.fakes.session import FakeSession
from tests.speaker.house import House
from tests.speaker.office import Office
from tests.speaker.signers import MORNING, Signers, play_now

SECOND = timedelta(seconds=1)
NAME = occurrence_id("A1", 1, MORNING)


def test_a_named_stop_ends_an_emergency_that_was_cut_off_and_would_begin_again(
    office: Office, signers: Signers
) -> None:
    office.hear(play_now(signers.announcement(kind="emergency")))
    play = office.due()
    assert play is not None
    office.journal.begin(play, MORNING)
    office.journal.end(NAME, "interrupted", "muted-here", MORNING + SECOND)
    assert office.due() is not None
    office.hear(StopPlay(occurrence=NAME, at=MORNING + SECOND))
    assert office.due() is None
    assert office.told()[-1] == ("cancelled", "stopped")


def test_a_stop_of_everything_that_comes_late_spares_a_newer_emergency(
    office: Office, signers: Signers
) -> None:
    urgent = signers.announcement(kind="emergency", issued_at=MORNING - SECOND)
    late = StopPlay(occurrence="", at=MORNING - 540 * SECOND)
    office.hear(signers.plan(urgent), late)
    assert office.due() is None, "silence comes first"
    office.clock.advance(STOP_HOLDS_S + 0.1)
    office.desk.playing = office.due()
    assert office.desk.playing is not None
    office.hear(late)
    assert office.desk.take_halt(NAME) == ""
    assert office.desk.silenced() == ""
    office.hear(StopPlay(occurrence="", at=MORNING))
    assert office.desk.take_halt(NAME) == "stopped"
    assert office.desk.silenced() == "silenced"


def test_a_stop_of_everything_that_comes_late_ends_ordinary_plays_all_the_same(
    office: Office, signers: Signers
) -> None:
    office.hear(signers.plan(signers.announcement(issued_at=MORNING - SECOND)))
    office.hear(StopPlay(occurrence="", at=MORNING - 540 * SECOND))
    office.clock.advance(STOP_HOLDS_S + 0.1)
    assert office.due() is None


def test_stops_with_made_up_names_do_not_fill_the_journal(office: Office) -> None:
    def known() -> int:
        return len(office.journal.marks())

    for days in (-KEPT_DAYS - 1, KEPT_DAYS + 1):
        office.stopping.take(
            StopPlay(occurrence=occurrence_id("X", 1, MORNING + timedelta(days=days)), at=MORNING)
        )
    assert known() == 0, "no key can have signed that"
    office.journal._db.execute("PRAGMA synchronous=OFF")
    for n in range(MOST_FORBIDDEN + 20):
        office.stopping.take(StopPlay(occurrence=occurrence_id(f"X{n}", 1, MORNING), at=MORNING))
    assert known() == MOST_FORBIDDEN
    office.clock.advance(86_400)
    office.stopping.take(StopPlay(occurrence=occurrence_id("Y", 1, MORNING), at=MORNING))
    assert known() == MOST_FORBIDDEN + 1


def test_an_unbelievable_clock_forgets_no_stop(office: Office, signers: Signers) -> None:
    office.clock.step(-56 * 365 * 86_400)
    office.clock.believe("unknown")
    urgent = signers.announcement(kind="emergency")
    office.hear(StopPlay(occurrence=NAME, at=MORNING), play_now(urgent))
    assert office.due() is None


class HeldSession(FakeSession):
    """A session whose outbox stands still when a plan is reported, as on a disk that is busy."""

    def __init__(self, now: Any) -> None:
        super().__init__(Identity("thon-01", "speaker"), clock=now)
        self.is_busy, self.go_on = threading.Event(), threading.Event()

    def send(self, msg: Any, to: Identity | None = None, *, written: bytes | None = None) -> None:
        """As FakeSession.send, later."""
        if isinstance(msg, PlanApplied) and msg.generation > 1:
            self.is_busy.set()
            assert self.go_on.wait(20)
        super().send(msg, to, written=written)


class HeldHouse(House):
    """A house with such a session."""

    def _session(self) -> FakeSession:
        return HeldSession(self.clock)


def test_a_stop_does_not_wait_for_a_plan_that_is_being_taken_up(tmp_path: Path, signers: Signers) -> None:
    house = HeldHouse(tmp_path, signers)
    session: Any = house.session
    house.start()
    try:
        mine = signers.announcement(audio=house.hub.add(20.0))
        house.hear(signers.trust_plan(), signers.plan(mine))
        house.receipt("playing")
        house.hear(signers.plan(mine, generation=2))
        assert session.is_busy.wait(10)
        at: datetime = house.clock.now()
        house.hear(StopPlay(occurrence="", at=at))
        assert house.waits(lambda: house.states()[-1] not in ("ready", "playing"))
        assert not session.go_on.is_set()
    finally:
        session.go_on.set()
        house.end()
