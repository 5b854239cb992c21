"""An announcement's tracks become one clip: in order, each at its loudness, words only in the language we speak."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from broker.speech.cache import ClipCache
from broker.speech.clip import Frame
from broker.speech.languages import LANGUAGES
from broker.speech.master import HORN, KIOSK
from broker.speech.say import render, render_tracks
from broker.speech.sound import Pcm, decode, to_float
from broker.speech.track import Track, TrackError
from broker.speech.voice import EngineError
from tests.speech.voices import ToneEngine, talk, write_sound

WORDS = "Kính thưa bà con. Mời bà con đi họp."


def _render(tracks: list[Track], folder: Path, **how: object):  # type: ignore[no-untyped-def]
    how = {"engines": [ToneEngine()], "out": folder / "clip.opus", **how}
    return render_tracks(tracks, voice="vi", cache_dir=folder / "cache", **how)  # type: ignore[arg-type]


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return write_sound(tmp_path / "tay.ogg", talk(3))


def test_tracks_are_heard_in_order_with_a_second_between_them(tmp_path: Path, recording: Path) -> None:
    alone = _render([Track("vi", WORDS)], tmp_path)
    other = _render([Track("tyz", recording=recording)], tmp_path)
    first = _render([Track("vi", WORDS), Track("tyz", recording=recording)], tmp_path)
    last = _render([Track("tyz", recording=recording), Track("vi", WORDS)], tmp_path)
    both_ms = alone.duration_ms + other.duration_ms - 150 + 1000  # 50 ms before and 100 ms after stand once
    assert first.duration_ms == pytest.approx(both_ms, abs=5)
    assert last.duration_ms == first.duration_ms
    assert first.timings == alone.timings
    shift_ms = other.duration_ms - 150 + 1000
    for early, late in zip(alone.timings, last.timings, strict=True):
        assert (late.start, late.end) == (early.start, early.end)
        assert late.since_ms == pytest.approx(early.since_ms + shift_ms, abs=3)
        assert late.until_ms - late.since_ms == pytest.approx(early.until_ms - early.since_ms, abs=2)


def test_a_timing_says_when_its_sentence_really_sounds(tmp_path: Path, recording: Path) -> None:
    clip = _render(
        [Track("tyz", recording=recording), Track("vi", WORDS)],
        tmp_path,
        frame=Frame(chime="notice"),
        out=tmp_path / "clip.wav",
    )
    heard = np.abs(to_float(decode(clip.path)))
    rate_hz = KIOSK.rate_hz
    between = slice(clip.timings[0].until_ms * rate_hz // 1000, clip.timings[1].since_ms * rate_hz // 1000)
    before = slice(
        (clip.timings[0].since_ms - 900) * rate_hz // 1000, clip.timings[0].since_ms * rate_hz // 1000
    )
    for one in clip.timings:
        during = heard[one.since_ms * rate_hz // 1000 : one.until_ms * rate_hz // 1000]
        assert during.mean() > 20 * heard[between].mean()
        assert during.mean() > 20 * heard[before].mean()


@pytest.mark.parametrize("language", [code for code in LANGUAGES if code != "vi"] + ["en", ""])
def test_no_engine_is_asked_for_another_language(tmp_path: Path, language: str) -> None:
    engine = ToneEngine()
    with pytest.raises(EngineError, match="recorded"):
        _render([Track("vi", WORDS), Track(language, "Pây tàng")], tmp_path, engines=[engine])
    assert engine.said == []
    assert not (tmp_path / "clip.opus").exists()


def test_recordings_alone_need_no_engine(tmp_path: Path, recording: Path) -> None:
    clip = _render([Track("tyz", recording=recording)], tmp_path, engines=[])
    assert (clip.engine, clip.timings) == ("", ())


def test_a_recording_in_vietnamese_is_heard_instead_of_an_engine(tmp_path: Path, recording: Path) -> None:
    engine = ToneEngine()
    clip = _render([Track("vi", WORDS, recording)], tmp_path, engines=[engine])
    assert engine.said == []
    assert clip.timings == ()


def test_one_track_of_words_is_the_text_alone(tmp_path: Path) -> None:
    engine = ToneEngine()
    text = render(WORDS, voice="vi", cache_dir=tmp_path / "cache", out=tmp_path / "a.opus", engines=[engine])
    engine.said.clear()
    assert _render([Track("vi", WORDS)], tmp_path, engines=[engine]).sha256 == text.sha256
    assert engine.said == []


def test_no_track_or_no_word_is_refused(tmp_path: Path) -> None:
    for tracks in ([], [Track("vi", " … ")], [Track("vi")]):
        with pytest.raises(EngineError):
            _render(tracks, tmp_path)


def test_a_recording_that_is_gone_or_damaged_is_told(tmp_path: Path, recording: Path) -> None:
    with pytest.raises(TrackError):
        _render([Track("tyz", recording=tmp_path / "gone.ogg")], tmp_path)
    recording.write_bytes(b"OggS" + bytes(5000))
    with pytest.raises(TrackError):
        _render([Track("tyz", recording=recording)], tmp_path)


def test_a_changed_recording_is_another_clip(tmp_path: Path, recording: Path) -> None:
    first = _render([Track("tyz", recording=recording)], tmp_path)
    assert _render([Track("tyz", recording=recording)], tmp_path).sha256 == first.sha256
    write_sound(recording, talk(2))
    assert _render([Track("tyz", recording=recording)], tmp_path).duration_ms < first.duration_ms


def test_all_words_of_a_clip_have_one_voice(tmp_path: Path, recording: Path) -> None:
    failing, other = ToneEngine(id="online", fails_on="họp"), ToneEngine(id="local")
    tracks = [Track("vi", "Xin chào."), Track("tyz", recording=recording), Track("vi", WORDS)]
    clip = _render(tracks, tmp_path, engines=[failing, other])
    assert clip.engine == "local 1"
    assert other.said == ["Xin chào.", "Kính thưa bà con.", "Mời bà con đi họp."]


def test_a_horn_is_spoken_to_in_its_own_manner_and_numbers_slower(tmp_path: Path) -> None:
    near, far = ToneEngine(), ToneEngine()
    text = "Gọi không chín một hai ba bốn năm sáu bảy tám ngay."
    _render([Track("vi", text)], tmp_path, engines=[near])
    _render([Track("vi", text)], tmp_path, engines=[far], profile=HORN, out=tmp_path / "horn.opus")
    assert near.said == far.said
    assert len(near.said) > 2
    assert " ".join(near.said).replace(",", "").split() == text.split()
    assert {pitch for _, pitch in near.ways} == {1.0}
    assert {pitch for _, pitch in far.ways} == {HORN.manner.pitch}
    assert near.ways[0][0] == 1.0
    assert min(rate for rate, _ in near.ways) == pytest.approx(0.8)
    for (calm, _), (slow, _) in zip(near.ways, far.ways, strict=True):
        assert slow == pytest.approx(calm * HORN.manner.rate)


def test_an_online_engine_is_given_whole_sentences(tmp_path: Path) -> None:
    engine = ToneEngine(online=True)
    _render([Track("vi", "Gọi không chín một hai ba bốn năm ngay.")], tmp_path, engines=[engine])
    assert engine.said == ["Gọi không chín một hai ba bốn năm ngay."]


def test_a_cache_that_takes_nothing_silences_nobody(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert _render([Track("vi", WORDS)], tmp_path).duration_ms > 1000


def test_a_clip_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        _render([Track("vi", WORDS)], tmp_path, out=tmp_path / "no folder" / "clip.opus")


def test_a_kept_clip_whose_facts_cannot_be_read_is_made_again(tmp_path: Path, recording: Path) -> None:
    made = _render([Track("tyz", recording=recording)], tmp_path)
    (kept,) = (path for path in (tmp_path / "cache").glob("*/*"))
    ClipCache(tmp_path / "cache").put(kept.name, b'{"duration_ms":"3"}', b"sound")
    again = _render([Track("tyz", recording=recording)], tmp_path)
    assert (again.duration_ms, decode(again.path).duration_ms) == (made.duration_ms, made.duration_ms)


class EndlessEngine(ToneEngine):
    """Twenty-five minutes for whatever is asked."""

    def synthesise(self, text: str, voice: str, rate: float = 1.0, pitch: float = 1.0) -> Pcm:
        """See Engine."""
        return Pcm(np.full(25 * 60 * 8000, 1000, dtype=np.int16), 8000)


def test_a_clip_too_long_for_the_memory_is_refused_before_it_is_mastered(tmp_path: Path) -> None:
    with pytest.raises(TrackError, match="longer than 1200 seconds"):
        _render([Track("vi", "Mời bà con.")], tmp_path, engines=[EndlessEngine()])
