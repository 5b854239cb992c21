"""Sentences become sound in a process of their own: which rests, breaks down, hangs, and is never told by arguments."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from broker.link.config import SpeechOf
from broker.speech.voice import EngineError, choose
from kiosk.aloud import ReadAloud
from kiosk.house import Silent
from tests.until import until

SENTENCE = "Lệ phí 8.000 đồng một bản."


@contextmanager
def aloud(clips: Path, code: str = "", **more: float) -> Iterator[ReadAloud]:
    """The real process, or one that runs `code` instead."""
    command = {"command": (sys.executable, "-c", code)} if code else {}
    made = ReadAloud(clips, SpeechOf(online=True, piper_voice=str(clips / "none.onnx")), **command, **more)  # type: ignore[arg-type]
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module", autouse=True)
def _can_speak() -> None:
    try:
        choose()
    except EngineError as why:
        pytest.skip(str(why))


def processes(part: str) -> list[Path]:
    """Running processes whose arguments or environment hold `part`."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            told = (each / "cmdline").read_bytes() + (each / "environ").read_bytes()
        except OSError:
            continue
        if part.encode() in told:
            found.append(each)
    return found


def test_own_voice_reads_a_sentence_whatever_the_settings_name_and_never_another_language(
    tmp_path: Path,
) -> None:
    with aloud(tmp_path) as read:
        assert read(SENTENCE, "vi")[:4] == b"OggS"
        with pytest.raises(Silent):
            read("Call a helper.", "en")


def test_many_sentences_asked_at_once_each_get_their_own_sound(tmp_path: Path) -> None:
    sentences = [f"Bác mang {n} tờ giấy." for n in range(6)]
    with aloud(tmp_path) as read, ThreadPoolExecutor(6) as pool:
        sounds = list(pool.map(lambda text: read(text, "vi"), sentences))
        assert len(set(sounds)) == 6
        assert [read(text, "vi") for text in sentences] == sounds


def test_what_cannot_be_spoken_is_told_and_the_next_sentence_is_heard(tmp_path: Path) -> None:
    with aloud(tmp_path) as read:
        with pytest.raises(Silent, match="nothing to say"):
            read("…", "vi")
        assert read(SENTENCE, "vi")


def test_a_process_that_went_to_rest_is_started_again(tmp_path: Path) -> None:
    with aloud(tmp_path, rests_s=0.05) as read:
        assert read(SENTENCE, "vi")
        first = processes("kiosk.aloud_child")
        until(lambda: not [each for each in first if _runs(each)], 10)
        assert read(SENTENCE, "vi")


def test_a_process_that_breaks_down_or_hangs_leaves_a_silent_page_and_no_process(tmp_path: Path) -> None:
    for code in ("raise SystemExit(1)", "import signal; signal.pause()", "import os; os.write(0, b'x' * 64)"):
        mark = f"{code}  # {tmp_path}"
        with aloud(tmp_path, mark, patience_s=1.0) as read, pytest.raises(Silent):
            read(SENTENCE, "vi")
        assert not processes(mark)


def test_nobody_learns_from_the_process_what_is_read(tmp_path: Path) -> None:
    with aloud(tmp_path) as read:
        read("Bác Tư xin giấy mồ côi ở chỗ này.", "vi")
        assert not processes("mồ côi")


def _runs(process: Path) -> bool:
    """Whether it is more than a name that waits to be taken notice of."""
    try:
        return " Z " not in (process / "stat").read_text()
    except OSError:
        return False
