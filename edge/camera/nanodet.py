"""What a NanoDet network takes and gives: a piece of a picture in, persons, vehicles and animals out. Pure.

Source: NanoDet (RangiLyu, Apache-2.0), its export to ONNX: one output, cells x (80 scores, 4 distances each spread over
bins), finest level first; classes in the order of COCO. Three levels are NanoDet, whose cells are seen from their
middle; four are NanoDet-Plus, whose cells are seen from their corner.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.camera.picture import Colour

What = Literal["person", "vehicle", "animal"]
Output = NDArray[np.float32]
"""1 x cells x (scores + bins)."""

CLASSES = 80
WHAT: dict[int, What] = {
    0: "person",
    **dict.fromkeys((1, 2, 3, 5, 6, 7, 8), "vehicle"),
    **dict.fromkeys(range(14, 24), "animal"),
}
"""Of COCO's 80 classes: bicycle, car, motorcycle, bus, train, truck, boat; bird, cat, dog … giraffe."""
LEAST_SCORE = 0.42
"""What the network believes less is not told."""
MOST_CANDIDATES = 200
SAME = 0.5
"""Two boxes that share this much of their union are one thing; so are those that lie this far inside another."""
SIDES_PX = (64, 640)
BINS = (2, 33)

_MEAN = np.array([103.53, 116.28, 123.675], np.float32)
_SPREAD = np.array([57.375, 57.12, 58.395], np.float32)
_EMPTY = (114, 114, 114)


class ModelRefused(Exception):
    """A model cannot be used; the text says what was found and what is needed."""


@dataclass(frozen=True)
class Piece:
    """A part of a picture, in pixels."""

    x: int
    y: int
    w: int
    h: int


@dataclass(frozen=True)
class Sighting:
    """One thing the network sees; its box as left, top, right, bottom in pixels of the whole picture."""

    what: What
    score: float
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Form:
    """What a network takes and gives."""

    side_px: int
    strides: tuple[int, ...]
    bins: int

    @property
    def cells(self) -> int:
        """Over all levels."""
        return sum(ceil(self.side_px / stride) ** 2 for stride in self.strides)


def form_of(
    inputs: Sequence[Sequence[int | str | None]], outputs: Sequence[Sequence[int | str | None]]
) -> Form:
    """The form of a network by the shapes it declares. Raises ModelRefused."""
    found = f"found {_shapes(inputs)} → {_shapes(outputs)}"
    needed = "needed 1x3xSxS → 1xNx(80+4·B), a NanoDet or NanoDet-Plus for COCO's 80 classes as one output"
    refused = ModelRefused(f"{found}; {needed} (S a multiple of 32 from {SIDES_PX[0]} to {SIDES_PX[1]})")
    if len(inputs) != 1 or len(outputs) != 1 or len(inputs[0]) != 4 or len(outputs[0]) != 3:
        raise refused
    one, three, high, wide = inputs[0]
    if (one, three) != (1, 3) or not isinstance(wide, int) or high != wide or wide % 32:
        raise refused
    cells, row = outputs[0][1:]
    if not SIDES_PX[0] <= wide <= SIDES_PX[1] or outputs[0][0] != 1 or not isinstance(row, int):
        raise refused
    bins, rest = divmod(row - CLASSES, 4)
    for strides in ((8, 16, 32), (8, 16, 32, 64)):
        form = Form(wide, strides, bins)
        if not rest and BINS[0] <= bins <= BINS[1] and form.cells == cells:
            return form
    raise refused


def _shapes(all_of_them: Sequence[Sequence[int | str | None]]) -> str:
    return ", ".join("x".join(map(str, shape)) or "a number" for shape in all_of_them[:8]) or "nothing"


def fill(colour: Colour, piece: Piece, form: Form) -> NDArray[np.float32]:
    """A piece of a picture as the network takes it: 1 x 3 x S x S, undistorted, the rest grey."""
    cut = colour[piece.y : piece.y + piece.h, piece.x : piece.x + piece.w]
    ratio = _ratio(piece, form)
    wide, high = max(1, round(piece.w * ratio)), max(1, round(piece.h * ratio))
    how = cv2.INTER_AREA if ratio < 1 else cv2.INTER_LINEAR
    square = np.full((form.side_px, form.side_px, 3), _EMPTY, np.uint8)
    square[:high, :wide] = cv2.resize(cut, (wide, high), interpolation=how)
    scaled = (square.astype(np.float32) - _MEAN) / _SPREAD
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None])


