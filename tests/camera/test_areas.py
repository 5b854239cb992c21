"""Zones and ignored areas, drawn from fractions."""

import numpy as np

from edge.camera.areas import Areas
from edge.camera.picture import SMALL_HEIGHT_PX, SMALL_WIDTH_PX

LEFT = [(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)]
LOWER = [(0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0)]


def test_without_zones_everything_counts_and_everything_is_watched() -> None:
    areas = Areas()
    assert areas.zone_of(10, 10, 5, 5) == ""
    assert areas.watched is None


def test_a_thing_is_where_it_stands_not_where_its_head_is() -> None:
    areas = Areas([("yard", LOWER)])
    assert areas.zone_of(100, 20, 20, 60) == "yard"
    assert areas.zone_of(100, 20, 20, 40) is None


def test_where_zones_overlap_the_first_counts() -> None:
    areas = Areas([("gate", LEFT), ("yard", LOWER)])
    assert areas.zone_of(20, 80, 10, 30) == "gate"
    assert areas.zone_of(200, 80, 10, 30) == "yard"


def test_a_thing_half_outside_the_picture_stands_at_its_edge() -> None:
    areas = Areas([("gate", LEFT)])
    assert areas.zone_of(-20, 130, 10, 40) == "gate"
    assert areas.zone_of(SMALL_WIDTH_PX - 2, SMALL_HEIGHT_PX - 2, 30, 30) is None


def test_ignored_areas_are_not_watched() -> None:
    watched = Areas(ignored=[LEFT]).watched
    assert watched is not None
    assert not watched[:, :126].any()
    assert watched[:, 130:].all()
    assert np.asarray(watched).shape == (SMALL_HEIGHT_PX, SMALL_WIDTH_PX)


def test_a_polygon_without_area_hides_nothing_and_is_no_zone() -> None:
    areas = Areas([("line", [(0.0, 0.0), (1.0, 1.0)])], [[(0.2, 0.2)]])
    assert areas.watched is None
    assert areas.zone_of(10, 10, 5, 5) == ""


def test_a_quiet_area_holds_what_stands_in_it_as_long_as_it_is_set_and_is_watched_all_the_same() -> None:
    areas = Areas([("yard", LOWER)])
    assert not areas.is_quiet(20, 80, 10, 30)
    areas.quiet = [LEFT]
    assert areas.is_quiet(20, 80, 10, 30)
    assert not areas.is_quiet(200, 80, 10, 30)
    assert not areas.is_quiet(120, 80, 40, 30), "it stands beside the area and reaches into it"
    assert areas.is_quiet(20, 100, 10, SMALL_HEIGHT_PX - 100), "the picture's lower edge belongs to it"
    assert areas.zone_of(20, 80, 10, 30) == "yard"
    assert areas.watched is None
    areas.quiet = []
    assert not areas.is_quiet(20, 80, 10, 30)
