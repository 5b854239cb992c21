"""What keeps a camera from seeing is remembered over restarts."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.camera.troubles import Trouble, Troubles
from tests.camera.town import NOW

OUTAGE = Trouble(name="thon-01.cong.x", what="silent", started_at=NOW, mono_ms=5, boot="b1")


def test_an_outage_is_found_again_after_a_restart_and_forgotten_once_it_is_over(tmp_path: Path) -> None:
    file = tmp_path / "troubles.json"
    first = Troubles(file, "b1")
    first.begin("cong", "outage", OUTAGE)
    first.begin("cong", "tampering", Trouble(name="t", what="covered", started_at=NOW))
    again = Troubles(file, "b2")
    assert again.of("cong", "outage") == OUTAGE
    assert again.of("san", "outage") is None
    assert again.cameras() == {"cong"}
    again.end("cong", "outage")
    assert again.of("cong", "tampering") is not None
    assert Troubles(file, "b2").of("cong", "outage") is None


@pytest.mark.parametrize("damage", [b"", b"{", b'{"outage cong": 7}', b"\xff" * 99])
def test_a_damaged_file_is_forgotten_and_written_anew(tmp_path: Path, damage: bytes) -> None:
    file = tmp_path / "troubles.json"
    file.write_bytes(damage)
    troubles = Troubles(file, "b1")
    assert troubles.cameras() == set()
    troubles.begin("cong", "outage", OUTAGE)
    assert Troubles(file, "b1").of("cong", "outage") == OUTAGE


def test_a_disk_that_does_not_take_it_is_told_and_the_outage_still_known(tmp_path: Path) -> None:
    folder = tmp_path / "camera"
    troubles = Troubles(folder / "troubles.json", "b1")
    folder.write_bytes(b"a file where the folder should be")
    with pytest.raises(OSError):
        troubles.begin("cong", "outage", OUTAGE)
    assert troubles.of("cong", "outage") == OUTAGE
