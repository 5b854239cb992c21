"""Fixed lights that burn out the picture, as a flame and a bright window are: drawn for each case."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from edge.camera.motion import MotionDetector, Verdict
from edge.camera.picture import SMALL_HEIGHT_PX, SMALL_WIDTH_PX, Grey

FPS = 5
WALKS_S = 8.0
Paint = Callable[[np.ndarray, float], np.ndarray]


def _ground() -> np.ndarray:
    rough = np.random.default_rng(3).normal(0, 6, (SMALL_HEIGHT_PX // 6, SMALL_WIDTH_PX // 6))
    smooth = cv2.resize(rough, (SMALL_WIDTH_PX, SMALL_HEIGHT_PX), interpolation=cv2.INTER_CUBIC)
    return np.asarray(40 + smooth, dtype=np.float64)


def _judge(paint: Paint, seconds: float = 20.0) -> list[tuple[float, Verdict]]:
    detector, found = MotionDetector(), []
    for at_s in (number / FPS for number in range(round(seconds * FPS))):
        noise = np.random.default_rng(round(at_s * 10)).normal(0, 1.5, (SMALL_HEIGHT_PX, SMALL_WIDTH_PX))
        picture: Grey = np.asarray(np.clip(paint(_ground(), at_s) + noise, 0, 240), np.uint8)
        verdict = detector.look(picture, at_s)
        if verdict.moving_since_s is not None:
            found.append((at_s, verdict))
    return found


def _light(view: np.ndarray, x: float, y: float, wide: float, high: float) -> np.ndarray:
    """A burnt-out oval in the halo that a lens makes of it."""
    rows, columns = np.mgrid[:SMALL_HEIGHT_PX, :SMALL_WIDTH_PX]
    away = np.hypot((columns - x) / wide, (rows - y) / high)
    return np.asarray(view + 260.0 * np.minimum(1.0, np.exp(-5.0 * (away - 1.0))))


def _flame(wide: float, high: float) -> Paint:
    """It stands for seconds, then is drawn aside and grows, and comes back."""

    def paint(view: np.ndarray, at_s: float) -> np.ndarray:
        aside = float(np.clip((at_s - 6.0) / 1.2, 0, 1) - np.clip((at_s - 12.0) / 1.2, 0, 1))
        return _light(view, 120 - 0.8 * wide * aside, 70 - 0.2 * high * aside, wide, high * (1 + 0.2 * aside))

    return paint


def _walks(view: np.ndarray, at_s: float, level: float, speed: float = 14.0) -> np.ndarray:
    x = round((at_s - WALKS_S) * speed)
    if 0 < x < SMALL_WIDTH_PX - 14:
        view[58:102, x : x + 14] = level + np.random.default_rng(5).normal(0, 6, (44, 14))
    return view


def _window(view: np.ndarray) -> np.ndarray:
    view[50:110, 90:170] = 250
    return view


@pytest.mark.parametrize(("wide", "high"), [(9.0, 30.0), (14.0, 24.0), (20.0, 20.0)])
def test_a_flame_that_sways_is_no_movement(wide: float, high: float) -> None:
    assert _judge(_flame(wide, high)) == []


def test_who_walks_before_a_bright_window_is_seen_there() -> None:
    def before_it(view: np.ndarray, at_s: float) -> np.ndarray:
        _window(view)
        x = 95 + 14.0 * (at_s - WALKS_S)
        if 95 <= x < 155:
            view[62:106, round(x) : round(x) + 12] = 90
        return view

    found = [at_s for at_s, _ in _judge(before_it, seconds=13.0)]
    assert found
    assert found[0] <= WALKS_S + 1.6


@pytest.mark.parametrize("level", [130.0, 205.0, 250.0])
def test_who_passes_a_lamp_lighter_than_the_night_is_seen_and_dated_to_the_entry(level: float) -> None:
    found = _judge(lambda view, at_s: _walks(_light(view, 120, 50, 8, 8), at_s, level))
    assert found
    assert found[0][0] <= WALKS_S + 1.6
    assert min(v.moving_since_s or 0.0 for _, v in found) == pytest.approx(WALKS_S, abs=0.6)


def test_a_lamp_that_is_carried_past_a_window_is_seen() -> None:
    def carried(view: np.ndarray, at_s: float) -> np.ndarray:
        x = (at_s - WALKS_S) * 14.0
        return _light(_window(view), x, 80, 7, 7) if 0 < x < SMALL_WIDTH_PX else _window(view)

    found = [at_s for at_s, _ in _judge(carried)]
    assert found
    assert found[0] <= WALKS_S + 2.0


def test_a_lamp_that_was_there_and_is_carried_away_is_seen() -> None:
    def taken_away(view: np.ndarray, at_s: float) -> np.ndarray:
        return _light(view, 60 + 14.0 * max(0.0, at_s - WALKS_S), 80, 8, 8)

    found = [at_s for at_s, _ in _judge(taken_away, seconds=18.0)]
    assert found
    assert found[0] <= WALKS_S + 3.5
