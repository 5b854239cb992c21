"""Drills: an emergency's whole way with a short chime, taken for an alarm by nobody and in nobody's way."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from broker.contract.hub import Signed
from broker.link.clock import LOCAL
from broker.speech.chime import chime
from broker.trust.envelope import Quiet, Refused, Relay, Tuning
from edge.speaker.firewall import CHIMED, SIREN, SPOKEN_HERE, Allowed, Ask, Post, check, length_s
from tests.fakes import station_server
from tests.speaker.house import House
from tests.speaker.signers import AUDIO, MORNING, Signers, make_envelope, play_now

NIGHT = datetime(2026, 11, 22, 3, 15, tzinfo=LOCAL)


def drill(signers: Signers, name: str = "dt-1", *starts: datetime, **change: Any) -> Signed:
    """Signed by one person, as it is done."""
    return signers.announcement(
        *starts, announcement=name, kind="emergency", drill=True, by="cuong", **change
    )


@pytest.fixture
def house(tmp_path: Path, signers: Signers) -> Iterator[House]:
    made = House(tmp_path, signers, speed=4.0)
    made.start()
    made.hear(signers.trust_plan())
    yield made
    made.end()


def test_the_chime_of_a_drill_is_short_and_nothing_like_the_siren() -> None:
    sound, alarm = chime("drill", 16_000), chime("emergency", 16_000)
    assert 2.0 <= len(sound) / 16_000 <= 3.0
    assert 0.45 < float(np.abs(sound).max()) <= 0.5
    loudest = [int(np.argmax(np.abs(np.fft.rfft(each)))) * 16_000 / len(each) for each in (sound, alarm)]
    assert loudest[1] / loudest[0] > 1.9, "about an octave below it"
    length = min(len(sound), len(alarm))
    likeness = np.correlate(sound[:length:8], alarm[:length:8], "full") / np.sqrt(
        np.sum(sound[:length:8] ** 2) * np.sum(alarm[:length:8] ** 2)
    )
    assert np.abs(likeness).max() < 0.5


def test_the_firewall_lets_a_drill_chime_and_say_nothing(signers: Signers) -> None:
    post = Post("00/00000", "dong", signers.trust, "trusted", Quiet(), 2700)

    def code(at: datetime, sound: str | None = CHIMED, here: Post = post, **change: Any) -> str:
        start = change.pop("start", at)
        signed = drill(signers, "dt-1", start, expires=start + timedelta(hours=2), **change)
        name = f"dt-1.1.{start.astimezone(MORNING.tzinfo):%Y%m%dT%H%M%SZ}"
        found = check(Ask(name, "dt-1", 1, start, signed), here, at, sound)
        return found.code if isinstance(found, Refused) else "allowed"

    assert code(MORNING) == "allowed"
    for sound in (AUDIO.sha256, SPOKEN_HERE, SIREN):
        assert code(MORNING, sound) == "wrong-audio", "one signer's drill never speaks their words"
    urgent = signers.announcement(kind="emergency")
    ask = Ask("A1.1.20261121T020000Z", "A1", 1, MORNING, urgent)
    assert isinstance(check(ask, post, MORNING, CHIMED), Refused), "nor is a chime an emergency"
    assert isinstance(check(ask, post, MORNING, SIREN), Allowed)
    routine = Ask("A1.1.20261121T020000Z", "A1", 1, MORNING, signers.announcement())
    assert isinstance(check(routine, post, MORNING, SIREN), Refused)
    assert code(NIGHT) == "quiet-hours"
    assert code(MORNING, here=replace(post, clock="unknown")) == "clock-unknown"
    slow = MORNING - timedelta(seconds=20)
    assert code(slow, start=MORNING, issued_at=MORNING) == "too-early", (
        "its signature does not turn the clock"
    )
    assert code(MORNING + timedelta(seconds=121), start=MORNING) == "too-late"
    assert code(MORNING, here=replace(post, silenced="silenced")) == "silenced"
    long = make_envelope(kind="emergency", drill=True, repeat=10, gap_s=600)
    assert length_s(long) < 3, "however long its words were"


def test_a_drill_chimes_as_loud_as_an_emergency_and_says_whether_the_sound_was_at_hand(
    house: House, signers: Signers
) -> None:
    media = house.hub.add(1.0)
    house.hub.is_away = True
    house.hear(signers.plan(tuning=Tuning(routine_percent=10, emergency_percent=90)))
    house.hear(play_now(drill(signers, audio=media)))
    bare = house.receipt("played", "dt-1")
    assert (bare.reason, bare.volume, bare.repeat) == ("no-audio", 90, 1)
    assert bare.started_at is not None
    house.hub.is_away = False
    house.store.add(house.hub.files[media.sha256], media.type)
    house.hear(play_now(drill(signers, "dt-2", audio=media)))
    whole = house.receipt("played", "dt-2")
    assert (whole.reason, whole.sound) == ("", "file")
    for told in (bare, whole):
        assert 2000 <= (told.played_ms or 0) == told.total_ms <= 3000
    with wave.open(str(house.played()[0])) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
        assert file.getnframes() / file.getframerate() < 4, "the chime and nothing else"
    assert 3000 < int(np.abs(samples.astype(int)).max()) < 20_000


def test_a_drill_is_refused_at_once_while_something_sounds_and_gives_way_to_the_real_thing(
    house: House, signers: Signers
) -> None:
    media = house.hub.add(60)
    house.hear(play_now(signers.announcement(announcement="R", audio=media)))
    house.receipt("playing", "R")
    house.hear(play_now(drill(signers, audio=media)))
    assert house.receipt("refused", "dt-1").reason == "drill-waits"
    assert house.states("R")[-1] == "playing", "nothing was broken into"
    house.hear(play_now(signers.announcement(announcement="E", kind="emergency", audio=media)))
    house.receipt("playing", "E")
    house.hear(play_now(drill(signers, "dt-2", audio=media)))
    assert house.receipt("refused", "dt-2").reason == "drill-waits"
    assert "playing" not in house.states("dt-1") + house.states("dt-2")


def test_a_drill_does_not_break_into_a_station_either(house: House, signers: Signers) -> None:
    with station_server.serve() as station:
        station.answers["/live"] = station_server.stream(station)
        relay = Relay(address=f"{station.url}/live", station="Đài thử", length_s=60)
        media = house.hub.add(0.4)
        house.hear(play_now(signers.announcement(announcement="S", audio=media, relay=relay)))
        house.receipt("playing", "S")
        house.hear(play_now(drill(signers, audio=media)))
        assert house.receipt("refused", "dt-1").reason == "drill-waits"
        assert house.states("S")[-1] == "playing"


def test_a_drill_between_two_repeats_of_an_emergency_stays_silent(house: House, signers: Signers) -> None:
    media = house.hub.add(0.3)
    house.store.add(house.hub.files[media.sha256], media.type)
    starts = (MORNING, MORNING + timedelta(minutes=10))
    house.hear(signers.plan(signers.announcement(*starts, announcement="E", kind="emergency", audio=media)))
    house.receipt("played", "E")
    house.hear(play_now(drill(signers, audio=media)))
    assert house.receipt("refused", "dt-1").reason == "drill-waits"
