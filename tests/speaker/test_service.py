"""The loudspeaker as a service: from orders to sound and receipts, through power cuts, stops and a hub that is away."""

from __future__ import annotations

import time
import wave
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from broker.contract import Identity
from broker.contract.hub import Media, PlayPlan, Signed, StopPlay, TrustPlan
from broker.contract.kiosk import HelperCalled
from broker.contract.message import Message
from broker.contract.speaker import PlanApplied, PlayReceipt, SpeakerStatus
from broker.link.clock import LOCAL
from broker.link.outbox import OutboxFull
from broker.trust.envelope import PlayEntry, PlaysBody, occurrence_id
from tests.fakes.session import FakeSession
from tests.speaker.house import House
from tests.speaker.signers import DAY, MORNING, Signers, play_now

SOON = MORNING + timedelta(seconds=2)
UNKNOWN = Media(sha256="f" * 64, size=999, type="audio/ogg", duration_ms=1000)


@pytest.fixture
def house(tmp_path: Path, signers: Signers) -> Iterator[House]:
    """Its clock runs four times as fast as ours."""
    made = House(tmp_path, signers)
    yield made
    made.end()


@pytest.fixture
def real_time(tmp_path: Path, signers: Signers) -> Iterator[House]:
    """Where the test measures time."""
    made = House(tmp_path, signers, speed=1.0)
    yield made
    made.end()


def seconds_of(path: Path) -> float:
    with wave.open(str(path)) as file:
        return file.getnframes() / file.getframerate()


def test_a_planned_announcement_is_fetched_armed_and_played_at_its_time(
    real_time: House, signers: Signers
) -> None:
    house = real_time
    media = house.hub.add(0.4)
    house.start()
    house.hear(signers.trust_plan(), signers.plan(signers.announcement(SOON, audio=media, repeat=2, gap_s=0)))
    played = house.receipt("played")
    assert house.states() == ["fetching", "ready", "armed", "playing", "played"]
    assert played.planned_at == SOON
    assert played.started_at is not None
    assert played.late_ms is not None
    assert -50 < played.late_ms < 250
    assert (played.sound, played.proof_level, played.reason, played.repeat) == ("file", 0, "", 2)
    assert played.played_ms == played.total_ms
    (path,) = house.played()
    assert seconds_of(path) == pytest.approx((played.total_ms or 0) / 1000, abs=0.01)
    applied = house.session.wait_for(PlanApplied)
    assert (applied.generation, len(applied.missing), applied.refused) == (1, 1, [])
    status = house.session.messages(SpeakerStatus)
    assert [one.doing for one in status if one.doing == "playing"]
    assert (status[-1].doing, status[-1].plan_generation, status[-1].trust_generation) == ("idle", 1, 2)


def test_play_now_sounds_within_two_seconds_and_only_once(real_time: House, signers: Signers) -> None:
    house = real_time
    signed = signers.announcement(audio=house.hub.add(0.3))
    house.start()
    house.hear(signers.trust_plan())
    began = time.monotonic()
    house.hear(play_now(signed), play_now(signed), signers.plan(signed))
    house.receipt("playing")
    assert time.monotonic() - began < 2.0
    house.receipt("played")
    house.hear(play_now(signed), signers.plan(signed, generation=2))
    house.session.wait_for(PlanApplied, lambda one: one.generation == 2)
    assert house.waits(lambda: house.states().count("playing") > 1, 1.0) is False
    assert len(house.played()) == 1


def test_stop_silences_at_once_and_the_play_does_not_come_back(real_time: House, signers: Signers) -> None:
    house = real_time
    signed = signers.announcement(audio=house.hub.add(20))
    house.start()
    house.hear(signers.trust_plan(), play_now(signed))
    playing = house.receipt("playing")
    began = time.monotonic()
    house.hear(StopPlay(occurrence="", at=house.clock.now()))
    stopped = house.receipt("cancelled")
    assert time.monotonic() - began < 0.5
    assert stopped.reason == "stopped"
    assert (stopped.played_ms or 0) < 5000
    house.hear(play_now(signed), signers.plan(signed))
    house.session.wait_for(PlanApplied)
    assert house.waits(lambda: house.states().count("playing") > 1, 1.0) is False
    assert playing.occurrence == stopped.occurrence


