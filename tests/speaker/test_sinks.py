"""Files and a real sound server as places for samples: when which frame sounds, silence at once, a card pulled out."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
import wave
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from edge.speaker.alsa import Capture, Playback
from edge.speaker.card import BUFFER_S, CardSink, Pace
from edge.speaker.player import Outcome, Score, play
from edge.speaker.proof import judge
from edge.speaker.sinks import KEPT_FILES, FileSink, SinkError, choose_sink, find_card
from edge.speaker.tape import Tape
from tests.fakes.sound_server import HORN, HORN_EAR, SoundServer, sound_server
from tests.until import until

RATE = 16_000
NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
ROOT = Path(__file__).resolve().parent.parent.parent


def tone(seconds: float) -> np.ndarray:
    t = np.arange(round(seconds * RATE)) / RATE
    return (np.sin(2 * np.pi * 440 * t) * 8000).astype(np.int16)


@pytest.fixture
def played(tmp_path: Path) -> Path:
    return tmp_path / "played"


# -- the tape and the pace


def test_a_tape_holds_samples_where_they_were_put_and_silence_elsewhere() -> None:
    tape = Tape()
    assert tape.put(np.array([1, 2, 3], dtype=np.int16), at=2) == 2
    assert tape.put(np.array([4], dtype=np.int16)) == 5
    assert tape.take(4).tolist() == [0, 0, 1, 2]
    assert tape.take(4).tolist() == [3, 4, 0, 0]
    assert (tape.taken, tape.end, tape.underruns) == (8, 6, 0)
    assert tape.put(np.array([5], dtype=np.int16), at=3) == 8, "what has passed cannot sound any more"
    assert tape.underruns == 1
    assert tape.put(np.array([6], dtype=np.int16), at=20) == 20
    assert tape.underruns == 1, "silence that was asked for is no fault"


def test_a_fade_lets_what_is_left_die_away_and_keeps_nothing_behind_it() -> None:
    tape = Tape()
    tape.put(np.full(100, 1000, dtype=np.int16))
    tape.take(10)
    assert tape.fade(50) == 60
    left = tape.take(90).tolist()
    assert left[0] == 1000
    assert left[:50] == sorted(left[:50], reverse=True)
    assert left[49:] == [0] * 41
    tape.put(np.full(5, 7, dtype=np.int16))
    assert tape.fade(50) == 105, "little is left: it ends where it ends"


def test_the_pace_of_a_card_is_known_from_readings_some_of_which_come_late() -> None:
    pace = Pace(1000)
    late = np.random.default_rng(1).uniform(0, 1, 40) < 0.3
    for n in range(40):
        pace.add(25 * n, 5.0 + 0.025 * n + (0.012 if late[n] else 0.0))
    frame, at_s = pace.pair()
    assert frame == 975
    assert abs(at_s - 5.975) < 0.001


def test_a_card_that_stopped_and_went_on_is_believed_after_three_readings() -> None:
    pace = Pace(1000)
    for n in range(40):
        pace.add(25 * n, 0.025 * n)
    for n in range(40, 43):
        pace.add(25 * n, 0.025 * n + 0.5)
        assert abs(pace.pair()[1] - pace.pair()[0] / 1000) == pytest.approx(0.5 if n == 42 else 0.0)


# -- files


def test_until_it_sounds_there_is_no_file_to_find(played: Path) -> None:
    sink = FileSink(played, lambda: NOW, lambda: 100.0)
    sink.open(RATE, "A1")
    assert not list(played.glob("*.wav"))
    sink.write(tone(0.1))
    assert len(list(played.glob("*.wav"))) == 1
    sink.drop()
    left = FileSink(played, lambda: NOW, lambda: 100.0)
    left.open(RATE, "A2")  # and the process ends
    again = FileSink(played, lambda: NOW, lambda: 100.0)
    again.open(RATE, "A3")
    again.drop()
    assert len(list(played.iterdir())) == 1
    left.drop()


def test_a_frame_of_a_file_sounds_when_its_number_says(played: Path) -> None:
    now_s = [100.0]
    sink = FileSink(played, lambda: NOW, lambda: now_s[0], ppm=100)
    sink.open(RATE, "A1")
    now_s[0] = 110.0
    frame, at_s = sink.clock()
    assert frame == int(10 * RATE * 1.0001)
    assert at_s == pytest.approx(100 + frame / (RATE * 1.0001))
    assert sink.write(tone(0.5), at=frame + 800) == frame + 800
    assert sink.write(tone(0.5)) == frame + 800 + RATE // 2
    sink.finish()
    (path,) = played.glob("*.wav")
    with wave.open(str(path)) as file:
        assert (file.getnframes(), file.getframerate()) == (RATE, RATE)
        assert file.readframes(RATE) == np.concatenate([tone(0.5)] * 2).astype("<i2").tobytes()


def test_a_file_is_named_by_when_it_sounds_not_by_when_the_device_was_opened(played: Path) -> None:
    now_s = [100.0]
    sink = FileSink(played, lambda: NOW + timedelta(seconds=now_s[0]), lambda: now_s[0])
    sink.open(RATE, "A1.1.20261121T020000Z")
    sink.write(tone(0.1), at=5 * RATE)
    sink.finish()
    assert [path.name for path in played.iterdir()] == ["20261121-090145-A1.1.20261121T020000Z.wav"]


def test_a_file_in_which_nothing_sounded_is_not_kept(played: Path) -> None:
    sink = FileSink(played, lambda: NOW)
    sink.open(RATE, "x")
    sink.drop()
    sink.drop(0.1)
    assert not list(played.iterdir())
    with pytest.raises(SinkError, match="no file is open"):
        sink.write(tone(0.1))


def test_only_the_newest_files_are_kept(played: Path) -> None:
    for n in range(KEPT_FILES + 5):
        sink = FileSink(played, lambda n=n: NOW + timedelta(seconds=n), lambda: 0.0)
        sink.open(RATE, "A/../1")
        sink.write(np.zeros(10, dtype=np.int16))
        sink.finish()
    files = sorted(path.name for path in played.iterdir())
    assert len(files) == KEPT_FILES
    assert "/" not in files[-1]
    assert files[-1].startswith("20261121-090024")


def test_a_full_disk_is_a_worded_failure(tmp_path: Path) -> None:
    (tmp_path / "played").write_text("a file where the folder should be")
    with pytest.raises(SinkError):
        FileSink(tmp_path / "played", lambda: NOW).open(RATE, "x")


# -- which one


def test_the_card_is_found_in_the_kernels_list(tmp_path: Path) -> None:
    cards = tmp_path / "cards"
    assert find_card("default", cards) == ""
    cards.write_text("--- no soundcards ---\n")
    assert find_card("default", cards) == ""
    cards.write_text(" 0 [Headphones     ]: bcm2835_headpho - bcm2835 Headphones\n                      x\n")
    assert find_card("default", cards) == "Headphones"
    assert find_card("no-such-device", cards) == ""


def test_settings_choose_between_card_and_file(played: Path) -> None:
    assert choose_sink("file", "default", played, lambda: NOW).kind == "file"
    assert choose_sink("auto", "no-such-device", played, lambda: NOW).kind == "file"
    with pytest.raises(SinkError, match="no sound card"):
        choose_sink("card", "no-such-device", played, lambda: NOW)
    with pytest.raises(SinkError, match="no sound card"):
        choose_sink("auto", "no-such-device", played, lambda: NOW, is_card_expected=True)


# -- a real sound server as the card


@pytest.fixture(scope="module")
def server() -> Iterator[SoundServer]:
    with tempfile.TemporaryDirectory(prefix="ls-") as folder, sound_server(Path(folder)) as one:
        yield one


@pytest.fixture
def card(server: SoundServer) -> Iterator[CardSink]:
    sink = CardSink(HORN, "Horn")
    yield sink
    sink.drop()


class Listener:
    """What the card sounded, by its monitor."""

    def __init__(self) -> None:
        self._capture = Capture(HORN_EAR, RATE)
        self._blocks: list[tuple[np.ndarray, float]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        while not self._over.is_set():
            self._blocks.append(self._capture.read())

    def loud_s(self) -> list[float]:
        """Monotonic seconds of every sample that was loud."""
        found = []
        for block, at_s in list(self._blocks):
            found += [at_s + int(n) / RATE for n in np.flatnonzero(np.abs(block.astype(int)) > 500)]
        return found

    def end(self) -> None:
        self._over.set()
        self._thread.join(5)
        self._capture.close()


@pytest.fixture
def listener(server: SoundServer) -> Iterator[Listener]:
    one = Listener()
    yield one
    one.end()


def sing(sink: CardSink, seconds: float, at_s: float, heed: Callable[[], str] = lambda: "") -> Outcome:
    samples = tone(seconds)
    return play(
        Score((samples,), RATE, (len(samples),)), sink, lambda moment: moment - at_s, heed, threading.Event()
    )


pytest_sound = pytest.mark.xdist_group("sound-card")


@pytest_sound
def test_the_card_sounds_the_first_sample_when_its_clock_says_and_takes_all_of_them(
    card: CardSink, listener: Listener
) -> None:
    card.open(RATE, "A1")
    wanted_s = time.monotonic() + 0.8
    outcome = sing(card, 0.6, wanted_s)
    assert (outcome.reason, outcome.played_ms, outcome.repeats, outcome.frames) == ("", 600, 1, 9600)
    assert outcome.started_s is not None
    until(lambda: len(listener.loud_s()) > 0.5 * RATE, 5)
    heard_s = listener.loud_s()[0]
    assert abs(heard_s - outcome.started_s) < 0.03, "what it says is what is heard"
    if not outcome.underruns:  # this machine was not too busy to feed it
        assert abs(heard_s - wanted_s) < 0.03
    assert (card.kind, card.name) == ("card", "Horn")


@pytest_sound
def test_a_fade_on_the_card_is_over_within_three_tenths_of_a_second(
    card: CardSink, listener: Listener
) -> None:
    card.open(RATE, "A1")
    card.write(tone(20))
    until(listener.loud_s, 5)
    began_s = time.monotonic()
    card.drop(0.1)
    took_s = time.monotonic() - began_s
    until(lambda: time.monotonic() > began_s + 1.0, 3)
    assert listener.loud_s()[-1] - began_s < 0.3 + 0.05, "a sound server holds a little more than the card"
    assert listener.loud_s()[-1] - began_s > BUFFER_S / 2, "it died away, it was not cut off"
    assert took_s < 1.0
    with pytest.raises(SinkError, match="not open"):
        card.write(tone(0.1))


@pytest_sound
def test_a_card_pulled_out_while_it_plays_is_a_worded_failure_and_plays_again_when_it_is_back(
    server: SoundServer, card: CardSink
) -> None:
    card.open(RATE, "A1")
    pulled = threading.Timer(0.4, server.unplug)
    pulled.start()
    outcome = sing(card, 20, time.monotonic())
    pulled.join()
    try:
        assert outcome.reason == "sound-failed"
        assert outcome.detail.startswith("horn: ")
        assert outcome.played_ms < 10_000
        with pytest.raises(SinkError, match="horn: "):
            card.open(RATE, "A1")
    finally:
        server.plug_in()
    card.open(RATE, "A1")
    assert sing(card, 0.2, time.monotonic()).reason == ""


@pytest_sound
def test_a_card_that_takes_nothing_any_more_is_given_up_after_two_seconds(
    server: SoundServer, card: CardSink
) -> None:
    card.open(RATE, "A1")
    server.freeze()
    try:
        began_s = time.monotonic()
        outcome = sing(card, 60, began_s)
        assert (outcome.reason, outcome.detail) == ("sound-failed", "horn: the card takes no samples")
        assert time.monotonic() - began_s < 20
    finally:
        server.thaw()
    card.open(RATE, "A1")
    assert sing(card, 0.2, time.monotonic()).reason == ""


@pytest_sound
def test_a_card_that_ran_out_of_samples_counts_it_and_goes_on(card: CardSink) -> None:
    card.open(RATE, "A1")
    first = card.write(tone(0.1))
    until(lambda: card.clock()[0] > first + 0.2 * RATE, 5)
    assert card.write(tone(0.1)) > first + 0.2 * RATE
    card.finish()
    assert card.underruns >= 1


@pytest_sound
def test_a_device_that_was_not_fed_in_time_goes_on_and_says_so(server: SoundServer) -> None:
    device = Playback(HORN, RATE, 0.1)
    try:
        assert device.write(tone(0.5)) >= 0.05 * RATE
        until(lambda: (ahead := device.ahead()) is None or ahead[0] <= 0, 5)
        began_s = time.monotonic()
        until(lambda: time.monotonic() > began_s + 0.3, 2)
        assert device.write(tone(0.05)) == 0.05 * RATE, "what came too late still sounds"
        assert device.underruns == 1
    finally:
        device.close()


@pytest_sound
def test_a_device_that_does_not_exist_is_named(server: SoundServer) -> None:
    with pytest.raises(SinkError, match="nowhere: "):
        CardSink("nowhere", "x").open(RATE, "x")
    assert find_card(HORN) == HORN


@pytest_sound
def test_it_plays_where_no_memory_may_be_written_and_executed(server: SoundServer) -> None:
    """As the units forbid it: libraries whose sound goes through a callback out of C cannot."""
    found = subprocess.run(
        [sys.executable, "-m", "tests.fakes.no_executable_memory", "tests.speaker.test_sinks"],
        cwd=ROOT,
        env={**os.environ, "ALSA_CONFIG_PATH": str(server.settings)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout.strip() == "('', 300)"


def test_a_file_proves_nothing_and_a_card_only_when_it_took_everything() -> None:
    silent = np.zeros(RATE, dtype=np.int16)

    def level(sound: str, is_complete: bool) -> int:
        return judge(silent, RATE, 0.0, None, None, sound, is_complete).level  # type: ignore[arg-type]

    assert level("file", True) == 0
    assert level("card", False) == 0
    assert level("card", True) == 1


if __name__ == "__main__":
    sink = CardSink(HORN, "Horn")
    sink.open(RATE, "A1")
    outcome = sing(sink, 0.3, time.monotonic())
    sys.stdout.write(f"{(outcome.reason, outcome.played_ms)}\n")
