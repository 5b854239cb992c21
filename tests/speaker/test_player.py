"""Playing in real time into files and through a stand-in for the sound card, and stopping at once."""

from __future__ import annotations

import sys
import threading
import time
import wave
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from broker.speech.sound import Pcm
from edge.speaker.player import Outcome, Score, chime_alone, play, score_of
from edge.speaker.proof import level_of
from edge.speaker.sinks import KEPT_FILES, CardSink, FileSink, SinkError, choose_sink, find_card

RATE = 16_000
NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)


def tone(seconds: float) -> Pcm:
    t = np.arange(round(seconds * RATE)) / RATE
    return Pcm((np.sin(2 * np.pi * 440 * t) * 8000).astype(np.int16), RATE)


def plain(seconds: float) -> Score:
    samples = tone(seconds).samples
    return Score((samples,), RATE, (len(samples),))


def never() -> str:
    return ""


def run(score: Score, sink: FileSink | CardSink, halted: Callable[[], str] = never) -> tuple[Outcome, float]:
    sink.open(score.rate_hz, "A1.1.20261121T020000Z")
    began = time.monotonic()
    outcome = play(score, sink, halted, threading.Event())
    return outcome, time.monotonic() - began


@pytest.fixture
def played(tmp_path: Path) -> Path:
    return tmp_path / "played"


@pytest.fixture
def card(tmp_path: Path) -> Callable[[str], CardSink]:
    """A program that takes raw samples on stdin as aplay does: what cannot be real on a machine without a card."""

    def make(body: str) -> CardSink:
        program = tmp_path / "aplay"
        program.write_text(
            f"#!{sys.executable}\nimport sys, pathlib\nheard = pathlib.Path({str(tmp_path)!r})/'heard'\n{body}\n"
        )
        program.chmod(0o755)
        return CardSink("default", "Fake", str(program))

    return make


def test_a_file_lasts_as_long_as_the_sound_and_so_does_playing_it(played: Path) -> None:
    outcome, took_s = run(plain(0.8), FileSink(played, lambda: NOW))
    assert outcome == Outcome("", "", 800, 1)
    assert 0.75 <= took_s < 1.6
    (path,) = played.glob("*.wav")
    assert path.name == "20261121-090000-A1.1.20261121T020000Z.wav"
    with wave.open(str(path)) as file:
        assert file.getnframes() == 0.8 * RATE
        assert file.getframerate() == RATE


