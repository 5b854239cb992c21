"""Movement and tampering of one camera together."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from edge.camera.analysis import Analyst, Finding, Rules
from edge.camera.motion import Verdict
from edge.camera.picture import Grey
from tests.camera.film import grey_yard

STEP_S = 0.2


@cache
def _noisy(number: int) -> Grey:
    return grey_yard(number * STEP_S)


def _yard(at_s: float) -> Grey:
    """The empty yard; noise that comes again after seven pictures, which costs less to draw."""
    return _noisy(round(at_s / STEP_S) % 7)


class Told:
    """A detector that says what it is told to."""

    def __init__(self, said: Callable[[float], Verdict]) -> None:
        self.sensitivity = 0.5
        self.busy = False
        self.rested: list[float] = []
        self.resumed: list[float] = []
        self._said = said

    def look(self, small: Grey, now_s: float) -> Verdict:
        return self._said(now_s)

    def rest(self, small: Grey, now_s: float) -> None:
        self.rested.append(now_s)

    def resume(self, now_s: float) -> None:
        self.resumed.append(now_s)


def _still(_: float) -> Verdict:
    return Verdict()


def _moves(since_s: float, until_s: float) -> Callable[[float], Verdict]:
    """Surest in the middle, where its box is."""

    def said(at_s: float) -> Verdict:
        if not since_s <= at_s <= until_s:
            return Verdict()
        sure = 0.9 if abs(at_s - (since_s + until_s) / 2) < 0.15 else 0.5
        where = (round(at_s) / 100, 0.5, 0.1, 0.2)
        return Verdict(
            moving_since_s=since_s, boxes=[where], confidence=sure, zone="gate", reasons=("travels",)
        )

    return said


def _look(
    analyst: Analyst, seconds: float, since_s: float = 0.0, view: Callable[[float], Grey] = _yard
) -> list[Finding]:
    times_s = [since_s + number * STEP_S for number in range(round(seconds / STEP_S))]
    return [finding for at_s in times_s for finding in analyst.look(view(at_s), at_s)]


def test_an_episode_ends_with_its_best_picture() -> None:
    found = _look(Analyst(detector=Told(_moves(2.0, 6.0))), 12.0)
    assert [(f.kind, f.phase) for f in found] == [("motion", "began"), ("motion", "ended")]
    began, ended = found
    assert began.start_s == pytest.approx(2.0)
    assert ended.end_s == pytest.approx(6.0)
    assert (began.confidence, began.zone, began.reasons) == (0.5, "gate", ("travels",))
    assert ended.best_s == pytest.approx(4.0, abs=0.2)
    assert ended.confidence == 0.9
    assert ended.boxes == [(0.04, 0.5, 0.1, 0.2)]


def test_the_next_episode_has_a_best_picture_of_its_own() -> None:
    analyst = Analyst(
        detector=Told(lambda at_s: (_moves(2.0, 6.0) if at_s < 9 else _moves(12.0, 13.0))(at_s))
    )
    ended = [finding for finding in _look(analyst, 20.0) if finding.phase == "ended"]
    assert [round(finding.best_s) for finding in ended] == [4, 12]


def test_it_is_busy_while_an_episode_is_open_and_at_rest_after() -> None:
    analyst = Analyst(detector=Told(_moves(2.0, 3.0)))
    _look(analyst, 5.0)
    assert analyst.busy
    _look(analyst, 3.0, since_s=5.0)
    assert not analyst.busy


def test_rest_goes_to_the_detector_and_says_nothing() -> None:
    detector = Told(_still)
    analyst = Analyst(detector=detector)
    _look(analyst, 5.0)
    assert [finding for n in range(10) for finding in analyst.rest(_yard(5.0 + 2 * n), 5.0 + 2 * n)] == []
    assert detector.rested == [5.0 + 2 * n for n in range(10)]
    assert analyst.wants(23.2)


def test_pictures_closer_than_a_fifth_of_a_second_are_not_wanted() -> None:
    analyst = Analyst(detector=Told(_still))
    assert analyst.wants(0.0)
    analyst.look(_yard(0.0), 0.0)
    assert not analyst.wants(0.1)
    assert analyst.wants(0.2)


def test_a_covered_lens_is_a_tampering_and_no_movement() -> None:
    def covered(at_s: float) -> Grey:
        seen = _yard(at_s)
        return seen if at_s < 8 else np.asarray(seen // 32 + 18, np.uint8)

    found = _look(Analyst(), 14.0, view=covered)
    assert {finding.kind for finding in found} == {"tamper"}
    assert found[0].what == "covered"
    assert found[0].start_s == pytest.approx(8.0, abs=1.0)


def test_what_is_open_ends_with_the_source() -> None:
    analyst = Analyst(detector=Told(_moves(2.0, 99.0)))
    _look(analyst, 5.0)
    assert [(f.kind, f.phase) for f in analyst.close()] == [("motion", "ended")]
    assert analyst.close() == []


def test_a_source_that_returns_is_a_new_beginning_for_motion() -> None:
    detector = Told(_moves(2.0, 99.0))
    analyst = Analyst(detector=detector)
    _look(analyst, 5.0)
    analyst.close()
    analyst.resume(100.0)
    assert detector.resumed == [100.0]
    assert not analyst.busy
    assert analyst.wants(50.0)


def test_sensitivity_of_the_night_reaches_the_detector() -> None:
    analyst = Analyst(Rules(sensitivity=0.4))
    assert analyst.sensitivity == 0.4
    analyst.sensitivity = 0.7
    assert analyst.sensitivity == 0.7


def test_rules_reach_the_detector() -> None:
    def walker(at_s: float) -> Grey:
        view = _yard(at_s).copy()
        if at_s > 4:
            x = round((at_s - 4) * 50)
            view[200:270, x : x + 26] = 240
        return view

    def found(rules: Rules) -> set[str]:
        return {finding.zone for finding in _look(Analyst(rules), 9.0, view=walker)}

    everywhere = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
    assert found(Rules()) == {""}
    assert found(Rules(zones=[("yard", everywhere)])) == {"yard"}
    assert found(Rules(ignored=[everywhere])) == set()


@pytest.mark.parametrize(("fps", "a_second"), [(25, 5.0), (15, 5.0), (10, 5.0), (8, 4.0), (5, 5.0), (3, 3.0)])
def test_judged_pictures_lie_evenly_whatever_the_camera_sends(fps: int, a_second: float) -> None:
    analyst = Analyst(detector=Told(_still))
    judged: list[int] = []
    for number in range(10 * fps):
        if analyst.wants(number / fps):
            analyst.look(_yard(0.0), number / fps)
            judged.append(number)
    assert len(judged) == pytest.approx(10 * a_second, abs=1)
    assert {b - a for a, b in pairwise(judged)} == {round(fps / a_second)}


def _halves(at_s: float) -> Grey:
    """Somebody walks from left to right from second 4 on; the middle is reached at second 10."""
    view = _yard(at_s).copy()
    if at_s > 4:
        x = round((at_s - 4) * 50)
        view[200:270, x : x + 26] = 240
    return view


LEFT = [(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)]
RIGHT = [(0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0)]


def test_movement_in_a_quiet_area_is_told_no_one_and_beside_it_counts_from_the_step_out() -> None:
    analyst = Analyst()
    analyst.quiet = [LEFT, RIGHT]
    assert _look(analyst, 15.0, view=_halves) == []
    analyst = Analyst()
    analyst.quiet = [LEFT]
    began = _look(analyst, 15.0, view=_halves)[0]
    assert began.phase == "began"
    assert began.start_s == pytest.approx(10.0, abs=0.6)
    assert all(x + w / 2 > 0.5 for x, _, w, _ in began.boxes)


def test_when_quiet_hours_begin_what_is_open_ends_and_when_they_end_it_is_told_anew() -> None:
    analyst = Analyst()
    found = _look(analyst, 8.0, view=_halves)
    analyst.quiet = [LEFT]
    found += _look(analyst, 10.8 - 8.0, since_s=8.0, view=lambda at_s: _halves(min(at_s, 9.4 + at_s / 100)))
    assert [finding.phase for finding in found] == ["began"], "a short pause is one episode"
    found += _look(analyst, 1.0, since_s=10.8, view=lambda at_s: _halves(9.4 + at_s / 100))
    assert [finding.phase for finding in found] == ["began", "ended"]
    assert found[1].end_s == pytest.approx(8.0, abs=0.25)
    analyst.quiet = []
    found += _look(analyst, 2.0, since_s=11.8, view=lambda at_s: _halves(9.5 + (at_s - 11.8)))
    assert [finding.phase for finding in found] == ["began", "ended", "began"]
    assert found[2].start_s == pytest.approx(12.0, abs=0.4)


@pytest.mark.parametrize("is_quiet", [True, False])
def test_a_quiet_area_does_not_make_a_passing_lorry_a_tampering(*, is_quiet: bool) -> None:
    """It hides the view for so long that it would be one if nothing had come before."""

    def said(at_s: float) -> Verdict:
        moving = Verdict(moving_since_s=8.0) if 8.0 <= at_s <= 14.0 else Verdict()
        return Verdict(whole=moving) if is_quiet else moving

    def hidden(at_s: float) -> Grey:
        seen = _yard(at_s)
        return np.asarray(seen // 32 + 18, np.uint8) if 10.0 <= at_s < 13.5 else seen

    def kinds(detector: Told) -> set[str]:
        return {finding.kind for finding in _look(Analyst(detector=detector), 18.0, view=hidden)}

    assert kinds(Told(_still)) == {"tamper"}
    assert "tamper" not in kinds(Told(said))
