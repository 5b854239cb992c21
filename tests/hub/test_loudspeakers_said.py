"""What loudspeakers and amplifiers say of themselves, as the hub keeps it for the page of each."""

from __future__ import annotations

from datetime import timedelta

from broker.contract import Identity
from broker.contract.board import AmplifierAlarm, AmplifierState
from broker.contract.speaker import LocalUse, SpeakerStatus, SpeakerTested
from broker.hub.records import (
    AmplifierSeen,
    AmplifierTrouble,
    Change,
    LocalUseSeen,
    Quarantine,
    SpeakerSeen,
    SpeakerTest,
)
from tests.hub.house import BOARD, NOW, SPEAKER, House

LATER = NOW + timedelta(minutes=3)


def outcome(**change: object) -> SpeakerTested:
    """A test that the amplifier's sensor confirmed."""
    fields: dict[str, object] = {
        "test": "t-1", "at": NOW, "sound": "card", "volume": 80, "frames": 480_000, "proof_level": 2,
        "proof": "current",
    }  # fmt: skip
    return SpeakerTested(**(fields | change))  # type: ignore[arg-type]


def test_a_weekly_test_is_kept_as_the_node_told_it(house: House) -> None:
    house.take(house.entry(SPEAKER, outcome(is_weekly=True, underruns=1), 1))
    row = house.all(SpeakerTest)[0]
    assert (row.node, row.asked_at, row.is_weekly, row.proof, row.underruns) == (
        "thon-01", None, True, "current", 1,
    )  # fmt: skip


def test_what_came_of_a_test_joins_the_order_for_it(house: House) -> None:
    with house.database.session() as db:
        db.add(SpeakerTest(test="t-1", node="thon-01", asked_at=NOW, sent_at=NOW))
    house.take(house.entry(SPEAKER, outcome(reason="", proof="heard", proof_level=3, proof_score=0.62), 1))
    row = house.all(SpeakerTest)[0]
    assert (row.asked_at, row.at, row.proof, row.proof_score) == (NOW, NOW, "heard", 0.62)
    assert [change.topic for change in house.all(Change)] == ["speaker"]


def test_no_node_answers_for_the_test_of_another(house: House) -> None:
    with house.database.session() as db:
        db.add(SpeakerTest(test="t-1", node="thon-01", asked_at=NOW))
    house.take(house.entry(Identity("thon-02", "speaker"), outcome(), 1))
    assert house.all(SpeakerTest)[0].at is None
    assert "a test of another node" in house.all(Quarantine)[0].reason


def test_a_use_that_ends_is_one_use(house: House) -> None:
    use = LocalUse(use="u-1", what="microphone", started_at=NOW)
    house.take(house.entry(SPEAKER, use, 1))
    house.clock.advance(200)
    ended = LocalUse(use="u-1", what="microphone", started_at=NOW, ended_at=LATER)
    house.take(house.entry(SPEAKER, ended, 2))
    rows = house.all(LocalUseSeen)
    assert [(row.what, row.started_at, row.ended_at) for row in rows] == [("microphone", NOW, LATER)]


def test_an_alarm_of_an_amplifier_opens_and_ends(house: House) -> None:
    alarm = AmplifierAlarm(alarm="a-1", what="unexplained-current", started_at=NOW, current_a=1.9)
    house.take(house.entry(BOARD, alarm, 1))
    assert house.all(AmplifierTrouble)[0].ended_at is None
    house.clock.advance(200)
    over = AmplifierAlarm(alarm="a-1", what="unexplained-current", started_at=NOW, ended_at=LATER)
    house.take(house.entry(BOARD, over, 2))
    rows = house.all(AmplifierTrouble)
    assert [(row.ended_at, row.received_at) for row in rows] == [(LATER, NOW)]


def test_of_an_amplifier_the_last_word_stays(house: House) -> None:
    for is_muted in (False, True):
        said = AmplifierState(at=NOW, relay="on", current="flowing", current_a=1.2, mute=is_muted)
        house.take(house.entry(BOARD, said))
    row = house.all(AmplifierSeen)[0]
    assert (row.relay, row.current_a, row.mute, row.seen_at) == ("on", 1.2, True, NOW)


def test_who_silences_a_loudspeaker_and_whether_there_is_one_is_kept(house: House) -> None:
    said = SpeakerStatus(doing="idle", since=NOW, output="USB Audio", sound="card", silenced="here")
    house.take(house.entry(SPEAKER, said))
    row = house.all(SpeakerSeen)[0]
    assert (row.sound, row.silenced) == ("card", "here")
