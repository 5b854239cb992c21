"""What is kept of an episode: one picture small enough for its message, and a clip that browsers play."""

from __future__ import annotations

import io
import shutil
from collections.abc import Sequence
from pathlib import Path

import av
import cv2

from broker.contract.camera import SNAPSHOT_LIMIT
from edge.camera.chunk import TIME_BASE, Chunk
from edge.camera.picture import Colour

SNAPSHOT_WIDTH_PX = 1280
CLIP_TYPE = "video/mp4"
KEPT_MOST_BYTES = 1024**3
"""All clips that wait on this node together; the oldest give way."""
FREE_LEAST_BYTES = 256 * 1024**2
"""Below this much free space no clip is written: alerts matter more."""


class ClipError(Exception):
    """No clip could be made; the text is a Vietnamese sentence for the duty room."""


def snapshot(picture: Colour, limit: int = SNAPSHOT_LIMIT) -> bytes:
    """The picture as JPEG of at most `limit` bytes: first less quality, then fewer pixels."""
    width = min(SNAPSHOT_WIDTH_PX, picture.shape[1])
    while True:
        height = max(1, round(picture.shape[0] * width / picture.shape[1]))
        sized = (
            picture
            if width == picture.shape[1]
            else cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
        )
        for quality in (86, 76, 64, 50):
            done, jpeg = cv2.imencode(".jpg", sized, [cv2.IMWRITE_JPEG_QUALITY, quality])
            if done and jpeg.nbytes <= limit:
                return bytes(jpeg)
        width = width * 3 // 4


def write_clip(chunks: Sequence[Chunk], path: Path) -> int:
    """Put H.264 chunks into an MP4 that starts to play before it is loaded; nothing is coded again.

    Returns the length in ms. Raises ClipError when there is nothing to write or the disk does not take it.
    """
    chunks = _of_one_size(chunks)
    if not chunks:
        raise ClipError("Camera không gửi đủ hình để làm đoạn hình.")
    if shutil.disk_usage(path.parent).free < FREE_LEAST_BYTES:
        raise ClipError("Máy ở điểm này gần hết chỗ nên không giữ được đoạn hình.")
    since_s = chunks[0].order_s
    try:
        head = b"".join(chunk.data for chunk in chunks[:3])
        with (
            av.open(io.BytesIO(head), format="h264") as template,
            av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as out,
        ):
            stream = out.add_stream_from_template(template.streams.video[0])
            stream.time_base = TIME_BASE
            for chunk in chunks:
                packet = chunk.packet(since_s)
                packet.stream = stream
                out.mux_one(packet)
    except (av.error.FFmpegError, OSError) as why:
        path.unlink(missing_ok=True)
        raise ClipError("Không ghi được đoạn hình lên đĩa của điểm này.") from why
    return round((chunks[-1].at_s - chunks[0].at_s) * 1000)


def _of_one_size(chunks: Sequence[Chunk]) -> Sequence[Chunk]:
    """The chunks up to where the camera changed its picture size: a clip has one size."""
    for number, chunk in enumerate(chunks):
        if (chunk.width_px, chunk.height_px) != (chunks[0].width_px, chunks[0].height_px):
            return chunks[:number]
    return chunks
