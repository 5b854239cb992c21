"""An emergency whose words are not here: its siren at once, the words as soon as they are, no siren without end."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from broker.contract.hub import Signed, StopPlay
from broker.contract.speaker import PlayReceipt
from broker.speech.sound import Pcm
from edge.speaker.firewall import SPOKEN_HERE
from edge.speaker.player import chime_of, score_of
from edge.speaker.programme import Play
from edge.speaker.readying import SIREN_HZ, Ready
from edge.speaker.siren import LEAST_S, MOST_S, Siren
from edge.speaker.tape import Samples
from tests.speaker.house import House
from tests.speaker.office import Office
from tests.speaker.signers import MORNING, Signers, play_now
from tests.until import until

BELL = chime_of("emergency", SIREN_HZ)
WORDS = Ready(score_of(Pcm(np.full(8000, 3000, dtype=np.int16), SIREN_HZ), "emergency", 2, 1), SPOKEN_HERE)


@pytest.fixture
def house(tmp_path: Path, signers: Signers) -> Iterator[House]:
    made = House(tmp_path, signers, speed=6.0)
    made.start()
    made.hear(signers.trust_plan())
    yield made
    made.end()


@pytest.fixture
def one(office: Office, signers: Signers) -> Play:
    office.hear(play_now(signers.announcement(kind="emergency", repeat=2, gap_s=1)))
    return office.desk.agenda().near[0]


def all_of(siren: Siren) -> Samples:
    """Everything it gives, in pieces as the player asks for them."""
    parts = [siren.score.head]
    while (piece := siren.score.pull(1600)) is not None:
        assert len(piece), "there is always something to sound"
        parts.append(piece)
    return np.concatenate(parts)


def urgent(signers: Signers, name: str = "A1", **change: object) -> Signed:
    return signers.announcement(announcement=name, kind="emergency", issued_at=MORNING, **change)


def heard(path: Path) -> tuple[Samples, int]:
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2"), file.getframerate()


def longest_silence_s(samples: Samples, rate_hz: int) -> float:
    """The longest stretch in which nothing sounds, by hundredths of a second."""
    hop = rate_hz // 100
    loud = np.abs(samples[: len(samples) // hop * hop].astype(int)).reshape(-1, hop).max(axis=1) > 20
    edges = np.flatnonzero(np.concatenate(([True], loud, [True])))
    return float(np.diff(edges).max() - 1) / 100


# -- the siren itself


def test_the_words_follow_a_whole_call_of_the_siren_without_a_gap(one: Play) -> None:
    asked: list[int] = []

    def take() -> Ready | None:
        asked.append(1)
        return WORDS if len(asked) > 3 else None

    siren = Siren(one, take, lambda: True)
    assert siren.sound == ""
    assert siren.total_ms > 6000, "as much as was signed, and its siren"
    sound = all_of(siren)
    expected = [*[BELL] * 4, *WORDS.score.parts[1:]]
    assert np.array_equal(sound, np.concatenate(expected))
    assert siren.sound == SPOKEN_HERE
    assert siren.total_ms == round(1000 * len(sound) / SIREN_HZ)
    assert siren.score.ends() == (len(sound) - 8000 - SIREN_HZ, len(sound))
    assert np.array_equal(siren.kept(), sound)


@pytest.mark.parametrize(("is_vain", "least_s"), [(True, LEAST_S), (False, MOST_S)])
def test_a_siren_without_words_ends_in_time(one: Play, is_vain: bool, least_s: float) -> None:
    siren = Siren(one, lambda: None, lambda: is_vain)
    lasted_s = len(all_of(siren)) / SIREN_HZ
    assert least_s <= lasted_s < least_s + len(BELL) / SIREN_HZ
    assert (siren.sound, siren.score.ends()) == ("", ())


def test_words_wait_for_a_cold_amplifier(one: Play) -> None:
    sound = all_of(Siren(one, lambda: WORDS, lambda: False, warm_s=5.0))
    siren_s = (len(sound) - sum(map(len, WORDS.score.parts[1:]))) / SIREN_HZ
    assert siren_s >= 5.0
    assert siren_s % (len(BELL) / SIREN_HZ) == pytest.approx(0, abs=1e-3)


# -- in the whole service


def test_the_siren_breaks_in_at_once_and_the_node_then_speaks_the_words_itself(
    house: House, signers: Signers
) -> None:
    house.hear(play_now(signers.announcement(announcement="R", audio=house.hub.add(60))))
    house.receipt("playing", "R")
    house.hub.is_away = True
    came_at = house.clock.now()
    house.hear(play_now(urgent(signers, spoken="Lũ về. Mời bà con lên nhà văn hoá.", repeat=2, gap_s=0)))
    begun = house.receipt("playing")
    assert begun.started_at is not None
    assert (begun.started_at - came_at).total_seconds() < 6 * 3, "three real seconds, on a busy machine"
    assert house.receipt("preempted", "R").reason == "preempted"
    told = house.receipt("played")
    assert (told.reason, told.repeat, told.total_ms) == (SPOKEN_HERE, 2, told.played_ms)
    assert house.states().count("playing") == 1
    samples, rate_hz = heard(next(path for path in house.played() if "A1." in path.name))
    first = BELL.astype(float)
    begins = int(np.argmax(np.abs(samples.astype(int)) > 20))
    likeness = np.corrcoef(samples[begins : begins + len(BELL)], first[: len(samples) - begins])[0, 1]
    assert rate_hz == SIREN_HZ
    assert likeness > 0.9, "it begins with the siren"
    assert longest_silence_s(samples[begins:], rate_hz) < 1.5, "a rest, and no hole"


def test_its_own_sound_is_taken_when_it_comes_and_what_is_cut_off_begins_again_with_it(
    house: House, signers: Signers
) -> None:
    media = house.hub.add(3.0, 700)
    house.hub.is_away = True
    signed = urgent(signers, spoken="", audio=media)
    house.hear(signers.plan(signed), play_now(signed))
    house.receipt("playing")
    before = house.session
    house.restart()
    cut = before.messages(PlayReceipt)[-1]
    assert (cut.state, cut.reason, cut.repeat) == ("interrupted", "power", 0)
    house.receipt("playing")
    house.hub.is_away = False
    told = house.receipt("played")
    assert (told.reason, told.repeat) == ("", 1)
    samples, rate_hz = heard(house.played()[-1])
    spectrum = np.abs(np.fft.rfft(samples[-3 * rate_hz :]))
    assert abs(np.argmax(spectrum) * rate_hz / (3 * rate_hz) - 700) < 5, "the hub's own sound is its end"
    assert longest_silence_s(samples, rate_hz) < 1.0


def test_a_siren_is_stopped_by_name_by_silence_and_gives_up_without_words_until_they_come(
    house: House, signers: Signers
) -> None:
    media = house.hub.add(0.5)
    house.hub.is_away = True
    first, second, third = (urgent(signers, name, spoken="", audio=media) for name in ("A1", "A2", "A3"))
    house.hear(play_now(first))
    begun = house.receipt("playing")
    house.hear(StopPlay(occurrence=begun.occurrence, at=house.clock.now()))
    stopped = house.receipt("cancelled")
    assert (stopped.reason, stopped.repeat) == ("stopped", 0)
    house.hear(play_now(second))
    house.receipt("playing", "A2")
    house.hear(StopPlay(occurrence="", at=house.clock.now()))
    assert house.receipt("cancelled", "A2").reason == "stopped"
    house.clock.advance(20)
    house.hear(play_now(third))
    alone = house.receipt("interrupted", "A3")
    assert (alone.reason, alone.repeat) == ("no-audio", 0)
    assert LEAST_S <= (alone.played_ms or 0) / 1000 < MOST_S
    assert not house.waits(lambda: house.states("A3").count("playing") > 1, 1.0), (
        "no second siren without words"
    )
    house.hub.is_away = False
    until(lambda: "played" in house.states("A3"), 20)
    assert [one.reason for one in house.session.messages(PlayReceipt)][-1] == ""


def test_an_emergency_that_was_missed_is_said_once_at_its_next_start(house: House, signers: Signers) -> None:
    media = house.hub.add(0.3)
    house.store.add(house.hub.files[media.sha256], media.type)
    starts = [MORNING - timedelta(minutes=10 * n) for n in range(6, -1, -1)]
    signed = signers.announcement(
        *starts, kind="emergency", audio=media, issued_at=starts[0], expires=MORNING + timedelta(minutes=8)
    )
    house.hear(signers.plan(signed))
    house.receipt("played")
    told = [(one.state, one.reason) for one in house.session.messages(PlayReceipt)]
    assert told.count(("missed", "next-due")) == 6, "each once"
    assert [state for state, _ in told].count("playing") == 1
    assert not house.waits(lambda: len(house.states()) > len(told), 1.0)
