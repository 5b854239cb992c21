"""Loudness and peaks agree with ffmpeg's ebur128, for speech of every kind and for clips as they are heard."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from broker.speech import loudness
from broker.speech.chime import chime
from broker.speech.clip import Frame
from broker.speech.master import HORN, KIOSK, PROFILES, Profile, Stretch, master
from broker.speech.say import render, render_tracks
from broker.speech.sound import decode, to_float
from broker.speech.track import Track
from broker.speech.voice import VOICES, EngineError, choose
from tests.speech.loud import measured
from tests.speech.voices import talk, write_sound

RATE_HZ = 48_000


def _noise(count: int, level: float) -> NDArray[np.float32]:
    return (np.random.default_rng(5).standard_normal(count) * level).astype(np.float32)


def _shouted() -> NDArray[np.float32]:
    return np.tanh(talk(8) * np.float32(4)) * np.float32(0.9)


def _whispered() -> NDArray[np.float32]:
    envelope = np.convolve(np.abs(talk(8)), np.ones(480) / 480, "same").astype(np.float32)
    return _noise(len(envelope), 0.5) * envelope


RECORDINGS: dict[str, tuple[NDArray[np.float32], int]] = {
    "plain": (talk(8), RATE_HZ),
    "noisy room": (talk(8) + _noise(8 * RATE_HZ, 0.01), RATE_HZ),
    "whispered": (_whispered(), RATE_HZ),
    "shouted": (_shouted(), RATE_HZ),
    "direct current": (talk(8) * np.float32(0.6) + np.float32(0.3), RATE_HZ),
    "one channel louder": (np.stack([talk(8), talk(8) * np.float32(0.1)]), RATE_HZ),
    "telephone": (talk(8, 8_000), 8_000),
    "gaps": (np.concatenate([talk(3), np.zeros(6 * RATE_HZ, dtype=np.float32), talk(3)]), RATE_HZ),
    "quiet then loud": (np.concatenate([talk(4) * np.float32(0.15), talk(4)]), RATE_HZ),
    "short": (talk(0.9), RATE_HZ),
}


@pytest.mark.parametrize("name", RECORDINGS)
def test_the_meter_agrees_with_ebur128(name: str) -> None:
    sound, rate_hz = RECORDINGS[name]
    one = sound if sound.ndim == 1 else sound.mean(axis=0)
    found = measured(one, rate_hz)
    assert loudness.loudness_lufs(one, rate_hz) == pytest.approx(found.lufs, abs=0.15)
    # White noise up to the last hertz is the hardest for any oversampling; what we master ends below that.
    within_db = 0.5 if name == "whispered" else 0.25
    assert loudness.true_peak_db(one) == pytest.approx(found.peak_dbtp, abs=within_db)


def test_a_meter_fed_in_pieces_says_the_same() -> None:
    sound = talk(40, 16_000)
    meter = loudness.Meter(16_000)
    for piece in np.split(sound, [17, 18, 5_000, 300_000, 300_001]):
        meter.take(piece)
    assert loudness.gated_lufs(meter.energy()) == pytest.approx(
        loudness.loudness_lufs(sound, 16_000), abs=0.01
    )


@pytest.mark.parametrize("count", [0, 1, 100, 1_599, 1_600, 6_399])
def test_a_sound_of_any_length_can_be_measured(count: int) -> None:
    level = loudness.loudness_lufs(np.full(count, 0.1, dtype=np.float32), 16_000)
    assert level >= loudness.SILENCE_LUFS
    assert loudness.true_peak_db(np.full(count, 0.1, dtype=np.float32)) <= 0


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
@pytest.mark.parametrize("name", RECORDINGS)
def test_recordings_are_heard_as_loud_as_speech(tmp_path: Path, name: str, profile: Profile) -> None:
    sound, rate_hz = RECORDINGS[name]
    recording = write_sound(tmp_path / "in.wav", sound, rate_hz)
    out = tmp_path / "out.opus"
    clip = render_tracks(
        [Track("tyz", recording=recording)], voice="vi", cache_dir=tmp_path / "c", out=out, profile=profile
    )
    found = measured(out)
    assert found.lufs == pytest.approx(profile.lufs, abs=0.5)
    assert found.peak_dbtp <= -1.0 + 0.05  # the two oversamplings differ by so much
    assert (clip.engine, clip.timings) == ("", ())
    assert clip.lufs == pytest.approx(found.lufs, abs=0.2)
    heard = to_float(decode(out))
    assert abs(float(heard.mean())) < 0.002  # no direct current is left to heat a horn


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
@pytest.mark.parametrize("voice", VOICES)
def test_every_voice_of_a_real_engine_has_the_loudness_of_its_profile(
    tmp_path: Path, voice: str, profile: Profile
) -> None:
    try:
        engines = choose()
    except EngineError as why:
        pytest.skip(f"no speech engine: {why}")
    text = "Kính thưa bà con. Bão số ba đổ bộ, gọi ngay một một hai. " * 2
    out = tmp_path / "out.opus"
    clip = render(text, voice=voice, cache_dir=tmp_path, out=out, engines=engines, profile=profile)
    found = measured(out)
    assert found.lufs == pytest.approx(profile.lufs, abs=0.5)
    assert found.peak_dbtp <= -1.0 + 0.05
    assert clip.size * 60_000 / clip.duration_ms <= 130_000


def test_tracks_are_each_as_loud_as_the_other(tmp_path: Path) -> None:
    low = write_sound(tmp_path / "low.wav", talk(5) * np.float32(0.1))
    high = write_sound(tmp_path / "high.wav", _shouted())
    out = tmp_path / "out.wav"
    render_tracks(
        [Track("tyz", recording=low), Track("nut", recording=high)], voice="vi", cache_dir=tmp_path, out=out
    )
    heard = to_float(decode(out))
    first, second = heard[: 5 * KIOSK.rate_hz], heard[6 * KIOSK.rate_hz :]
    assert measured(first, KIOSK.rate_hz).lufs == pytest.approx(KIOSK.lufs, abs=0.5)
    assert measured(second, KIOSK.rate_hz).lufs == pytest.approx(KIOSK.lufs, abs=0.5)


def test_a_chime_is_no_louder_than_the_speech_after_it() -> None:
    for profile in (KIOSK, HORN):
        data, _ = master([Stretch(talk(5, profile.rate_hz))], profile, Frame(chime="notice"), "wav")
        heard = to_float(decode(data))
        length = len(chime("notice", profile.rate_hz))
        assert loudness.loudness_lufs(heard[:length], profile.rate_hz) < profile.lufs + 2


def test_sharp_clicks_do_not_pass_the_peak() -> None:
    clicks = talk(6, 24_000)
    clicks[::4800] = 0.99
    data, facts = master([Stretch(clicks)], KIOSK, Frame(), "opus")
    assert facts.peak_dbtp <= -1.0
    assert loudness.true_peak_db(to_float(decode(data, 24_000))) <= -1.0
