"""Privacy masks: what lies under them is gone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from broker.contract.camera import PAIR_LIMIT, SNAPSHOT_LIMIT
from edge.camera.clips import small_under, snapshot
from edge.camera.privacy import COLOUR, SHRUNK_MARGIN_PX, MaskError, Polygon, Veil, burn, check, cover

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


# -- shapes that people draw


STAR = [(0.5, 0.05), (0.75, 0.95), (0.1, 0.4), (0.9, 0.4), (0.25, 0.95)]


def test_an_outline_that_crosses_itself_hides_all_that_it_encloses() -> None:
    picture = _picture()
    masked = burn(picture, [STAR])
    assert (masked[60:66, 98:102] == COLOUR).all()  # the middle, which every second part would leave open
    assert (masked[2:4, 2:10] == picture[2:4, 2:10]).all()


@pytest.mark.parametrize(
    "polygon",
    [
        [(0.5, 0.5), (0.5, 0.5), (0.5, 0.5)],
        [(0.5, 0.5), (0.5005, 0.5), (0.5, 0.5005)],
        [(0.4, 0.5), (0.6, 0.5), (0.5, 0.5)],
    ],
)
def test_a_mask_thinner_than_a_pixel_still_covers(polygon: list[tuple[float, float]]) -> None:
    masked = burn(_picture(), [polygon])
    assert (masked[60, 99:102] == COLOUR).all()
    assert (masked[:50] == _picture()[:50]).all()


@pytest.mark.parametrize("far", [1.0, 1.4, 50.0, 1e9, float("inf")])
def test_the_whole_picture_and_what_lies_outside_it(far: float) -> None:
    whole = [(1 - far, 1 - far), (far, 1 - far), (far, far), (1 - far, far)]
    assert (burn(_picture(), [whole]) == COLOUR).all()


def test_a_mask_beside_the_picture_hides_nothing_in_it() -> None:
    picture = _picture()
    beside = [(1.2, 0.0), (1.5, 0.0), (1.5, 1.0), (1.2, 1.0)]
    assert (burn(picture, [beside]) == picture).all()


@pytest.mark.parametrize("shape", [(1, 1, 3), (16, 16, 3), (121, 199, 3), (121, 199), (2, 900, 3)])
def test_any_size_and_grey_are_masked(shape: tuple[int, ...]) -> None:
    picture = np.full(shape, 200, np.uint8)
    masked = burn(picture, [SQUARE])
    height, width = shape[:2]
    assert masked.shape == shape
    middle = masked[height // 2, width // 2]
    assert np.array_equal(np.ravel(middle), COLOUR[: middle.size])


def test_what_was_under_a_mask_changes_no_byte_of_what_is_sent() -> None:
    """Snapshot, evidence pair and best picture: the same bytes, whatever was hidden."""
    seen = _picture()
    other = seen.copy()
    other[28:93, 48:153] = np.random.default_rng(9).integers(0, 255, (65, 105, 3))
    assert not np.array_equal(seen, other)
    for limit in (SNAPSHOT_LIMIT, PAIR_LIMIT, 2000):
        assert snapshot(burn(seen, [SQUARE]), limit) == snapshot(burn(other, [SQUARE]), limit)


def test_brightness_that_is_judged_is_veiled_in_every_size() -> None:
    veil = Veil([SQUARE])
    for size in ((144, 256), (360, 640), (144, 256)):
        luma = np.full(size, 200, np.uint8)
        veiled = veil.over(luma)
        assert int(veiled[size[0] // 2, size[1] // 2]) == COLOUR[0]
        assert int(veiled[0, 0]) == 200
        assert int(luma.min()) == 200


@pytest.mark.parametrize("size", [(720, 1280), (731, 1300), (1080, 1920), (1521, 2703), (2160, 3840)])
def test_nothing_that_a_mask_hid_survives_in_a_clip_that_is_made_smaller(size: tuple[int, int]) -> None:
    """Slanted outlines: whatever lay under the mask in full size, the small picture is the same."""
    slanted = [(0.2113, 0.1), (0.73, 0.237), (0.6, 0.811), (0.3171, 0.62)]
    hidden = cover(*size, [slanted]) > 0
    veil = Veil([slanted], SHRUNK_MARGIN_PX)
    dark, bright = (np.full((*size, 3), 120, np.uint8) for _ in range(2))
    dark[hidden], bright[hidden] = 0, 255
    shown = small_under(veil, dark)
    assert max(shown.shape) == 1280
    assert (shown == small_under(veil, bright)).all()
    assert (shown[0] == 120).all()


def test_the_masks_of_a_clip_are_drawn_once() -> None:
    class Counted(list[Polygon]):
        drawn = 0

        def __iter__(self) -> Iterator[Polygon]:
            self.drawn += 1
            return super().__iter__()

    masks = Counted([SQUARE])
    veil = Veil(masks, SHRUNK_MARGIN_PX)
    for _ in range(3):
        small_under(veil, np.full((1080, 1920, 3), 120, np.uint8))
    assert masks.drawn == 1


def test_corners_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(MaskError):
        check([[(float("nan"), 0.0), (1.0, 0.0), (1.0, 1.0)]])
