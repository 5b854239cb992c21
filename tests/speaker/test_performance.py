"""One play from the open device to its receipt: in time, at the volume wanted, and silent when it must be."""

from __future__ import annotations

import math
import wave
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from broker.contract.board import AmplifierState
from broker.contract.hub import Signed, StopPlay, TestSpeaker
from broker.contract.kiosk import HelperCalled
from broker.contract.speaker import AmplifierLease, LocalUse, PlayReceipt, SpeakerStatus, SpeakerTested
from broker.speech.sound import Pcm
from broker.trust.envelope import Relay, Tuning
from edge.speaker.ending import ended
from edge.speaker.player import Outcome, chime_of, score_of
from edge.speaker.score import led_in
from tests.fakes import station_server
from tests.fakes.clock import FakeClock
from tests.speaker.house import House
from tests.speaker.signers import DAY, MORNING, Signers, play_now
from tests.until import until

HOUR = timedelta(hours=1)
SOON = MORNING + timedelta(seconds=3)


@pytest.fixture
def house(tmp_path: Path, signers: Signers) -> Iterator[House]:
    """In real time."""
    made = House(tmp_path, signers, speed=1.0)
    yield made
    made.end()


def samples_of(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")


def seconds_of(path: Path) -> float:
    with wave.open(str(path)) as file:
        return file.getnframes() / file.getframerate()


def amplifier(house: House, **change: object) -> AmplifierState:
    said: dict[str, object] = {"relay": "on", "current": "unknown", "at": house.clock.now()}
    return AmplifierState(**(said | change))  # type: ignore[arg-type]


def silent_at(told: PlayReceipt) -> datetime:
    """When its last sample sounded, by the sound's own clock."""
    assert told.started_at is not None
    assert told.played_ms is not None
    return told.started_at + timedelta(milliseconds=told.played_ms)


def is_playing(house: House) -> bool:
    return bool(house.session.messages(PlayReceipt)) and "playing" in house.states()


# -- in time


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_is_set_by_an_hour_just_before_the_start_makes_nothing_sound(
    house: House, signers: Signers, hours: int
) -> None:
    media = house.hub.add(0.4)
    house.start()
    house.hear(signers.trust_plan(), signers.plan(signers.announcement(SOON, audio=media)))
    house.receipt("armed")
    until(lambda: (SOON - house.clock.now()).total_seconds() < 1.9, 10)
    house.clock.step(3600 * hours)
    if hours > 0:
        missed = house.receipt("missed")
        assert missed.reason in ("too-late", "clock-changed")
    else:  # an hour too early now: it waits, or was so far on its way that it is given up
        until(lambda: house.states()[-1] in ("armed", "missed"), 5)
        assert not house.waits(lambda: "playing" in house.states(), 2.0)
    assert house.played() == []
    assert "played" not in house.states()


def test_a_clock_corrected_in_the_middle_neither_stops_an_emergency_nor_makes_it_sound_twice(
    tmp_path: Path, signers: Signers
) -> None:
    house = House(tmp_path, signers, speed=1.0)
    house.clock = FakeClock(datetime.fromisoformat("1970-01-01T00:05:00+00:00"), "unknown", running=True)
    house.session.clock = house.clock
    try:
        media = house.hub.add(1.5)
        house.start()
        signed = signers.announcement(MORNING - HOUR, kind="emergency", audio=media, expires=MORNING + DAY)
        house.hear(signers.trust_plan(), signers.plan(signed))
        house.receipt("playing")
        house.clock.step((MORNING + timedelta(minutes=1) - house.clock.now()).total_seconds())
        house.clock.believe("trusted")
        played = house.receipt("played")
        assert played.started_at is not None
        assert abs((played.started_at - MORNING).total_seconds() - 60) < 5
        assert played.clock == "trusted"
        house.hear(play_now(signed))
        assert not house.waits(lambda: house.states().count("playing") > 1, 1.0)
        assert len(house.played()) == 1
    finally:
        house.end()


def test_neighbours_stand_apart_by_their_offset_and_that_is_not_late(house: House, signers: Signers) -> None:
    media = house.hub.add(0.3)
    house.start()
    plan = signers.plan(signers.announcement(SOON, audio=media), tuning=Tuning(offset_ms=700))
    house.hear(signers.trust_plan(), plan)
    played = house.receipt("played")
    assert played.started_at is not None
    assert (played.started_at - SOON).total_seconds() == pytest.approx(0.7, abs=0.2)
    assert played.late_ms == pytest.approx(0, abs=200)


# -- as loud as was set


def test_volume_is_of_the_kind_and_an_emergency_never_below_half(house: House, signers: Signers) -> None:
    media = house.hub.add(0.5)
    house.start()
    tuning = Tuning(routine_percent=50, emergency_percent=100)
    house.hear(
        signers.trust_plan(),
        signers.plan(
            signers.announcement(SOON, audio=media),
            signers.announcement(
                SOON + timedelta(seconds=5), announcement="A2", kind="emergency", audio=media
            ),
            tuning=tuning,
        ),
    )
    quiet, loud = house.receipt("played"), house.receipt("played", "A2")
    assert (quiet.volume, loud.volume) == (50, 100)
    low, high = (np.abs(samples_of(path).astype(int)).max() for path in house.played())
    assert 20 * math.log10(high / low) == pytest.approx(12, abs=2.5)


# -- the amplifier, its keys and a person at the microphone


def leases(house: House) -> list[AmplifierLease]:
    return house.session.messages(AmplifierLease)


def test_the_amplifier_is_on_three_seconds_before_the_chime_and_given_back(
    house: House, signers: Signers
) -> None:
    media = house.hub.add(0.3)
    house.start()
    house.hear(amplifier(house, relay="off"), signers.trust_plan())
    house.hear(signers.plan(signers.announcement(MORNING + timedelta(seconds=8), audio=media)))
    until(lambda: house.hear(amplifier(house, relay="off")) is None and leases(house), 15)
    on_at = house.clock.now()
    until(lambda: house.hear(amplifier(house, relay="on")) is None and is_playing(house), 15)
    played = house.receipt("played")
    assert played.started_at is not None
    assert (played.started_at - on_at).total_seconds() >= 3.0
    assert house.waits(lambda: leases(house)[-1].lease_ms == 0, 3.0)
    assert any(one.is_playing for one in leases(house))


def test_the_mute_key_silences_within_half_a_second_and_an_emergency_goes_on_when_it_is_turned_back(
    house: House, signers: Signers
) -> None:
    media = house.hub.add(4.0)
    house.start()
    house.hear(amplifier(house), signers.trust_plan())
    house.hear(signers.plan(signers.announcement(SOON, kind="emergency", audio=media)))
    house.receipt("playing")
    turned_at = house.clock.now()
    house.hear(amplifier(house, mute=True))
    cut = house.receipt("interrupted")
    assert silent_at(cut) - turned_at < timedelta(seconds=0.5)
    assert cut.reason == "muted-here"
    house.hear(play_now(signers.announcement(SOON, kind="emergency", audio=media)))
    assert house.session.wait_for(SpeakerStatus, lambda one: one.silenced == "here")
    assert not house.waits(lambda: house.states().count("playing") > 1, 1.0)
    house.hear(amplifier(house, mute=False))
    house.receipt("played")


def test_ordinary_plays_give_way_to_a_person_at_the_microphone_and_an_emergency_does_not(
    house: House, signers: Signers
) -> None:
    media = house.hub.add(0.3)
    house.start()
    house.hear(amplifier(house, microphone=True), signers.trust_plan())
    house.hear(
        signers.plan(
            signers.announcement(SOON, audio=media, tolerance_s=6),
            signers.announcement(SOON, announcement="A2", kind="emergency", audio=media),
        )
    )
    until(
        lambda: house.hear(amplifier(house, microphone=True)) is None and "played" in house.states("A2"), 15
    )
    until(
        lambda: house.hear(amplifier(house, microphone=True)) is None and "missed" in house.states("A1"), 15
    )
    assert house.receipt("missed").reason == "local-use"


def test_a_call_for_a_helper_chimes_as_loud_as_ordinary_words_and_not_into_somebodys_speech(
    house: House, signers: Signers
) -> None:
    house.start()
    house.hear(amplifier(house), signers.trust_plan(), signers.plan(tuning=Tuning(routine_percent=10)))
    house.session.wait_for(SpeakerStatus, lambda one: one.plan_generation == 1)
    house.hear(HelperCalled(call="c1", at=house.clock.now(), page="home"))
    until(lambda: house.played() and leases(house)[-1].lease_ms == 0, 15)
    (path,) = house.played()
    assert 0 < np.abs(samples_of(path).astype(int)).max() < 400
    house.clock.advance(60)
    house.hear(amplifier(house, microphone=True))
    house.session.wait_for(LocalUse)
    house.hear(HelperCalled(call="c2", at=house.clock.now(), page="home"))
    assert not house.waits(lambda: leases(house)[-1].lease_ms > 0, 1.0)
    assert len(house.played()) == 1


def test_an_emergency_sounds_at_once_and_its_chime_again_until_the_amplifier_is_warm() -> None:
    score = score_of(Pcm(np.ones(16_000, dtype=np.int16), 16_000), "emergency", 2, 0)
    bell = chime_of("emergency", 16_000)
    assert led_in(score, 0.0) is score
    led = led_in(score, 5.0)
    words_at_s = (led.repeat_ends[0] - 16_000) / 16_000
    assert words_at_s >= 5.0
    assert (led.repeat_ends[0] - score.repeat_ends[0]) % len(bell) == 0
    assert led.total_ms - score.total_ms == round((led.repeat_ends[0] - score.repeat_ends[0]) / 16)


# -- silence from the console


def test_silence_from_the_commune_holds_against_new_commands_until_it_is_lifted(
    house: House, signers: Signers
) -> None:
    media = house.hub.add(3.0)
    house.start()
    house.hear(signers.trust_plan(), signers.plan(signers.announcement(SOON, audio=media)))
    house.receipt("playing")
    asked_at = house.clock.now()
    house.hear(StopPlay(occurrence="", at=asked_at))
    assert silent_at(house.receipt("cancelled")) - asked_at < timedelta(seconds=0.5)
    again = signers.announcement(SOON, announcement="A2", kind="emergency", audio=media)
    house.hear(play_now(again))
    quiet_until = house.clock.now() + timedelta(minutes=10)
    made_at = house.clock.now()
    house.hear(signers.plan(again, generation=2, silent_until=quiet_until, made_at=made_at))
    assert not house.waits(lambda: "playing" in house.states("A2"), 1.5)
    assert house.session.messages(SpeakerStatus)[-1].silenced == "commune"
    house.hear(signers.plan(again, generation=3, made_at=house.clock.now()))
    house.receipt("playing", "A2")


# -- the test chime


def test_a_test_chime_sounds_on_request_and_says_what_came_of_it(tmp_path: Path, signers: Signers) -> None:
    house = House(tmp_path, signers, speed=8.0)
    try:
        house.start()
        house.hear(signers.trust_plan(), signers.plan(tuning=Tuning(routine_percent=80)))
        house.hear(TestSpeaker(test="t1", at=house.clock.now()))
        told = house.session.wait_for(SpeakerTested)
        assert (told.test, told.sound, told.reason, told.volume) == ("t1", "file", "", 80)
        assert (told.proof_level, told.proof) == (0, "")
        (path,) = house.played()
        assert seconds_of(path) > 20
        assert house.session.messages(SpeakerStatus)[-1].doing == "idle"
        house.hear(TestSpeaker(test="t2", at=house.clock.now()))
        again = house.session.wait_for(SpeakerTested, lambda one: one.test == "t2")
        assert again.reason == "tested-lately"
        assert len(house.played()) == 1
    finally:
        house.end()


def test_a_flood_of_orders_to_test_is_not_answered_with_a_flood(house: House, signers: Signers) -> None:
    house.clock.believe("unknown")
    house.start()
    house.hear(signers.trust_plan())
    for number in range(30):
        house.hear(TestSpeaker(test=f"t{number}", at=house.clock.now()))
        until(lambda: not house.session.wait(lambda: False, 0.03), 2)
    told = house.session.messages(SpeakerTested)
    assert 1 <= len(told) <= 6
    assert {one.reason for one in told} == {"clock-unknown"}


def test_no_test_chime_sounds_at_night_or_with_an_unknown_clock(tmp_path: Path, signers: Signers) -> None:
    house = House(tmp_path, signers, now=MORNING - timedelta(hours=5, minutes=45), speed=1.0)  # 03:15
    try:
        house.start()
        house.hear(signers.trust_plan(), signers.plan())
        house.hear(TestSpeaker(test="t1", at=house.clock.now()))
        assert house.session.wait_for(SpeakerTested).reason == "quiet-hours"
        house.clock.believe("unknown")
        house.hear(TestSpeaker(test="t2", at=house.clock.now()))
        told = house.session.wait_for(SpeakerTested, lambda one: one.test == "t2")
        assert told.reason == "clock-unknown"
        assert house.played() == []
    finally:
        house.end()


def test_the_weekly_test_is_done_once_a_week_also_over_restarts(tmp_path: Path, signers: Signers) -> None:
    house = House(tmp_path, signers, now=MORNING + timedelta(minutes=40), speed=8.0)
    try:
        house.start()
        house.hear(signers.trust_plan(), signers.plan(tuning=Tuning(test_weekday=5, test_at="09:00")))
        told = house.session.wait_for(SpeakerTested)
        assert (told.is_weekly, told.reason) == (True, "")
        house.restart()
        house.hear(signers.trust_plan())
        house.session.wait_for(SpeakerStatus, lambda one: one.plan_generation == 1)
        assert not house.waits(lambda: bool(house.session.messages(SpeakerTested)), 1.0)
    finally:
        house.end()


# -- relayed programmes


LATER = MORNING + timedelta(seconds=100)


def relayed(signers: Signers, address: str, house: House) -> Signed:
    relay = Relay(address=address, station="Đài thử", length_s=30)
    return signers.announcement(LATER, audio=house.hub.add(0.4), relay=relay)


def tuned_in(caplog: pytest.LogCaptureFixture) -> bool:
    return any(getattr(record, "event", "") == "relay-ready" for record in caplog.records)


def leap_to(house: House, moment: datetime) -> None:
    """Let the time until then pass at once."""
    house.clock.advance((moment - house.clock.now()).total_seconds())


def test_a_relayed_programme_is_tuned_in_ahead_and_ends_when_somebody_stops_it(
    house: House, signers: Signers, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    with station_server.serve() as station:
        station.answers["/live"] = station_server.stream(station)
        house.start()
        house.hear(signers.trust_plan(), signers.plan(relayed(signers, f"{station.url}/live", house)))
        until(lambda: tuned_in(caplog), 30)
        leap_to(house, LATER - timedelta(seconds=2))
        started = house.receipt("playing")
        until(lambda: house.clock.now() > LATER + timedelta(seconds=4), 20)
        house.hear(StopPlay(occurrence=started.occurrence, at=house.clock.now()))
        ended = house.receipt("cancelled")
        assert (ended.reason, started.reason, ended.sound) == ("stopped", "", "file")
        assert abs(ended.late_ms or 0) < 200
        (path,) = house.played()
        heard = samples_of(path)[3 * 16_000 :]
        assert len(heard) > 8000
        assert np.abs(heard.astype(int)).mean() > 500


def test_a_relay_that_is_to_begin_at_once_waits_for_its_station_to_answer(
    house: House, signers: Signers
) -> None:
    with station_server.serve() as station:
        station.answers["/live"] = station_server.stream(station)
        house.start()
        relay = Relay(address=f"{station.url}/live", station="Đài thử", length_s=30)
        house.hear(signers.trust_plan())
        house.hear(play_now(signers.announcement(MORNING, audio=house.hub.add(0.4), relay=relay)))
        assert house.receipt("playing").reason == ""


def test_a_station_that_goes_away_ends_the_play_and_says_so(
    house: House, signers: Signers, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    with station_server.serve() as station:
        station.answers["/live"] = station_server.stream(station, cut_after_s=11.0)
        house.start()
        house.hear(signers.trust_plan(), signers.plan(relayed(signers, f"{station.url}/live", house)))
        until(lambda: tuned_in(caplog), 30)
        leap_to(house, LATER - timedelta(seconds=2))
        house.receipt("playing")
        station.answers.clear()
        ended = house.receipt("interrupted", timeout_s=60)
        assert ended.reason == "relay-ended"
        assert 2000 < (ended.played_ms or 0) < 29_000


def test_a_station_that_cannot_be_had_is_replaced_by_the_words_that_were_signed_for_it(
    house: House, signers: Signers
) -> None:
    house.start()
    house.hear(signers.trust_plan(), signers.plan(relayed(signers, "http://127.0.0.1:9/none", house)))
    house.receipt("ready")
    leap_to(house, LATER - timedelta(seconds=3))
    played = house.receipt("played")
    assert played.reason == "relay-lost"
    assert seconds_of(house.played()[0]) < 6


# -- how it ends


@pytest.mark.parametrize(
    ("reason", "is_emergency", "state"),
    [
        ("", False, "played"),
        ("stopped", False, "cancelled"),
        ("silenced", True, "cancelled"),
        ("muted-here", True, "interrupted"),
        ("local-use", False, "preempted"),
        ("power", False, "interrupted"),
        ("clock-changed", False, "missed"),
        ("sound-failed", False, "failed"),
        ("sound-failed", True, "interrupted"),
    ],
)
def test_every_reason_to_end_has_its_state(reason: str, is_emergency: bool, state: str) -> None:
    score = score_of(Pcm(np.ones(16_000, dtype=np.int16), 16_000), "notice", 1, 0)
    outcome = Outcome(reason, "", 1000, 1)
    assert ended(outcome, score, is_emergency=is_emergency) == (state, reason)
