"""The commands people and scripts use: what goes in, what comes out, how they end."""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import wave
from importlib import import_module
from pathlib import Path

import pytest

from broker.speech.voice import EngineError, choose
from deploy.cli import ROOMS, main
from deploy.services import SERVICES
from tests.settings import node_settings

ROOT = Path(__file__).parents[2]


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch):
    """What a command reads on stdin."""

    def put(*lines: str) -> None:
        monkeypatch.setitem(sys.__dict__, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))

    return put


def test_normalise_answers_a_line_for_a_line(typed, capsys):
    typed("Họp lúc 19h30.", "", "Số 12/UBND.")
    assert main(["normalise"]) == 0
    lines = capsys.readouterr().out.split("\n")
    assert len(lines) == 4
    assert lines[0] == "Họp lúc mười chín giờ ba mươi phút."
    assert lines[1] == ""


def test_search_answers_a_json_line_for_a_line(typed, capsys):
    typed("lam giay khai sinh", "xyzw qqq", "")
    assert main(["search"]) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["query"] for each in answers] == ["lam giay khai sinh", "xyzw qqq", ""]
    first = answers[0]["results"]
    assert 1 <= len(first) <= 5
    assert set(first[0]) == {"code", "title"}
    assert first[0]["title"] == "Làm giấy khai sinh cho con"
    assert answers[2]["results"] == []


def test_say_writes_a_wav_that_holds_sound(tmp_path, capsys, monkeypatch):
    try:
        choose()
    except EngineError as why:
        pytest.skip(str(why))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    out = tmp_path / "loi.wav"
    assert main(["say", "Xin chào bà con.", "--out", str(out)]) == 0
    with wave.open(str(out)) as file:
        assert file.getnframes() / file.getframerate() > 0.8
    assert str(out) in capsys.readouterr().out


def test_say_with_a_voice_that_is_not_there_is_one_sentence(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert main(["say", "Xin chào.", "--out", str(tmp_path / "x.wav"), "--voice", "klingon"]) == 1
    said = capsys.readouterr().err
    assert "klingon" in said
    assert len(said.splitlines()) == 1


def test_watch_names_a_source_that_is_not_there(capsys):
    assert main(["watch", "/nowhere/film.mp4"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1


def test_check_says_that_all_is_well(tmp_path, capsys):
    node_settings(tmp_path)
    file = next(tmp_path.rglob("*.toml"))
    assert main(["check", "--config", str(file)]) == 0
    assert "node thon-01" in capsys.readouterr().out


def test_check_names_every_error_at_once_and_ends_with_78(tmp_path, capsys):
    file = tmp_path / "langso.toml"
    file.write_text(
        '[machine]\nrole = "boat"\nname = "thon-01"\ndata = "d"\ncolour = "red"\n'
        '[place]\nprovince = "x"\ncommune = "00000"\ncommune_name = "xã Thử"\n[broker]\nport = "many"\n'
    )
    assert main(["check", "--config", str(file)]) == 78
    lines = capsys.readouterr().err.splitlines()
    for key in ("machine.role", "machine.colour", "place.province", "broker.port"):
        assert any(key in line and str(file) in line for line in lines), key


@pytest.mark.parametrize("order", [["check"], ["run", "node"]])
def test_a_missing_settings_file_ends_with_78(order, tmp_path, capsys):
    assert main([*order, "--config", str(tmp_path / "none.toml")]) == 78
    assert "none.toml" in capsys.readouterr().err


def test_a_hub_service_does_not_run_on_a_node(tmp_path, capsys):
    node_settings(tmp_path)
    file = next(tmp_path.rglob("*.toml"))
    assert main(["run", "ingest", "--config", str(file)]) == 78
    assert "ingest runs on a hub" in capsys.readouterr().err


@pytest.mark.parametrize("service", ["camera", "speaker", "kiosk", "board", "node"])
def test_a_service_without_its_keys_ends_with_78_and_names_the_file(service, tmp_path):
    node_settings(tmp_path)
    file = next(tmp_path.rglob("*.toml"))
    done = subprocess.run(
        [sys.executable, "-m", "deploy.cli", "run", service, "--config", str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 78, done.stderr
    assert f"{service}.password" in done.stderr
    assert "Traceback" not in done.stderr


def test_doctor_speaks_json_a_line_a_finding(capsys):
    status = main(["doctor", "--json"])
    findings = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"python", "lock", "disk", "clock", "ports", "voice", "serial", "fonts"} <= {
        f["check"] for f in findings
    }
    assert all(set(each) == {"check", "level", "found", "do"} for each in findings)
    levels = {each["level"] for each in findings}
    assert status == (2 if "error" in levels else 1 if "warning" in levels else 0)
    assert all(each["do"] for each in findings if each["level"] != "ok")


def test_doctor_names_wrong_settings(tmp_path, capsys):
    file = tmp_path / "langso.toml"
    file.write_text("[machine]\nrole = 1\n")
    assert main(["doctor", "--config", str(file)]) == 2
    assert "machine.role" in capsys.readouterr().out


def test_version_is_one_line(capsys):
    assert main(["version"]) == 0
    assert capsys.readouterr().out.startswith("langso 0.")


def test_bench_names_what_there_is(capsys):
    assert main(["bench", "nothing"]) == 64
    assert "wire" in capsys.readouterr().err


def test_an_unknown_command_ends_with_2(capsys):
    with pytest.raises(SystemExit) as why:
        main(["fly"])
    assert why.value.code == 2
    capsys.readouterr()


def test_a_small_command_does_not_load_the_large_rooms():
    code = (
        "import sys; from deploy.cli import main; main(['version']);"
        "print(sorted({n.split('.')[0] for n in sys.modules} & {'flask','sqlalchemy','cv2','av','amqtt','requests'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    heavy = done.stdout.splitlines()[1]
    assert "flask" not in heavy
    assert "sqlalchemy" not in heavy
    assert "cv2" not in heavy


def test_each_room_declares_exactly_the_commands_that_lead_to_it():
    for room, names in ROOMS.items():
        commands = argparse.ArgumentParser().add_subparsers()
        import_module(f"deploy.commands.{room}").add(commands)
        assert tuple(commands.choices) == names
    assert set(ROOMS) | {"account", "trust"} == {
        each.stem for each in (ROOT / "deploy" / "commands").glob("[a-z]*.py")
    }, "account and trust are parts of provision"


def test_watch_starts_no_threads_of_blas_and_loads_no_other_room():
    code = (
        "import sys; from deploy.cli import main; main(['watch', 'no-such-film.mp4']);"
        "import os; print([n for n in sys.modules if n.startswith('deploy.commands.')],"
        "'numpy' in sys.modules, len(os.listdir('/proc/self/task')))"
    )
    env = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=env,
    )
    assert done.stdout.split("\n")[0] == "['deploy.commands.study'] True 1"


def test_every_service_of_the_contract_can_be_run():
    from broker.contract import HUB_SERVICES, NODE_SERVICES

    assert set(SERVICES) == {*HUB_SERVICES, *NODE_SERVICES}