def test_a_stop_that_overtakes_its_play_still_wins(house: House, signers: Signers) -> None:
    signed = signers.announcement(audio=house.hub.add(1))
    command = play_now(signed)
    house.start()
    house.hear(signers.trust_plan(), StopPlay(occurrence=command.occurrence, at=MORNING), command)
    house.hear(signers.plan(signed))
    house.session.wait_for(PlanApplied)
    assert house.waits(lambda: "playing" in house.states(), 1.0) is False


def test_a_mis_set_relay_at_a_quarter_past_three_stays_silent(tmp_path: Path, signers: Signers) -> None:
    night = datetime(2026, 11, 22, 3, 15, tzinfo=LOCAL)
    house = House(tmp_path, signers, night - timedelta(seconds=1)).start()
    try:
        house.hear(signers.trust_plan(), signers.plan(signers.announcement(night, audio=house.hub.add(1))))
        refused = house.receipt("refused")
        assert refused.reason == "quiet-hours"
        applied = house.session.wait_for(PlanApplied)
        assert [one.reason for one in applied.refused] == ["quiet-hours"]
        house.hear(play_now(signers.announcement(night, audio=house.hub.add(1), announcement="A2")))
        assert house.receipt("refused", "A2").reason == "quiet-hours"
        assert house.waits(lambda: "playing" in house.states() + house.states("A2"), 2.0) is False
    finally:
        house.end()
    assert house.played() == []


def test_forged_orders_are_refused_and_said_so(house: House, signers: Signers) -> None:
    house.start()
    audio = house.hub.add(0.3)
    house.hear(signers.plan(signers.announcement(audio=audio)))
    assert house.waits(lambda: "plan-refused" in house.session.problems)
    body = signers.signed_trust.body.replace('"generation":2', '"generation":9')
    house.hear(TrustPlan(generation=9, signed=Signed(body=body, signatures=signers.signed_trust.signatures)))
    assert house.waits(lambda: "trust-refused" in house.session.problems)
    house.hear(signers.trust_plan())
    assert house.waits(lambda: not house.session.problems), "the plan that came too early is taken now"
    house.receipt("played")
    house.hear(signers.plan(generation=5, by="binh"))
    assert house.waits(lambda: "plan-refused" in house.session.problems)
    house.hear(play_now(signers.announcement(audio=audio, announcement="A2", by="stranger")))
    assert house.receipt("refused", "A2").reason == "unknown-key"
    swapped = msgspec.structs.replace(
        play_now(signers.announcement(audio=audio, announcement="A3")), media=house.hub.add(0.2, 600)
    )
    house.hear(swapped)
    assert house.receipt("refused", "A3").reason == "wrong-audio"
    assert len(house.played()) == 1


def test_without_its_sound_the_node_speaks_the_approved_words_itself(house: House, signers: Signers) -> None:
    house.hub.is_away = True
    house.start()
    house.hear(
        signers.trust_plan(),
        signers.plan(signers.announcement(SOON, audio=UNKNOWN, spoken="Xin chào bà con.")),
    )
    armed = house.receipt("armed", timeout_s=20)
    assert armed.reason == "spoken-here"
    played = house.receipt("played", timeout_s=20)
    assert (played.reason, played.sound) == ("spoken-here", "file")
    assert seconds_of(house.played()[0]) > 2.5, "chime and words"
    assert "fetch-failed" in house.session.problems


def test_sound_that_changed_on_disk_is_fetched_again(house: House, signers: Signers) -> None:
    media = house.hub.add(0.3)
    house.store.add(house.hub.files[media.sha256], media.type)
    path = house.store.path_of(media.sha256)
    assert path is not None
    path.write_bytes(b"worn out")
    house.start()
    house.hear(signers.trust_plan(), play_now(signers.announcement(audio=media)))
    assert house.receipt("played").reason == ""
    assert house.hub.asked == [media.sha256]


