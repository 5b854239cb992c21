"""espeak-ng speaks Vietnamese here, from the installed program and from the wheel's library alike."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from broker.link.config import SpeechOf
from broker.speech import espeak
from broker.speech.espeak import EspeakEngine
from broker.speech.sound import Pcm
from broker.speech.voice import VOICES, EngineError, choose

SENTENCE = "Xin chào bà con thôn Đông. Bây giờ là tám giờ."


def _engines() -> list[EspeakEngine | None]:
    return [espeak.installed(), espeak.from_wheel()]


@pytest.fixture(params=[0, 1], ids=["installed", "wheel"])
def engine(request: pytest.FixtureRequest) -> EspeakEngine:
    found = _engines()[request.param]
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("espeak-ng is missing here")
        pytest.skip("espeak-ng is not here: neither the program nor, for the second case, the wheel")
    return found


@pytest.mark.parametrize("voice", VOICES)
def test_every_voice_speaks_a_sentence_at_a_human_pace(engine: EspeakEngine, voice: str) -> None:
    pcm = engine.synthesise(SENTENCE, voice)
    assert pcm.rate_hz == 22050
    assert 2500 < pcm.duration_ms < 6000
    assert np.abs(pcm.samples.astype(int)).max() > 8000


def test_the_regions_sound_different(engine: EspeakEngine) -> None:
    north, south = (engine.synthesise(SENTENCE, voice).samples for voice in ("vi", "vi-vn-x-south"))
    assert len(north) != len(south) or not np.array_equal(north, south)


def test_tones_are_spoken_not_spelled(engine: EspeakEngine) -> None:
    plain, toned = (engine.synthesise(text, "vi").duration_ms for text in ("ma", "mã"))
    assert toned < 2.5 * plain


def test_a_slower_rate_takes_longer(engine: EspeakEngine) -> None:
    assert (
        engine.synthesise(SENTENCE, "vi", 0.7).duration_ms
        > 1.2 * engine.synthesise(SENTENCE, "vi").duration_ms
    )


def test_a_minority_language_is_never_read_by_a_vietnamese_voice(engine: EspeakEngine) -> None:
    with pytest.raises(EngineError, match="no voice 'km'"):
        engine.synthesise(SENTENCE, "km")


@pytest.mark.parametrize(
    "text", ["[[h@'loU]] xin chào", "<speak>xin chào</speak>", "xin\x00chào", "-v en xin chào"]
)
def test_text_is_never_taken_for_a_command_of_the_engine(engine: EspeakEngine, text: str) -> None:
    assert 300 < engine.synthesise(text, "vi").duration_ms < 4000


def test_a_program_that_fails_is_an_engine_error(tmp_path: Path) -> None:
    broken = tmp_path / "espeak-ng"
    broken.write_text("#!/bin/sh\necho no data >&2\nexit 3\n")
    broken.chmod(0o755)
    with pytest.raises(EngineError, match="ended with 3: no data"):
        EspeakEngine((str(broken),), "1").synthesise(SENTENCE, "vi")


def test_a_program_that_says_nothing_is_an_engine_error(tmp_path: Path) -> None:
    mute = tmp_path / "espeak-ng"
    mute.write_text("#!/bin/sh\nexit 0\n")
    mute.chmod(0o755)
    with pytest.raises(EngineError, match="no sound"):
        EspeakEngine((str(mute),), "1").synthesise(SENTENCE, "vi")


def test_a_machine_without_the_program_still_has_a_voice() -> None:
    assert espeak.installed("no-such-espeak") is None
    assert espeak.from_wheel() is not None


def test_the_last_engine_needs_no_network() -> None:
    for online in (False, True):
        assert not choose(SpeechOf(online=online))[-1].online
    assert choose(SpeechOf(online=True))[0].online
    assert not any(engine.online for engine in choose(SpeechOf(online=True), may_ask_outside=False))


def test_a_higher_pitch_is_heard_and_takes_no_longer(engine: EspeakEngine) -> None:
    calm, high = (engine.synthesise("ma ma ma", "vi", pitch=pitch) for pitch in (1.0, 1.6))
    assert high.duration_ms == pytest.approx(calm.duration_ms, rel=0.1)

    def height_hz(pcm: Pcm) -> float:
        """The strongest repetition between 60 and 300 Hz."""
        x = pcm.samples.astype(float)
        found = np.fft.irfft(np.abs(np.fft.rfft(x, 2 * len(x))) ** 2)
        near, far = pcm.rate_hz // 300, pcm.rate_hz // 60
        return pcm.rate_hz / (near + int(found[near:far].argmax()))

    assert height_hz(high) > 1.1 * height_hz(calm)
