"""What `langso watch` says about films."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edge.camera.capture import CaptureError
from edge.camera.scene import FIRST_VISIT_S, RIDE_S, VISIT_EVERY_S, WALK_S, visitor
from edge.camera.watch import watch

FILMS = Path(__file__).parents[3] / "shared" / "data" / "videos"


def test_a_walk_through_the_yard_is_one_movement(yard_film: Path) -> None:
    said = list(watch(str(yard_film)))
    assert [item["kind"] for item in said] == ["motion"]
    assert set(said[0]) == {"kind", "start", "end"}
    assert said[0]["start"] == pytest.approx(4.6, abs=1.0)
    assert said[0]["end"] == pytest.approx(14.4, abs=1.0)
    json.dumps(said)


def test_a_source_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="Không thấy camera"):
        list(watch(str(tmp_path / "none.mp4")))


def test_visitors_of_the_drawn_yard_come_and_go() -> None:
    assert visitor(0.0) is None
    assert visitor(FIRST_VISIT_S - 0.1) is None
    walker, rider = visitor(FIRST_VISIT_S + 1), visitor(FIRST_VISIT_S + VISIT_EVERY_S + 1)
    assert walker is not None
    assert rider is not None
    assert (walker[0], rider[0]) == ("walker", "rider")
    assert visitor(FIRST_VISIT_S + WALK_S + 0.1) is None
    assert visitor(FIRST_VISIT_S + VISIT_EVERY_S + RIDE_S + 0.1) is None


def _truth() -> dict[str, Any]:
    path = FILMS / "truth.json"
    if not path.exists():
        return {}
    clips: dict[str, Any] = json.loads(path.read_text())["clips"]
    return clips


@pytest.mark.parametrize(
    "film",
    ["dev_pos_plain_car.mp4", "dev_neg_rain_car.mp4", "dev_neg_irswitch_car.mp4", "dev_tam_moved_obo.mp4"],
)
def test_films_with_truth_are_judged_right(film: str) -> None:
    truth = _truth().get(film)
    if truth is None:
        pytest.skip("the films with truth are not beside this checkout")
    said = list(watch(str(FILMS / film)))
    moved = [item for item in said if item["kind"] == "motion"]
    tampered = [item for item in said if item["kind"] == "tamper"]
    assert [item["start"] for item in moved] == pytest.approx(
        [start for start, _ in truth["motion"]], abs=2.0
    )
    assert [item["start"] for item in tampered] == pytest.approx(
        [each["start"] for each in truth["tamper"]], abs=3.0
    )
