"""When samples sound, how a play keeps in step, and how it ends: in simulated time, into files and bad sinks."""

from __future__ import annotations

import threading
import time
import wave
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from edge.speaker.player import LiveScore, Outcome, Score, play
from edge.speaker.sinks import FileSink, SinkError

RATE = 8_000
NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)


class Simulated:
    """Time that passes only while somebody waits. Stands for time.monotonic and for the Event a play waits on."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic(self) -> float:
        return self.now_s

    def wait(self, timeout: float | None = None) -> bool:
        self.now_s += timeout or 0.0
        return False

    def clear(self) -> None:
        """Nothing is ever set."""


class House:
    """One FileSink in simulated time."""

    def __init__(self, folder: Path, ppm: float = 0.0) -> None:
        self.time = Simulated()
        self.folder = folder
        self.sink = FileSink(folder, lambda: NOW, self.time.monotonic, ppm)
        self.sink.open(RATE, "A1")
        self.opened_s = self.time.now_s

    def play(
        self,
        score: Score | LiveScore,
        at_s: float = 1.0,
        heed: Callable[[], str] = lambda: "",
        elapsed: Callable[[float], float] | None = None,
        **more: float,
    ) -> Outcome:
        """at_s: seconds after opening."""
        wanted_s = self.opened_s + at_s
        return play(
            score,
            self.sink,
            elapsed or (lambda moment: moment - wanted_s),
            heed,
            self.time,
            monotonic=self.time.monotonic,
            **more,  # type: ignore[arg-type]
        )

    def heard(self) -> np.ndarray:
        (path,) = self.folder.glob("*.wav")
        with wave.open(str(path)) as file:
            return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")


def sound(seconds: float, level: int = 8000) -> np.ndarray:
    t = np.arange(round(seconds * RATE)) / RATE
    return (np.sin(2 * np.pi * 440 * t) * level).astype(np.int16)


def plain(seconds: float) -> Score:
    samples = sound(seconds)
    return Score((samples,), RATE, (len(samples),))


def spoken(sentences: int) -> Score:
    """Ten seconds each: 9.5 s of speech and a pause."""
    one = np.concatenate([sound(9.5), sound(0.5, 0)])
    return Score((one,) * sentences, RATE, (len(one) * sentences,))


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "played")


# -- the first sample


@pytest.mark.parametrize("at_s", [5.0, 0.7, 0.31])
def test_the_first_sample_stands_on_the_frame_that_sounds_when_it_is_wanted(
    house: House, at_s: float
) -> None:
    outcome = house.play(plain(0.8), at_s)
    assert (outcome.reason, outcome.played_ms, outcome.repeats) == ("", 800, 1)
    assert outcome.frames == 0.8 * RATE
    assert house.sink.begun == round(at_s * RATE)
    assert outcome.started_s == pytest.approx(house.opened_s + at_s, abs=2 / RATE)
    assert np.array_equal(house.heard(), plain(0.8).parts[0]), "the silence before it is not in the file"


def test_it_is_the_communes_time_that_counts_also_when_it_is_corrected_meanwhile(house: House) -> None:
    def elapsed(moment: float) -> float:
        corrected = 0.040 if moment > house.opened_s + 2 else 0.0
        return moment - house.opened_s - 4.0 - corrected

    outcome = house.play(plain(0.5), elapsed=elapsed)
    assert outcome.started_s == pytest.approx(house.opened_s + 4.040, abs=2 / RATE)


def test_what_is_late_begins_at_once_and_its_lateness_is_the_new_zero(house: House) -> None:
    house.time.now_s += 3.0
    outcome = house.play(spoken(2), at_s=1.0)
    assert outcome.started_s == pytest.approx(house.opened_s + 3.0, abs=2 / RATE)
    assert outcome.frames == 20 * RATE, "nothing is left out to catch up"
    assert abs(outcome.skew_ms) < 1


def test_a_play_that_is_stopped_before_it_begins_leaves_nothing(house: House) -> None:
    outcome = house.play(plain(1), at_s=5.0, heed=lambda: "cancelled" if house.time.now_s > 1002 else "")
    assert outcome == Outcome("cancelled", "", 0, 0)
    assert not list(house.folder.glob("*"))


# -- in step


@pytest.mark.parametrize("ppm", [50.0, -50.0])
def test_a_card_that_runs_fast_or_slow_is_in_step_again_after_every_pause(tmp_path: Path, ppm: float) -> None:
    house = House(tmp_path / "played", ppm)
    outcome = house.play(spoken(40))
    lasted_s = outcome.frames / (RATE * (1 + ppm / 1e6))
    assert abs(lasted_s - 400) < 0.004
    assert abs(outcome.skew_ms) < 4
    assert outcome.played_ms == 400_000
    left_alone = House(tmp_path / "alone", ppm)
    outcome = left_alone.play(spoken(40), resync=False)
    assert outcome.frames == 400 * RATE
    lasted_s = outcome.frames / (RATE * (1 + ppm / 1e6))
    assert abs(lasted_s - 400) > 0.018, "or the test does not bite"


def test_only_quiet_frames_are_left_out_or_heard_twice(tmp_path: Path) -> None:
    for way, off_s in enumerate((0.2, -0.2)):
        house = House(tmp_path / str(way))

        def elapsed(moment: float, house: House = house, off_s: float = off_s) -> float:
            return moment - house.opened_s - 1 + (off_s if moment > house.opened_s + 5 else 0.0)

        outcome = house.play(spoken(2), elapsed=elapsed)
        heard = house.heard()
        assert len(heard) == outcome.frames == round((20 - off_s) * RATE)
        assert np.count_nonzero(np.abs(heard) > 50) == np.count_nonzero(
            np.abs(np.concatenate(spoken(2).parts)) > 50
        )
        assert outcome.played_ms == 20_000


def test_a_pause_is_never_used_up_whole(house: House) -> None:
    outcome = house.play(
        spoken(3), elapsed=lambda moment: moment - house.opened_s - 1 + (5.0 if moment > 1003 else 0.0)
    )
    assert outcome.frames == pytest.approx((30 - 3 * 0.45) * RATE, abs=0.03 * RATE)
    assert outcome.skew_ms > 3500, "and it says how late it still is"


# -- the end


def test_a_stop_is_silence_at_once_and_nothing_that_did_not_sound_is_in_the_file(house: House) -> None:
    outcome = house.play(plain(30), heed=lambda: "stopped" if house.time.now_s >= 1005.0 else "")
    assert outcome.reason == "stopped"
    assert outcome.played_ms == pytest.approx(4000, abs=110)
    assert outcome.repeats == 0
    assert outcome.frames == pytest.approx(outcome.played_ms * 8, abs=8)
    heard = house.heard()
    assert len(heard) == pytest.approx(outcome.frames + 0.02 * RATE, abs=2)


def test_a_higher_kind_lets_the_lower_one_die_away_over_a_tenth_of_a_second(house: House) -> None:
    outcome = house.play(plain(30), heed=lambda: "preempted" if house.time.now_s >= 1003.0 else "")
    heard = house.heard().astype(float)
    assert outcome.reason == "preempted"
    assert len(heard) == pytest.approx(outcome.frames + 0.1 * RATE, abs=2)
    fade = np.abs(heard[-round(0.1 * RATE) :]).reshape(10, -1).max(axis=1)
    assert (np.diff(fade) < 0).all()
    assert fade[-1] < 1000


def test_repeats_count_when_they_were_heard_to_the_end(house: House) -> None:
    part = sound(2.0)
    score = Score((part, part, part), RATE, (2 * RATE, 4 * RATE, 6 * RATE))
    outcome = house.play(score, heed=lambda: "stopped" if house.time.now_s >= 1005.5 else "")
    assert outcome.repeats == 2


def test_a_wake_is_heard_before_the_next_tenth_of_a_second(tmp_path: Path) -> None:
    sink, changed, asked = FileSink(tmp_path, lambda: NOW), threading.Event(), threading.Event()
    sink.open(RATE, "x")
    timer = threading.Timer(0.3, lambda: (asked.set(), changed.set()))
    timer.start()
    now_s = time.monotonic()
    outcome = play(
        plain(10), sink, lambda at: at - now_s, lambda: "stopped" if asked.is_set() else "", changed
    )
    timer.join()
    assert outcome.reason == "stopped"
    assert outcome.played_ms < 5000, "ten seconds were to be played"


def test_the_volume_is_a_factor_of_every_sample(house: House) -> None:
    house.play(plain(0.5), gain=0.25)
    assert house.heard().tolist() == (plain(0.5).parts[0] * np.float32(0.25)).astype(np.int16).tolist()


def test_a_sink_that_fails_is_a_worded_outcome(tmp_path: Path) -> None:
    house = House(tmp_path / "played")

    class Torn(FileSink):
        def write(self, samples: np.ndarray, at: int | None = None) -> int:
            if house.time.now_s > 1003:
                raise SinkError("horn: No such device")
            return super().write(samples, at)

        def clock(self) -> tuple[int, float]:
            if house.time.now_s > 1003:
                raise SinkError("horn: No such device")
            return super().clock()

    house.sink = Torn(house.folder, lambda: NOW, house.time.monotonic)
    house.sink.open(RATE, "A1")
    outcome = house.play(plain(30))
    assert (outcome.reason, outcome.detail) == ("sound-failed", "horn: No such device")
    assert outcome.played_ms == pytest.approx(2000, abs=110), (
        "what was queued and never sounded does not count"
    )


# -- what comes in while it sounds


def live(head_s: float, longest_s: float, pieces: list[np.ndarray | None]) -> LiveScore:
    """A station that sends these pieces one after the other; None: it is over."""
    waiting = list(pieces)

    def pull(frames: int) -> np.ndarray | None:
        if not waiting:
            return np.zeros(0, dtype=np.int16)
        one = waiting.pop(0)
        if one is not None and len(one) > frames:
            waiting.insert(0, one[frames:])
            one = one[:frames]
        return one

    return LiveScore(sound(head_s), RATE, longest_s, pull)


def test_a_station_is_heard_behind_the_head_until_it_ends(house: House) -> None:
    outcome = house.play(live(0.5, 60, [sound(2.0, 4000), None]))
    assert (outcome.reason, outcome.played_ms, outcome.repeats) == ("", 2500, 0)
    assert np.array_equal(house.heard(), np.concatenate([sound(0.5), sound(2.0, 4000)]))


def test_a_gap_in_what_a_station_sends_is_silence_of_that_length_and_no_fault_of_the_device(
    house: House,
) -> None:
    empty = np.zeros(0, dtype=np.int16)
    outcome = house.play(live(0.5, 60, [sound(1.0), *[empty] * 30, sound(1.0), None]))
    heard = house.heard()
    assert outcome.reason == ""
    assert outcome.underruns == 0
    assert len(heard) > 2.6 * RATE
    assert np.array_equal(heard[-RATE:], sound(1.0))
    assert not heard[round(1.5 * RATE) : -RATE].any()


def test_a_station_that_goes_on_is_cut_off_softly_at_the_approved_end(house: House) -> None:
    outcome = house.play(live(0.5, 3.0, [sound(30.0)]))
    heard = house.heard().astype(float)
    assert (outcome.reason, outcome.played_ms) == ("", 3000)
    assert len(heard) == 3 * RATE
    assert np.abs(heard[-40:]).max() < np.abs(heard[-800:-400]).max() / 4


def test_a_station_that_sends_nothing_ends_at_the_approved_end(house: House) -> None:
    outcome = house.play(live(0.5, 3.0, []))
    assert outcome.reason == ""
    assert house.time.now_s - house.opened_s == pytest.approx(4.0, abs=0.2)
