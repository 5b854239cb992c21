"""One stream of a camera on the node's own clock, with its last seconds in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from edge.camera.capture import CaptureError
from edge.camera.chunk import Chunk
from edge.camera.ring import Ring

ALIVE_S = 5.0
"""Silent for longer, another stream of the camera is taken instead."""
LEAST_STEP_S = 0.001
"""What a camera sends in one burst after the connection keeps its order."""
BEHIND_S, BEHIND_FOR_S = 2.0, 5.0
"""Further behind its arrival than this, for this long and without catching up, it is no jam: its time stamps lie."""
CAUGHT_UP_S = 0.2
DRIFT_SHARE = 0.002
"""A camera's clock runs at most this much off ours; its packets come late, never early."""


class Source(Protocol):
    """What reads a stream in a thread of its own; edge.camera.capture.Reader. Its clock is the stream's."""

    arrived_s: float
    """When the chunk came that `get` gave last."""
    heard_s: float
    """When the newest chunk came, also one that still waits or was left out."""

    def start(self) -> None:
        """Begin to read."""
        ...

    def stop(self) -> None:
        """Ask the thread to end."""
        ...

    def get(self, timeout_s: float) -> Chunk | CaptureError | None:
        """The next chunk, the break of a connection, or None when nothing came in time."""
        ...


class Stream:
    """Chunks whose times are seconds of the node's monotonic clock, whatever the camera's clock does.

    The camera's own spacing is kept, so that a jam on the network moves no picture in time.
    """

    def __init__(self, source: Source) -> None:
        self.ring = Ring()
        self.error: CaptureError | None = None
        """Why there is no picture at present."""
        self.arrived_s = float("-inf")
        """When the chunk came that was taken last."""
        self.heard_s = float("-inf")
        """When the newest chunk came, also one that nobody had time for."""
        self.codec, self.width_px, self.height_px = "", 0, 0
        self._source = source
        self._ahead_s: float | None = None
        """What is added to the reader's times; None before the first chunk of a connection."""
        self._newest_s = float("-inf")
        self._behind: tuple[float, float] | None = None
        """Since when, and by how much then, the times have been too far behind the arrivals."""

    def start(self) -> None:
        """Begin to read."""
        self._source.start()

    def stop(self) -> None:
        """Ask the reading thread to end."""
        self._source.stop()

    def is_alive(self, now_s: float) -> bool:
        """Whether chunks come."""
        return now_s - self.heard_s <= ALIVE_S

    def take(self, timeout_s: float) -> Chunk | CaptureError | None:
        """The next chunk, the break of a connection, or None when nothing came in time."""
        came = self._source.get(timeout_s)
        if isinstance(came, CaptureError):
            self.error, self._ahead_s, self._behind = came, None, None
            self.arrived_s = self.heard_s = float("-inf")
            self.ring.clear()
            return came
        if came is None:
            return None
        arrived_s = self._source.arrived_s
        chunk = self._on_our_clock(came, arrived_s)
        self.error, self.arrived_s = None, arrived_s
        self.heard_s = max(arrived_s, self._source.heard_s)
        self.codec, self.width_px, self.height_px = chunk.codec, chunk.width_px, chunk.height_px
        self.ring.add(chunk)
        return chunk

    def _on_our_clock(self, chunk: Chunk, arrived_s: float) -> Chunk:
        """Shifted by the least delay seen, which is let grow as slowly as clocks differ."""
        late_s = arrived_s - chunk.order_s
        if self._ahead_s is None:
            self._ahead_s = late_s
        else:
            passed_s = max(0.0, arrived_s - self.arrived_s)
            self._ahead_s = min(late_s, self._ahead_s + DRIFT_SHARE * passed_s)
            if self._lies(late_s - self._ahead_s, arrived_s):
                self._ahead_s = late_s
        order_s = max(chunk.order_s + self._ahead_s, self._newest_s + LEAST_STEP_S)
        self._newest_s = order_s
        return replace(chunk, at_s=order_s + chunk.at_s - chunk.order_s, order_s=order_s)

    def _lies(self, behind_s: float, arrived_s: float) -> bool:
        """Whether the stream has been too far behind for too long; after a jam it catches up."""
        if behind_s <= BEHIND_S:
            self._behind = None
        elif self._behind is None or behind_s < self._behind[1] - CAUGHT_UP_S:
            self._behind = (arrived_s, behind_s)
        elif arrived_s - self._behind[0] > BEHIND_FOR_S:
            self._behind = None
            return True
        return False
