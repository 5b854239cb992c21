"""Recordings are looked at in a process of their own, which may break, hang or run out of memory."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest

from broker.speech.examine_child import Answer
from broker.speech.examined import RecordingRefused
from broker.speech.examiner import AT_ONCE, Examiner
from tests.speech.voices import index_bomb, odd_wav, talk, write_sound
from tests.until import until

ROOT = Path(__file__).resolve().parents[2]


def _refusal(examiner: Examiner, path: Path) -> str:
    with pytest.raises(RecordingRefused) as refused:
        examiner.examine(path)
    assert refused.value.sentence.endswith(".")
    return refused.value.code


def _child(program: str) -> tuple[str, str, str]:
    return sys.executable, "-c", program


def test_a_good_recording_is_found_to_be_what_it_is(tmp_path: Path) -> None:
    found = Examiner().examine(write_sound(tmp_path / "a.ogg", talk(2)), "tin\0 báo\ud800.ogg")
    assert (found.media_type, found.duration_ms, found.rate_hz, found.channels) == (
        "audio/ogg",
        2000,
        48_000,
        1,
    )


def test_a_refusal_comes_back_with_its_sentence(tmp_path: Path) -> None:
    assert _refusal(Examiner(), odd_wav(tmp_path / "a.wav", 8, 16_000)) == "unusual"


def test_a_small_file_that_unpacks_into_gigabytes_is_refused_in_little_memory(tmp_path: Path) -> None:
    path = index_bomb(tmp_path / "a.m4a", 20_000_000)
    assert path.stat().st_size < 1000
    program = (
        "import sys; from broker.speech.examine_child import main; main(sys.argv[1:])\n"
        "kb = int(open('/proc/self/status').read().split('VmHWM:')[1].split()[0]); sys.exit(kb > 400_000)"
    )
    done = subprocess.run(
        [*_child(program), str(path), "", "600"], capture_output=True, cwd=ROOT, check=False
    )
    assert (done.returncode, msgspec.json.decode(done.stdout, type=Answer).recording) == (0, None)
    assert _refusal(Examiner(), path) in ("unreadable", "truncated")


@pytest.mark.parametrize(
    "program",
    [
        "import os; os.kill(os.getpid(), 11)",
        "raise MemoryError",
        "import sys; sys.stdout.write('[]')",
        "import sys; sys.stdin.read(); import threading; threading.Event().wait()",
    ],
    ids=["breaks", "no memory", "nonsense", "hangs"],
)
def test_a_recording_that_breaks_its_reader_is_unreadable(tmp_path: Path, program: str) -> None:
    examiner = Examiner(_child(program), patience_s=1.0)
    assert _refusal(examiner, write_sound(tmp_path / "a.wav", talk(1))) == "unreadable"


def test_only_so_many_are_looked_at_at_once_and_others_are_asked_to_come_back(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gate")
    program = "import sys; open(sys.argv[1] + '.' + sys.argv[2], 'w'); open(sys.argv[1], 'rb', 0).read(1)"
    examiner = Examiner(_child(program), patience_s=30, wait_s=0)
    said: list[str] = []

    def look(name: str) -> None:
        try:
            examiner.examine(tmp_path / "gate", name)
        except RecordingRefused as why:
            said.append(why.code)

    looking = [threading.Thread(target=look, args=(str(n),), daemon=True) for n in range(AT_ONCE)]
    for thread in looking:
        thread.start()
    until(lambda: len(list(tmp_path.glob("gate.*"))) == AT_ONCE, 20)
    assert _refusal(examiner, tmp_path / "gate") == "busy"
    with (tmp_path / "gate").open("wb", 0) as gate:
        gate.write(bytes(AT_ONCE))
        for thread in looking:
            thread.join(timeout=20)
    assert said == ["unreadable"] * AT_ONCE, "they were let in, and their child said nothing"


def test_a_child_that_may_not_limit_itself_looks_all_the_same(tmp_path: Path) -> None:
    program = (
        "import resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_CPU, (40, 40))\n"  # below what the child wants: raising it is refused
        "from broker.speech.examine_child import main; sys.exit(main(sys.argv[1:]))"
    )
    found = Examiner(_child(program)).examine(write_sound(tmp_path / "a.wav", talk(2)))
    assert found.media_type == "audio/wav"
