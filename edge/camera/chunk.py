"""One encoded picture, always H.264 in Annex B with its headers at each key picture, whatever the source was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np

from edge.camera.picture import Colour, Picture

TICKS = 90_000
"""Time stamps inside libav: 90 kHz."""
TIME_BASE = Fraction(1, TICKS)
KEY_EVERY_S = 2.0


@dataclass(frozen=True)
class Chunk:
    """Self-contained bytes with times on the source's steady time line, in seconds."""

    data: bytes
    key: bool
    at_s: float
    """When the picture is shown."""
    order_s: float
    """When it must be decoded; never falls from one chunk to the next."""
    width_px: int
    height_px: int

    def packet(self, since_s: float = 0.0) -> Any:
        """The same as libav wants it, with times counted from `since_s`."""
        packet = av.Packet(self.data)
        packet.time_base = TIME_BASE
        packet.pts = round((self.at_s - since_s) * TICKS)
        packet.dts = round((self.order_s - since_s) * TICKS)
        packet.is_keyframe = self.key
        return packet


class Decoder:
    """Chunks to pictures. Damaged chunks are skipped and counted; starts again at a key picture of a new size."""

    def __init__(self, *, quick: bool = False) -> None:
        """quick: leave out the loop filter, an eighth cheaper and good enough for judging, not for keeping."""
        self._options = {"skip_loop_filter": "all"} if quick else {}
        self._context: av.VideoCodecContext | None = None
        self._size = (0, 0)
        self.damaged = 0

    def decode(self, chunk: Chunk) -> Iterator[Picture]:
        """The pictures this chunk completes."""
        size = (chunk.width_px, chunk.height_px)
        if self._context is None or (chunk.key and size != self._size):
            if not chunk.key:
                return
            self._context = av.VideoCodecContext.create("h264", "r")
            self._context.thread_count = 1
            self._context.options = dict(self._options)
            self._size = size
        try:
            frames = self._context.decode(chunk.packet())
        except av.error.InvalidDataError:
            self.damaged += 1
            return
        for frame in frames:
            yield Picture((frame.pts or 0) / TICKS, frame)


class Encoder:
    """Pictures to chunks: for sources that are not H.264, for masked views and for the drawn scene."""

    def __init__(self, width_px: int, height_px: int, fps: int) -> None:
        """fps: nominal; the true times travel with the pictures."""
        self._size = (width_px - width_px % 2, height_px - height_px % 2)
        context = av.VideoCodecContext.create("libx264", "w")
        context.width, context.height = self._size
        context.pix_fmt = "yuv420p"
        context.time_base = TIME_BASE
        context.framerate = Fraction(fps)
        context.gop_size = max(1, round(KEY_EVERY_S * fps))
        context.thread_count = 1
        context.options = {"preset": "veryfast", "tune": "zerolatency", "crf": "27"}
        self._context = context

    def encode(self, frame: av.VideoFrame, at_s: float) -> list[Chunk]:
        """Add one picture; with zero latency its chunk comes at once."""
        width, height = self._size
        plain = frame.reformat(width=width, height=height, format="yuv420p")
        plain.pts, plain.time_base = round(at_s * TICKS), TIME_BASE
        plain.pict_type = 0
        return [
            Chunk(
                bytes(packet),
                packet.is_keyframe,
                (packet.pts or 0) / TICKS,
                (packet.dts or 0) / TICKS,
                width,
                height,
            )
            for packet in self._context.encode(plain)
        ]


def frame_of(colour: Colour) -> av.VideoFrame:
    """A frame for the encoder from blue-green-red pixels."""
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(colour), format="bgr24")


def since_key(chunks: Sequence[Chunk], wanted_s: float) -> Sequence[Chunk]:
    """The chunks from the last key picture at or before `wanted_s` on, else from the first key picture."""
    keys = [i for i, chunk in enumerate(chunks) if chunk.key]
    if not keys:
        return []
    early = [i for i in keys if chunks[i].at_s <= wanted_s]
    return chunks[early[-1] if early else keys[0] :]
