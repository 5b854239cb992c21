"""What wakes a camera at rest: key pictures and packet sizes that are not as usual."""

from __future__ import annotations

import numpy as np
import pytest

from edge.camera.chunk import Chunk
from edge.camera.gate import Gate
from edge.camera.picture import Grey, shrink
from tests.camera.film import grey_yard

FPS = 10


def _feed(gate: Gate, since_s: float, seconds: float, size: int, gop_s: float = 2.0) -> None:
    """Packets of `size` bytes, a tenth more or less, with a key picture every `gop_s`."""
    for number in range(round(seconds * FPS)):
        at_s = since_s + number / FPS
        key = number % round(gop_s * FPS) == 0
        length = 20 * size if key else round(size * (0.9 + 0.02 * (number % 11)))
        gate.packet(Chunk(b"\0" * length, key, at_s, at_s, 640, 360))


def _rested(gate: Gate, pictures: int, since_s: float = 0.0) -> float:
    for number in range(pictures):
        gate.key(shrink(grey_yard(since_s + 2.0 * number)))
        gate.rested()
    return since_s + 2.0 * pictures


def _with_person(small: Grey, x: int, y: int, w: int, h: int) -> Grey:
    seen = small.copy()
    seen[y : y + h, x : x + w] = np.where(seen[y : y + h, x : x + w] > 120, 60, 190)
    return seen


def test_nothing_is_usual_before_the_first_picture() -> None:
    gate = Gate()
    assert gate.key(shrink(grey_yard(0.0)))
    assert gate.gop_s is None
    assert not gate.anomaly


def test_a_view_with_other_noise_is_the_same_view() -> None:
    gate = Gate()
    at_s = _rested(gate, 3)
    assert not any(gate.key(shrink(grey_yard(at_s + n))) for n in range(5))


@pytest.mark.parametrize(("w", "h"), [(5, 9), (9, 18)], ids=["a thousandth", "four thousandths"])
def test_a_small_person_wakes(w: int, h: int) -> None:
    gate = Gate()
    at_s = _rested(gate, 5)
    assert gate.key(_with_person(shrink(grey_yard(at_s)), 120, 90, w, h))


@pytest.mark.parametrize("what", ["covered", "blinded", "moved"])
def test_tampering_wakes(what: str) -> None:
    gate = Gate()
    small = shrink(grey_yard(_rested(gate, 5)))
    seen = {
        "covered": np.full_like(small, 12),
        "blinded": np.maximum(small, 236),
        "moved": np.roll(small, 9, axis=1),
    }[what]
    assert gate.key(seen)


def test_light_that_changes_the_whole_view_a_little_wakes_nobody() -> None:
    gate = Gate()
    at_s = _rested(gate, 3)
    for step in range(6):
        dimmer = np.asarray(shrink(grey_yard(at_s + step)) * (1.0 - 0.03 * step), np.uint8)
        assert not gate.key(dimmer)
        gate.rested()


def test_who_was_not_found_quiet_goes_on_waking() -> None:
    gate = Gate()
    at_s = _rested(gate, 4)
    for step in range(3):
        assert gate.key(_with_person(shrink(grey_yard(at_s + step)), 100, 80, 12, 20))


def test_packets_a_half_larger_than_usual_are_noticed_within_a_second() -> None:
    gate = Gate()
    _feed(gate, 0.0, 12.0, 2000)
    assert gate.gop_s == pytest.approx(2.0)
    assert not gate.anomaly
    _feed(gate, 12.0, 0.8, 3400, gop_s=9.0)
    assert gate.anomaly


def test_packets_that_collapse_hint_at_a_frozen_picture() -> None:
    gate = Gate()
    _feed(gate, 0.0, 12.0, 1700)
    _feed(gate, 12.0, 3.0, 38, gop_s=9.0)
    assert gate.frozen_hint
    assert not gate.anomaly


def test_a_camera_that_always_sends_little_is_not_frozen() -> None:
    gate = Gate()
    _feed(gate, 0.0, 20.0, 53)
    assert not gate.frozen_hint


def test_what_stays_unusual_becomes_usual() -> None:
    gate = Gate()
    _feed(gate, 0.0, 12.0, 2000)
    _feed(gate, 12.0, 400.0, 3600)
    assert not gate.anomaly


def test_the_longest_of_the_last_groups_counts() -> None:
    gate = Gate()
    for at_s in (0.0, 1.0, 2.0, 7.0, 8.0):
        gate.packet(Chunk(b"k", True, at_s, at_s, 64, 64))
    assert gate.gop_s == pytest.approx(5.0)


def test_equal_and_falling_times_do_no_harm() -> None:
    gate = Gate()
    for at_s in (5.0, 5.0, 4.0, 5.0, 5.0, 3.0):
        gate.packet(Chunk(b"x" * 50, False, at_s, at_s, 64, 64))
    assert not gate.anomaly
