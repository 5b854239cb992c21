"""What is kept of an episode: pictures small enough for their message, and a clip that browsers play."""

from __future__ import annotations

import io
import os
import shutil
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from broker.contract.camera import SNAPSHOT_LIMIT
from edge.camera.chunk import TIME_BASE, Chunk, Decoder, Encoder, frame_of
from edge.camera.picture import Colour, Picture
from edge.camera.privacy import SHRUNK_MARGIN_PX, Polygon, Veil
from edge.camera.ring import Ring, is_like

SNAPSHOT_WIDTH_PX = 1280
CLIP_TYPE = "video/mp4"
KEPT_MOST_BYTES = 1024**3
"""All clips that wait on this node together; the oldest give way."""
FREE_LEAST_BYTES = 256 * 1024**2
"""Below this much free space no clip is written: alerts matter more."""
PLAYABLE = frozenset({"h264", "hevc"})
"""Codings that are put into a clip as they came."""
RECODED_FPS = 10
RECODED_WIDTH_PX = 1280
NICENESS = 15
_TAGS = {"hevc": "hvc1"}
"""Marks without which some browsers do not play a coding."""


class ClipError(Exception):
    """No clip could be made; the text is a Vietnamese sentence for the duty room."""


def snapshot(picture: Colour, limit: int = SNAPSHOT_LIMIT) -> bytes:
    """The picture as JPEG of at most `limit` bytes: first less quality, then fewer pixels.

    picture: colour or grey, of any size. Raises ValueError when not even a few pixels fit.
    """
    longest = min(SNAPSHOT_WIDTH_PX, max(picture.shape[:2]))
    while longest > 0:
        sized = _within(picture, longest)
        for quality in (86, 76, 64, 50):
            done, jpeg = cv2.imencode(".jpg", sized, [cv2.IMWRITE_JPEG_QUALITY, quality])
            if done and jpeg.nbytes <= limit:
                return bytes(jpeg)
        longest = longest * 3 // 4
    raise ValueError(f"no picture fits {limit} bytes")


def still_before(ring: Ring, at_s: float) -> Colour | None:
    """What the camera saw at `at_s` or shortly before: the key picture of the ring. Not masked yet.

    None when there is none that can be decoded. Costs the decoding of one picture.
    """
    for chunk in ring.keys_before(at_s):
        picture = Decoder().alone(chunk)
        if picture is not None:
            return picture.colour()
    return None


def still_at(ring: Ring, at_s: float) -> Colour | None:
    """The picture of the ring that was shown at `at_s`, at most a moment before it. Not masked yet.

    None when there is none. Costs the decoding of a group up to there.
    """
    decoder, found = Decoder(), None
    keys = ring.keys_before(at_s)
    for chunk in ring.since(at_s) if keys else ():
        for picture in decoder.decode(chunk):
            if picture.at_s <= at_s + 1e-3:
                found = picture
        if chunk.order_s > at_s:
            break
    return found.colour() if found is not None else None


def write_clip(chunks: Iterable[Chunk], path: Path) -> int:
    """Put chunks into an MP4 that starts to play before it is loaded; nothing is coded again.

    The clip ends where the coding or the size changes: it has one. Returns the length in ms. Raises ClipError when
    there is nothing to write or the disk does not take it; then no file is left.
    """
    coming = iter(chunks)
    head = list(islice(coming, 3))
    if not head:
        raise ClipError("Camera không gửi đủ hình để làm đoạn hình.")
    if shutil.disk_usage(path.parent).free < FREE_LEAST_BYTES:
        raise ClipError("Máy ở điểm này gần hết chỗ nên không giữ được đoạn hình.")
    try:
        return _mux(head, coming, path)
    except BaseException as why:  # an end of the service, too, leaves no half clip behind
        path.unlink(missing_ok=True)
        if isinstance(why, (av.error.FFmpegError, OSError, ValueError)):
            raise ClipError("Không ghi được đoạn hình lên đĩa của điểm này.") from why
        raise


def recode(chunks: Iterable[Chunk], masks: Sequence[Polygon], path: Path, most_bytes: int) -> int:
    """A clip of chunks that must be masked or that browsers cannot play: smaller, slower, and H.264.

    At most RECODED_FPS pictures a second and `most_bytes`. Returns and raises as `write_clip`.
    """
    return write_clip(_recoded(chunks, masks, most_bytes), path)


def small_under(veil: Veil, picture: Colour, longest_px: int = RECODED_WIDTH_PX) -> Colour:
    """The picture as it stands in a clip that is coded anew. Made smaller first: of 4K that is a tenth of the work.

    veil: with SHRUNK_MARGIN_PX.
    """
    return veil.over(_within(picture, longest_px))


def step_back() -> None:
    """Give this thread of the process a low priority: judging pictures comes first."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def _mux(head: Sequence[Chunk], rest: Iterator[Chunk], path: Path) -> int:
    first = last = head[0]
    began_s, order = first.order_s, -1
    raw = b"".join(chunk.data for chunk in head if is_like(first, chunk))
    with (
        av.open(io.BytesIO(raw), format=first.codec) as template,
        av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as out,
    ):
        stream: Any = out.add_stream_from_template(template.streams.video[0])
        stream.time_base = TIME_BASE
        if first.codec in _TAGS:
            stream.codec_context.codec_tag = _TAGS[first.codec]
        for chunk in chain(head, rest):
            if not is_like(first, chunk):
                break
            packet = chunk.packet(began_s)
            order = packet.dts = max(packet.dts, order + 1)
            packet.pts = max(packet.pts, order)
            packet.stream = stream
            out.mux_one(packet)
            last = chunk
    return max(0, round((last.at_s - first.at_s) * 1000))


def _recoded(chunks: Iterable[Chunk], masks: Sequence[Polygon], most_bytes: int) -> Iterator[Chunk]:
    encoder: Encoder | None = None
    veil = Veil(masks, SHRUNK_MARGIN_PX)
    for picture in _some(chunks):
        frame = frame_of(small_under(veil, picture.colour()))
        if encoder is None:
            encoder = Encoder(frame.width, frame.height, RECODED_FPS)
        for chunk in encoder.encode(frame, picture.at_s):
            most_bytes -= len(chunk.data)
            if most_bytes < 0:
                return
            yield chunk


def _some(chunks: Iterable[Chunk]) -> Iterator[Picture]:
    """At most RECODED_FPS pictures a second."""
    decoder, next_s = Decoder(), float("-inf")
    for chunk in chunks:
        for picture in decoder.decode(chunk):
            if picture.at_s + 1e-3 >= next_s:
                next_s = max(next_s + 1 / RECODED_FPS, picture.at_s + 0.5 / RECODED_FPS)
                yield picture


def _within(picture: Colour, longest_px: int) -> Colour:
    """The picture, made smaller when one of its sides is longer."""
    height, width = picture.shape[:2]
    scale = longest_px / max(height, width)
    if scale >= 1.0:
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
