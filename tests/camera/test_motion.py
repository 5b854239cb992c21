"""What counts as movement, on pictures made for each case. The films with truth are judged in test_watch."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from edge.camera.motion import MotionDetector, Verdict
from edge.camera.picture import SMALL_HEIGHT_PX, SMALL_WIDTH_PX, Grey

FPS = 5


def _ground(seed: int = 1) -> np.ndarray:
    """A textured view without anything in it."""
    rough = np.random.default_rng(seed).normal(0, 30, (SMALL_HEIGHT_PX // 6, SMALL_WIDTH_PX // 6))
    smooth = cv2.resize(rough, (SMALL_WIDTH_PX, SMALL_HEIGHT_PX), interpolation=cv2.INTER_CUBIC)
    return np.asarray(110 + smooth, dtype=np.float64)


def _judge(
    paint: Callable[[np.ndarray, float], np.ndarray], seconds: float = 20.0, noise: float = 2.0
) -> list[tuple[float, Verdict]]:
    """Verdicts on a view that `paint(view, at_s)` changes."""
    detector, random, ground = MotionDetector(), np.random.default_rng(2), _ground()
    found = []
    for number in range(round(seconds * FPS)):
        at_s = number / FPS
        seen = paint(ground.copy(), at_s) + random.normal(0, noise, ground.shape)
        small: Grey = np.clip(seen, 0, 255).astype(np.uint8)
        found.append((at_s, detector.look(small, at_s)))
    return found


def _walker(contrast: float, w: int = 9, h: int = 24, speed: float = 22.0) -> Callable[..., np.ndarray]:
    """Somebody who walks in from the left at second 6, hiding what is behind."""
    clothes = np.random.default_rng(5).normal(0, 6, (h, w))

    def paint(view: np.ndarray, at_s: float) -> np.ndarray:
        x = round((at_s - 6.0) * speed)
        if 0 < x < SMALL_WIDTH_PX - w:
            view[60 : 60 + h, x : x + w] = view[60 : 60 + h].mean() + contrast + clothes
        return view

    return paint


@pytest.mark.parametrize("contrast", [40.0, -40.0])
def test_a_walker_is_seen_within_a_second_and_dated_to_the_entry(contrast: float) -> None:
    found = [(at_s, v) for at_s, v in _judge(_walker(contrast)) if v.moving_since_s is not None]
    first_s, verdict = found[0]
    assert 6.0 < first_s <= 7.4
    assert verdict.moving_since_s == pytest.approx(6.2, abs=0.5)
    x, y, w, _ = verdict.boxes[0]
    assert 0 <= x < x + w <= 1
    assert y == pytest.approx(60 / SMALL_HEIGHT_PX, abs=0.06)


def test_a_small_distant_walker_is_seen() -> None:
    found = _judge(_walker(35.0, w=4, h=9, speed=8.0), seconds=25.0)
    assert any(v.moving_since_s is not None for _, v in found)


def _step(view: np.ndarray, at_s: float) -> np.ndarray:
    return view * (1.0 if at_s < 8 else 1.5)


def _flicker(view: np.ndarray, at_s: float) -> np.ndarray:
    return np.asarray(view * (1.0 + 0.15 * np.sin(at_s * 17.0)))


def _tremble(view: np.ndarray, at_s: float) -> np.ndarray:
    return np.roll(view, round(1.2 * np.sin(at_s * 9.0)), axis=1)


def _sway(view: np.ndarray, at_s: float) -> np.ndarray:
    shift = round(5 * np.sin(at_s * 3.0))
    view[20:90, 180:240] = np.roll(view[20:90, 170:250], shift, axis=1)[:, 10:70]
    return view


def _rain(view: np.ndarray, at_s: float) -> np.ndarray:
    random = np.random.default_rng(round(at_s * 100))
    for _ in range(60):
        x, y = random.integers(0, SMALL_WIDTH_PX), random.integers(0, SMALL_HEIGHT_PX - 8)
        view[y : y + 7, x] += 60
    return view


def _darkness(view: np.ndarray, at_s: float) -> np.ndarray:
    return view if at_s < 8 else view * 0.25 + 5 * (at_s > 9)


@pytest.mark.parametrize("paint", [lambda view, _: view, _step, _flicker, _tremble, _sway, _rain, _darkness])
def test_light_weather_and_trembling_are_no_movement(paint: Callable[..., np.ndarray]) -> None:
    found = [(at_s, v.boxes) for at_s, v in _judge(paint) if v.moving_since_s is not None]
    assert found == []


def test_noise_of_a_night_camera_is_no_movement() -> None:
    found = _judge(lambda view, _: view * 0.4, noise=9.0)
    assert all(v.moving_since_s is None for _, v in found)


def test_a_walker_in_rain_is_still_seen() -> None:
    walk = _walker(-60.0, w=12, h=30, speed=16.0)
    found = _judge(lambda view, at_s: _rain(walk(view, at_s), at_s), seconds=24.0)
    assert any(v.moving_since_s is not None for _, v in found)


def test_a_new_view_is_learnt_instead_of_reported() -> None:
    other = _ground(9)
    found = _judge(lambda view, at_s: view if at_s < 8 else other)
    assert any(v.scene_changed for _, v in found)
    assert all(v.moving_since_s is None for _, v in found)


def test_less_sensitivity_asks_for_more_contrast() -> None:
    def sees(sensitivity: float) -> bool:
        detector, random = MotionDetector(sensitivity), np.random.default_rng(3)
        ground, walk = np.full((SMALL_HEIGHT_PX, SMALL_WIDTH_PX), 110.0), _walker(9.0)
        verdicts = []
        for number in range(90):
            seen = walk(ground.copy(), number / FPS) + random.normal(0, 1.0, ground.shape)
            verdicts.append(detector.look(np.clip(seen, 0, 255).astype(np.uint8), number / FPS))
        return any(v.moving_since_s is not None for v in verdicts)

    assert sees(1.0)
    assert not sees(0.0)
