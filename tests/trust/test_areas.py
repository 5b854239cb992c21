"""Where a thing stands: in an area of the picture or beside it."""

from __future__ import annotations

import pytest

from broker.trust.areas import is_inside, stands_in

SQUARE = [(0.2, 0.2), (0.6, 0.2), (0.6, 1.0), (0.2, 1.0)]
ARROW = [(0.0, 0.0), (1.0, 0.0), (0.5, 0.5), (1.0, 1.0), (0.0, 1.0)]


@pytest.mark.parametrize(
    ("box", "inside"),
    [
        ((0.3, 0.3, 0.1, 0.2), True),
        ((0.05, 0.3, 0.2, 0.2), False),
        ((0.3, 0.0, 0.1, 0.19), False),
        ((0.3, 0.8, 0.1, 0.2), True),
        ((0.55, 0.3, 0.2, 0.2), False),
    ],
)
def test_a_thing_stands_where_the_middle_of_its_lower_edge_is(
    box: tuple[float, float, float, float], inside: bool
) -> None:
    assert stands_in(SQUARE, *box) is inside


def test_a_bay_of_an_area_is_outside() -> None:
    assert not is_inside(ARROW, 0.9, 0.5)
    assert is_inside(ARROW, 0.3, 0.5)


def test_lists_as_json_brings_them_count_like_tuples() -> None:
    assert stands_in([[0.2, 0.2], [0.6, 0.2], [0.6, 1.0]], 0.5, 0.2, 0.1, 0.1)
