"""What counts as movement, on pictures made for each case. The films with truth are judged in test_watch."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from edge.camera.areas import Areas
from edge.camera.motion import MotionDetector, Verdict
from edge.camera.picture import SMALL_HEIGHT_PX, SMALL_WIDTH_PX, Grey

FPS = 5


def _ground(seed: int = 1) -> np.ndarray:
    """A textured view without anything in it."""
    rough = np.random.default_rng(seed).normal(0, 30, (SMALL_HEIGHT_PX // 6, SMALL_WIDTH_PX // 6))
    smooth = cv2.resize(rough, (SMALL_WIDTH_PX, SMALL_HEIGHT_PX), interpolation=cv2.INTER_CUBIC)
    return np.asarray(110 + smooth, dtype=np.float64)


def _taken(view: np.ndarray, at_s: float, noise: float) -> Grey:
    """The view as a camera with this much noise sends it."""
    random = np.random.default_rng(round(at_s * 10))
    return np.asarray(np.clip(view + random.normal(0, noise, view.shape), 0, 255), np.uint8)


def _judge(
    paint: Callable[[np.ndarray, float], np.ndarray],
    seconds: float = 14.0,
    noise: float = 2.0,
    detector: MotionDetector | None = None,
) -> list[tuple[float, Verdict]]:
    """Verdicts on a view that `paint(view, at_s)` changes."""
    detector, ground = detector or MotionDetector(), _ground()
    times_s = [number / FPS for number in range(round(seconds * FPS))]
    return [(at_s, detector.look(_taken(paint(ground.copy(), at_s), at_s, noise), at_s)) for at_s in times_s]


def _moved(found: list[tuple[float, Verdict]]) -> list[float]:
    return [at_s for at_s, verdict in found if verdict.moving_since_s is not None]


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
    found = _judge(_walker(35.0, w=4, h=9, speed=8.0), seconds=20.0)
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
    found = _judge(lambda view, at_s: _rain(walk(view, at_s), at_s), seconds=20.0)
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


def _infrared(view: np.ndarray, at_s: float) -> np.ndarray:
    if at_s < 7:
        return view
    return view * 0.1 if at_s < 7.4 else np.asarray(cv2.GaussianBlur(view, (0, 0), 2) * 0.6 + 40)


def _insects(view: np.ndarray, at_s: float) -> np.ndarray:
    random = np.random.default_rng(round(at_s * 100))
    for _ in range(2):
        x, y = random.integers(10, SMALL_WIDTH_PX - 30), random.integers(10, SMALL_HEIGHT_PX - 20)
        view[y : y + 6, x : x + random.integers(6, 20)] += 90
    return view


def _pole(view: np.ndarray, at_s: float) -> np.ndarray:
    shift = np.array([[1, 0, 4 * np.sin(at_s * 2.6)], [0, 1, 2 * np.sin(at_s * 1.9)]])
    return np.asarray(
        cv2.warpAffine(view, shift, (SMALL_WIDTH_PX, SMALL_HEIGHT_PX), borderMode=cv2.BORDER_REFLECT)
    )


def _lamp(view: np.ndarray, at_s: float) -> np.ndarray:
    if at_s > 7:
        view[60:130, 100:180] *= 1.6
    return view


def _cloud(view: np.ndarray, at_s: float) -> np.ndarray:
    edge = 1 / (1 + np.exp(-(np.arange(SMALL_WIDTH_PX) - 30 * (at_s - 5)) / 12))
    return np.asarray(view * (0.7 + 0.3 * edge))


@pytest.mark.parametrize("paint", [_infrared, _insects, _pole, _lamp, _cloud])
def test_night_switch_insects_wind_and_lamps_are_no_movement(paint: Callable[..., np.ndarray]) -> None:
    assert _moved(_judge(paint)) == []


def _ripples(view: np.ndarray, at_s: float) -> np.ndarray:
    """The lower half is water: flat patches that lighten, darken and wander, all round the same places."""
    random = np.random.default_rng(2)
    y, x = np.mgrid[70:SMALL_HEIGHT_PX, 0:SMALL_WIDTH_PX]
    for _ in range(14):
        middle_x, middle_y = random.uniform(0, SMALL_WIDTH_PX), random.uniform(74, SMALL_HEIGHT_PX)
        beat, phase = random.uniform(0.8, 2.2), random.uniform(0, 6.3)
        off_x = x - middle_x - 12 * np.sin(0.7 * beat * at_s + phase)
        view[70:] += (
            22 * np.sin(beat * at_s + phase) * np.exp(-((off_x / 14) ** 2) - ((y - middle_y) / 4) ** 2)
        )
    return view


def test_ripples_are_no_movement_and_who_walks_behind_them_is() -> None:
    assert _moved(_judge(_ripples)) == []
    walk = _walker(-50.0, w=7, h=16, speed=10.0)
    assert _moved(_judge(lambda view, at_s: walk(_ripples(view, at_s), at_s)))


def _snow(view: np.ndarray, at_s: float) -> np.ndarray:
    """From second 3 on large flakes fall straight down before the lens, each at its own pace, a dozen in view."""
    random = np.random.default_rng(8)
    for number in range(12):
        x, begun_s, pace = (
            12 + 20 * number + random.uniform(-4, 4),
            random.uniform(3, 6),
            random.uniform(22, 40),
        )
        if at_s > begun_s:
            cv2.circle(view, (round(x), round((at_s - begun_s) * pace) % SMALL_HEIGHT_PX), 2, 250.0, -1)
    return view


def test_snow_that_falls_straight_is_no_movement_and_who_walks_through_it_is() -> None:
    assert _moved(_judge(_snow)) == []
    walk = _walker(-50.0)
    assert _moved(_judge(lambda view, at_s: _snow(walk(view, at_s), at_s)))


def _lamp_comes(view: np.ndarray, at_s: float) -> np.ndarray:
    """The lamp of a motorbike far away, down a straight road and nearer."""
    if at_s > 5.0:
        y = 40 + (at_s - 5.0) * 12.0
        cv2.circle(view, (round(100 + 0.3 * y), round(y)), 2, 250.0, -1)
    return view


def test_a_lamp_that_comes_down_the_road_alone_is_no_flake() -> None:
    assert _moved(_judge(_lamp_comes))


def test_who_walks_slowly_and_faintly_is_seen() -> None:
    found = _judge(_walker(16.0, w=6, h=16, speed=5.0), seconds=16.0)
    assert _moved(found)


def test_what_walks_from_the_first_picture_on_is_dated_back_to_it() -> None:
    walk = _walker(-50.0)
    found = _judge(lambda view, at_s: walk(view, at_s + 8.0), seconds=6.0)
    assert min(v.moving_since_s for _, v in found if v.moving_since_s is not None) < 0.5
    assert _moved(found)[0] < 2.5


def _near(view: np.ndarray, at_s: float) -> np.ndarray:
    """Somebody close to the lens from second 5 on, in the left two thirds."""
    if at_s > 5:
        random = np.random.default_rng(round(at_s * 10))
        for _ in range(4):
            x, y = random.integers(40, 150), random.integers(10, 80)
            view[y : y + 50, x : x + 30] = random.uniform(20, 220)
    return view


def test_somebody_close_to_the_lens_is_seen_though_he_falls_to_pieces() -> None:
    moved = _moved(_judge(_near, seconds=8.0))
    assert moved
    assert moved[0] < 6.5


def _comes_and_stands(view: np.ndarray, at_s: float) -> np.ndarray:
    """Walks in at 4, stands from 6 to 12 and stirs a hand, goes on."""
    if at_s > 4:
        x = round(40 * (min(at_s, 6) - 4) + 40 * max(0.0, at_s - 12)) + 10
        view[50:80, x : x + 10] = 30.0
        hand = 62 + round(3 * np.sin(at_s * 4))
        view[hand : hand + 4, x + 10 : x + 14] = 30.0
    return view


def test_who_stops_for_a_while_stays_seen() -> None:
    moved = np.array(_moved(_judge(_comes_and_stands, seconds=15.0)))
    assert np.diff(moved).max() < 3.0
    assert moved[-1] > 13.0


def test_what_was_put_down_and_left_is_no_movement_for_long() -> None:
    def put_down(view: np.ndarray, at_s: float) -> np.ndarray:
        if at_s > 4:
            x = 20 + round(25 * (min(at_s, 7) - 4))
            view[60:90, x : x + 14] = 20.0
        return view

    found = _judge(put_down, seconds=16.0)
    stirred = [v.moving_until_s for _, v in found if v.moving_until_s is not None]
    assert stirred
    assert max(stirred) < 8.5  # it stands from 7 s on
    assert _moved(found)[-1] < 13.0


def test_only_what_stands_in_a_zone_counts_and_names_it() -> None:
    def zoned(corners: list[tuple[float, float]]) -> list[Verdict]:
        detector = MotionDetector(areas=Areas([("gate", corners)]))
        found = _judge(_walker(-60.0), detector=detector)
        return [v for _, v in found if v.moving_since_s is not None]

    inside = zoned([(0.0, 0.5), (1.0, 0.5), (1.0, 0.7), (0.0, 0.7)])
    assert {verdict.zone for verdict in inside} == {"gate"}
    assert zoned([(0.0, 0.8), (1.0, 0.8), (1.0, 1.0), (0.0, 1.0)]) == []


def test_an_ignored_area_is_not_looked_at() -> None:
    road = [(0.0, 0.35), (1.0, 0.35), (1.0, 0.65), (0.0, 0.65)]
    detector = MotionDetector(areas=Areas(ignored=[road]))
    assert _moved(_judge(_walker(-60.0), detector=detector)) == []


def _quiet(since: float, until: float) -> Areas:
    """Quiet between these shares of the picture's width."""
    areas = Areas()
    areas.quiet = [[(since, 0.0), (until, 0.0), (until, 1.0), (since, 1.0)]]
    return areas


