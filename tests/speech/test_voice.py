"""Which engine speaks: the operator's voice first, the network only by consent and never in need, espeak always."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import numpy as np
import pytest

from broker.link.config import SpeechOf
from broker.speech import espeak, master
from broker.speech.engine import EngineError
from broker.speech.guard import plain, plausible
from broker.speech.online import OnlineEngine
from broker.speech.say import render
from broker.speech.sound import Pcm
from broker.speech.tempo import at_tempo
from broker.speech.voice import choose
from tests.fakes import piper_program

SENTENCE = "Nước sông đang lên, mời bà con lên nhà văn hóa thôn."


def _ids(speech: SpeechOf, *, may_ask_outside: bool = True) -> list[str]:
    return [engine.id for engine in choose(speech, may_ask_outside=may_ask_outside)]


def test_the_order_is_piper_then_online_then_espeak() -> None:
    named = SpeechOf(online=True, piper_voice="giong.onnx", piper_sha256="00")
    assert _ids(named) == ["piper", "gtts", "espeak"]
    assert _ids(named, may_ask_outside=False) == ["piper", "espeak"]
    assert _ids(SpeechOf(online=True)) == ["gtts", "espeak"]
    assert _ids(SpeechOf()) == [engine.id for engine in choose()] == ["espeak"]


def test_a_piper_voice_that_cannot_be_used_leaves_the_word_to_espeak(tmp_path: Path) -> None:
    engines = choose(SpeechOf(piper_voice=str(tmp_path / "none.onnx"), piper_sha256="00"))
    clip = render(SENTENCE, voice="vi", cache_dir=tmp_path / "clips", out=tmp_path / "a.wav", engines=engines)
    assert clip.engine.startswith("espeak")


def test_a_piper_voice_speaks_for_its_own_region_and_espeak_for_the_others(tmp_path: Path) -> None:
    file = tmp_path / "giong.onnx"
    file.write_bytes(b"a voice")
    facts = '{"audio": {"sample_rate": 22050}, "espeak": {"voice": "vi"}}'
    file.with_name("giong.onnx.json").write_text(facts, encoding="utf-8")
    engines = choose(
        SpeechOf(
            piper_voice=str(file),
            piper_sha256=hashlib.sha256(b"a voice").hexdigest(),
            piper_speaks="vi-vn-x-south",
            piper_program=str(piper_program.make(tmp_path)),
        )
    )
    spoke = {}
    for voice in ("vi", "vi-vn-x-south"):
        out = tmp_path / f"{voice}.wav"
        clip = render(SENTENCE, voice=voice, cache_dir=tmp_path / "clips", out=out, engines=engines)
        spoke[voice] = clip.engine.split()[0]
    assert spoke == {"vi": "espeak", "vi-vn-x-south": "piper"}


def test_an_emergency_is_spoken_at_once_when_the_network_is_dead(tmp_path: Path) -> None:
    engines = choose(SpeechOf(online=True), may_ask_outside=False)
    assert not any(engine.online for engine in engines)
    began_s = time.monotonic()
    clip = render(
        SENTENCE,
        voice="vi",
        cache_dir=tmp_path / "clips",
        out=tmp_path / "a.opus",
        engines=engines,
        profile=master.HORN,
    )
    assert clip.engine.startswith("espeak")
    assert time.monotonic() - began_s < 10  # seconds; a quarter of one on a machine with nothing else to do


def test_offline_the_rest_of_the_words_is_spoken_by_espeak_soon_after_the_first_failure(
    tmp_path: Path,
) -> None:
    nobody = OnlineEngine("https://127.0.0.1:9/", pace_s=0.0)
    clip = render(
        SENTENCE * 3,
        voice="vi",
        cache_dir=tmp_path / "clips",
        out=tmp_path / "a.opus",
        engines=[nobody, espeak.espeak()],
    )
    assert clip.engine.startswith("espeak")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.opus", "clips"]


@pytest.mark.parametrize("rate", [0.6, 0.8, 1.3])
def test_another_tempo_takes_another_time_at_the_same_pitch(rate: float) -> None:
    t = np.arange(22_050 * 2) / 22_050
    tone = Pcm((9000 * np.sin(2 * np.pi * 220 * t)).astype(np.int16), 22_050)
    slow = at_tempo(tone, rate)
    assert slow.duration_ms == pytest.approx(2000 / rate, rel=0.03)
    spectrum = np.abs(np.fft.rfft(slow.samples))
    assert np.fft.rfftfreq(len(slow.samples), 1 / 22_050)[spectrum.argmax()] == pytest.approx(220, abs=4)


def test_text_reaches_an_engine_in_one_composed_line_without_commands() -> None:
    assert plain("a\u0302\u0301m\n") == "ấm"
    assert not set(plain("một [[x]] <b> {y}\x07 hai\u2028ba\r\n")) & set("[]<>{}\x07\u2028\r\n")
    assert plain("dự bị-\nđại học") == "dự bị- đại học"


def test_silence_and_sound_of_another_length_are_no_speech() -> None:
    def sound(ms: int, peak: int) -> Pcm:
        return Pcm(np.full(22_050 * ms // 1000, peak, dtype=np.int16), 22_050)

    assert plausible(sound(3000, 9000), SENTENCE, "x").duration_ms == 3000
    for bad in (sound(3000, 5), sound(200, 9000), sound(60_000, 9000), sound(0, 0)):
        with pytest.raises(EngineError, match="x "):
            plausible(bad, SENTENCE, "x")
