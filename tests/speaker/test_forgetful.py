"""A loudspeaker whose memory fails: emergencies are heard, nothing ordinary sounds that might have sounded before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.trust.envelope import Refused
from edge.speaker.firewall import check
from tests.speaker.house import House
from tests.speaker.office import Office
from tests.speaker.signers import MORNING, Signers


@pytest.fixture
def house(tmp_path: Path, signers: Signers) -> Iterator[House]:
    """Its clock runs four times as fast as ours."""
    made = House(tmp_path, signers)
    yield made
    made.end()


def test_without_a_journal_emergencies_sound_and_nothing_else_does(house: House, signers: Signers) -> None:
    (house.settings.data_dir / "speaker" / "journal.db").mkdir(parents=True)
    media = house.hub.add(0.3)
    house.store.add(house.hub.files[media.sha256], media.type)
    urgent = signers.announcement(announcement="E1", kind="emergency", audio=media)
    ordinary = signers.announcement(audio=media)
    house.start().hear(signers.trust_plan(), signers.plan(urgent, ordinary))
    assert house.receipt("refused").reason == "no-journal"
    assert house.receipt("played", "E1").book
    assert "no-journal" in house.session.problems
    assert len(house.played()) == 1


def test_an_ordinary_play_that_began_sounds_once_even_where_its_end_cannot_be_written(
    tmp_path: Path, signers: Signers
) -> None:
    """The power went in the middle of it, and at the next start the disk refuses what would record that."""
    office = Office(tmp_path, signers)
    office.hear(signers.trust_plan(), signers.plan(signers.announcement()))
    play = office.due()
    assert play is not None
    office.journal.begin(play, MORNING)
    office.reopen()
    assert office.due() is None
    verdict = check(play.ask, office.desk.post(play), MORNING)
    assert isinstance(verdict, Refused)
    assert verdict.code == "replayed"
    office.close()


def test_an_emergency_given_up_by_a_clock_that_was_fast_sounds_when_the_clock_is_right(
    tmp_path: Path, signers: Signers
) -> None:
    office = Office(tmp_path, signers)
    office.clock.advance(2 * 86_400)
    office.hear(signers.trust_plan(), signers.plan(signers.announcement(kind="emergency")))
    for one, state, reason in office.desk.agenda().over:
        assert office.desk.note(one, state, reason)
    assert office.told()[-1] == ("expired", "expired")
    assert not office.desk.agenda().over, "told once"
    office.clock.step(-2 * 86_400)
    play = office.due()
    assert play is not None
    assert not isinstance(check(play.ask, office.desk.post(play), MORNING), Refused)
    assert not office.desk.is_over(play)
    office.close()


def test_an_emergency_taken_back_from_a_fast_clock_is_heard(house: House, signers: Signers) -> None:
    media = house.hub.add(0.3)
    house.store.add(house.hub.files[media.sha256], media.type)
    house.clock.step(2 * 86_400)
    house.start().hear(
        signers.trust_plan(), signers.plan(signers.announcement(kind="emergency", audio=media))
    )
    house.receipt("expired")
    house.clock.step(-2 * 86_400)
    house.receipt("played")
    assert house.states() == ["expired", "armed", "playing", "played"]
