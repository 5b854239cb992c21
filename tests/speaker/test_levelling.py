"""What comes from elsewhere is never louder than our own announcements, and nothing is heard to pump."""

from __future__ import annotations

import numpy as np
import pytest

from broker.speech.loudness import loudness_lufs, true_peak_db
from edge.speaker.levelling import CEILING_DB, TARGET_LUFS, Leveller
from tests.fakes.voiced import RATE_HZ

SPEECH_LUFS = -16.0


def voice(seconds: float, peak: float, seed: int = 1) -> np.ndarray:
    """Harmonics in syllables of uneven loudness, with pauses."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    tone = sum(np.sin(2 * np.pi * 140 * n * t) / n for n in range(1, 12))
    syllables = np.repeat(rng.uniform(0.3, 1.0, int(seconds * 4)), RATE_HZ // 4)[: len(t)]
    sound = tone * syllables * np.clip(np.sin(2 * np.pi * 4 * t), 0, 1) * (t % 3.0 < 2.4)
    return np.asarray(peak * sound / np.abs(sound).max(), dtype=np.float32)


def music(seconds: float, peak: float) -> np.ndarray:
    """A chord that swells."""
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    sound = sum(np.sin(2 * np.pi * hz * t) * (0.7 + 0.3 * np.sin(t + hz)) for hz in (220, 330, 440, 880))
    return np.asarray(peak * sound / np.abs(sound).max(), dtype=np.float32)


def levelled(signal: np.ndarray, step: int = 1000) -> np.ndarray:
    """Through a Leveller piece by piece, as it comes."""
    leveller = Leveller(RATE_HZ)
    samples = (np.clip(signal, -1, 1) * 32767).astype(np.int16)
    out = [leveller.take(samples[at : at + step]) for at in range(0, len(samples), step)]
    return np.concatenate(out).astype(np.float32) / np.float32(32768)


def loudest_s(signal: np.ndarray, seconds: int) -> float:
    """The loudest stretch of so many seconds, in LUFS."""
    reach = seconds * RATE_HZ
    return max(
        loudness_lufs(signal[at : at + reach], RATE_HZ) for at in range(0, len(signal) - reach, RATE_HZ // 2)
    )


@pytest.mark.parametrize(
    "signal",
    [
        pytest.param(voice(20, 1.0), id="loud speech"),
        pytest.param(voice(20, 0.25), id="soft speech"),
        pytest.param(music(20, 1.0), id="loud music"),
        pytest.param(music(20, 0.3), id="soft music"),
        pytest.param(np.clip(voice(20, 8.0), -1, 1), id="overdriven speech"),
        pytest.param(np.random.default_rng(2).uniform(-1, 1, 20 * RATE_HZ), id="noise at full scale"),
    ],
)
def test_whatever_comes_is_about_as_loud_as_speech_and_never_louder(signal: np.ndarray) -> None:
    out = levelled(signal)
    assert TARGET_LUFS - 2 < loudness_lufs(out, RATE_HZ) <= SPEECH_LUFS
    assert loudest_s(out, 10) <= SPEECH_LUFS + 0.7
    assert true_peak_db(out) <= CEILING_DB + 0.5


def test_a_loud_advertisement_after_soft_speech_is_caught_in_a_second() -> None:
    out = levelled(np.concatenate([voice(12, 0.05), music(12, 1.0)]))
    assert loudness_lufs(out[int(13.5 * RATE_HZ) : 20 * RATE_HZ], RATE_HZ) <= SPEECH_LUFS
    assert true_peak_db(out) <= CEILING_DB + 0.5


def test_the_gain_stands_still_while_somebody_speaks() -> None:
    """Pumping: the gain between what goes in and what comes out may hardly move once it is found."""
    signal = voice(30, 0.2)
    out = levelled(signal)
    step = 3 * RATE_HZ
    gains = []
    for at in range(6 * RATE_HZ, len(out) - step, step):
        before, after = signal[at : at + step], out[at : at + step]
        gains.append(20 * np.log10(np.sqrt((after**2).mean()) / np.sqrt((before**2).mean())))
    assert max(gains) - min(gains) < 2.0


def test_a_pause_is_not_blown_up_into_noise() -> None:
    hiss = np.random.default_rng(3).uniform(-1, 1, 15 * RATE_HZ).astype(np.float32) * np.float32(
        10 ** (-55 / 20)
    )
    out = levelled(np.concatenate([voice(15, 0.5), hiss]))
    assert loudness_lufs(out[-10 * RATE_HZ :], RATE_HZ) < -40


def test_the_last_bits_of_a_silent_line_are_silence() -> None:
    whisper = np.random.default_rng(4).integers(-3, 4, 5 * RATE_HZ) / 32767
    assert not levelled(whisper).any()


@pytest.mark.parametrize("step", [1, 441, 1024, 16_000])
def test_the_size_of_the_pieces_makes_no_difference(step: int) -> None:
    signal = voice(3 if step == 1 else 8, 0.9)
    assert np.array_equal(levelled(signal, step), levelled(signal, 777)[: len(levelled(signal, step))])


def test_nothing_is_lost_and_little_is_held_back() -> None:
    signal = voice(8, 0.4)
    assert 0 <= len(signal) - len(levelled(signal)) <= RATE_HZ // 10 + RATE_HZ // 50