def test_who_walks_into_a_quiet_area_is_told_until_then() -> None:
    found = _judge(_walker(-60.0), detector=MotionDetector(areas=_quiet(0.5, 1.0)))
    boxes = [box for _, verdict in found for box in verdict.boxes]
    assert boxes
    assert all(x + w / 2 <= 0.5 for x, _, w, _ in boxes)
    assert _moved(found)[-1] == pytest.approx(11.6, abs=0.5)


def test_who_walks_out_of_a_quiet_area_is_told_at_once_and_dated_to_the_step_out() -> None:
    told = [
        (at_s, verdict)
        for at_s, verdict in _judge(_walker(-60.0), detector=MotionDetector(areas=_quiet(0.0, 0.5)))
        if verdict.moving_since_s is not None
    ]
    first_s, verdict = told[0]
    assert first_s == pytest.approx(11.6, abs=0.5)
    assert verdict.moving_since_s == pytest.approx(first_s, abs=0.25)
    assert verdict.whole is not None
    assert verdict.whole.moving_since_s == pytest.approx(6.2, abs=0.5)


def test_when_a_quiet_area_ends_who_walks_in_it_is_told_from_then() -> None:
    areas, walk = _quiet(0.0, 1.0), _walker(-60.0)

    def paint(view: np.ndarray, at_s: float) -> np.ndarray:
        if at_s >= 10.0:
            areas.quiet = []
        return walk(view, at_s)

    told = [(at_s, v) for at_s, v in _judge(paint, detector=MotionDetector(areas=areas)) if v.boxes]
    assert told[0][0] == 10.0
    assert all(v.moving_since_s is not None and v.moving_since_s >= 9.7 for _, v in told)


