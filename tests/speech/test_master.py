"""Clips have one loudness, no clipped peak, and only changed sentences are spoken again."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest

from broker.speech import loudness, shaping
from broker.speech.cache import ClipCache
from broker.speech.clip import Clip, Frame
from broker.speech.master import HORN, KIOSK, PROFILES, Profile
from broker.speech.numbers import cardinal
from broker.speech.opus import OpusCoder, opus_bytes
from broker.speech.say import render
from broker.speech.sentences import Sentence, sentences
from broker.speech.sound import SoundError, decode, from_float, resample, to_float
from broker.speech.voice import EngineError
from broker.speech.voicing import Voice, voiced
from tests.speech.voices import ToneEngine, talk

TEXT = "Kính thưa bà con. Tám giờ sáng mai thôn họp tại nhà văn hóa. Mời bà con đến đông đủ."


def _speak(
    text: str, tmp_path: Path, profile: Profile = KIOSK, engine: ToneEngine | None = None, **how: object
) -> Clip:
    out = tmp_path / str(how.pop("name", "clip.opus"))
    engines = [engine or ToneEngine()]
    cache = tmp_path / "cache"
    return render(text, voice="vi", cache_dir=cache, out=out, engines=engines, profile=profile, **how)  # type: ignore[arg-type]


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
@pytest.mark.parametrize("name", ["clip.opus", "clip.wav"])
def test_clips_have_their_profiles_loudness_and_no_clipped_peak(
    tmp_path: Path, profile: Profile, name: str
) -> None:
    clip = _speak(TEXT, tmp_path, profile, name=name)
    heard = decode(clip.path, profile.rate_hz)
    assert loudness.loudness_lufs(to_float(heard), profile.rate_hz) == pytest.approx(profile.lufs, abs=0.5)
    assert loudness.true_peak_db(to_float(heard)) <= -1.0
    assert clip.lufs == pytest.approx(profile.lufs, abs=0.5)
    assert heard.duration_ms == pytest.approx(clip.duration_ms, abs=30)


def test_a_horn_carries_nothing_below_its_band(tmp_path: Path) -> None:
    pcm = decode(_speak(TEXT, tmp_path, HORN).path, 16_000)
    power = np.abs(np.fft.rfft(to_float(pcm))) ** 2
    hertz = np.fft.rfftfreq(len(pcm.samples), 1 / 16_000)
    assert power[hertz < 120].sum() < 0.02 * power.sum()


def test_opus_stays_within_its_size(tmp_path: Path) -> None:
    clip = _speak(TEXT * 4, tmp_path)
    assert clip.size * 60_000 / clip.duration_ms <= 130_000


def test_of_a_hundred_sentences_only_the_changed_one_is_spoken_again(tmp_path: Path) -> None:
    engine, cache = ToneEngine(), ClipCache(tmp_path)
    lines = [f"Câu {cardinal(number)}." for number in range(1, 101)]
    before, _ = voiced(_words(lines), Voice(engine, "vi"), cache, 16_000)
    assert len(engine.said) == 100
    engine.said.clear()
    lines[7] = "Câu này đã đổi."
    after, timings = voiced(_words(lines), Voice(engine, "vi"), cache, 16_000)
    assert engine.said == ["Câu này đã đổi."]
    assert len(timings) == 100
    assert np.array_equal(before[-100_000:], after[-100_000:])


def _words(lines: list[str]) -> list[tuple[Sentence, str]]:
    return [(piece, piece.text) for piece in sentences(" ".join(lines))]


def test_the_same_text_is_not_spoken_or_mastered_again(tmp_path: Path) -> None:
    engine = ToneEngine()
    first = _speak(TEXT, tmp_path, engine=engine)
    engine.said.clear()
    second = _speak(TEXT, tmp_path, engine=engine, name="other.opus")
    assert engine.said == []
    assert second.sha256 == first.sha256
    assert second.timings == first.timings
    assert second.path.read_bytes() == first.path.read_bytes()


def test_another_voice_engine_or_profile_is_another_clip(tmp_path: Path) -> None:
    engine = ToneEngine()
    _speak(TEXT, tmp_path, engine=engine)
    engine.said.clear()
    _speak(TEXT, tmp_path, engine=ToneEngine(version="2", said=engine.said))
    assert len(engine.said) == 3
    assert _speak(TEXT, tmp_path, HORN).lufs != pytest.approx(KIOSK.lufs, abs=1)


def test_timings_name_each_sentence_of_the_text_in_order(tmp_path: Path) -> None:
    clip = _speak(TEXT, tmp_path)
    assert [TEXT[one.start : one.end] for one in clip.timings] == [
        "Kính thưa bà con.",
        "Tám giờ sáng mai thôn họp tại nhà văn hóa.",
        "Mời bà con đến đông đủ.",
    ]
    ends = [0]
    for one in clip.timings:
        assert ends[-1] < one.since_ms < one.until_ms <= clip.duration_ms
        ends.append(one.until_ms)


def test_a_clip_has_one_voice_even_when_an_engine_fails_in_the_middle(tmp_path: Path) -> None:
    first, second = ToneEngine(id="online", fails_on="Mời"), ToneEngine(id="local")
    out = tmp_path / "a.opus"
    clip = render(TEXT, voice="vi", cache_dir=tmp_path / "cache", out=out, engines=[first, second])
    assert clip.engine == "local 1"
    assert len(second.said) == 3


def test_no_engine_left_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="out of voice"):
        _speak(TEXT, tmp_path, engine=ToneEngine(fails_on="Mời"))
    assert not (tmp_path / "clip.opus").exists()


def test_a_text_without_words_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="nothing to say"):
        _speak(" … \n - ", tmp_path)


def test_a_chime_comes_first_and_the_speech_is_repeated_after_its_gap(tmp_path: Path) -> None:
    plain = _speak(TEXT, tmp_path)
    framed = _speak(TEXT, tmp_path, frame=Frame(chime="emergency", repeat=2, gap_s=2.0), name="framed.opus")
    assert framed.timings[0].since_ms > 1500
    assert framed.duration_ms == pytest.approx(
        2 * plain.duration_ms + 2000 + framed.timings[0].since_ms, abs=400
    )
    assert framed.peak_dbtp <= -1.0


@pytest.mark.parametrize(
    "data", [b"", b"not sound at all", b"RIFF\x00\x00\x00\x00WAVEfmt ", b"OggS" + bytes(100)]
)
def test_a_file_that_is_no_sound_is_refused(data: bytes) -> None:
    with pytest.raises(SoundError):
        decode(data)


def test_a_truncated_opus_gives_what_is_there_or_a_clear_error() -> None:
    whole = opus_bytes(resample(ToneEngine().synthesise(TEXT, "vi"), 24_000), 16_000)
    for length in range(0, len(whole), max(len(whole) // 12, 1)):
        with contextlib.suppress(SoundError):
            assert decode(whole[:length]).duration_ms <= 10_000


def test_loudness_agrees_with_the_standards_reference_tone() -> None:
    # EBU Tech 3341: a 1 kHz sine of −23 dBFS in both channels measures −23 LUFS; in one channel 3.01 LU less.
    for rate in (16_000, 24_000, 48_000):
        t = np.arange(rate * 20) / rate
        tone = (10 ** (-23 / 20) * np.sin(2 * np.pi * 1000 * t)).astype(np.float32)
        assert loudness.loudness_lufs(tone, rate) == pytest.approx(-26.01, abs=0.1)


def test_loudness_ignores_silence_between_words() -> None:
    rate = 24_000
    t = np.arange(rate * 5) / rate
    tone = (0.1 * np.sin(2 * np.pi * 500 * t)).astype(np.float32)
    gaps = np.concatenate([tone, np.zeros(rate * 10, dtype=np.float32), tone])
    assert loudness.loudness_lufs(gaps, rate) == pytest.approx(loudness.loudness_lufs(tone, rate), abs=0.3)


def test_true_peak_sees_between_the_samples() -> None:
    # A quarter-rate sine sampled at 45° has samples 3 dB below its peak (BS.1770 annex 2).
    tone = np.sin(2 * np.pi * 0.25 * np.arange(4000) + np.pi / 4).astype(np.float32)
    assert loudness.true_peak_db(tone) == pytest.approx(0.0, abs=0.3)


@pytest.mark.parametrize("seed", range(6))
def test_the_limiter_lets_nothing_through(seed: int) -> None:
    rng = np.random.default_rng(seed)
    noise = (rng.standard_normal(30_000) * 10 ** rng.uniform(-2, 0.5, 30_000)).astype(np.float32)
    out = shaping.limited(noise, 24_000, -1.0)
    assert np.abs(out).max() <= 10 ** (-1 / 20) + 1e-4
    assert len(out) == len(noise)


def test_a_stretch_coded_again_changes_only_what_is_heard_there() -> None:
    rate_hz = 16_000
    still = np.zeros(rate_hz // 2, dtype=np.float32)
    words = talk(2, rate_hz)
    whole = np.concatenate([words, still, words, still, words])
    pcm = from_float(whole, rate_hz)
    coder = OpusCoder(pcm, 16_000)
    before = to_float(decode(coder.file(), rate_hz))
    lower = whole.copy()
    lower[5 * rate_hz // 2 : 9 * rate_hz // 2] *= 0.5
    coder.code_again(from_float(lower, rate_hz).samples, 112, 237)  # packets: from rest to rest
    after = to_float(decode(coder.file(), rate_hz))
    assert len(after) == len(before)
    assert np.array_equal(after[: 2 * rate_hz], before[: 2 * rate_hz])
    middle = slice(3 * rate_hz, 4 * rate_hz)
    assert np.sqrt(np.square(after[middle]).mean() / np.square(before[middle]).mean()) == pytest.approx(
        0.5, abs=0.05
    )
    last = slice(5 * rate_hz, 6 * rate_hz)
    assert np.abs(after[last] - before[last]).max() < 0.1
    assert np.abs(after[2 * rate_hz + 2000 : 5 * rate_hz // 2 - 2000]).max() < 0.01  # no click in the rest
