"""Cameras that somebody keeps from seeing, and healthy ones that only look odd."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from edge.camera.flicker import Flicker
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


@pytest.mark.parametrize(
    ("change", "what"), [(_covered, "covered"), (_blinded, "blinded"), (_defocused, "defocused")]
)
def test_tampering_is_found_as_soon_in_a_view_that_is_never_empty(
    change: Callable[[Grey], Grey], what: str
) -> None:
    watch, steps = TamperWatch(), []
    tampered = _from_twelve(change)
    for number in range(24 * 5):
        at_s = number / 5
        steps += watch.look(tampered(grey_yard(at_s), at_s), at_s, moving_since_s=2.0)
    assert [(step.phase, step.what) for step in steps] == [("began", what)]
    assert steps[0].end_s <= AT_S + 5.0
    assert steps[0].start_s == pytest.approx(AT_S, abs=1.0)


def test_a_frozen_picture_is_found() -> None:
    still = grey_yard(AT_S)
    steps = _run(lambda grey, at_s: still if at_s >= AT_S else grey)
    assert [(step.phase, step.what) for step in steps] == [("began", "frozen")]
    assert steps[0].end_s <= AT_S + 5.0


def test_a_few_seconds_of_a_slow_camera_tell_a_frozen_picture() -> None:
    flicker, still = Flicker(), grey_yard(99.0)
    for number in range(12 + 24):
        noise = grey_yard(number / 4) if number < 12 else still
        flicker.note(noise, number / 4, learn=True)
    assert flicker.is_still(35 / 4, collapsed=False)


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


def _reeds(at_s: float) -> Grey:
    """An evening sky and dark stalks that the wind begins to move after twelve seconds."""
    wind = min(1.0, max(0.0, at_s - 12.0))
    sky = np.repeat(np.linspace(150, 60, 360, dtype=np.float32)[:, None], 640, axis=1)
    for number in range(24):
        x = (
            14
            + number * 26
            + round(wind * (5 * np.sin(1.7 * at_s + number) + 5 * np.sin(0.6 * at_s + number)))
        )
        sky[60 + 9 * (number % 7) : 330, x : x + 3] = 25
    noise = np.random.default_rng(round(at_s * 10)).normal(0, 1.5, sky.shape)
    return np.asarray(np.clip(sky + noise, 0, 255), np.uint8)


def test_reeds_that_the_wind_begins_to_move_are_no_tampering() -> None:
    watch, steps = TamperWatch(), []
    for number in range(4 * 40):
        steps += watch.look(_reeds(number / 4), number / 4)
    assert steps == []


def _noisy(picture: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> Grey:
    """What a lens or a cover does happens before the sensor adds its noise."""
    noise = np.random.default_rng(int(picture[::40, ::40].sum())).normal(0.0, 1.5, (90, 640))
    return np.asarray(np.clip(picture + np.tile(noise, (4, 1)), 0, 255), dtype=np.uint8)


def _plastic(grey: Grey) -> Grey:
    return _noisy(cv2.GaussianBlur(grey, (0, 0), 9).astype(np.float32) * 0.5 + 90)


def _lamp(grey: Grey) -> Grey:
    """Burns a sixth of the view."""
    y, x = np.mgrid[0:360, 0:640].astype(np.float32)
    glow = 520 * np.exp(-((x - 250) ** 2 + (y - 190) ** 2) / (2 * 110**2))
    return _noisy(np.minimum(grey * 0.5 + glow, 240))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (_lamp, "blinded"),
        (lambda grey: _noisy(cv2.GaussianBlur(grey, (0, 0), 2).astype(np.float32)), "defocused"),
        (lambda grey: cv2.copyMakeBorder(grey, 0, 0, 0, 40, cv2.BORDER_REFLECT)[:, 40:], "moved"),
    ],
    ids=["a lamp", "slightly soft", "turned by a sixteenth"],
)
def test_slight_tampering_is_found_within_five_seconds(change: Callable[[Grey], Grey], what: str) -> None:
    steps = _run(_from_twelve(change), 18.0)
    assert [(step.phase, step.what) for step in steps] == [("began", what)]
    assert steps[0].end_s <= AT_S + 5.0
    assert steps[0].healthy_s == pytest.approx(AT_S, abs=0.8)


def test_a_cover_that_lets_light_through_is_found_once_the_light_has_settled() -> None:
    steps = _run(_from_twelve(_plastic))
    assert [step.phase for step in steps] == ["began"]
    assert steps[0].end_s <= AT_S + 9.0


def _infra_red(grey: Grey) -> Grey:
    """Lit from the camera, with another focus and more noise."""
    y, x = np.mgrid[0:360, 0:640].astype(np.float32)
    spot = 0.45 + 0.55 * np.exp(-((x - 320) ** 2 + (y - 200) ** 2) / (2 * 200**2))
    return _noisy(cv2.GaussianBlur(grey, (0, 0), 1.2).astype(np.float32) * spot * 0.8)


@pytest.mark.parametrize("until_s", [18.0, 999.0])
def test_infra_red_light_is_no_tampering_though_it_makes_the_picture_softer(until_s: float) -> None:
    assert _run(_from_twelve(_infra_red, until_s)) == []


def test_a_mast_that_trembles_is_no_tampering() -> None:
    def tremble(grey: Grey, at_s: float) -> Grey:
        return np.roll(grey, (round(3 * np.sin(at_s * 7.3)), round(4 * np.sin(at_s * 9))), (0, 1))

    assert _run(lambda grey, at_s: tremble(grey, at_s) if at_s >= AT_S else grey) == []


def test_a_lorry_that_passes_and_stops_for_a_moment_is_no_tampering() -> None:
    def pass_by(grey: Grey, at_s: float) -> Grey:
        gone_s = min(at_s - AT_S, 2.0) + max(0.0, at_s - AT_S - 3.0)
        left = round(-480 + 250 * gone_s)
        seen = grey.copy()
        across = np.arange(max(0, left), max(0, min(640, left + 480)))
        seen[20:350, across] = (110 + 50 * ((across - left) // 60 % 2)).astype(np.uint8)
        return seen

    assert _run(lambda grey, at_s: pass_by(grey, at_s) if at_s >= AT_S else grey) == []


def test_an_open_tampering_never_becomes_the_known_view() -> None:
    watch = TamperWatch()
    assert _watched(watch, lambda grey: grey, 0.0, AT_S) == []
    began = _watched(watch, _covered, AT_S, 24.0)
    assert [(step.phase, step.what) for step in began] == [("began", "covered")]
    for hour in range(1, 4):
        assert _watched(watch, _covered, hour * 3600.0, hour * 3600.0 + 3.0) == []
    over = _watched(watch, lambda grey: grey, 15000.0, 15006.0)
    assert [(step.phase, step.what) for step in over] == [("ended", "covered")]


def test_one_kind_that_turns_into_another_is_one_episode() -> None:
    steps = _run(lambda grey, at_s: grey if at_s < AT_S else _moved(grey) if at_s < 17.0 else _covered(grey))
    assert [step.phase for step in steps] == ["began"]


def test_a_camera_turned_while_it_was_away_is_found_and_one_left_alone_is_not() -> None:
    for change, found in ((_moved, ["moved"]), (lambda grey: grey // 2, [])):
        watch = TamperWatch()
        assert _watched(watch, lambda grey: grey, 0.0, AT_S) == []
        watch.resume(600.0)
        assert [step.what for step in _watched(watch, change, 600.0, 608.0)] == found


def _watched(
    watch: TamperWatch, change: Callable[[Grey], Grey], since_s: float, until_s: float
) -> list[TamperStep]:
    steps = []
    for number in range(round((until_s - since_s) * 4)):
        at_s = since_s + number / 4
        steps += watch.look(change(grey_yard(at_s)), at_s)
    return steps