def _walks_beside_a_restless_one(view: np.ndarray, at_s: float) -> np.ndarray:
    walked = _walker(-60.0)(view, at_s)
    return np.hstack([walked[:, :128], _near(view.copy(), at_s)[:, 40:168]])


@pytest.mark.parametrize("paint", [_walker(-60.0), _near, _comes_and_stands, _walks_beside_a_restless_one])
def test_a_quiet_area_changes_nothing_of_what_is_followed_and_learnt(
    paint: Callable[[np.ndarray, float], np.ndarray],
) -> None:
    usual = [verdict for _, verdict in _judge(paint)]
    hushed = [verdict for _, verdict in _judge(paint, detector=MotionDetector(areas=_quiet(0.0, 1.0)))]
    assert any(verdict.moving_since_s is not None for verdict in usual)
    assert all(verdict.moving_since_s is None for verdict in hushed)
    assert [verdict.whole or verdict for verdict in hushed] == usual


def test_what_is_close_to_the_lens_beside_a_quiet_area_is_told_and_lends_nothing_to_who_is_far() -> None:
    beside = _judge(_near, seconds=8.0, detector=MotionDetector(areas=_quiet(0.75, 1.0)))
    assert _moved(beside)[0] < 6.5
    found = _judge(_walks_beside_a_restless_one, detector=MotionDetector(areas=_quiet(0.5, 1.0)))
    told = [verdict for _, verdict in found if verdict.moving_since_s is not None]
    assert told
    assert min(v.moving_since_s for v in told if v.moving_since_s is not None) > 5.9, "not since second 5"
    assert all(x + w / 2 <= 0.5 for verdict in told for x, _, w, _ in verdict.boxes)


