"""One coded picture as its source sent it, with steady times; to pictures and, for what we draw ourselves, back.

H.264 and H.265 are in Annex B with their headers at each key picture, whatever the container was.
"""

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
HEADERS_MOST_BYTES = 1024
"""A picture's own headers are looked for so far into its bytes."""
MOST_PX = 4096 * 2304
"""Larger pictures are not decoded: 16:9 with eight million pixels, a little above, in any shape."""


@dataclass(frozen=True, slots=True)
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
    codec: str = "h264"
    """The coding as libav names it: h264, hevc, mjpeg, mpeg4, vp8, …"""

    @property
    def spare(self) -> bool:
        """No other picture refers to it: it need not be decoded for theirs. Told of H.264 only."""
        if self.codec == "mjpeg":
            return True
        first = self._first_slice()
        return first is not None and not self.key and first & 0x60 == 0

    @property
    def cuts(self) -> bool:
        """No picture from here on refers to one before it. Told of H.264 only."""
        first = self._first_slice() if self.key else None
        return first is not None and first & 0x1F == 5

    def _first_slice(self) -> int | None:
        """The first byte of the first piece of an H.264 picture; None for other codings and where it is not found."""
        at = self.data.find(b"\0\0\1", 0, HEADERS_MOST_BYTES) if self.codec == "h264" else -1
        while 0 <= at < len(self.data) - 3:
            first = self.data[at + 3]
            if first & 0x1F in (1, 2, 5):
                return first
            at = self.data.find(b"\0\0\1", at + 3, HEADERS_MOST_BYTES)
        return None

    def packet(self, since_s: float = 0.0) -> Any:
        """The same as libav wants it, with times counted from `since_s`."""
        packet = av.Packet(self.data)
        packet.time_base = TIME_BASE
        packet.pts = round((self.at_s - since_s) * TICKS)
        packet.dts = round((self.order_s - since_s) * TICKS)
        packet.is_keyframe = self.key
        return packet


class Decoder:
    """Chunks to pictures. Damaged chunks are skipped and counted; starts again at a key picture of another kind."""

    def __init__(self, *, quick: bool = False) -> None:
        """quick: leave out the loop filter, an eighth cheaper and good enough for judging, not for keeping."""
        self._options = {"max_pixels": str(MOST_PX), **({"skip_loop_filter": "all"} if quick else {})}
        self._context: av.VideoCodecContext | None = None
        self._kind = ("", 0, 0)
        self.damaged = 0

    def decode(self, chunk: Chunk) -> Iterator[Picture]:
        """The pictures this chunk completes."""
        context = self._context_for(chunk)
        if context is None:
            return
        try:
            frames = context.decode(chunk.packet())
        except (av.error.FFmpegError, ValueError):
            self.damaged += 1
            return
        for frame in frames:
            yield _picture(frame, chunk)

    def alone(self, chunk: Chunk) -> Picture | None:
        """The picture of a key chunk, at once and by itself; None when it cannot be decoded."""
        context = self._context_for(chunk)
        if context is None or not chunk.key:
            return None
        try:
            frames = [*context.decode(chunk.packet()), *context.decode(None)]
            context.flush_buffers()
        except (av.error.FFmpegError, ValueError):
            self._context = None
            frames = []
        if not frames:
            self.damaged += 1
            return None
        return _picture(frames[0], chunk)

    def _context_for(self, chunk: Chunk) -> av.VideoCodecContext | None:
        """libav's decoder for this chunk; None while it must wait for a key picture. Raises nothing."""
        kind = (chunk.codec, chunk.width_px, chunk.height_px)
        if self._context is None or kind != self._kind:
            self._context = None
            if not chunk.key:
                return None
            try:
                context: Any = av.VideoCodecContext.create(chunk.codec, "r")
            except (av.error.FFmpegError, ValueError):
                self.damaged += 1
                return None
            context.thread_count = 1
            context.options = dict(self._options)
            self._context, self._kind = context, kind
        return self._context


def _picture(frame: av.VideoFrame, chunk: Chunk) -> Picture:
    at_s = chunk.at_s if frame.pts is None else frame.pts / TICKS
    return Picture(at_s, frame)


class Encoder:
    """Pictures to chunks: for masked views, the drawn scene, and devices that send bare pixels."""

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