def test_seven_days_without_a_hub_everything_plays(house: House, signers: Signers) -> None:
    days = [SOON + n * DAY for n in range(7)]
    signed = signers.announcement(*days, audio=house.hub.add(0.2), expires=SOON + 8 * DAY)
    house.start()
    house.hear(signers.trust_plan(), signers.plan(signed))
    for day in range(7):
        name = occurrence_id("A1", 1, days[day])
        house.session.wait_for(
            PlayReceipt, lambda one, name=name: one.occurrence == name and one.state == "played"
        )
        house.hub.is_away = True
        if day == 2:
            house.restart()
        ahead = SOON + (day + 1) * DAY - house.clock.now()
        house.clock.advance(ahead.total_seconds() - 0.5)
    assert len(house.played()) == 7


def test_a_power_cut_leaves_an_ordinary_play_interrupted_and_starts_an_emergency_again(
    house: House, signers: Signers
) -> None:
    audio = house.hub.add(20)
    urgent = signers.announcement(MORNING, audio=audio, announcement="E1", kind="emergency")
    house.start()
    house.hear(signers.trust_plan(), play_now(signers.announcement(audio=audio)))
    house.receipt("playing")
    house.hear(signers.plan(urgent))
    assert house.receipt("preempted").reason == "preempted"
    house.receipt("playing", "E1")
    house.restart()
    house.receipt("playing", "E1")
    assert "playing" not in house.states("A1")
    house.hear(StopPlay(occurrence="", at=MORNING))
    assert house.receipt("cancelled", "E1").reason == "stopped"
    house.restart()
    assert house.waits(lambda: "playing" in house.states("E1"), 1.0) is False


def test_a_process_killed_while_playing_reports_it_at_the_next_start(house: House, signers: Signers) -> None:
    from edge.speaker.firewall import Ask
    from edge.speaker.journal import Journal
    from edge.speaker.programme import Play
    from tests.speaker.signers import make_envelope

    signed = signers.announcement()
    name = occurrence_id("A1", 1, MORNING)
    journal = Journal(house.settings.data_dir / "speaker" / "journal.db")
    journal.begin(Play(Ask(name, "A1", 1, MORNING, signed), make_envelope()), MORNING)
    journal.close()
    house.start()
    cut = house.receipt("interrupted")
    assert (cut.occurrence, cut.reason, cut.started_at) == (name, "power", MORNING)
    house.hear(signers.trust_plan(), signers.plan(signers.announcement(audio=house.hub.add(0.2))))
    house.session.wait_for(PlanApplied)
    assert house.waits(lambda: house.states().count("playing") > 1, 1.0) is False
    assert house.states()[:2] == ["playing", "interrupted"], (
        "the receipt that the kill cut off comes too, in order"
    )


def test_the_plan_cancels_what_is_playing(house: House, signers: Signers) -> None:
    signed = signers.announcement(audio=house.hub.add(20))
    house.start()
    house.hear(signers.trust_plan(), signers.plan(signed))
    name = house.receipt("playing").occurrence
    house.hear(signers.plan(signed, generation=2, cancelled=(name,)))
    assert house.receipt("cancelled").reason == "cancelled"


def test_an_unknown_clock_is_silent_until_it_is_known(house: House, signers: Signers) -> None:
    house.clock.believe("unknown")
    audio = house.hub.add(0.2)
    house.start()
    house.hear(signers.trust_plan(), play_now(signers.announcement(audio=audio)))
    assert house.receipt("refused").reason == "clock-unknown"
    house.hear(signers.plan(signers.announcement(audio=audio, announcement="A2")))
    house.receipt("ready", "A2")
    assert house.waits(lambda: "playing" in house.states("A2"), 1.0) is False
    urgent = signers.announcement(audio=audio, announcement="E1", kind="emergency")
    house.hear(play_now(urgent))
    house.receipt("played", "E1")
    house.clock.believe("trusted")
    house.receipt("played", "A2")