def test_sensitivity_may_change_while_it_looks() -> None:
    walk, flat = _walker(9.0), np.full((SMALL_HEIGHT_PX, SMALL_WIDTH_PX), 110.0)

    def sees(later: float) -> bool:
        detector, seen = MotionDetector(0.5), False
        for at_s in (2.0 + number / FPS for number in range(60)):
            detector.sensitivity = later if at_s > 5.0 else 0.5
            verdict = detector.look(_taken(walk(flat.copy(), at_s), at_s, 1.0), at_s)
            seen = seen or verdict.moving_since_s is not None
        return seen

    assert sees(1.0)
    assert not sees(0.0)


def test_a_verdict_says_why_and_how_sure() -> None:
    verdicts = [v for _, v in _judge(_walker(-60.0)) if v.moving_since_s is not None]
    assert verdicts[0].reasons[0] == "travels"
    assert all(0.0 < verdict.confidence <= 1.0 for verdict in verdicts)
    assert verdicts[-1].confidence > verdicts[0].confidence
    dark = _judge(lambda view, at_s: _walker(-40.0)(view * 0.4, at_s))
    assert any("night" in v.reasons for _, v in dark)


def test_after_an_idle_hour_a_walker_is_judged_as_ever() -> None:
    detector, ground = MotionDetector(), _ground()
    for number in range(15):
        detector.look(_taken(ground, number / FPS, 2.0), number / FPS)
    assert not detector.busy
    for number in range(200):
        detector.rest(_taken(ground, float(number), 2.0), 10.0 + 18.0 * number)
        assert not detector.busy
    walk, began_s = _walker(40.0), 10.0 + 18.0 * 200
    found = [
        (at_s, detector.look(_taken(walk(ground.copy(), at_s + 4.0), at_s, 2.0), began_s + at_s))
        for at_s in (number / FPS for number in range(35))
    ]
    first = next(v for _, v in found if v.moving_since_s is not None)
    assert first.moving_since_s == pytest.approx(began_s + 2.2, abs=0.5)
    assert detector.busy


def test_the_light_of_day_that_comes_slowly_at_rest_is_no_movement() -> None:
    detector, ground = MotionDetector(), _ground()
    for number in range(15):
        detector.look(_taken(ground * 0.5, number / FPS, 2.0), number / FPS)
    for number in range(120):
        detector.rest(_taken(ground * (0.5 + number / 240), float(number), 2.0), 4.0 + 2.0 * number)
    views = [(t, _taken(ground, t, 2.0)) for t in (246.0 + n / FPS for n in range(25))]
    assert all(detector.look(small, t).moving_since_s is None for t, small in views)


def test_a_source_that_returns_is_learnt_anew() -> None:
    detector = MotionDetector()
    _judge(lambda view, _: view, seconds=3.0, detector=detector)
    detector.resume(100.0)
    assert detector.busy
    other = _ground(7)
    views = [(t, _taken(other, t, 2.0)) for t in (100.0 + n / FPS for n in range(20))]
    assert all(detector.look(small, t).moving_since_s is None for t, small in views)


def test_pictures_that_are_black_white_or_late_do_no_harm() -> None:
    detector, at_s = MotionDetector(), 0.0
    for level, gap_s in [(0, 0.2), (0, 0.2), (255, 0.0), (255, 30.0), (0, 0.2), (128, -1.0), (128, 0.2)]:
        at_s += gap_s
        verdict = detector.look(np.full((SMALL_HEIGHT_PX, SMALL_WIDTH_PX), level, np.uint8), at_s)
        assert verdict.moving_since_s is None
