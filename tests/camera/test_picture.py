"""The small grey picture: every size of camera averaged to one, and nothing of a view lost or moved."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge.camera.picture import SMALL_HEIGHT_PX, SMALL_WIDTH_PX, Grey, shrink

SIZES = [(1920, 1080), (1366, 768), (1280, 720), (854, 480), (704, 576), (640, 360), (352, 288), (176, 144)]
ODD = [(360, 640), (1600, 200), (513, 289)]


def _view(width_px: int, height_px: int) -> Grey:
    """Soft shapes, the same at every size."""
    y, x = np.mgrid[0:height_px, 0:width_px].astype(np.float64)
    x, y = (x + 0.5) / width_px, (y + 0.5) / height_px
    return np.asarray(128.0 + 60.0 * np.sin(9.0 * x) + 60.0 * np.cos(7.0 * y), np.uint8)


@pytest.mark.parametrize(("width_px", "height_px"), SIZES + ODD)
def test_a_view_is_the_same_from_every_camera(width_px: int, height_px: int) -> None:
    small = shrink(_view(width_px, height_px))
    apart = cv2.absdiff(small, _view(SMALL_WIDTH_PX, SMALL_HEIGHT_PX))
    assert int(np.max(apart)) <= 3


@pytest.mark.parametrize(("width_px", "height_px"), [each for each in SIZES if each[0] >= 640] + ODD[:2])
def test_noise_falls_nearly_as_far_as_a_true_average_lets_it(width_px: int, height_px: int) -> None:
    noise = np.random.default_rng(5).normal(128.0, 20.0, (height_px, width_px))
    luma = np.clip(noise, 0, 255).astype(np.uint8)
    average = cv2.resize(luma, (SMALL_WIDTH_PX, SMALL_HEIGHT_PX), interpolation=cv2.INTER_AREA)
    assert float(np.std(shrink(luma))) <= 1.3 * float(np.std(average))


def test_the_memory_of_a_decoder_with_longer_rows_is_read_where_it_lies() -> None:
    wide = np.zeros((360, 704), np.uint8)
    wide[:, :640] = _view(640, 360)
    assert np.array_equal(shrink(wide[:, :640]), shrink(_view(640, 360)))
