"""Films for the tests of the camera, drawn and encoded by the product's own parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import av
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


def write_coded(
    path: Path,
    codec: str,
    pixels: str = "yuv420p",
    *,
    fps: int = 10,
    seconds: float = 2.0,
    size: tuple[int, int] = (320, 180),
    options: Mapping[str, str] | None = None,
) -> Path:
    """A small film in any coding: a bright square that moves over grey noise, a key picture each second."""
    width, height = size
    noise = np.random.default_rng(5).normal(110.0, 8.0, (height, width)).clip(0, 255).astype(np.uint8)
    extra = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream(codec, rate=fps, options={**extra, **(options or {})})
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        stream.codec_context.gop_size = fps
        stream.codec_context.thread_count = 1
        for number in range(round(seconds * fps)):
            grey = noise.copy()
            left = (number * 6) % (width - 20)
            grey[height // 2 : height // 2 + 20, left : left + 20] = 240
            frame = av.VideoFrame.from_ndarray(grey, format="gray").reformat(format=pixels)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
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
