"""Drawn areas tried on stored alerts: what the node would tell, would not, and what nobody can say beforehand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from broker.hub.camera_areas import Areas
from broker.hub.camera_trial import Fate, Line, fate_of, try_areas
from broker.hub.quiet_proposal import Outcome, Past
from tests.hub.town import NOW

PERSON = (0.4, 0.4, 0.1, 0.3)
FEET = [(0.3, 0.6), (0.7, 0.6), (0.7, 0.9), (0.3, 0.9)]
ALL_OF_IT = [(0.4, 0.4), (0.5, 0.4), (0.5, 0.7), (0.4, 0.7)]
ELSEWHERE = [(0.0, 0.0), (0.2, 0.0), (0.2, 0.2), (0.0, 0.2)]
HEAD_ONLY = [(0.3, 0.3), (0.6, 0.3), (0.6, 0.5), (0.3, 0.5)]


def past(*boxes: tuple[float, float, float, float], outcome: Outcome = "false", hours: float = 0.5) -> Past:
    return Past(1, NOW - timedelta(hours=hours), boxes, outcome)


def drawn(*corners: Any, name: str = "") -> list[dict[str, Any]]:
    return [{"name": name, "corners": each} for each in corners]


@pytest.mark.parametrize("kind", ["ignored", "masks"])
@pytest.mark.parametrize(
    ("corners", "fate"),
    [(FEET, "unsure"), (HEAD_ONLY, "unsure"), (ALL_OF_IT, "kept back"), (ELSEWHERE, "told")],
)
def test_an_ignored_area_cuts_out_what_it_covers_wherever_the_feet_stand(
    kind: str, corners: Any, fate: Fate
) -> None:
    assert fate_of(Areas(**{kind: drawn(corners)}), past(PERSON)) == fate


def test_two_areas_that_cover_it_together_keep_it_back() -> None:
    left = [(0.3, 0.3), (0.45, 0.3), (0.45, 0.8), (0.3, 0.8)]
    right = [(0.45, 0.3), (0.6, 0.3), (0.6, 0.8), (0.45, 0.8)]
    assert fate_of(Areas(ignored=drawn(left), masks=drawn(right)), past(PERSON)) == "kept back"


def test_the_clearest_of_several_boxes_decides() -> None:
    areas = Areas(ignored=drawn(ALL_OF_IT))
    assert fate_of(areas, past(PERSON, (0.7, 0.4, 0.1, 0.3))) == "told"
    assert fate_of(areas, past(PERSON, (0.45, 0.4, 0.1, 0.3))) == "unsure"
    assert fate_of(areas, past()) == "told"


def test_zones_ask_where_it_stands_and_a_cut_thing_may_stand_elsewhere() -> None:
    assert fate_of(Areas(zones=drawn(FEET)), past(PERSON)) == "told"
    assert fate_of(Areas(zones=drawn(HEAD_ONLY)), past(PERSON)) == "kept back"
    assert fate_of(Areas(zones=drawn(HEAD_ONLY), ignored=drawn(FEET)), past(PERSON)) == "unsure"
    assert fate_of(Areas(zones=drawn(ELSEWHERE), ignored=drawn(FEET)), past(PERSON)) == "kept back"


def test_each_span_counts_three_fates_and_the_true_ones_that_may_be_lost() -> None:
    away = (0.7, 0.1, 0.1, 0.2)
    half = (0.45, 0.4, 0.1, 0.3)
    stored = [
        past(PERSON),
        past(PERSON, outcome="true", hours=5),
        past(half, outcome="open", hours=5),
        past(half, hours=50),
        past(away, outcome="true", hours=50),
    ]
    assert try_areas(Areas(masks=drawn(ALL_OF_IT)), stored, NOW) == [
        Line("1 giờ qua", told=0, unsure=0, kept_back=1, true=0),
        Line("24 giờ qua", told=0, unsure=1, kept_back=2, true=2),
        Line("30 ngày qua", told=1, unsure=2, kept_back=2, true=2),
    ]
