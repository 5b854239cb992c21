"""One look at a camera's view in numbers, cheap enough for twice a second, and how far two looks agree. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from cv2.typing import MatLike

from edge.camera.picture import Field, Grey

WIDE_PX, HIGH_PX = 128, 72
"""Shapes are compared at this size."""
FINE_HIGH_PX = 360
"""Edges are looked at with about this many rows, by leaving out the others: averaging would hide a soft lens."""
BLOCK_PX = 8
"""A power of two: blocks are made by doubling."""
LIGHTS = (16, 9)
"""Light is compared in so many fields: no lens, however soft, changes how light a whole field is."""
WHITE = 228
"""Burnt white from here on: 235 is the top of the limited range that most cameras send."""


@dataclass(frozen=True)
class Look:
    """One picture in numbers."""

    shapes: Field
    """128 x 72: what lies between noise and shading; what makes a view this view."""
    edges: Field
    """Where and how strong edges are, mean of 8 x 8 px blocks of about 640 x 360."""
    peaks: Field
    """The strongest edge of each such block: a shaken camera keeps it, a soft lens does not."""
    lights: Field
    """How light each of 16 x 9 fields is."""
    texture: float
    """Spread of `shapes`, grey levels."""
    contrast: float
    """Spread of the large shapes, grey levels."""
    mean: float
    burnt: float
    """Share of the picture that is burnt white."""


def look_at(luma: Grey, small: Grey) -> Look:
    """Numbers of a picture; `small` is the same at 256 x 144."""
    tiny = cv2.resize(small, (WIDE_PX, HIGH_PX), interpolation=cv2.INTER_AREA)
    field = tiny.astype(np.float32)
    large = cv2.blur(field, (15, 15))
    shapes = cv2.blur(field, (3, 3)) - large
    step = max(1, round(luma.shape[0] / FINE_HIGH_PX))
    rows = np.ascontiguousarray(luma[::step, ::step])
    fine = cv2.max(cv2.absdiff(rows[1:-1, 2:], rows[1:-1, :-2]), cv2.absdiff(rows[2:, 1:-1], rows[:-2, 1:-1]))
    high, wide = max(1, fine.shape[0] // BLOCK_PX), max(1, fine.shape[1] // BLOCK_PX)
    edges = _mean_of_blocks(fine[: high * BLOCK_PX, : wide * BLOCK_PX], high, wide)
    shapes_spread, large_spread = cv2.meanStdDev(shapes)[1], cv2.meanStdDev(large)[1]
    return Look(
        np.asarray(shapes),
        edges,
        _peaks(np.asarray(fine), high, wide),
        np.asarray(cv2.resize(field, LIGHTS, interpolation=cv2.INTER_AREA)),
        float(shapes_spread[0, 0]),
        float(large_spread[0, 0]),
        float(cv2.mean(field)[0]),
        float(np.count_nonzero(tiny >= WHITE)) / tiny.size,
    )


def agreement(one: Field, other: Field) -> float:
    """Pearson's correlation of two fields of one size: 1 the same, 0 unrelated or one of them flat."""
    if one.shape != other.shape:
        return 0.0
    a, b = one - cv2.mean(one)[0], other - cv2.mean(other)[0]
    spread = math.sqrt(float(np.vdot(a, a)) * float(np.vdot(b, b)))
    return float(np.vdot(a, b)) / spread if spread > 1e-3 else 0.0


def relit(one: Field, other: Field) -> float:
    """The share of the view whose light (`Look.lights`) differs."""
    apart = np.abs(one - other) > np.maximum(5.0, 0.1 * other)
    return float(np.count_nonzero(apart)) / float(apart.size)


def _mean_of_blocks(whole: MatLike, high: int, wide: int) -> Field:
    """The mean of each block; whole blocks are halved until they are pixels, which is by far the quickest way."""
    if whole.shape == (high * BLOCK_PX, wide * BLOCK_PX):
        for part in (4, 2):
            whole = cv2.resize(whole, (wide * part, high * part), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(whole, (wide, high), interpolation=cv2.INTER_AREA), np.float32)


def _peaks(fine: Grey, high: int, wide: int) -> Field:
    """The largest value of each block."""
    if fine.shape[0] < BLOCK_PX or fine.shape[1] < BLOCK_PX:
        return np.full((high, wide), float(fine.max(initial=0)), np.float32)
    rows = _larger(fine[: high * BLOCK_PX, : wide * BLOCK_PX])
    return np.asarray(cv2.transpose(_larger(cv2.transpose(rows))), np.float32)


def _larger(rows: MatLike) -> MatLike:
    """The largest of every eight rows, each time of two: six times as fast as along an axis of eight."""
    for _ in range(BLOCK_PX.bit_length() - 1):
        rows = cv2.max(rows[0::2], rows[1::2])
    return rows
