"""The healthy view is remembered over restarts, so that a camera turned or covered meanwhile is found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from broker.trust.envelope import CameraAddress, CameraSetup
from edge.camera.picture import Grey
from edge.camera.tamper import TamperStep, TamperWatch
from edge.camera.views import Views
from tests.camera.film import grey_yard

SETUP = CameraSetup(camera="cong", name="Cổng", sealed=b"")
ADDRESS = CameraAddress(source="rtsp://x/1")


def _watched(watch: TamperWatch, change: Callable[[Grey], Grey], seconds: float) -> list[TamperStep]:
    steps = []
    for number in range(round(seconds * 4)):
        steps += watch.look(change(grey_yard(number / 4)), number / 4)
    return steps


@pytest.fixture(scope="module")
def memory() -> bytes:
    """Of a camera that was well for twelve seconds."""
    watch = TamperWatch()
    assert watch.memory() is None
    assert _watched(watch, lambda grey: grey, 12.0) == []
    kept = watch.memory()
    assert kept is not None
    return kept


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda grey: np.roll(grey, 130, axis=1), "moved"),
        (lambda grey: np.asarray(grey // 20 + 10, np.uint8), "covered"),
    ],
)
def test_what_was_done_to_a_camera_while_the_power_was_off_is_found(
    memory: bytes, change: Callable[[Grey], Grey], what: str
) -> None:
    watch = TamperWatch()
    watch.recall(memory)
    steps = _watched(watch, change, 9.0)
    assert [(step.phase, step.what) for step in steps] == [("began", what)]
    assert watch.memory() is None, "a view that is wrong is not remembered as the healthy one"


def test_a_camera_that_was_left_alone_is_well_after_a_restart(memory: bytes) -> None:
    watch = TamperWatch()
    watch.recall(memory)
    assert _watched(watch, lambda grey: grey, 9.0) == []


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04rubbish", b"\x00" * 5000])
def test_a_damaged_memory_is_refused(memory: bytes, damage: bytes) -> None:
    for each in (damage, memory[: len(memory) // 2], memory[:-30] + b"x" * 30):
        with pytest.raises(ValueError, match="no remembered view"):
            TamperWatch().recall(each)


def test_a_view_is_kept_whatever_is_set_and_begins_anew_when_people_accepted_another(tmp_path: Path) -> None:
    views = Views(tmp_path / "views")
    assert views.load(SETUP, ADDRESS) is None
    views.keep(SETUP, ADDRESS, b"one")
    assert Views(tmp_path / "views").load(SETUP, ADDRESS) == b"one"
    assert views.load(CameraSetup(camera="cong", name="Sân", sealed=b"", sensitivity=0.7), ADDRESS) == b"one"
    turned = CameraSetup(camera="cong", name="Cổng", sealed=b"", view=1)
    assert views.load(turned, ADDRESS) is None
    views.keep(turned, ADDRESS, b"two")
    assert views.load(SETUP, ADDRESS) is None, "the old one is gone"
    assert len(list((tmp_path / "views").iterdir())) == 1
    blocked = Views(tmp_path / "views" / next(iter((tmp_path / "views").iterdir())).name)
    blocked.keep(SETUP, ADDRESS, b"three")  # no folder can be there: said in the log, nothing stops
    assert blocked.load(SETUP, ADDRESS) is None
