"""Films for the tests of the camera, drawn and encoded by the product's own parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from edge.camera.chunk import Chunk, Encoder, frame_of
from edge.camera.clips import write_clip
from edge.camera.picture import Colour, Grey
from edge.camera.scene import FPS, Yard


def chunks_of(pictures: Iterable[Colour], fps: int = FPS, since_s: float = 0.0) -> Iterator[Chunk]:
    """Pictures as the chunks of a camera."""
    encoder: Encoder | None = None
    for number, picture in enumerate(pictures):
        if encoder is None:
            encoder = Encoder(picture.shape[1], picture.shape[0], fps)
        yield from encoder.encode(frame_of(picture), since_s + number / fps)


def yard(seconds: float, since_s: float = 0.0, fps: int = FPS) -> Iterator[Colour]:
    """The drawn yard; from second 8 to 19 somebody walks through it."""
    drawn = Yard()
    return (drawn.draw(since_s + number / fps) for number in range(round(seconds * fps)))


def write_film(path: Path, pictures: Iterable[Colour], fps: int = FPS) -> Path:
    """An MP4 file of these pictures."""
    write_clip(list(chunks_of(pictures, fps)), path)
    return path


@cache
def _empty_yard() -> Grey:
    grey = cv2.cvtColor(Yard().draw(0.0), cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.resize(grey, (640, 360), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def grey_yard(at_s: float) -> Grey:
    """The empty yard in grey, 640 x 360, with other noise at each `at_s`."""
    grey = _empty_yard()
    noise = np.random.default_rng(round(at_s * 1000)).normal(0.0, 2.0, grey.shape)
    return np.asarray(np.clip(grey + noise, 0, 255), dtype=np.uint8)
