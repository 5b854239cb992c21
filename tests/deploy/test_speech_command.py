"""`langso say` and `langso normalise`: everything unsure is said, and which engine spoke."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import wave
from pathlib import Path

import pytest

from deploy.cli import main
from deploy.doctor import voice
from deploy.doctor.finding import Patient
from tests.fakes import piper_program
from tests.settings import node_settings


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def piper_voice(tmp_path: Path) -> Path:
    file = tmp_path / "giong.onnx"
    file.write_bytes(b"a voice")
    facts = {"audio": {"sample_rate": 22050}, "espeak": {"voice": "vi"}}
    file.with_name("giong.onnx.json").write_text(json.dumps(facts), encoding="utf-8")
    return file


def _say(tmp_path: Path, *options: str) -> tuple[int, Path]:
    out = tmp_path / "loi.wav"
    return main(["say", *options, "--out", str(out)]), out


def _seconds(file: Path) -> float:
    with wave.open(str(file)) as sound:
        return sound.getnframes() / sound.getframerate()


def _typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setitem(sys.__dict__, "stdin", io.StringIO(text))


def test_say_names_the_engine_and_what_it_was_not_sure_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _ = _say(tmp_path, "Mang theo XYZQ.")
    said = capsys.readouterr().err
    assert status == 0
    assert "not sure how to read “XYZQ” at 10–14; perhaps ích i dài dét quy" in said
    assert "spoken by espeak" in said
    assert "-16." in said or "-15." in said


def test_say_speaks_a_file_for_a_horn_at_a_rate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "tin.txt"
    text.write_text("Mời bà con đến họp.\n\nHọp lúc 19h30.\n", encoding="utf-8")
    lengths = []
    for options in (["--rate", "1.2"], ["--rate", "0.8"], ["--rate", "0.8", "--profile", "horn"]):
        status, out = _say(tmp_path, "--file", str(text), *options)
        assert status == 0
        lengths.append(_seconds(out))
    assert lengths == sorted(lengths)
    assert lengths[-1] > 1.3 * lengths[0]
    assert "for a horn" in capsys.readouterr().err


def test_say_reads_stdin_and_the_communes_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = tmp_path / "words.toml"
    words.write_text('[words]\nXYZQ = "xóm yên"\n', encoding="utf-8")
    _typed(monkeypatch, "Mang theo XYZQ.")
    status, out = _say(tmp_path, "--file", "-", "--words", str(words))
    assert status == 0
    assert _seconds(out) > 0.5
    assert "not sure" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--file", "/nowhere/tin.txt"], "/nowhere/tin.txt"),
        (["…"], "nothing to say"),
        (["Xin chào.", "--words", "/nowhere/words.toml"], "/nowhere/words.toml"),
        (["Xin chào.", "--piper", "/nowhere/giong.onnx"], "/nowhere/giong.onnx"),
    ],
)
def test_say_ends_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], reason: str
) -> None:
    status, out = _say(tmp_path, *options)
    assert status == 1
    assert reason in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("options", [[], ["Xin chào.", "--file", "x"], ["Xin chào.", "--rate", "9"]])
def test_say_wants_one_text_and_a_possible_rate(options: list[str]) -> None:
    with pytest.raises(SystemExit) as why:
        main(["say", *options])
    assert why.value.code == 2


def test_say_speaks_with_a_piper_voice_and_says_its_hash_to_pin(
    tmp_path: Path, piper_voice: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    program = piper_program.make(tmp_path)
    monkeypatch.chdir(tmp_path)
    status, out = _say(
        tmp_path, "Xin chào.", "--piper", piper_voice.name, "--piper-program", f"./{program.name}"
    )
    said = capsys.readouterr().err
    assert status == 0
    assert hashlib.sha256(b"a voice").hexdigest() in said
    assert "spoken by piper" in said
    assert _seconds(out) > 0.5


def test_say_tells_why_a_named_voice_did_not_speak(
    tmp_path: Path, piper_voice: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _ = _say(tmp_path, "Xin chào.", "--piper", str(piper_voice), "--piper-program", "no-such-piper")
    said = capsys.readouterr().err
    assert status == 0
    assert "not spoken by piper: there is no program 'no-such-piper'" in said
    assert "spoken by espeak" in said


def test_normalise_tells_what_it_is_not_sure_of_line_by_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _typed(monkeypatch, "Họp lúc 19h30.\nMang theo XYZQ.\n")
    assert main(["normalise"]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2
    assert err.splitlines() == [
        "langso: line 2: not sure how to read “XYZQ” at 10–14; perhaps ích i dài dét quy"
    ]


def test_normalise_gives_text_spans_and_doubts_as_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written = "Mang 2 XYZQ."
    _typed(monkeypatch, f"{written}\n\n")
    assert main(["normalise", "--json"]) == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    pieces = {
        written[s["written_start"] : s["written_end"]]: first["text"][s["spoken_start"] : s["spoken_end"]]
        for s in first["spans"]
    }
    assert pieces["2"] == "hai"
    assert [doubt["found"] for doubt in first["doubts"]] == ["XYZQ"]
    assert second == {"text": "", "spans": [], "doubts": []}


@pytest.mark.parametrize(
    ("pin", "level", "found"),
    [
        (hashlib.sha256(b"a voice").hexdigest(), "ok", "piper"),
        ("0" * 64, "warning", "another file than pinned"),
    ],
)
def test_doctor_tries_the_voice_of_the_settings(
    tmp_path: Path, piper_voice: Path, pin: str, level: str, found: str
) -> None:
    program = piper_program.make(tmp_path)
    settings = node_settings(
        tmp_path / "node",
        extra=f'[speech]\npiper_voice = "{piper_voice}"\npiper_sha256 = "{pin}"\n'
        f'piper_program = "{program}"\n',
    )
    finding = voice.look(Patient(None, settings, tmp_path))
    assert (finding.level, found in finding.found) == (level, True)
    assert "espeak" in finding.found
    assert bool(finding.do) == (level != "ok")
