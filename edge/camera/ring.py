"""The last seconds of a camera in memory, so that a clip begins before its episode. Pure.

The most that one camera holds here is MOST_BYTES, 16 MB: 28 s at 4 Mb/s, which is the ten seconds before an episode,
what it takes to be sure of one, and a group of ten seconds that nothing can be cut out of.
"""

from __future__ import annotations

from collections import deque

from edge.camera.chunk import Chunk, since_key

PRE_S = 10.0
"""A clip begins this long before the movement."""
KEPT_S = PRE_S + 8.0
"""Kept: the time before, plus what it takes to be sure of a movement and to reach back to a key picture."""
MOST_BYTES = 16 * 1024 * 1024
GROUP_MOST_S = 60.0
"""A group of pictures without another key picture is given up when it is longer."""
CHUNK_BYTES = 300
"""What a chunk takes beside its data: a stream of empty ones is bounded too."""
ALONE = frozenset({"mjpeg"})
"""Codings in which every picture stands alone, and is large: some may be left out."""
ALONE_S = 0.1
"""Of these one is kept in this time."""


def weight_of(chunk: Chunk) -> int:
    """What a chunk takes in memory, in bytes."""
    return len(chunk.data) + CHUNK_BYTES


def is_like(one: Chunk, other: Chunk) -> bool:
    """Whether both can stand in one clip: same coding, same size."""
    return (one.codec, one.width_px, one.height_px) == (other.codec, other.width_px, other.height_px)


class Ring:
    """Chunks in order; the oldest go in whole groups, so that it always begins with a key picture.

    All its chunks have one coding and size: a camera that changes them begins anew.
    """

    def __init__(self) -> None:
        self._groups: deque[list[Chunk]] = deque()
        self._bytes = 0

    def add(self, chunk: Chunk) -> None:
        """Keep one more."""
        last = self._groups[-1][-1] if self._groups else None
        if last is None or not is_like(last, chunk):
            self.clear()
            if not chunk.key:
                return
        elif is_spare(last, chunk):
            return
        if chunk.key:
            self._groups.append([])
        self._groups[-1].append(chunk)
        self._bytes += weight_of(chunk)
        self._give_way(chunk.order_s)

    def since(self, start_s: float) -> list[Chunk]:
        """What there is from `start_s` on, from the key picture before it."""
        return list(since_key([chunk for group in self._groups for chunk in group], start_s))

    def keys_before(self, at_s: float) -> list[Chunk]:
        """The key pictures at or before `at_s`, the latest first."""
        return [group[0] for group in reversed(self._groups) if group[0].at_s <= at_s]

    @property
    def held_bytes(self) -> int:
        """What it takes in memory."""
        return self._bytes

    def clear(self) -> None:
        """Forget all: the source began anew."""
        self._groups.clear()
        self._bytes = 0

    def _give_way(self, now_s: float) -> None:
        while len(self._groups) > 1 and (
            self._bytes > MOST_BYTES or self._groups[1][0].order_s <= now_s - KEPT_S
        ):
            self._bytes -= sum(weight_of(chunk) for chunk in self._groups.popleft())
        if self._bytes > MOST_BYTES or (self._groups and now_s - self._groups[-1][0].order_s > GROUP_MOST_S):
            self.clear()  # one group alone is too much; what follows it means nothing without it


def is_spare(last: Chunk, chunk: Chunk) -> bool:
    """Whether a picture that stands alone came so soon after the last that it is not needed."""
    return chunk.codec in ALONE and 0.0 <= chunk.at_s - last.at_s < ALONE_S - 1e-3
