"""One decoded picture of a camera, and the small grey copy that all judging is done on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import av

Grey = NDArray[np.uint8]
"""Height x width, 0 black to 255 white."""
Colour = NDArray[np.uint8]
"""Height x width x 3, blue, green, red."""
Field = NDArray[np.float32]
Mask = NDArray[np.uint8]
"""Height x width, 0 or 255."""

SMALL_WIDTH_PX = 256
SMALL_HEIGHT_PX = 144

_PLANAR = frozenset({"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "gray"})


@dataclass(frozen=True)
class Picture:
    """A picture as the decoder gave it. `at_s` counts seconds on the source's own steady time line."""

    at_s: float
    frame: av.VideoFrame

    @property
    def key(self) -> bool:
        """It was coded by itself, without another picture."""
        return bool(self.frame.key_frame)

    @property
    def luma(self) -> Grey:
        """Brightness in the camera's own resolution; the decoder's memory itself where that is possible."""
        return luma_of(self.frame)

    def colour(self) -> Colour:
        """The whole picture in colour; slow, only for what is stored."""
        return np.asarray(self.frame.to_ndarray(format="bgr24"))


def luma_of(frame: av.VideoFrame) -> Grey:
    """The Y plane without conversion, or grey made of whatever the camera sends."""
    if frame.format.name not in _PLANAR:
        return np.asarray(frame.to_ndarray(format="gray"))
    plane: Any = frame.planes[0]
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[: frame.height, : frame.width]


def shrink(luma: Grey) -> Grey:
    """256 x 144, averaged, so that noise falls and every camera is judged at one size and cost.

    Halved as long as that leaves enough: nothing averages faster, and little is left for the last, slower step.
    """
    high, wide = luma.shape
    while wide >= 2 * SMALL_WIDTH_PX and high >= 2 * SMALL_HEIGHT_PX:
        high, wide = high // 2, wide // 2
        half = cv2.resize(luma[: 2 * high, : 2 * wide], (wide, high), interpolation=cv2.INTER_AREA)
        luma = np.asarray(half, dtype=np.uint8)
    # Up to double, the four nearest pixels are all there are to average.
    near = wide <= 2 * SMALL_WIDTH_PX and high <= 2 * SMALL_HEIGHT_PX
    last = cv2.INTER_LINEAR if near else cv2.INTER_AREA
    small = cv2.resize(luma, (SMALL_WIDTH_PX, SMALL_HEIGHT_PX), interpolation=last)
    return np.asarray(small, dtype=np.uint8)