def test_a_clock_that_leaps_ahead_reports_what_it_missed_once(house: House, signers: Signers) -> None:
    house.start()
    house.hear(
        signers.trust_plan(), signers.plan(signers.announcement(SOON + DAY / 4, audio=house.hub.add(0.2)))
    )
    house.receipt("ready")
    house.clock.step(DAY.total_seconds() * 0.3)
    assert house.receipt("missed").reason == "too-late"
    house.clock.step(-DAY.total_seconds() * 0.3)
    house.clock.step(DAY.total_seconds() * 0.25)
    assert house.waits(lambda: house.states()[-1] != "missed", 1.5) is False


def test_a_helpers_chime_sounds_by_day_and_not_twice_in_a_row(house: House, signers: Signers) -> None:
    house.start()
    house.hear(signers.trust_plan())
    house.hear(HelperCalled(call="c1", at=MORNING, page="home"))
    assert house.waits(lambda: False, 0.2) is False
    deadline = time.monotonic() + 5
    while not house.played() and time.monotonic() < deadline:
        house.waits(lambda: bool(house.played()), 0.1)
    house.hear(HelperCalled(call="c2", at=MORNING, page="home"))
    assert house.waits(lambda: len(house.played()) > 1, 3.0) is False
    assert len(house.played()) == 1
    assert house.session.messages(PlayReceipt) == []


def test_a_full_outbox_never_stops_a_play(house: House, signers: Signers) -> None:
    class FullOutbox(FakeSession):
        def send(self, msg: Message, to: Identity | None = None, *, written: bytes | None = None) -> None:
            if isinstance(msg, PlayReceipt):
                raise OutboxFull("Đầy chỗ chờ gửi.")
            super().send(msg, to, written=written)

    house.session = FullOutbox(Identity("thon-01", "speaker"), clock=cast(Any, house.clock))
    house.start()
    house.hear(signers.trust_plan(), play_now(signers.announcement(audio=house.hub.add(0.2))))
    assert house.waits(lambda: "outbox-full" in house.session.problems)
    deadline = time.monotonic() + 10
    while not house.played() and time.monotonic() < deadline:
        house.waits(lambda: bool(house.played()), 0.1)
    assert house.played()


NAIVE, FIRST_DAY = datetime(2026, 11, 21, 2), datetime.fromisoformat("0001-01-01T00:00:00+14:00")


def test_orders_that_cannot_be_reckoned_with_end_nothing(house: House, signers: Signers) -> None:
    media = house.hub.add(0.2)
    good = signers.announcement(SOON, audio=media)
    house.start()
    house.hear(signers.trust_plan())
    for start in (NAIVE, FIRST_DAY):
        command = play_now(good)
        command.start = start
        house.hear(command)
    entry = PlayEntry(occurrence="x", announcement="x", revision=1, start=FIRST_DAY)
    body = msgspec.json.decode(signers.plan().signed.body, type=PlaysBody)
    body = msgspec.structs.replace(body, plays=[entry])
    house.hear(PlayPlan(generation=1, signed=signers.signed(body, "plays", "hub")))
    house.hear(StopPlay(occurrence=f"A1.{10**30}.20261121T020000Z", at=MORNING))
    house.hear(signers.plan(good))
    assert house.receipt("played").occurrence == play_now(good).occurrence


def test_sound_longer_than_was_signed_does_not_reach_into_the_night(tmp_path: Path, signers: Signers) -> None:
    nine = datetime(2026, 11, 21, 21, 0, tzinfo=LOCAL)
    house = House(tmp_path, signers, now=nine - timedelta(seconds=13))
    claimed = msgspec.structs.replace(house.hub.add(15), duration_ms=500)
    house.start()
    soon = signers.announcement(
        nine - timedelta(seconds=10), audio=claimed, issued_at=nine - DAY, expires=nine
    )
    house.hear(signers.trust_plan(), signers.plan(soon))
    ended = house.session.wait_for(PlayReceipt, lambda one: one.state in ("played", "playing", "refused"), 15)
    house.end()
    assert (ended.state, ended.reason) == ("refused", "quiet-hours-end")
