"""The doctor tries the sound devices that the settings name, and says which does not open."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.doctor.finding import Finding, Patient
from deploy.doctor.sound import look
from tests.fakes.sound_server import sound_server
from tests.settings import node_settings


def found(folder: Path, speaker: str, kernel: Path | None = None) -> Finding:
    settings = node_settings(folder, extra=f"[speaker]\n{speaker}")
    return look(Patient(None, settings, folder), kernel or folder / "nothing")


@pytest.fixture
def kernel(tmp_path: Path) -> Path:
    """What the kernel says of one card, as /proc/asound."""
    info = tmp_path / "asound" / "card0" / "pcm0p" / "info"
    info.parent.mkdir(parents=True)
    info.write_text("card: 0\ndevice: 0\nname: USB Audio\n")
    return tmp_path / "asound"


@pytest.fixture
def server() -> Iterator[None]:
    with tempfile.TemporaryDirectory(prefix="ls-") as folder, sound_server(Path(folder)):
        yield


def test_a_node_without_a_card_is_an_error_unless_files_are_wanted(tmp_path: Path) -> None:
    assert (found(tmp_path, "").level, found(tmp_path, "").found) == ("error", "no sound card")
    assert found(tmp_path, 'sound = "file"').level == "ok"


@pytest.mark.xdist_group("sound-card")
def test_the_named_devices_are_tried(tmp_path: Path, kernel: Path, server: None) -> None:
    both = 'card = "horn"\nmicrophone = "horn_ear"'
    assert found(tmp_path, both, kernel) == Finding("sound", "ok", "1 output(s): USB Audio; horn opens")
    wrong = found(tmp_path, 'card = "horn"\nmicrophone = "no-such-ear"\nloop_back = "horn_ear"', kernel)
    assert (wrong.level, wrong.found) == ("error", "cannot be opened: no-such-ear")
    assert "arecord -L" in wrong.do
