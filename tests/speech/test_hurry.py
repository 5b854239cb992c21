"""Words that cannot wait: Piper speaks them while it is loaded and quick, espeak-ng within seconds else."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.speech.engine import EngineError
from broker.speech.hurry import HurriedPiper, hurried
from broker.speech.online import OnlineEngine
from broker.speech.piper import PiperEngine
from broker.speech.say import render
from tests.fakes import piper_program
from tests.speech.voices import ToneEngine
from tests.until import until

SENTENCE = "Nước sông đang lên, mời bà con lên nhà văn hóa thôn."


@pytest.fixture
def engine(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[PiperEngine]:
    """A Piper voice; its program goes the way that the test is parametrised with."""
    file = tmp_path / "giong.onnx"
    file.write_bytes(b"a voice")
    facts = '{"audio": {"sample_rate": 22050}, "espeak": {"voice": "vi"}}'
    file.with_name("giong.onnx.json").write_text(facts, encoding="utf-8")
    program = piper_program.make(tmp_path, getattr(request, "param", "well"))
    one = PiperEngine(file, hashlib.sha256(b"a voice").hexdigest(), program=str(program))
    yield one
    one.close()


def speaker_of(engine: PiperEngine, folder: Path, text: str, within_s: float = 4.0) -> str:
    clip = render(
        text,
        voice="vi",
        cache_dir=folder / "clips",
        out=folder / "a.wav",
        engines=hurried([engine, OnlineEngine("https://127.0.0.1:9/"), ToneEngine()], within_s),
    )
    return clip.engine.split()[0]


def test_nobody_is_asked_outside_and_the_order_stays(engine: PiperEngine) -> None:
    assert [one.id for one in hurried([engine, OnlineEngine(), ToneEngine()])] == ["piper", "tone"]


def test_a_voice_that_is_not_loaded_is_not_waited_for_or_loaded(engine: PiperEngine, tmp_path: Path) -> None:
    assert speaker_of(engine, tmp_path, SENTENCE) == "tone"
    assert piper_program.heard(Path(engine.program)) == []


def test_a_loaded_voice_speaks(engine: PiperEngine, tmp_path: Path) -> None:
    engine.synthesise("Một.", "vi")
    assert speaker_of(engine, tmp_path, SENTENCE) == "piper"


@pytest.mark.parametrize("engine", ["mute-later"], indirect=True)
def test_a_loaded_voice_that_hangs_is_ended_in_time_and_is_not_blamed(
    engine: PiperEngine, tmp_path: Path
) -> None:
    engine.synthesise("Một.", "vi")
    began_s = time.monotonic()
    assert speaker_of(engine, tmp_path, SENTENCE * 3, within_s=0.3) == "tone"
    assert time.monotonic() - began_s < 4  # seconds; waiting for each sentence as usual takes ten and more
    assert engine.breaker.rest_s() == 0
    assert engine.synthesise("Hai.", "vi").duration_ms > 100  # a new process


@pytest.mark.parametrize("engine", ["mute-later"], indirect=True)
def test_nobody_waits_for_other_words_that_it_is_still_saying(engine: PiperEngine, tmp_path: Path) -> None:
    engine.sentence_s = 30.0
    engine.synthesise("Một.", "vi")
    other = threading.Thread(target=_say, args=(engine, "Lời khác."), daemon=True)
    other.start()
    until(lambda: "Lời khác." in piper_program.heard(Path(engine.program)), 10)
    began_s = time.monotonic()
    with pytest.raises(EngineError, match="cannot wait"):
        HurriedPiper(engine, 0.2).synthesise(SENTENCE, "vi")
    assert time.monotonic() - began_s < 4
    child = engine._child
    assert child is not None
    child._process.kill()
    other.join(10)


def _say(engine: PiperEngine, text: str) -> None:
    try:
        engine.synthesise(text, "vi")
    except EngineError:
        return
