"""The last seconds of a camera in memory, so that a clip begins before its episode. Pure."""

from __future__ import annotations

from collections import deque

from edge.camera.chunk import Chunk, since_key

PRE_S = 10.0
"""A clip begins this long before the movement."""
KEPT_S = PRE_S + 8.0
"""Kept: the time before, plus what it takes to be sure of a movement and to reach back to a key picture."""
MOST_BYTES = 24 * 1024 * 1024
CLIP_MOST_S = 120.0
CLIP_MOST_BYTES = 48 * 1024 * 1024


class Ring:
    """Chunks in order; the oldest go in whole groups, so that it always begins with a key picture."""

    def __init__(self) -> None:
        self._chunks: deque[Chunk] = deque()
        self._bytes = 0

    def add(self, chunk: Chunk) -> None:
        """Keep one more."""
        if not self._chunks and not chunk.key:
            return
        self._chunks.append(chunk)
        self._bytes += len(chunk.data)
        while self._bytes > MOST_BYTES or self._second_key_s() <= chunk.at_s - KEPT_S:
            if not self._drop_group():
                return

    def since(self, start_s: float) -> list[Chunk]:
        """What there is from `start_s` on, from the key picture before it."""
        return list(since_key(list(self._chunks), start_s))

    def clear(self) -> None:
        """Forget all: the source began anew."""
        self._chunks.clear()
        self._bytes = 0

    def _second_key_s(self) -> float:
        keys = (chunk.at_s for i, chunk in enumerate(self._chunks) if chunk.key and i > 0)
        return next(keys, float("inf"))

    def _drop_group(self) -> bool:
        """Drop up to the next key picture; False when there is no further group."""
        if self._second_key_s() == float("inf"):
            return False
        while True:
            self._bytes -= len(self._chunks.popleft().data)
            if self._chunks[0].key:
                return True


class Recording:
    """The chunks of one clip: from before the episode to its end, within the limits."""

    def __init__(self, ring: Ring, start_s: float) -> None:
        self.chunks = ring.since(start_s - PRE_S)
        self._bytes = sum(len(chunk.data) for chunk in self.chunks)

    def add(self, chunk: Chunk) -> None:
        """Go on, unless the clip is as long or as large as a clip may be."""
        if not self.chunks and not chunk.key:
            return
        began_s = self.chunks[0].at_s if self.chunks else chunk.at_s
        if chunk.at_s - began_s > CLIP_MOST_S or self._bytes + len(chunk.data) > CLIP_MOST_BYTES:
            return
        self.chunks.append(chunk)
        self._bytes += len(chunk.data)
