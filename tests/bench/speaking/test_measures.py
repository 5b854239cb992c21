"""What the figures of speech are taken with is right itself: loudness, memory and CPU of children, aims."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from broker.speech.sound import Pcm, write_wav
from tests.bench.speaking.aims import absent, aimed
from tests.bench.speaking.clips import heard
from tests.bench.speaking.costs import cost_of, highest_mib
from tests.bench.speaking.others import read
from tests.bench.speaking.reading import HOSTILE, HOSTILE_BYTES

BUSY = "x = bytearray(64 << 20)\nfor n in range(0, len(x), 4096): x[n] = 1\nsum(range(2_000_000))\n"


def test_a_tone_of_known_level_is_heard_at_it(tmp_path: Path) -> None:
    # EBU Tech 3341: 1 kHz at −23 dBFS in both channels is −23 LUFS; in one it is 3.01 LU less.
    t = np.arange(48_000 * 4) / 48_000
    tone = 10 ** (-23 / 20) * np.sin(2 * np.pi * 997 * t)
    file = tmp_path / "tone.wav"
    write_wav(Pcm(np.rint(tone * 32768).astype(np.int16), 48_000), file)
    lufs, peak_dbtp = heard(file)
    assert lufs == pytest.approx(-26.0, abs=0.1)
    assert peak_dbtp == pytest.approx(-23.0, abs=0.1)


def test_memory_and_cpu_of_a_child_are_counted_and_not_our_own() -> None:
    own = bytearray(200 << 20)  # a child that has just been forked must not be taken for as large as this
    own[::4096] = b"x" * len(own[::4096])
    with highest_mib() as found:
        _, cost = cost_of(lambda: subprocess.run([sys.executable, "-c", BUSY], check=True))
    assert 64 < found[0] < 150
    assert cost.cpu_s > 0.02


def test_a_reader_in_a_process_of_its_own_answers_text_by_text() -> None:
    found = read("langso", Path(sys.executable), ["Họp lúc 7h.", "Gọi 113."])
    assert found.said == ["Họp lúc bảy giờ.", "Gọi một một ba."]
    assert found.ms > 0
    assert found.mib > 5


def test_a_figure_says_whether_its_aim_was_met() -> None:
    assert aimed("x", 3, "ms", 2.5)["met"] is False
    assert aimed("x", 98, "%", 97, at_least=True)["met"] is True
    assert "no ffmpeg" in absent("mastering", "no ffmpeg here")["name"]


def test_hostile_texts_are_as_long_as_they_are_said_to_be() -> None:
    assert all(0 < len(seed.encode()) < HOSTILE_BYTES // 100 for seed in HOSTILE.values())