def test_chime_rest_repeats_and_gaps_stand_in_order() -> None:
    speech = tone(0.5)
    bell = len(chime_alone("notice", RATE).parts[0])
    score = score_of(speech, "notice", repeat=3, gap_s=0.25)
    whole = np.concatenate(score.parts)
    head = bell + RATE // 2
    assert len(whole) == head + 3 * RATE // 2 + 2 * RATE // 4
    assert score.total_ms == round(len(whole) / 16)
    assert not whole[bell:head].any(), "a rest after the chime"
    assert np.array_equal(whole[head : head + RATE // 2], speech.samples)
    assert not whole[head + RATE // 2 : head + 3 * RATE // 4].any(), "a gap"
    assert score.repeat_ends == (head + 8000, head + 8000 + 12000, len(whole))
    assert score_of(speech, "emergency", 1, 0).parts[0].tobytes() != score.parts[0].tobytes()


def test_a_stop_is_silence_long_before_the_end(played: Path) -> None:
    began = time.monotonic()

    def halted() -> str:
        return "stopped" if time.monotonic() - began > 0.4 else ""

    outcome, took_s = run(plain(30), FileSink(played, lambda: NOW), halted)
    assert outcome.reason == "stopped"
    assert took_s < 10, "thirty seconds were to be played"
    assert 0 < outcome.played_ms < 10_000
    assert outcome.repeats == 0
    with wave.open(str(next(played.glob("*.wav")))) as file:
        assert 0 < file.getnframes() < 10 * RATE


def test_a_wake_is_heard_before_the_next_tenth_of_a_second(played: Path) -> None:
    sink, changed, asked = FileSink(played, lambda: NOW), threading.Event(), threading.Event()
    sink.open(RATE, "x")
    timer = threading.Timer(0.3, lambda: (asked.set(), changed.set()))
    timer.start()
    outcome = play(plain(10), sink, lambda: "stopped" if asked.is_set() else "", changed)
    timer.join()
    assert outcome.reason == "stopped"
    assert outcome.played_ms < 900


def test_only_the_newest_files_are_kept(played: Path) -> None:
    for n in range(KEPT_FILES + 5):
        sink = FileSink(played, lambda n=n: NOW + timedelta(seconds=n))
        sink.open(RATE, "A/../1")
        sink.write(np.zeros(10, dtype=np.int16))
        sink.finish()
    files = sorted(path.name for path in played.iterdir())
    assert len(files) == KEPT_FILES
    assert "/" not in files[-1]
    assert files[-1].startswith("20261121-090024")


def test_all_samples_reach_the_card_in_order(card: Callable[[str], CardSink], tmp_path: Path) -> None:
    sink = card("heard.write_bytes(sys.stdin.buffer.read())")
    outcome, took_s = run(plain(0.5), sink)
    assert outcome == Outcome("", "", 500, 1)
    assert took_s >= 0.45
    assert (tmp_path / "heard").read_bytes() == tone(0.5).samples.astype("<i2").tobytes()
    assert (sink.kind, sink.name) == ("card", "Fake")


def test_a_card_that_refuses_dies_or_takes_nothing_is_worded(card: Callable[[str], CardSink]) -> None:
    refuses = card("print('audio open error: Device busy', file=sys.stderr); sys.exit(1)")
    outcome, _ = run(plain(1.5), refuses)
    assert outcome.reason == "sound-failed"
    assert "Device busy" in outcome.detail
    dies = card("sys.stdin.buffer.read(8000); sys.exit(3)")
    outcome, took_s = run(plain(3), dies)
    assert (outcome.reason, outcome.played_ms < 3000) == ("sound-failed", True)
    assert took_s < 3
    with pytest.raises(SinkError, match="cannot run"):
        CardSink("default", "x", "/nowhere/aplay").open(RATE, "x")


def test_a_dropped_card_is_given_back_at_once(card: Callable[[str], CardSink]) -> None:
    sink = card("sys.stdin.buffer.read()\nimport signal; signal.pause()")
    sink.open(RATE, "x")
    began = time.monotonic()
    sink.drop()
    sink.drop()
    assert time.monotonic() - began < 1.0
    with pytest.raises(SinkError):
        sink.write(np.zeros(1, dtype=np.int16))


def test_the_card_is_found_in_the_kernels_list(tmp_path: Path) -> None:
    cards = tmp_path / "cards"
    assert find_card(cards, "sh") == ""
    cards.write_text("--- no soundcards ---\n")
    assert find_card(cards, "sh") == ""
    cards.write_text(" 0 [Headphones     ]: bcm2835_headpho - bcm2835 Headphones\n                      x\n")
    assert find_card(cards, "sh") == "Headphones"
    assert find_card(cards, "no-such-program") == ""


def test_settings_choose_between_card_and_file(played: Path) -> None:
    assert choose_sink("file", "default", played, lambda: NOW).kind == "file"
    if not find_card():
        assert choose_sink("auto", "default", played, lambda: NOW).kind == "file"
        with pytest.raises(SinkError):
            choose_sink("card", "default", played, lambda: NOW)


def test_a_full_disk_is_a_worded_failure(tmp_path: Path) -> None:
    (tmp_path / "played").write_text("a file where the folder should be")
    with pytest.raises(SinkError):
        FileSink(tmp_path / "played", lambda: NOW).open(RATE, "x")


def test_a_file_proves_nothing_and_a_card_only_when_it_took_everything() -> None:
    assert level_of("file", is_complete=True) == 0
    assert level_of("card", is_complete=False) == 0
    assert level_of("card", is_complete=True) == 1
