"""Cameras that somebody keeps from seeing, and healthy ones that only look odd."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from edge.camera.picture import Grey
from edge.camera.tamper import TamperStep, TamperWatch
from tests.camera.film import grey_yard

AT_S = 12.0


def _run(change: Callable[[Grey, float], Grey], seconds: float = 24.0) -> list[TamperStep]:
    watch, steps = TamperWatch(), []
    for number in range(round(seconds * 4)):
        at_s = number / 4
        steps += watch.look(change(grey_yard(at_s), at_s), at_s)
    return steps


def _from_twelve(change: Callable[[Grey], Grey], until_s: float = 999.0) -> Callable[[Grey, float], Grey]:
    return lambda grey, at_s: change(grey) if AT_S <= at_s < until_s else grey


def _covered(grey: Grey) -> Grey:
    return np.asarray(cv2.GaussianBlur(grey, (0, 0), 16) // 9 + 12, dtype=np.uint8)


def _blinded(grey: Grey) -> Grey:
    lamp = cv2.circle(np.zeros_like(grey), (330, 170), 250, 255, -1)
    return np.asarray(np.maximum(cv2.GaussianBlur(lamp, (0, 0), 14), grey), dtype=np.uint8)


def _defocused(grey: Grey) -> Grey:
    return np.asarray(cv2.GaussianBlur(grey, (0, 0), 4), dtype=np.uint8)


def _moved(grey: Grey) -> Grey:
    return np.roll(np.roll(grey, 130, axis=1), 40, axis=0)


@pytest.mark.parametrize(
    ("change", "what"),
    [(_covered, "covered"), (_blinded, "blinded"), (_defocused, "defocused"), (_moved, "moved")],
)
def test_tampering_is_found_within_five_seconds_and_ends(change: Callable[[Grey], Grey], what: str) -> None:
    steps = _run(_from_twelve(change, 18.0))
    assert [(step.phase, step.what) for step in steps] == [("began", what), ("ended", what)]
    assert steps[0].end_s <= AT_S + 5.0
    assert steps[0].start_s == pytest.approx(AT_S, abs=1.0)
    assert steps[1].end_s == pytest.approx(18.0, abs=1.0)


def test_a_frozen_picture_is_found() -> None:
    still = grey_yard(AT_S)
    steps = _run(lambda grey, at_s: still if at_s >= AT_S else grey)
    assert [(step.phase, step.what) for step in steps] == [("began", "frozen")]
    assert steps[0].end_s <= AT_S + 5.0


def test_a_camera_that_never_shows_noise_is_not_called_frozen() -> None:
    still = grey_yard(0.0)
    assert _run(lambda _grey, _at_s: still) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda grey: grey,
        lambda grey: (grey * 0.45).astype(np.uint8),
        lambda grey: np.clip(grey * 1.25, 0, 255).astype(np.uint8),
    ],
)
def test_light_alone_is_no_tampering(change: Callable[[Grey], Grey]) -> None:
    assert _run(_from_twelve(change)) == []


def test_a_second_of_darkness_is_no_tampering() -> None:
    assert _run(_from_twelve(_covered, AT_S + 1.5)) == []


def test_what_is_open_ends_with_the_source() -> None:
    watch = TamperWatch()
    for number in range(80):
        at_s = number / 4
        grey = grey_yard(at_s)
        watch.look(_covered(grey) if at_s >= AT_S else grey, at_s)
    assert [(step.phase, step.what) for step in watch.close(20.0)] == [("ended", "covered")]
    assert watch.close(20.0) == []
