"""What libav reads from an opened source, as chunks: uniform packaging, headers at key pictures, true sizes.

Nothing is coded again, except what a device sends as bare pixels: one second of those fills all the memory a camera
may use.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import av
from av.bitstream import BitStreamFilterContext

from edge.camera.chunk import MOST_PX, Chunk, Decoder, Encoder
from edge.camera.opening import SILENT_S, CaptureError
from edge.camera.timeline import Timeline

KEYLESS_S = 30.0
"""A stream without a key picture for this long cannot be shown."""
DAMAGED_MOST = 20
"""Pieces in a row that cannot be read before a source counts as broken."""
MOST_PACKET_BYTES = 8 * 1024 * 1024
"""No camera's picture is this large once coded; who sends more fills the memory."""
BARE_FPS = 10
BARE_WIDTH_PX = 1280

_START = re.compile(rb"\x00\x00\x01(.)", re.DOTALL)
_SIZED = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG's frame headers (ITU-T T.81, table B.1)."""
_PACKED = {"h264": "h264_mp4toannexb", "hevc": "hevc_mp4toannexb"}


def chunks_of(container: Any, timeline: Timeline, *, live: bool = False) -> Iterator[Chunk]:
    """The chunks of the source's first video stream, from a key picture on, to its end. Raises CaptureError.

    live: packets come when they were made, which says more than time stamps that lie.
    """
    if not container.streams.video:
        raise CaptureError("no-video")
    stream = container.streams.video[0]
    if stream.codec_context is None or stream.codec_context.width * stream.codec_context.height > MOST_PX:
        raise CaptureError("broken")
    if stream.codec_context.name == "rawvideo":
        yield from _coded(container, stream, timeline)
        return
    uniform = _Uniform(stream)
    began_s, started = time.monotonic(), False
    for raw in _video_packets(container, stream):
        if raw.size > MOST_PACKET_BYTES:
            raise CaptureError("broken")
        for packet in uniform.packets(raw):
            shown, order = timeline.map(*_times(packet), time.monotonic() if live else None)
            started = started or packet.is_keyframe
            if started:
                yield uniform.chunk(packet, shown, order)
        if not started and time.monotonic() - began_s > KEYLESS_S:
            raise CaptureError("broken")


def jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Width and height as the frame header of a JPEG picture says; None when there is none to be found."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        kind = data[at + 1]
        if kind in _SIZED:
            return int.from_bytes(data[at + 7 : at + 9]), int.from_bytes(data[at + 5 : at + 7])
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
    return None


def _check(size: tuple[int, int]) -> None:
    if size[0] * size[1] > MOST_PX:
        raise CaptureError("broken")


def headers_of(data: bytes, codec: str) -> bytes:
    """The parameter sets in front of the first picture of Annex B data; empty when they are not complete."""
    wanted = {7, 8} if codec == "h264" else {33, 34}
    found: list[bytes] = []
    kinds: set[int] = set()
    open_at: int | None = None
    for match in _START.finditer(data):
        if open_at is not None:
            found.append(data[open_at : match.start()].rstrip(b"\x00"))
            open_at = None
        kind = _kind(match.group(1)[0], codec)
        if _is_picture(kind, codec):
            break
        if kind in wanted or (codec == "hevc" and kind == 32):
            kinds.add(kind)
            open_at = match.start()
    if open_at is not None:
        found.append(data[open_at:])
    return b"".join(b"\x00" + each for each in found) if wanted <= kinds else b""


def _kind(first: int, codec: str) -> int:
    return first & 0x1F if codec == "h264" else first >> 1 & 0x3F


def _is_picture(kind: int, codec: str) -> bool:
    return 1 <= kind <= 5 if codec == "h264" else kind < 32


class _Uniform:
    """One stream's packaging made uniform."""

    def __init__(self, stream: Any) -> None:
        context = stream.codec_context
        self._codec: str = context.name
        self._size: tuple[int, int] = (context.width, context.height)
        extra: bytes = bytes(context.extradata or b"")
        self._filter: BitStreamFilterContext | None = None
        self._headers = b""
        if self._codec in _PACKED and extra[:1] == b"\x01":
            self._filter = BitStreamFilterContext(_PACKED[self._codec], stream)
        elif self._codec in _PACKED:
            self._headers = headers_of(extra, self._codec)
        elif self._codec == "mpeg4" and extra:
            self._filter = BitStreamFilterContext("dump_extra=freq=keyframe", stream)

    def packets(self, raw: Any) -> list[Any]:
        """The packet as libav's filter gives it."""
        return [raw] if self._filter is None else list(self._filter.filter(raw))

    def chunk(self, packet: Any, shown_s: float, order_s: float) -> Chunk:
        """The packet with its times; a key picture gets the headers it lacks."""
        data, key = bytes(packet), bool(packet.is_keyframe)
        if self._codec == "mjpeg":
            self._size = jpeg_size(data) or self._size
            _check(self._size)
        changed = False
        if key and self._codec in _PACKED:
            own = headers_of(data, self._codec)
            changed = bool(own) and bool(self._headers) and own != self._headers
            self._headers = own or self._headers
            if not own:
                data = self._headers + data
        chunk = Chunk(data, key, shown_s, order_s, *self._size, self._codec)
        if changed or (key and 0 in self._size):
            seen = Decoder(quick=True).alone(chunk)
            if seen is not None:
                self._size = (seen.frame.width, seen.frame.height)
                _check(self._size)
            chunk = Chunk(data, key, shown_s, order_s, *self._size, self._codec)
        return chunk


def _video_packets(container: Any, stream: Any) -> Iterator[Any]:
    """Packets of one stream. Silence of the pictures is noticed while sound goes on; single damage is passed over."""
    damaged, heard_s = 0, time.monotonic()
    while True:
        try:
            for packet in container.demux():
                if packet.stream_index == stream.index:
                    heard_s, damaged = time.monotonic(), 0
                    if packet.size:
                        yield packet
                elif time.monotonic() - heard_s > SILENT_S:
                    raise CaptureError("silent")
            return
        except av.error.InvalidDataError:
            damaged += 1
            if damaged > DAMAGED_MOST:
                raise


def _times(packet: Any) -> tuple[float | None, float | None]:
    base = packet.time_base
    shown, order = packet.pts, packet.dts
    return (
        None if shown is None else shown * base.numerator / base.denominator,
        None if order is None else order * base.numerator / base.denominator,
    )


def _coded(container: Any, stream: Any, timeline: Timeline) -> Iterator[Chunk]:
    """Bare pixels as H.264, at most ten pictures a second."""
    stream.thread_count = 1
    encoder: Encoder | None = None
    next_s = 0.0
    for packet in _video_packets(container, stream):
        at_s, _ = timeline.map(*_times(packet))
        if at_s + 1e-3 < next_s:
            continue
        next_s = max(next_s + 1 / BARE_FPS, at_s + 0.5 / BARE_FPS)
        for frame in packet.decode():
            if encoder is None:
                shrink = min(1.0, BARE_WIDTH_PX / frame.width)
                encoder = Encoder(round(frame.width * shrink), round(frame.height * shrink), BARE_FPS)
            yield from encoder.encode(frame, at_s)
