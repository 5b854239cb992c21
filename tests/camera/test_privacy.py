"""Privacy masks: what lies under them is gone."""

from __future__ import annotations

import numpy as np
import pytest

from edge.camera.privacy import COLOUR, MaskError, burn, check

SQUARE = [(0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75)]


def _picture() -> np.ndarray:
    return np.random.default_rng(1).integers(60, 255, (120, 200, 3)).astype(np.uint8)


def test_every_pixel_under_a_mask_is_replaced() -> None:
    masked = burn(_picture(), [SQUARE])
    assert (masked[30:91, 50:151] == COLOUR).all()


def test_pixels_well_outside_a_mask_stay() -> None:
    picture = _picture()
    masked = burn(picture, [SQUARE])
    assert (masked[:24] == picture[:24]).all()
    assert (masked[:, 160:] == picture[:, 160:]).all()


def test_the_picture_given_is_not_changed() -> None:
    picture = _picture()
    before = picture.copy()
    burn(picture, [SQUARE])
    assert (picture == before).all()


def test_no_masks_cost_nothing() -> None:
    picture = _picture()
    assert burn(picture, []) is picture


@pytest.mark.parametrize(
    "wrong", [[(0.1, 0.1), (0.2, 0.2)], [(0, 0), (1, 0), (1.2, 1)], [(0, -0.1), (1, 0), (1, 1)]]
)
def test_impossible_masks_are_refused_by_number(wrong: list[tuple[float, float]]) -> None:
    with pytest.raises(MaskError, match="mask 2"):
        check([SQUARE, wrong])