def _ratio(piece: Piece, form: Form) -> float:
    return form.side_px / max(piece.w, piece.h)


def sightings(output: Output, form: Form, piece: Piece, least: float = LEAST_SCORE) -> list[Sighting]:
    """What the network saw in a piece. Raises ModelRefused for numbers that no NanoDet gives."""
    rows = output.reshape(form.cells, CLASSES + 4 * form.bins)
    scores = rows[:, :CLASSES]
    if not np.isfinite(rows).all():
        raise ModelRefused("it gives numbers that are none (NaN or infinite)")
    if scores.min() < -0.01 or scores.max() > 1.01:
        raise ModelRefused(f"found scores from {scores.min():.2f} to {scores.max():.2f}; needed 0 to 1")
    wanted = list(WHAT)
    likely = scores[:, wanted].max(axis=1)
    chosen = np.flatnonzero(likely >= least)
    chosen = chosen[np.argsort(-likely[chosen])][:MOST_CANDIDATES]
    centres, strides = _grid(form)
    ratio = _ratio(piece, form)
    seen = []
    for cell in chosen:
        apart = _distances(rows[cell, CLASSES:], form) * strides[cell] / ratio
        x, y = centres[cell] / ratio + (piece.x, piece.y)
        box = (
            float(max(piece.x, x - apart[0])),
            float(max(piece.y, y - apart[1])),
            float(min(piece.x + piece.w, x + apart[2])),
            float(min(piece.y + piece.h, y + apart[3])),
        )
        if box[2] - box[0] > 1 and box[3] - box[1] > 1:
            what = WHAT[wanted[int(scores[cell, wanted].argmax())]]
            seen.append(Sighting(what, min(1.0, float(likely[cell])), box))
    return seen


def _grid(form: Form) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Where each cell looks from (x, y in pixels of the square), and its stride."""
    middle = 0.5 if len(form.strides) == 3 else 0.0
    centres, strides = [], []
    for stride in form.strides:
        many = ceil(form.side_px / stride)
        line = (np.arange(many, dtype=np.float32) + middle) * stride
        centres.append(np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2))
        strides.append(np.full(many * many, stride, np.float32))
    return np.concatenate(centres), np.concatenate(strides)


def _distances(bins: NDArray[np.float32], form: Form) -> NDArray[np.float32]:
    """Left, top, right, bottom in strides: the mean of each spread (softmax over its bins)."""
    spread = bins.reshape(4, form.bins)
    weight = np.exp(spread - spread.max(axis=1, keepdims=True))
    mean = (weight * np.arange(form.bins, dtype=np.float32)).sum(axis=1) / weight.sum(axis=1)
    return np.asarray(mean, np.float32)


def merge(seen: Sequence[Sighting]) -> list[Sighting]:
    """One sighting a thing, the surest first, however often and in whichever piece it was seen.

    A rider and the motorcycle stay two; an animal that is no larger than the person it lies on is that person's
    head or hand, which the network takes for one from above.
    """
    kept: list[Sighting] = []
    for one in sorted(seen, key=lambda each: -each.score):
        if not any(one.what == other.what and _shared(one.box, other.box) > SAME for other in kept):
            kept.append(one)
    people = [each for each in kept if each.what == "person"]
    return [each for each in kept if each.what != "animal" or not any(_is_part(each, of) for of in people)]


def _is_part(animal: Sighting, person: Sighting) -> bool:
    return _area(animal.box) <= 1.2 * _area(person.box) and _shared(animal.box, person.box) > SAME


def _area(box: tuple[float, ...]) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _shared(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """How much of their union, or of the smaller one nearly whole, two boxes have in common."""
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    if wide <= 0 or high <= 0:
        return 0.0
    both = wide * high
    inside = both / min(_area(a), _area(b))
    return max(both / (_area(a) + _area(b) - both), inside if inside > 0.8 else 0.0)
